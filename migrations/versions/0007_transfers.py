"""Bank transfers as the bank wrote them and where their money stands, statements of units, units on account."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from marketplace.core.append_only import statements as append_only

revision: str = '0007'
down_revision: str | Sequence[str] | None = '0006'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
STATES = "'new', 'matched', 'placed', 'unmatched', 'wrong_amount', 'duplicate', 'not_ours', 'repeated', 'booked', 'outgoing'"
KINDS = "'order', 'credit', 'credit_used', 'credit_returned'"


def upgrade() -> None:
    op.add_column('organisation', sa.Column('on_account', sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column('organisation', sa.Column('account_days', sa.BigInteger(), server_default='30', nullable=False))
    _bank()
    _placings()
    _statements()
    dialect = op.get_bind().dialect.name
    for text in append_only('bank_row', dialect):
        op.execute(sa.text(text.replace(':', '\\:')))


def _bank() -> None:
    op.create_table('bank_row',
    sa.Column('id', ID, nullable=False),
    sa.Column('key_hash', sa.String(length=64), nullable=False),
    sa.Column('facts_hash', sa.String(length=64), nullable=False),
    sa.Column('serial_no', sa.String(length=64), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('direction', sa.String(length=3), nullable=False),
    sa.Column('fen', sa.BigInteger(), nullable=False),
    sa.Column('stored_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('stored_by_id', ID, nullable=True),
    sa.CheckConstraint("direction IN ('in', 'out')", name=op.f('ck_bank_row_direction')),
    sa.CheckConstraint('fen > 0', name=op.f('ck_bank_row_fen')),
    sa.ForeignKeyConstraint(['stored_by_id'], ['account.id'], name=op.f('fk_bank_row_stored_by_id_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_bank_row')),
    sa.UniqueConstraint('key_hash', name=op.f('uq_bank_row_key_hash'))
    )
    op.create_index('ix_bank_row_day', 'bank_row', ['day'], unique=False)
    op.create_index('ix_bank_row_facts', 'bank_row', ['facts_hash'], unique=False)
    op.create_table('transfer',
    sa.Column('id', ID, nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('payer_name', sa.Text(), nullable=False),
    sa.Column('payer_hash', sa.String(length=64), nullable=False),
    sa.Column('payer_account', sa.Text(), nullable=False),
    sa.Column('remark', sa.Text(), nullable=False),
    sa.Column('placed_fen', sa.BigInteger(), nullable=False),
    sa.Column('why', sa.String(length=120), nullable=False),
    sa.Column('settled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('settled_by_id', ID, nullable=True),
    sa.Column('settled_how', sa.String(length=200), nullable=False),
    sa.CheckConstraint(f'state IN ({STATES})', name=op.f('ck_transfer_state')),
    sa.CheckConstraint('placed_fen >= 0', name=op.f('ck_transfer_placed')),
    sa.ForeignKeyConstraint(['id'], ['bank_row.id'], name=op.f('fk_transfer_id_bank_row')),
    sa.ForeignKeyConstraint(['settled_by_id'], ['account.id'], name=op.f('fk_transfer_settled_by_id_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_transfer'))
    )
    op.create_index('ix_transfer_payer', 'transfer', ['payer_hash'], unique=False)
    op.create_index('ix_transfer_state', 'transfer', ['state', 'id'], unique=False)


def _placings() -> None:
    op.create_table('bank_placing',
    sa.Column('id', ID, nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('transfer_id', ID, nullable=True),
    sa.Column('order_id', ID, nullable=True),
    sa.Column('organisation_id', ID, nullable=True),
    sa.Column('fen', sa.BigInteger(), nullable=False),
    sa.Column('journal_number', sa.String(length=20), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by_id', ID, nullable=True),
    sa.Column('note', sa.String(length=200), nullable=False),
    sa.Column('undone_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('undone_by_id', ID, nullable=True),
    sa.Column('undone_why', sa.String(length=20), nullable=False),
    sa.CheckConstraint(f'kind IN ({KINDS})', name=op.f('ck_bank_placing_kind')),
    sa.CheckConstraint('fen > 0', name=op.f('ck_bank_placing_fen')),
    sa.CheckConstraint("(order_id IS NOT NULL) = (kind IN ('order', 'credit_used'))", name=op.f('ck_bank_placing_order')),
    sa.CheckConstraint("(transfer_id IS NOT NULL) = (kind IN ('order', 'credit'))", name=op.f('ck_bank_placing_source')),
    sa.ForeignKeyConstraint(['transfer_id'], ['transfer.id'], name=op.f('fk_bank_placing_transfer_id_transfer')),
    sa.ForeignKeyConstraint(['order_id'], ['preorder.id'], name=op.f('fk_bank_placing_order_id_preorder')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_bank_placing_organisation_id_organisation')),
    sa.ForeignKeyConstraint(['by_id'], ['account.id'], name=op.f('fk_bank_placing_by_id_account')),
    sa.ForeignKeyConstraint(['undone_by_id'], ['account.id'], name=op.f('fk_bank_placing_undone_by_id_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_bank_placing'))
    )
    op.create_index('ix_bank_placing_transfer', 'bank_placing', ['transfer_id'], unique=False)
    op.create_index('ix_bank_placing_order', 'bank_placing', ['order_id'], unique=False)
    op.create_index('ix_bank_placing_unit', 'bank_placing', ['organisation_id'], unique=False)
    op.create_table('payer_alias',
    sa.Column('id', ID, nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('name_hash', sa.String(length=64), nullable=False),
    sa.Column('organisation_id', ID, nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('made_by_id', ID, nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_payer_alias_organisation_id_organisation')),
    sa.ForeignKeyConstraint(['made_by_id'], ['account.id'], name=op.f('fk_payer_alias_made_by_id_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_payer_alias'))
    )
    op.create_index('uq_payer_alias_open', 'payer_alias', ['name_hash', 'organisation_id'], unique=True,
    sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))


def _statements() -> None:
    op.create_table('statement',
    sa.Column('id', ID, nullable=False),
    sa.Column('number', sa.String(length=20), nullable=False),
    sa.Column('organisation_id', ID, nullable=False),
    sa.Column('month', sa.String(length=7), nullable=False),
    sa.Column('issued_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('issued_by_id', ID, nullable=True),
    sa.Column('due_on', sa.Date(), nullable=False),
    sa.Column('total_fen', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('total_fen > 0', name=op.f('ck_statement_total')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_statement_organisation_id_organisation')),
    sa.ForeignKeyConstraint(['issued_by_id'], ['account.id'], name=op.f('fk_statement_issued_by_id_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_statement')),
    sa.UniqueConstraint('number', name=op.f('uq_statement_number'))
    )
    op.create_index('ix_statement_due', 'statement', ['due_on'], unique=False)
    op.create_index('ix_statement_unit', 'statement', ['organisation_id', 'id'], unique=False)
    op.create_table('statement_line',
    sa.Column('id', ID, nullable=False),
    sa.Column('statement_id', ID, nullable=False),
    sa.Column('order_id', ID, nullable=False),
    sa.Column('fen', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('fen > 0', name=op.f('ck_statement_line_fen')),
    sa.ForeignKeyConstraint(['statement_id'], ['statement.id'], name=op.f('fk_statement_line_statement_id_statement')),
    sa.ForeignKeyConstraint(['order_id'], ['preorder.id'], name=op.f('fk_statement_line_order_id_preorder')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_statement_line')),
    sa.UniqueConstraint('order_id', name=op.f('uq_statement_line_order_id'))
    )
    op.create_index('ix_statement_line_statement', 'statement_line', ['statement_id'], unique=False)


def downgrade() -> None:
    for table in ('statement_line', 'statement', 'payer_alias', 'bank_placing', 'transfer', 'bank_row'):
        op.drop_table(table)
    with op.batch_alter_table('organisation') as table:
        table.drop_column('account_days')
        table.drop_column('on_account')
