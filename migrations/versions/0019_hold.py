"""Lots, towns and pickup points on hold."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0019'
down_revision: str | Sequence[str] | None = '0018'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('hold',
    sa.Column('id', _id(), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('region_code', sa.String(length=12), nullable=False),
    sa.Column('lot_id', _id(), nullable=True),
    sa.Column('pickup_point_id', _id(), nullable=True),
    sa.Column('cause', sa.String(length=12), nullable=False),
    sa.Column('words', sa.String(length=100), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by_id', _id(), nullable=False),
    sa.Column('lifted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('lifted_by_id', _id(), nullable=True),
    sa.CheckConstraint("kind IN ('lot', 'region', 'stop') AND (kind = 'lot') = (lot_id IS NOT NULL) AND (kind = 'stop') = (pickup_point_id IS NOT NULL)", name=op.f('ck_hold_kind')),
    sa.CheckConstraint("cause IN ('road', 'epidemic', 'food_safety', 'other')", name=op.f('ck_hold_cause')),
    sa.CheckConstraint('(lifted_at IS NULL) = (lifted_by_id IS NULL)', name=op.f('ck_hold_lifted')),
    sa.ForeignKeyConstraint(['by_id'], ['account.id'], name=op.f('fk_hold_by_id_account')),
    sa.ForeignKeyConstraint(['lifted_by_id'], ['account.id'], name=op.f('fk_hold_lifted_by_id_account')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_hold_lot_id_lot')),
    sa.ForeignKeyConstraint(['pickup_point_id'], ['pickup_point.id'], name=op.f('fk_hold_pickup_point_id_pickup_point')),
    sa.ForeignKeyConstraint(['region_code'], ['region.code'], name=op.f('fk_hold_region_code_region')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_hold')),
    )
    op.create_index('ix_hold_region', 'hold', ['region_code'], unique=False)
    for name, column in (('ux_hold_lot', 'lot_id'), ('ux_hold_stop', 'pickup_point_id')):
        op.create_index(name, 'hold', [column], unique=True, sqlite_where=sa.text('lifted_at IS NULL'), postgresql_where=sa.text('lifted_at IS NULL'))


def downgrade() -> None:
    op.drop_table('hold')
