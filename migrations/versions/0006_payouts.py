"""Payees with their consents, payout runs with items, lines and parts, holds and advances."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0006'
down_revision: str | Sequence[str] | None = '0005'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table('advance',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('limit_fen', sa.BigInteger(), nullable=False),
    sa.Column('repay_by', sa.Date(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('proposed_by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('proposed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reason', sa.String(length=200), nullable=False),
    sa.CheckConstraint("state IN ('proposed', 'approved', 'rejected', 'closed')", name=op.f('ck_advance_state')),
    sa.CheckConstraint('decided_by_id IS NULL OR decided_by_id <> proposed_by_id', name=op.f('ck_advance_two_people')),
    sa.CheckConstraint('limit_fen > 0', name=op.f('ck_advance_limit')),
    sa.ForeignKeyConstraint(['decided_by_id'], ['account.id'], name=op.f('fk_advance_decided_by_id_account')),
    sa.ForeignKeyConstraint(['proposed_by_id'], ['account.id'], name=op.f('fk_advance_proposed_by_id_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_advance')),
    sa.UniqueConstraint('number', name=op.f('uq_advance_number'))
    )
    op.create_table('payee',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('household_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('organisation_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('region_code', sa.String(length=12), nullable=False),
    sa.Column('holder_name', sa.Text(), nullable=False),
    sa.Column('account_no', sa.Text(), nullable=False),
    sa.Column('account_hash', sa.String(length=64), nullable=False),
    sa.Column('account_tail', sa.String(length=4), nullable=False),
    sa.Column('bank_name', sa.String(length=60), nullable=False),
    sa.Column('relation', sa.String(length=10), nullable=False),
    sa.Column('proof', sa.String(length=200), nullable=False),
    sa.Column('for_members', sa.Boolean(), nullable=False),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('valid_until', sa.Date(), nullable=True),
    sa.Column('proposed_by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('proposed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('first_by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('first_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('second_by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('second_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_because', sa.String(length=200), nullable=False),
    sa.Column('mismatch', sa.String(length=80), nullable=False),
    sa.Column('checked_on', sa.Date(), nullable=True),
    sa.CheckConstraint("relation IN ('child', 'entrusted', 'guardian', 'parent', 'self', 'sibling', 'spouse', 'unit')", name=op.f('ck_payee_relation')),
    sa.CheckConstraint("state IN ('proposed', 'checked', 'approved', 'rejected', 'ended')", name=op.f('ck_payee_state')),
    sa.CheckConstraint("state NOT IN ('approved', 'ended') OR second_by_id IS NOT NULL", name=op.f('ck_payee_consented')),
    sa.CheckConstraint('(first_by_id IS NULL OR first_by_id <> proposed_by_id) AND (second_by_id IS NULL OR (second_by_id <> proposed_by_id AND second_by_id <> first_by_id))', name=op.f('ck_payee_three_people')),
    sa.CheckConstraint('(household_id IS NULL) <> (organisation_id IS NULL)', name=op.f('ck_payee_one_owner')),
    sa.CheckConstraint('NOT for_members OR organisation_id IS NOT NULL', name=op.f('ck_payee_collects')),
    sa.CheckConstraint('valid_until IS NULL OR valid_until >= valid_from', name=op.f('ck_payee_dates')),
    sa.ForeignKeyConstraint(['first_by_id'], ['account.id'], name=op.f('fk_payee_first_by_id_account')),
    sa.ForeignKeyConstraint(['household_id'], ['household.id'], name=op.f('fk_payee_household_id_household')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_payee_organisation_id_organisation')),
    sa.ForeignKeyConstraint(['proposed_by_id'], ['account.id'], name=op.f('fk_payee_proposed_by_id_account')),
    sa.ForeignKeyConstraint(['region_code'], ['region.code'], name=op.f('fk_payee_region_code_region')),
    sa.ForeignKeyConstraint(['second_by_id'], ['account.id'], name=op.f('fk_payee_second_by_id_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_payee'))
    )
    op.create_index('ix_payee_account', 'payee', ['account_hash'], unique=False)
    op.create_index('ix_payee_region', 'payee', ['region_code'], unique=False)
    op.create_index('ix_payee_state', 'payee', ['state', 'id'], unique=False)
    op.create_index('uq_payee_household', 'payee', ['household_id'], unique=True, sqlite_where=sa.text("state = 'approved'"), postgresql_where=sa.text("state = 'approved'"))
    op.create_index('uq_payee_organisation', 'payee', ['organisation_id'], unique=True, sqlite_where=sa.text("state = 'approved'"), postgresql_where=sa.text("state = 'approved'"))
    op.create_table('payout_hold',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('household_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('organisation_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('reason', sa.String(length=10), nullable=False),
    sa.Column('words', sa.String(length=200), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('ended_how', sa.String(length=200), nullable=False),
    sa.CheckConstraint("reason IN ('account', 'deceased', 'disputed', 'mismatch')", name=op.f('ck_payout_hold_reason')),
    sa.CheckConstraint('(household_id IS NULL) <> (organisation_id IS NULL)', name=op.f('ck_payout_hold_one_owner')),
    sa.ForeignKeyConstraint(['by_id'], ['account.id'], name=op.f('fk_payout_hold_by_id_account')),
    sa.ForeignKeyConstraint(['ended_by_id'], ['account.id'], name=op.f('fk_payout_hold_ended_by_id_account')),
    sa.ForeignKeyConstraint(['household_id'], ['household.id'], name=op.f('fk_payout_hold_household_id_household')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_payout_hold_organisation_id_organisation')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_payout_hold'))
    )
    op.create_index('ix_payout_hold_household', 'payout_hold', ['household_id'], unique=False)
    op.create_index('ix_payout_hold_organisation', 'payout_hold', ['organisation_id'], unique=False)
    op.create_table('payout_run',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('advance_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('fen', sa.BigInteger(), nullable=False),
    sa.Column('advanced_fen', sa.BigInteger(), nullable=False),
    sa.Column('proposed_by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('proposed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reason', sa.String(length=200), nullable=False),
    sa.Column('file_taken_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('sent_by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.CheckConstraint("(state = 'proposed') = (decided_by_id IS NULL)", name=op.f('ck_payout_run_decided')),
    sa.CheckConstraint("state IN ('proposed', 'approved', 'rejected', 'sent', 'done')", name=op.f('ck_payout_run_state')),
    sa.CheckConstraint("state IN ('proposed', 'rejected') OR decided_by_id <> proposed_by_id", name=op.f('ck_payout_run_two_people')),
    sa.ForeignKeyConstraint(['advance_id'], ['advance.id'], name=op.f('fk_payout_run_advance_id_advance')),
    sa.ForeignKeyConstraint(['decided_by_id'], ['account.id'], name=op.f('fk_payout_run_decided_by_id_account')),
    sa.ForeignKeyConstraint(['proposed_by_id'], ['account.id'], name=op.f('fk_payout_run_proposed_by_id_account')),
    sa.ForeignKeyConstraint(['sent_by_id'], ['account.id'], name=op.f('fk_payout_run_sent_by_id_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_payout_run')),
    sa.UniqueConstraint('number', name=op.f('uq_payout_run_number'))
    )
    op.create_index('uq_payout_run_proposed', 'payout_run', ['state'], unique=True, sqlite_where=sa.text("state = 'proposed'"), postgresql_where=sa.text("state = 'proposed'"))
    op.create_table('payout_item',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('run_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('order_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('lot_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('fen', sa.BigInteger(), nullable=False),
    sa.Column('advanced', sa.Boolean(), nullable=False),
    sa.Column('dropped', sa.Boolean(), nullable=False),
    sa.CheckConstraint('fen > 0', name=op.f('ck_payout_item_fen')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_payout_item_lot_id_lot')),
    sa.ForeignKeyConstraint(['order_id'], ['preorder.id'], name=op.f('fk_payout_item_order_id_preorder')),
    sa.ForeignKeyConstraint(['run_id'], ['payout_run.id'], name=op.f('fk_payout_item_run_id_payout_run')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_payout_item'))
    )
    op.create_index('ix_payout_item_run', 'payout_item', ['run_id', 'lot_id'], unique=False)
    op.create_index('uq_payout_item', 'payout_item', ['order_id', 'lot_id'], unique=True, sqlite_where=sa.text('dropped = 0'), postgresql_where=sa.text('NOT dropped'))
    op.create_table('payout_line',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('number', sa.String(length=20), nullable=False),
    sa.Column('run_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('household_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('organisation_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('region_code', sa.String(length=12), nullable=False),
    sa.Column('fen', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('payee_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('replaces_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('origin_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('accepted_on', sa.Date(), nullable=False),
    sa.Column('held_since', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reason', sa.String(length=80), nullable=False),
    sa.Column('paid_on', sa.Date(), nullable=True),
    sa.Column('retry', sa.Boolean(), nullable=False),
    sa.CheckConstraint("state <> 'paid' OR paid_on IS NOT NULL", name=op.f('ck_payout_line_paid')),
    sa.CheckConstraint("state IN ('held', 'rejected') OR payee_id IS NOT NULL", name=op.f('ck_payout_line_has_account')),
    sa.CheckConstraint("state IN ('proposed', 'approved', 'rejected', 'sent', 'paid', 'bounced', 'held')", name=op.f('ck_payout_line_state')),
    sa.CheckConstraint('(household_id IS NULL) <> (organisation_id IS NULL)', name=op.f('ck_payout_line_one_owner')),
    sa.CheckConstraint('fen > 0', name=op.f('ck_payout_line_fen')),
    sa.ForeignKeyConstraint(['household_id'], ['household.id'], name=op.f('fk_payout_line_household_id_household')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_payout_line_organisation_id_organisation')),
    sa.ForeignKeyConstraint(['origin_id'], ['payout_line.id'], name=op.f('fk_payout_line_origin_id_payout_line')),
    sa.ForeignKeyConstraint(['payee_id'], ['payee.id'], name=op.f('fk_payout_line_payee_id_payee')),
    sa.ForeignKeyConstraint(['region_code'], ['region.code'], name=op.f('fk_payout_line_region_code_region')),
    sa.ForeignKeyConstraint(['replaces_id'], ['payout_line.id'], name=op.f('fk_payout_line_replaces_id_payout_line')),
    sa.ForeignKeyConstraint(['run_id'], ['payout_run.id'], name=op.f('fk_payout_line_run_id_payout_run')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_payout_line')),
    sa.UniqueConstraint('number', name=op.f('uq_payout_line_number'))
    )
    op.create_index('ix_payout_line_household', 'payout_line', ['household_id'], unique=False)
    op.create_index('ix_payout_line_organisation', 'payout_line', ['organisation_id'], unique=False)
    op.create_index('ix_payout_line_region', 'payout_line', ['region_code'], unique=False)
    op.create_index('ix_payout_line_run', 'payout_line', ['run_id', 'state'], unique=False)
    op.create_index('ix_payout_line_state', 'payout_line', ['state'], unique=False)
    op.create_index('uq_payout_line_replaces', 'payout_line', ['replaces_id'], unique=True, sqlite_where=sa.text("state <> 'rejected'"), postgresql_where=sa.text("state <> 'rejected'"))
    op.create_table('payout_part',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('line_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('lot_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('household_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('fen', sa.BigInteger(), nullable=False),
    sa.Column('received_on', sa.Date(), nullable=True),
    sa.Column('received_by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('receipt', sa.String(length=120), nullable=False),
    sa.CheckConstraint('(received_on IS NULL) = (received_by_id IS NULL)', name=op.f('ck_payout_part_received')),
    sa.CheckConstraint('fen > 0', name=op.f('ck_payout_part_fen')),
    sa.ForeignKeyConstraint(['household_id'], ['household.id'], name=op.f('fk_payout_part_household_id_household')),
    sa.ForeignKeyConstraint(['line_id'], ['payout_line.id'], name=op.f('fk_payout_part_line_id_payout_line')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_payout_part_lot_id_lot')),
    sa.ForeignKeyConstraint(['received_by_id'], ['account.id'], name=op.f('fk_payout_part_received_by_id_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_payout_part')),
    sa.UniqueConstraint('line_id', 'lot_id', 'household_id', name=op.f('uq_payout_part_line_id_lot_id_household_id'))
    )
    op.create_index('ix_payout_part_household', 'payout_part', ['household_id'], unique=False)
    op.create_index('ix_payout_part_lot', 'payout_part', ['lot_id'], unique=False)
    op.create_table('payee_check',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('asked_by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('released_by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('released_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('taken_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint('released_by_id IS NULL OR released_by_id <> asked_by_id', name=op.f('ck_payee_check_two_people')),
    sa.ForeignKeyConstraint(['asked_by_id'], ['account.id'], name=op.f('fk_payee_check_asked_by_id_account')),
    sa.ForeignKeyConstraint(['released_by_id'], ['account.id'], name=op.f('fk_payee_check_released_by_id_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_payee_check'))
    )


def downgrade() -> None:
    for table in ('payee_check', 'payout_part', 'payout_line', 'payout_item', 'payout_run', 'payout_hold', 'payee', 'advance'):
        op.drop_table(table)
