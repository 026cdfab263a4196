"""Which lots a hold has stopped; how much surplus went to orders of its own round."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0025'
down_revision: str | Sequence[str] | None = '0024'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

COVERED = """INSERT INTO hold_lot (hold_id, lot_id)
SELECT hold.id, lot.id FROM hold JOIN lot ON lot.id = hold.lot_id
OR (hold.kind = 'region' AND substr(lot.region_code, 1, 9) || '000' = hold.region_code)
WHERE hold.lifted_at IS NULL AND lot.state = 'on_hold'"""


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('hold_lot',
    sa.Column('hold_id', _id(), nullable=False),
    sa.Column('lot_id', _id(), nullable=False),
    sa.ForeignKeyConstraint(['hold_id'], ['hold.id'], name=op.f('fk_hold_lot_hold_id_hold')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_hold_lot_lot_id_lot')),
    sa.PrimaryKeyConstraint('hold_id', 'lot_id', name=op.f('pk_hold_lot')),
    )
    op.create_index('ix_hold_lot_lot', 'hold_lot', ['lot_id'], unique=False)
    op.execute(COVERED)
    with op.batch_alter_table('weigh_surplus') as table:
        table.add_column(sa.Column('refilled_base', sa.BigInteger(), nullable=False, server_default='0'))
        table.create_check_constraint(op.f('ck_weigh_surplus_refilled'), 'refilled_base BETWEEN 0 AND base')
    with op.batch_alter_table('weigh_surplus') as table:
        table.alter_column('refilled_base', server_default=None)


def downgrade() -> None:
    with op.batch_alter_table('weigh_surplus') as table:
        table.drop_constraint(op.f('ck_weigh_surplus_refilled'), type_='check')
        table.drop_column('refilled_base')
    op.drop_table('hold_lot')
