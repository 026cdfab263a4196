"""Invoices of packers and carriers."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0009'
down_revision: str | Sequence[str] | None = '0008'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table('fee_invoice',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('round_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('contractor', sa.String(length=60), nullable=False),
    sa.Column('invoice_no', sa.String(length=40), nullable=False),
    sa.Column('fen', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('proposed_by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('proposed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reason', sa.String(length=200), nullable=False),
    sa.CheckConstraint("kind IN ('service', 'freight')", name=op.f('ck_fee_invoice_kind')),
    sa.CheckConstraint("state IN ('proposed', 'approved', 'rejected')", name=op.f('ck_fee_invoice_state')),
    sa.CheckConstraint("state <> 'approved' OR decided_by_id <> proposed_by_id", name=op.f('ck_fee_invoice_two_people')),
    sa.CheckConstraint('fen > 0', name=op.f('ck_fee_invoice_fen')),
    sa.ForeignKeyConstraint(['decided_by_id'], ['account.id'], name=op.f('fk_fee_invoice_decided_by_id_account')),
    sa.ForeignKeyConstraint(['proposed_by_id'], ['account.id'], name=op.f('fk_fee_invoice_proposed_by_id_account')),
    sa.ForeignKeyConstraint(['round_id'], ['order_round.id'], name=op.f('fk_fee_invoice_round_id_order_round')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_fee_invoice'))
    )
    op.create_index('ix_fee_invoice_round', 'fee_invoice', ['round_id'], unique=False)
    op.create_index('uq_fee_invoice_number', 'fee_invoice', ['contractor', 'invoice_no'], unique=True, sqlite_where=sa.text("state <> 'rejected'"), postgresql_where=sa.text("state <> 'rejected'"))


def downgrade() -> None:
    op.drop_table('fee_invoice')
