"""Papers of lots, and which of them each kind of buyer asks for."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0016'
down_revision: str | Sequence[str] | None = '0015'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

KINDS = "kind IN ('certificate', 'inspection', 'test_report', 'licence')"


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('lot_paper',
    sa.Column('id', _id(), nullable=False),
    sa.Column('code', sa.String(length=20), nullable=False),
    sa.Column('number', sa.String(length=60), nullable=False),
    sa.Column('kind', sa.String(length=12), nullable=False),
    sa.Column('lot_id', _id(), nullable=False),
    sa.Column('issued_here', sa.Boolean(), nullable=False),
    sa.Column('basis', sa.String(length=12), nullable=False),
    sa.Column('product_name', sa.String(length=40), nullable=False),
    sa.Column('quantity_base', sa.BigInteger(), nullable=True),
    sa.Column('issuer', sa.String(length=60), nullable=False),
    sa.Column('issued_on', sa.Date(), nullable=False),
    sa.Column('valid_until', sa.Date(), nullable=True),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by_id', _id(), nullable=False),
    sa.Column('void_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('void_by_id', _id(), nullable=True),
    sa.Column('void_why', sa.String(length=200), nullable=False),
    sa.CheckConstraint(KINDS, name=op.f('ck_lot_paper_kind')),
    sa.CheckConstraint("basis IN ('controlled', 'self_tested', 'lab_tested', '')", name=op.f('ck_lot_paper_basis')),
    sa.CheckConstraint("NOT issued_here OR (kind = 'certificate' AND basis <> '')", name=op.f('ck_lot_paper_issued')),
    sa.CheckConstraint('valid_until IS NULL OR valid_until >= issued_on', name=op.f('ck_lot_paper_dates')),
    sa.CheckConstraint('quantity_base IS NULL OR quantity_base > 0', name=op.f('ck_lot_paper_quantity')),
    sa.CheckConstraint('(void_at IS NULL) = (void_by_id IS NULL)', name=op.f('ck_lot_paper_void')),
    sa.ForeignKeyConstraint(['by_id'], ['account.id'], name=op.f('fk_lot_paper_by_id_account')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_lot_paper_lot_id_lot')),
    sa.ForeignKeyConstraint(['void_by_id'], ['account.id'], name=op.f('fk_lot_paper_void_by_id_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_lot_paper')),
    sa.UniqueConstraint('code', name=op.f('uq_lot_paper_code')),
    )
    op.create_index('ix_lot_paper_lot', 'lot_paper', ['lot_id'], unique=False)
    op.create_table('paper_rule',
    sa.Column('id', _id(), nullable=False),
    sa.Column('product_id', _id(), nullable=False),
    sa.Column('buyers', sa.String(length=10), nullable=False),
    sa.Column('kind', sa.String(length=12), nullable=False),
    sa.CheckConstraint(KINDS, name=op.f('ck_paper_rule_kind')),
    sa.CheckConstraint("buyers IN ('canteen', 'shop', 'group')", name=op.f('ck_paper_rule_buyers')),
    sa.ForeignKeyConstraint(['product_id'], ['product.id'], name=op.f('fk_paper_rule_product_id_product')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_paper_rule')),
    sa.UniqueConstraint('product_id', 'buyers', 'kind', name=op.f('uq_paper_rule_product_id_buyers_kind')),
    )


def downgrade() -> None:
    op.drop_table('paper_rule')
    op.drop_table('lot_paper')
