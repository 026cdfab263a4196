"""Delivered goods that are not paid for, and the account that bears what no household bears."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from marketplace.core.append_only import statements as append_only
from marketplace.ledger.balanced import allow_accounts

revision: str = '0008'
down_revision: str | Sequence[str] | None = '0007'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BEFORE = (
    'advance', 'alipay_clearing', 'bank', 'buyer_credit', 'buyer_prepayment', 'buyer_receivable', 'collected',
    'cooperative_held', 'freight_payable', 'household_recovery', 'lot_payable', 'payout', 'service_payable',
    'suspense',
)  # fmt: skip
ACCOUNTS = ('aftersale_loss', *BEFORE)


def upgrade() -> None:
    allow_accounts(op, ACCOUNTS)
    with op.batch_alter_table('order_line') as table:
        table.add_column(sa.Column('returned_packs', sa.BigInteger(), nullable=False, server_default='0'))
        table.create_check_constraint(
            op.f('ck_order_line_returned'),
            'returned_packs >= 0 AND returned_packs <= coalesce(allocated_packs, 0)',
        )
    with op.batch_alter_table('order_line') as table:
        table.alter_column('returned_packs', server_default=None)
    op.create_table('goods_return',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('order_line_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('lot_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('packs', sa.BigInteger(), nullable=False),
    sa.Column('fault', sa.String(length=10), nullable=False),
    sa.Column('words', sa.String(length=200), nullable=False),
    sa.Column('journal_number', sa.String(length=20), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.CheckConstraint("fault IN ('farm', 'goodwill', 'transport')", name=op.f('ck_goods_return_fault')),
    sa.CheckConstraint('packs > 0', name=op.f('ck_goods_return_packs')),
    sa.ForeignKeyConstraint(['by_id'], ['account.id'], name=op.f('fk_goods_return_by_id_account')),
    sa.ForeignKeyConstraint(['journal_number'], ['journal.number'], name=op.f('fk_goods_return_journal_number_journal')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_goods_return_lot_id_lot')),
    sa.ForeignKeyConstraint(['order_line_id'], ['order_line.id'], name=op.f('fk_goods_return_order_line_id_order_line')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_goods_return'))
    )
    op.create_index('ix_goods_return_line', 'goods_return', ['order_line_id'], unique=False)
    for text in append_only('goods_return', op.get_bind().dialect.name):
        op.execute(sa.text(text.replace(':', '\\:')))


def downgrade() -> None:
    op.drop_table('goods_return')
    with op.batch_alter_table('order_line') as table:
        table.drop_constraint(op.f('ck_order_line_returned'), type_='check')
        table.drop_column('returned_packs')
    allow_accounts(op, BEFORE)
