"""Accounts for what is paid out, advanced, paid too much, held by a cooperative, and taken back."""

from collections.abc import Sequence

from alembic import op

from marketplace.ledger.balanced import allow_accounts

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
    allow_accounts(op, ACCOUNTS)


def downgrade() -> None:
    allow_accounts(op, BEFORE)
