"""What buyers say was wrong with goods that they had accepted."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0018'
down_revision: str | Sequence[str] | None = '0017'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('claim',
    sa.Column('id', _id(), nullable=False),
    sa.Column('number', sa.String(length=20), nullable=False),
    sa.Column('order_line_id', _id(), nullable=False),
    sa.Column('lot_id', _id(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('packs', sa.BigInteger(), nullable=False),
    sa.Column('reason', sa.String(length=10), nullable=False),
    sa.Column('words', sa.String(length=200), nullable=False),
    sa.Column('photo', sa.String(length=64), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by_id', _id(), nullable=False),
    sa.Column('granted_packs', sa.BigInteger(), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decided_by_id', _id(), nullable=True),
    sa.Column('answer', sa.String(length=200), nullable=False),
    sa.CheckConstraint("(state = 'open') = (decided_at IS NULL)", name=op.f('ck_claim_decided')),
    sa.CheckConstraint("state IN ('open', 'granted', 'refused')", name=op.f('ck_claim_state')),
    sa.CheckConstraint('granted_packs BETWEEN 0 AND packs', name=op.f('ck_claim_granted')),
    sa.CheckConstraint('packs > 0', name=op.f('ck_claim_packs')),
    sa.ForeignKeyConstraint(['by_id'], ['account.id'], name=op.f('fk_claim_by_id_account')),
    sa.ForeignKeyConstraint(['decided_by_id'], ['account.id'], name=op.f('fk_claim_decided_by_id_account')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_claim_lot_id_lot')),
    sa.ForeignKeyConstraint(['order_line_id'], ['order_line.id'], name=op.f('fk_claim_order_line_id_order_line')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_claim')),
    sa.UniqueConstraint('number', name=op.f('uq_claim_number')),
    )
    op.create_index('ix_claim_line', 'claim', ['order_line_id'], unique=False)
    op.create_index('ix_claim_state', 'claim', ['state'], unique=False)


def downgrade() -> None:
    op.drop_table('claim')
