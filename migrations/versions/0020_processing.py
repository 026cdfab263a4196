"""Processing: who slaughters, mills or dries what, and the orders that made one lot of others."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0020'
down_revision: str | Sequence[str] | None = '0019'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('processing_line',
    sa.Column('id', _id(), nullable=False),
    sa.Column('organisation_id', _id(), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('input_product_id', _id(), nullable=False),
    sa.Column('output_product_id', _id(), nullable=False),
    sa.Column('yield_permille', sa.BigInteger(), nullable=False),
    sa.Column('low_permille', sa.BigInteger(), nullable=False),
    sa.Column('high_permille', sa.BigInteger(), nullable=False),
    sa.Column('fee_fen', sa.BigInteger(), nullable=False),
    sa.Column('fee_per_base', sa.BigInteger(), nullable=False),
    sa.Column('daily_base', sa.BigInteger(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.CheckConstraint("kind IN ('drying', 'milling', 'slaughter')", name=op.f('ck_processing_line_kind')),
    sa.CheckConstraint('daily_base > 0', name=op.f('ck_processing_line_capacity')),
    sa.CheckConstraint('fee_fen >= 0 AND fee_per_base > 0', name=op.f('ck_processing_line_fee')),
    sa.CheckConstraint('input_product_id <> output_product_id', name=op.f('ck_processing_line_products')),
    sa.CheckConstraint('low_permille > 0 AND yield_permille BETWEEN low_permille AND high_permille', name=op.f('ck_processing_line_yield')),
    sa.ForeignKeyConstraint(['input_product_id'], ['product.id'], name=op.f('fk_processing_line_input_product_id_product')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_processing_line_organisation_id_organisation')),
    sa.ForeignKeyConstraint(['output_product_id'], ['product.id'], name=op.f('fk_processing_line_output_product_id_product')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_processing_line')),
    sa.UniqueConstraint('organisation_id', 'kind', 'input_product_id', 'output_product_id', name=op.f('uq_processing_line_way')),
    )
    op.create_table('processing_order',
    sa.Column('id', _id(), nullable=False),
    sa.Column('number', sa.String(length=20), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('line_id', _id(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('seller_id', _id(), nullable=True),
    sa.Column('input_base', sa.BigInteger(), nullable=False),
    sa.Column('fee_fen', sa.BigInteger(), nullable=False),
    sa.Column('planned_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('planned_by_id', _id(), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('started_by_id', _id(), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_by_id', _id(), nullable=True),
    sa.Column('output_base', sa.BigInteger(), nullable=True),
    sa.Column('output_lot_id', _id(), nullable=True),
    sa.Column('reason', sa.String(length=200), nullable=False),
    sa.Column('invoice_no', sa.String(length=40), nullable=False),
    sa.CheckConstraint("(state = 'finished') = (output_lot_id IS NOT NULL)", name=op.f('ck_processing_order_output')),
    sa.CheckConstraint("(state IN ('finished', 'cancelled')) = (ended_at IS NOT NULL)", name=op.f('ck_processing_order_ended')),
    sa.CheckConstraint("invoice_no = '' OR state = 'finished'", name=op.f('ck_processing_order_invoice')),
    sa.CheckConstraint("state <> 'planned' OR started_at IS NULL", name=op.f('ck_processing_order_planned')),
    sa.CheckConstraint("state IN ('planned', 'started', 'finished', 'cancelled')", name=op.f('ck_processing_order_state')),
    sa.CheckConstraint('(output_lot_id IS NULL) = (output_base IS NULL)', name=op.f('ck_processing_order_output_base')),
    sa.CheckConstraint('input_base > 0 AND fee_fen >= 0', name=op.f('ck_processing_order_quantity')),
    sa.ForeignKeyConstraint(['ended_by_id'], ['account.id'], name=op.f('fk_processing_order_ended_by_id_account')),
    sa.ForeignKeyConstraint(['line_id'], ['processing_line.id'], name=op.f('fk_processing_order_line_id_processing_line')),
    sa.ForeignKeyConstraint(['output_lot_id'], ['lot.id'], name=op.f('fk_processing_order_output_lot_id_lot')),
    sa.ForeignKeyConstraint(['planned_by_id'], ['account.id'], name=op.f('fk_processing_order_planned_by_id_account')),
    sa.ForeignKeyConstraint(['seller_id'], ['organisation.id'], name=op.f('fk_processing_order_seller_id_organisation')),
    sa.ForeignKeyConstraint(['started_by_id'], ['account.id'], name=op.f('fk_processing_order_started_by_id_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_processing_order')),
    sa.UniqueConstraint('number', name=op.f('uq_processing_order_number')),
    sa.UniqueConstraint('output_lot_id', name=op.f('uq_processing_order_output_lot_id')),
    )
    op.create_index('ix_processing_order_day', 'processing_order', ['line_id', 'day'], unique=False)
    op.create_table('processing_input',
    sa.Column('id', _id(), nullable=False),
    sa.Column('order_id', _id(), nullable=False),
    sa.Column('lot_id', _id(), nullable=False),
    sa.Column('base', sa.BigInteger(), nullable=False),
    sa.Column('returned_base', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('base > 0 AND returned_base BETWEEN 0 AND base', name=op.f('ck_processing_input_quantity')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_processing_input_lot_id_lot')),
    sa.ForeignKeyConstraint(['order_id'], ['processing_order.id'], name=op.f('fk_processing_input_order_id_processing_order')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_processing_input')),
    sa.UniqueConstraint('order_id', 'lot_id', name=op.f('uq_processing_input_order_id_lot_id')),
    )
    op.create_index('ix_processing_input_lot', 'processing_input', ['lot_id'], unique=False)


def downgrade() -> None:
    op.drop_table('processing_input')
    op.drop_table('processing_order')
    op.drop_table('processing_line')
