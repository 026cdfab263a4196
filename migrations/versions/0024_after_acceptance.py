"""What stands once goods are accepted: whom they helped; and what is asked back of who was paid for bad ones."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from alembic import op

from marketplace.core.append_only import statements as append_only

revision: str = '0024'
down_revision: str | Sequence[str] | None = '0023'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

KINDS = (
    'dibao', 'marginal_risk', 'none', 'povertyexit', 'serious_illness', 'severe_disability', 'sudden_hardship',
    'tekun_centre', 'tekun_home', 'temporary_relief', 'unstable_exit',
)  # fmt: skip
FAULTS_BEFORE = ('farm', 'goodwill', 'transport', 'unfetched')
FAULTS = ('farm', 'goodwill', 'recovery', 'transport', 'unfetched')
SIGNERS = ('family', 'head', 'manager')
ONE_OWNER = '(household_id IS NULL) <> (organisation_id IS NULL)'
CHINA = ZoneInfo('Asia/Shanghai')


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    _accepted_support()
    _accepted_until_now()
    _allow_faults(FAULTS)
    with op.batch_alter_table('payout_line') as table:
        table.add_column(sa.Column('deducted_fen', sa.BigInteger(), nullable=False, server_default='0'))
        table.create_check_constraint(op.f('ck_payout_line_deducted'), 'deducted_fen BETWEEN 0 AND fen')
    _recoveries()
    _consents()
    _deductions()
    _write_offs()


def _accepted_support() -> None:
    kinds = ', '.join(repr(kind) for kind in KINDS)
    op.create_table('accepted_support',
    sa.Column('id', _id(), nullable=False),
    sa.Column('lot_id', _id(), nullable=False),
    sa.Column('household_id', _id(), nullable=False),
    sa.Column('kind', sa.String(length=30), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.CheckConstraint(f'kind IN ({kinds})', name=op.f('ck_accepted_support_kind')),
    sa.ForeignKeyConstraint(['household_id'], ['household.id'], name=op.f('fk_accepted_support_household_id_household')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_accepted_support_lot_id_lot')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_accepted_support')),
    sa.UniqueConstraint('lot_id', 'household_id', 'kind', name=op.f('uq_accepted_support_lot_id_household_id_kind')),
    )
    op.create_index('ix_accepted_support_household', 'accepted_support', ['household_id'], unique=False)
    _append_only('accepted_support')


def _append_only(table: str) -> None:
    for text in append_only(table, op.get_bind().dialect.name):
        op.execute(sa.text(text.replace(':', '\\:')))


def _accepted_until_now() -> None:
    """Lots that were sold before: the statuses of the day of their first acceptance, which have dates."""
    bind = op.get_bind()
    table = sa.table
    col = sa.column
    moved = table('lot_movement', col('lot_id'), col('kind'), col('at', sa.DateTime(timezone=True)))
    share = table('lot_share', col('lot_id'), col('household_id'))
    status = table(
        'support_status', col('household_id'), col('kind'),
        col('valid_from', sa.Date()), col('valid_until', sa.Date()),
    )  # fmt: skip
    kept = table('accepted_support', col('lot_id'), col('household_id'), col('kind'), col('day', sa.Date()))
    first = (
        sa.select(moved.c.lot_id, sa.func.min(moved.c.at, type_=sa.DateTime(timezone=True)))
        .where(moved.c.kind == 'sold').group_by(moved.c.lot_id)
    )  # fmt: skip
    for lot_id, at in bind.execute(first).all():
        day = _shanghai(at)
        in_force = (status.c.valid_from <= day) & (status.c.valid_until.is_(None) | (status.c.valid_until >= day))
        rows = bind.execute(
            sa.select(share.c.household_id, status.c.kind)
            .outerjoin(status, (status.c.household_id == share.c.household_id) & in_force)
            .where(share.c.lot_id == lot_id, share.c.household_id.is_not(None)).distinct()
        ).all()  # fmt: skip
        if rows:
            bind.execute(
                sa.insert(kept),
                [{'lot_id': lot_id, 'household_id': who, 'kind': kind or 'none', 'day': day} for who, kind in rows],
            )


def _shanghai(at: datetime) -> object:
    """SQLite gives back what was stored, UTC without saying so."""
    return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo('UTC'))).astimezone(CHINA).date()


def _allow_faults(faults: Sequence[str]) -> None:
    name = op.f('ck_goods_return_fault')
    wanted = ', '.join(repr(code) for code in faults)
    with op.batch_alter_table('goods_return') as table:
        table.drop_constraint(name, type_='check')
        table.create_check_constraint(name, f'fault IN ({wanted})')
    if op.get_bind().dialect.name == 'sqlite':  # it rebuilds the table, without its triggers
        _append_only('goods_return')


def _recoveries() -> None:
    op.create_table('household_recovery',
    sa.Column('id', _id(), nullable=False),
    sa.Column('number', sa.String(length=20), nullable=False),
    sa.Column('household_id', _id(), nullable=True),
    sa.Column('organisation_id', _id(), nullable=True),
    sa.Column('region_code', sa.String(length=12), nullable=False),
    sa.Column('return_id', _id(), nullable=False),
    sa.Column('fen', sa.BigInteger(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint(ONE_OWNER, name=op.f('ck_household_recovery_one_owner')),
    sa.CheckConstraint('fen > 0', name=op.f('ck_household_recovery_fen')),
    sa.ForeignKeyConstraint(['household_id'], ['household.id'], name=op.f('fk_household_recovery_household_id_household')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_household_recovery_organisation_id_organisation')),
    sa.ForeignKeyConstraint(['region_code'], ['region.code'], name=op.f('fk_household_recovery_region_code_region')),
    sa.ForeignKeyConstraint(['return_id'], ['goods_return.id'], name=op.f('fk_household_recovery_return_id_goods_return')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_household_recovery')),
    sa.UniqueConstraint('number', name=op.f('uq_household_recovery_number')),
    sa.UniqueConstraint('return_id', 'household_id', 'organisation_id', name=op.f('uq_household_recovery_return_id_household_id_organisation_id')),
    )
    op.create_index('ix_household_recovery_household', 'household_recovery', ['household_id'], unique=False)
    op.create_index('ix_household_recovery_organisation', 'household_recovery', ['organisation_id'], unique=False)
    _append_only('household_recovery')


def _consents() -> None:
    signers = ', '.join(repr(code) for code in SIGNERS)
    op.create_table('recovery_consent',
    sa.Column('id', _id(), nullable=False),
    sa.Column('recovery_id', _id(), nullable=False),
    sa.Column('signed_by', sa.String(length=10), nullable=False),
    sa.Column('signed_on', sa.Date(), nullable=False),
    sa.Column('photo', sa.String(length=64), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by_id', _id(), nullable=False),
    sa.CheckConstraint(f'signed_by IN ({signers})', name=op.f('ck_recovery_consent_signed_by')),
    sa.ForeignKeyConstraint(['by_id'], ['account.id'], name=op.f('fk_recovery_consent_by_id_account')),
    sa.ForeignKeyConstraint(['recovery_id'], ['household_recovery.id'], name=op.f('fk_recovery_consent_recovery_id_household_recovery')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_recovery_consent')),
    sa.UniqueConstraint('recovery_id', name=op.f('uq_recovery_consent_recovery_id')),
    )
    _append_only('recovery_consent')


def _deductions() -> None:
    op.create_table('payout_deduction',
    sa.Column('id', _id(), nullable=False),
    sa.Column('line_id', _id(), nullable=False),
    sa.Column('recovery_id', _id(), nullable=False),
    sa.Column('fen', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('fen > 0', name=op.f('ck_payout_deduction_fen')),
    sa.ForeignKeyConstraint(['line_id'], ['payout_line.id'], name=op.f('fk_payout_deduction_line_id_payout_line')),
    sa.ForeignKeyConstraint(['recovery_id'], ['household_recovery.id'], name=op.f('fk_payout_deduction_recovery_id_household_recovery')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_payout_deduction')),
    sa.UniqueConstraint('line_id', 'recovery_id', name=op.f('uq_payout_deduction_line_id_recovery_id')),
    )
    op.create_index('ix_payout_deduction_recovery', 'payout_deduction', ['recovery_id'], unique=False)
    _append_only('payout_deduction')


def _write_offs() -> None:
    waits = sa.text("state = 'proposed'")
    op.create_table('recovery_write_off',
    sa.Column('id', _id(), nullable=False),
    sa.Column('recovery_id', _id(), nullable=False),
    sa.Column('fen', sa.BigInteger(), nullable=False),
    sa.Column('reason', sa.String(length=200), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('proposed_by_id', _id(), nullable=False),
    sa.Column('proposed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by_id', _id(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('answer', sa.String(length=200), nullable=False),
    sa.CheckConstraint('fen > 0', name=op.f('ck_recovery_write_off_fen')),
    sa.CheckConstraint("state IN ('proposed', 'approved', 'rejected')", name=op.f('ck_recovery_write_off_state')),
    sa.CheckConstraint("(state = 'proposed') = (decided_by_id IS NULL)", name=op.f('ck_recovery_write_off_decided')),
    sa.CheckConstraint("state <> 'approved' OR decided_by_id <> proposed_by_id", name=op.f('ck_recovery_write_off_two_people')),
    sa.ForeignKeyConstraint(['decided_by_id'], ['account.id'], name=op.f('fk_recovery_write_off_decided_by_id_account')),
    sa.ForeignKeyConstraint(['proposed_by_id'], ['account.id'], name=op.f('fk_recovery_write_off_proposed_by_id_account')),
    sa.ForeignKeyConstraint(['recovery_id'], ['household_recovery.id'], name=op.f('fk_recovery_write_off_recovery_id_household_recovery')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_recovery_write_off')),
    )
    op.create_index('ix_recovery_write_off_recovery', 'recovery_write_off', ['recovery_id'], unique=False)
    op.create_index('uq_recovery_write_off_proposed', 'recovery_write_off', ['recovery_id'], unique=True, sqlite_where=waits, postgresql_where=waits)


def downgrade() -> None:
    for table in ('recovery_write_off', 'payout_deduction', 'recovery_consent', 'household_recovery'):
        op.drop_table(table)
    with op.batch_alter_table('payout_line') as table:
        table.drop_constraint(op.f('ck_payout_line_deducted'), type_='check')
        table.drop_column('deducted_fen')
    _allow_faults(FAULTS_BEFORE)
    op.drop_table('accepted_support')
