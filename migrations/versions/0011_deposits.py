"""Deposits of who pays later, and goods that nobody fetched."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from marketplace.core.append_only import statements as append_only
from marketplace.ledger.balanced import allow_accounts

revision: str = '0011'
down_revision: str | Sequence[str] | None = '0010'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BEFORE = (
    'advance', 'aftersale_loss', 'alipay_clearing', 'bank', 'buyer_credit', 'buyer_prepayment',
    'buyer_receivable', 'collected', 'cooperative_held', 'freight_payable', 'household_recovery', 'lot_payable',
    'payout', 'service_payable', 'suspense',
)  # fmt: skip
ACCOUNTS = ('buyer_deposit', *BEFORE)
FAULTS_BEFORE = ('farm', 'goodwill', 'transport')
FAULTS = (*FAULTS_BEFORE, 'unfetched')
ADDED = {
    'order_round': {name: sa.BigInteger for name in ('deposit_canteens', 'deposit_staff', 'deposit_groups')},
    'preorder': {name: sa.BigInteger for name in ('deposit_fen', 'deposit_held_fen', 'deposit_kept_fen')},
    'payment': {'for_deposit': sa.Boolean},
}
CHECKS = {
    'order_round': {
        'unpaid_rule': "unpaid_rule IN ('expire', 'keep')",
        'deposits': 'deposit_canteens BETWEEN 0 AND 20 AND deposit_staff BETWEEN 0 AND 20 '
        'AND deposit_groups BETWEEN 0 AND 20',
    },
    'preorder': {'deposit': 'deposit_fen >= 0 AND deposit_held_fen >= 0 AND deposit_kept_fen >= 0'},
    'payment': {},
}


def upgrade() -> None:
    allow_accounts(op, ACCOUNTS)
    for table_name, columns in ADDED.items():
        with op.batch_alter_table(table_name) as table:
            for name, kind in columns.items():
                none = sa.false() if kind is sa.Boolean else '0'
                table.add_column(sa.Column(name, kind(), nullable=False, server_default=none))
            for name, rule in CHECKS[table_name].items():
                table.create_check_constraint(op.f(f'ck_{table_name}_{name}'), rule)
        with op.batch_alter_table(table_name) as table:
            for name in columns:
                table.alter_column(name, server_default=None)
    _allow_faults(FAULTS)


def downgrade() -> None:
    _allow_faults(FAULTS_BEFORE)
    for table_name, columns in reversed(ADDED.items()):
        with op.batch_alter_table(table_name) as table:
            for name in CHECKS[table_name]:
                table.drop_constraint(op.f(f'ck_{table_name}_{name}'), type_='check')
            for name in columns:
                table.drop_column(name)
    allow_accounts(op, BEFORE)


def _allow_faults(faults: Sequence[str]) -> None:
    name = op.f('ck_goods_return_fault')
    wanted = ', '.join(repr(code) for code in faults)
    with op.batch_alter_table('goods_return') as table:
        table.drop_constraint(name, type_='check')
        table.create_check_constraint(name, f'fault IN ({wanted})')
    if op.get_bind().dialect.name == 'sqlite':  # it rebuilds the table, without its triggers
        for text in append_only('goods_return', 'sqlite'):
            op.execute(sa.text(text.replace(':', '\\:')))
