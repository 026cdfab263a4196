"""Weighing in, and the clerk who does it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0014'
down_revision: str | Sequence[str] | None = '0013'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BEFORE = (
    'administrator', 'approver', 'auditor', 'buyer', 'cadre', 'cooperative', 'finance', 'leader', 'operator',
    'organiser', 'reviewer', 'staff',
)  # fmt: skip
ROLES = (*BEFORE[:5], 'clerk', *BEFORE[5:])


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    _roles(ROLES)
    op.create_table('weigh_in',
    sa.Column('id', _id(), nullable=False),
    sa.Column('number', sa.String(length=20), nullable=False),
    sa.Column('sheet_id', _id(), nullable=False),
    sa.Column('listing_id', _id(), nullable=False),
    sa.Column('lot_id', _id(), nullable=False),
    sa.Column('gross_base', sa.BigInteger(), nullable=False),
    sa.Column('tare_base', sa.BigInteger(), nullable=False),
    sa.Column('deduction_base', sa.BigInteger(), nullable=False),
    sa.Column('deduction_reason', sa.String(length=10), nullable=False),
    sa.Column('net_base', sa.BigInteger(), nullable=False),
    sa.Column('asked_packs', sa.BigInteger(), nullable=False),
    sa.Column('packs', sa.BigInteger(), nullable=False),
    sa.Column('short_reason', sa.String(length=10), nullable=False),
    sa.Column('farmgate_fen', sa.BigInteger(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by_id', _id(), nullable=False),
    sa.Column('void_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('void_by_id', _id(), nullable=True),
    sa.Column('void_why', sa.String(length=200), nullable=False),
    sa.CheckConstraint('gross_base >= 0 AND tare_base >= 0 AND deduction_base >= 0 AND net_base = gross_base - tare_base - deduction_base AND net_base >= 0', name=op.f('ck_weigh_in_net')),
    sa.CheckConstraint('packs >= 0 AND packs <= asked_packs', name=op.f('ck_weigh_in_packs')),
    sa.CheckConstraint("(deduction_base > 0) = (deduction_reason <> '')", name=op.f('ck_weigh_in_deduction')),
    sa.CheckConstraint("(packs < asked_packs) = (short_reason <> '')", name=op.f('ck_weigh_in_short')),
    sa.CheckConstraint('(void_at IS NULL) = (void_by_id IS NULL)', name=op.f('ck_weigh_in_void')),
    sa.ForeignKeyConstraint(['by_id'], ['account.id'], name=op.f('fk_weigh_in_by_id_account')),
    sa.ForeignKeyConstraint(['listing_id'], ['listing.id'], name=op.f('fk_weigh_in_listing_id_listing')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_weigh_in_lot_id_lot')),
    sa.ForeignKeyConstraint(['sheet_id'], ['preparation_sheet.id'], name=op.f('fk_weigh_in_sheet_id_preparation_sheet')),
    sa.ForeignKeyConstraint(['void_by_id'], ['account.id'], name=op.f('fk_weigh_in_void_by_id_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_weigh_in')),
    sa.UniqueConstraint('number', name=op.f('uq_weigh_in_number')),
    )
    op.create_index('ix_weigh_in_sheet', 'weigh_in', ['sheet_id'], unique=False)
    op.create_index('ux_weigh_in_counts', 'weigh_in', ['listing_id', 'lot_id'], unique=True, sqlite_where=sa.text('void_at IS NULL'), postgresql_where=sa.text('void_at IS NULL'))


def _roles(roles: Sequence[str]) -> None:
    with op.batch_alter_table('role_grant') as table:
        table.drop_constraint(op.f('ck_role_grant_role'), type_='check')
        table.create_check_constraint(op.f('ck_role_grant_role'), f"role IN ({', '.join(repr(role) for role in roles)})")


def downgrade() -> None:
    op.drop_table('weigh_in')
    op.execute("DELETE FROM deputy WHERE grant_id IN (SELECT id FROM role_grant WHERE role = 'clerk')")
    op.execute("DELETE FROM role_grant WHERE role = 'clerk'")
    _roles(BEFORE)
