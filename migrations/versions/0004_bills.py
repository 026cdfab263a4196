"""Alipay's bills as they came, and what in them differs from the ledger."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from marketplace.core.append_only import statements as append_only

revision: str = '0004'
down_revision: str | Sequence[str] | None = '0003'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table('bill_day',
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('lines', sa.BigInteger(), nullable=False),
    sa.Column('fen', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('day', name=op.f('pk_bill_day'))
    )
    op.create_table('bill_line',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('out_trade_no', sa.String(length=64), nullable=False),
    sa.Column('request_no', sa.String(length=64), nullable=False),
    sa.Column('fen', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['day'], ['bill_day.day'], name=op.f('fk_bill_line_day_bill_day')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_bill_line'))
    )
    op.create_index('ix_bill_line_day', 'bill_line', ['day'], unique=False)
    op.create_table('bill_difference',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('out_trade_no', sa.String(length=64), nullable=False),
    sa.Column('request_no', sa.String(length=64), nullable=False),
    sa.Column('ours_fen', sa.BigInteger(), nullable=False),
    sa.Column('theirs_fen', sa.BigInteger(), nullable=False),
    sa.Column('settled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('settled_by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('settled_how', sa.String(length=200), nullable=False),
    sa.CheckConstraint("kind IN ('missing', 'extra', 'amount', 'twice')", name=op.f('ck_bill_difference_kind')),
    sa.ForeignKeyConstraint(['day'], ['bill_day.day'], name=op.f('fk_bill_difference_day_bill_day')),
    sa.ForeignKeyConstraint(['settled_by_id'], ['account.id'], name=op.f('fk_bill_difference_settled_by_id_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_bill_difference'))
    )
    op.create_index('ix_bill_difference_day', 'bill_difference', ['day'], unique=False)
    dialect = op.get_bind().dialect.name
    for text in (*append_only('bill_day', dialect), *append_only('bill_line', dialect)):
        op.execute(sa.text(text.replace(':', '\\:')))


def downgrade() -> None:
    op.drop_table('bill_difference')
    op.drop_table('bill_line')
    op.drop_table('bill_day')
