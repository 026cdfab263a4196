"""Accounts for what is paid out, advanced, paid too much, held by a cooperative, and taken back."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from marketplace.core.append_only import statements as append_only
from marketplace.ledger.balanced import statements as balanced

revision: str = '0005'
down_revision: str | Sequence[str] | None = '0004'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BEFORE = (
    'alipay_clearing', 'bank', 'buyer_prepayment', 'buyer_receivable', 'collected', 'freight_payable',
    'lot_payable', 'service_payable', 'suspense',
)  # fmt: skip
ACCOUNTS = sorted((
    *BEFORE, 'advance', 'buyer_credit', 'cooperative_held', 'household_recovery', 'payout',
))  # fmt: skip


def upgrade() -> None:
    _accounts(ACCOUNTS)


def downgrade() -> None:
    _accounts(BEFORE)


def _accounts(codes: Sequence[str]) -> None:
    """SQLite rebuilds the table, which takes its triggers away: those that guard it, and those that
    read it, are made again."""
    dialect = op.get_bind().dialect.name
    if dialect == 'sqlite':
        op.execute('DROP TRIGGER journal_balances')
    else:
        op.execute('SET CONSTRAINTS ALL IMMEDIATE')  # what an earlier step wrote in this transaction
    with op.batch_alter_table('ledger_entry') as table:
        table.drop_constraint(op.f('ck_ledger_entry_account'), type_='check')
        table.create_check_constraint(
            op.f('ck_ledger_entry_account'), f"account IN ({', '.join(repr(code) for code in codes)})"
        )
    if dialect == 'sqlite':
        for text in (*append_only('ledger_entry', dialect), *balanced(dialect)):
            op.execute(sa.text(text.replace(':', '\\:')))
