"""A certificate names no issuer of its own: that was a household's plain name. Authorities stay. And how much
of a surplus left its lot again."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0026'
down_revision: str | Sequence[str] | None = '0025'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


TAKEN_BACK = """UPDATE weigh_surplus SET back_base = COALESCE((
    SELECT -SUM(m.quantity_base) FROM lot_movement m JOIN weigh_in w ON w.number = m.reference AND w.lot_id = m.lot_id
    WHERE w.id = weigh_surplus.weigh_in_id AND w.void_at IS NOT NULL AND m.kind = 'adjusted'), 0)"""


def upgrade() -> None:
    op.execute("UPDATE lot_paper SET issuer = '' WHERE kind = 'certificate'")
    with op.batch_alter_table('lot_paper') as table:
        table.create_check_constraint(op.f('ck_lot_paper_issuer'), "issuer = '' OR kind <> 'certificate'")
    with op.batch_alter_table('weigh_surplus') as table:
        table.add_column(sa.Column('back_base', sa.BigInteger(), nullable=False, server_default='0'))
        table.create_check_constraint(op.f('ck_weigh_surplus_back'), 'back_base BETWEEN 0 AND added_base')
    op.execute(TAKEN_BACK)
    with op.batch_alter_table('weigh_surplus') as table:
        table.alter_column('back_base', server_default=None)


def downgrade() -> None:
    with op.batch_alter_table('weigh_surplus') as table:
        table.drop_constraint(op.f('ck_weigh_surplus_back'), type_='check')
        table.drop_column('back_base')
    with op.batch_alter_table('lot_paper') as table:
        table.drop_constraint(op.f('ck_lot_paper_issuer'), type_='check')
