"""The ledger, with a journal for all money that was noted before there was one; the finance role."""

from collections.abc import Sequence
from datetime import timedelta, timezone

import sqlalchemy as sa
from alembic import op

from marketplace.core.append_only import statements as append_only
from marketplace.ledger.balanced import statements as balanced

revision: str = '0002'
down_revision: str | Sequence[str] | None = '0001'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ACCOUNTS = (
    'alipay_clearing', 'bank', 'buyer_prepayment', 'buyer_receivable', 'collected', 'freight_payable',
    'lot_payable', 'service_payable', 'suspense',
)  # fmt: skip
BEFORE = (
    'administrator', 'approver', 'auditor', 'buyer', 'cadre', 'cooperative', 'leader', 'operator', 'organiser',
    'reviewer', 'staff',
)  # fmt: skip
ROLES = (*BEFORE[:6], 'finance', *BEFORE[6:])


def upgrade() -> None:
    op.create_table('journal',
    sa.Column('number', sa.String(length=20), nullable=False),
    sa.Column('key', sa.String(length=120), nullable=False),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('subject', sa.String(length=60), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('reverses', sa.String(length=20), nullable=True),
    sa.Column('reason', sa.String(length=60), nullable=False),
    sa.ForeignKeyConstraint(['by_id'], ['account.id'], name=op.f('fk_journal_by_id_account')),
    sa.ForeignKeyConstraint(['reverses'], ['journal.number'], name=op.f('fk_journal_reverses_journal')),
    sa.PrimaryKeyConstraint('number', name=op.f('pk_journal')),
    sa.UniqueConstraint('key', name=op.f('uq_journal_key')),
    sa.UniqueConstraint('reverses', name=op.f('uq_journal_reverses'))
    )
    op.create_index('ix_journal_day', 'journal', ['day'], unique=False)
    op.create_index('ix_journal_subject', 'journal', ['subject'], unique=False)
    op.create_table('ledger_entry',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('journal_number', sa.String(length=20), nullable=False),
    sa.Column('account', sa.String(length=30), nullable=False),
    sa.Column('party', sa.String(length=30), nullable=False),
    sa.Column('fen', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('fen <> 0', name=op.f('ck_ledger_entry_fen')),
    sa.CheckConstraint(f"account IN ({', '.join(repr(code) for code in ACCOUNTS)})", name=op.f('ck_ledger_entry_account')),
    sa.ForeignKeyConstraint(['journal_number'], ['journal.number'], name=op.f('fk_ledger_entry_journal_number_journal'), initially='DEFERRED', deferrable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ledger_entry'))
    )
    op.create_index('ix_ledger_entry_account', 'ledger_entry', ['account', 'party', 'id'], unique=False)
    op.create_index('ix_ledger_entry_journal', 'ledger_entry', ['journal_number'], unique=False)
    dialect = op.get_bind().dialect.name
    for text in (*append_only('journal', dialect), *append_only('ledger_entry', dialect), *balanced(dialect)):
        op.execute(sa.text(text.replace(':', '\\:')))
    _roles(ROLES)
    _open_the_books()


def _roles(roles: Sequence[str]) -> None:
    with op.batch_alter_table('role_grant') as table:
        table.drop_constraint(op.f('ck_role_grant_role'), type_='check')
        table.create_check_constraint(op.f('ck_role_grant_role'), f"role IN ({', '.join(repr(role) for role in roles)})")


def _open_the_books() -> None:
    """One journal for each order whose money was noted: collected, and held for the buyer."""
    noted = op.get_bind().execute(sa.text(
        "SELECT number, collected_fen AS fen, collected_how AS how, organisation_id AS unit, "
        "pickup_point_id AS point, collected_by_id AS by_id, collected_at AS at FROM preorder WHERE collected_fen > 0"
    ).columns(at=sa.DateTime(timezone=True))).all()
    for order in noted:
        party = f'unit:{order.unit}' if order.how == 'unit' and order.unit else f'point:{order.point}'
        number = f'J{order.number[1:]}'
        for account, whose, fen in (
            ('collected', party, order.fen), ('buyer_prepayment', f'order:{order.number}', -order.fen)
        ):
            op.get_bind().execute(sa.text(
                "INSERT INTO ledger_entry (journal_number, account, party, fen) VALUES (:n, :a, :p, :f)"
            ), {'n': number, 'a': account, 'p': whose, 'f': fen})
        op.get_bind().execute(sa.text(
            "INSERT INTO journal (number, key, kind, subject, at, day, by_id, reason) "
            "VALUES (:n, :k, 'collected', :s, :at, :day, :by, '')"
        ).bindparams(sa.bindparam('at', type_=sa.DateTime(timezone=True)), sa.bindparam('day', type_=sa.Date())),
            {'n': number, 'k': f'opening:{order.number}', 's': f'order:{order.number}', 'at': order.at,
             'day': (order.at + timedelta(hours=8)).date() if order.at.tzinfo is None
             else order.at.astimezone(timezone(timedelta(hours=8))).date(), 'by': order.by_id})


def downgrade() -> None:
    _roles(BEFORE)
    op.drop_table('ledger_entry')
    op.drop_table('journal')
    if op.get_bind().dialect.name == 'postgresql':
        op.execute('DROP FUNCTION refuse_entry_of_closed_journal, refuse_unbalanced_journal')
