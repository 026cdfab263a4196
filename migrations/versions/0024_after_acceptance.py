"""What stands once goods are accepted: the support status of those they helped."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from alembic import op

from marketplace.core.append_only import statements as append_only

revision: str = '0024'
down_revision: str | Sequence[str] | None = '0022'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

KINDS = (
    'dibao', 'marginal_risk', 'none', 'povertyexit', 'serious_illness', 'severe_disability', 'sudden_hardship',
    'tekun_centre', 'tekun_home', 'temporary_relief', 'unstable_exit',
)  # fmt: skip
CHINA = ZoneInfo('Asia/Shanghai')


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    _accepted_support()
    _accepted_until_now()


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
    for text in append_only('accepted_support', op.get_bind().dialect.name):
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


def downgrade() -> None:
    op.drop_table('accepted_support')
