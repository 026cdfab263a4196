"""What is found at the scales: grade, photos, another grade's lot, surplus, pooled remainders."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0017'
down_revision: str | Sequence[str] | None = '0016'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    with op.batch_alter_table('lot') as table:
        table.drop_constraint(op.f('uq_lot_report_id'), type_='unique')
        table.create_unique_constraint(op.f('uq_lot_report_id_grade'), ['report_id', 'grade'])
    with op.batch_alter_table('weigh_in') as table:
        table.add_column(sa.Column('grade', sa.String(length=10), nullable=True))
    op.execute("UPDATE weigh_in SET grade = (SELECT lot.grade FROM lot WHERE lot.id = weigh_in.lot_id)")
    with op.batch_alter_table('weigh_in') as table:
        table.alter_column('grade', existing_type=sa.String(length=10), nullable=False)
    op.create_table('weigh_photo',
    sa.Column('id', _id(), nullable=False),
    sa.Column('weigh_in_id', _id(), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by_id', _id(), nullable=False),
    sa.ForeignKeyConstraint(['by_id'], ['account.id'], name=op.f('fk_weigh_photo_by_id_account')),
    sa.ForeignKeyConstraint(['weigh_in_id'], ['weigh_in.id'], name=op.f('fk_weigh_photo_weigh_in_id_weigh_in')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_weigh_photo')),
    sa.UniqueConstraint('weigh_in_id', 'sha256', name=op.f('uq_weigh_photo_weigh_in_id_sha256')),
    )
    op.create_table('weigh_surplus',
    sa.Column('id', _id(), nullable=False),
    sa.Column('weigh_in_id', _id(), nullable=False),
    sa.Column('base', sa.BigInteger(), nullable=False),
    sa.Column('added_base', sa.BigInteger(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by_id', _id(), nullable=False),
    sa.Column('listing_id', _id(), nullable=True),
    sa.Column('offered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('offered_by_id', _id(), nullable=True),
    sa.CheckConstraint('base > 0 AND added_base BETWEEN 0 AND base', name=op.f('ck_weigh_surplus_quantity')),
    sa.CheckConstraint('(listing_id IS NULL) = (offered_at IS NULL) AND (listing_id IS NULL) = (offered_by_id IS NULL)', name=op.f('ck_weigh_surplus_offered')),
    sa.ForeignKeyConstraint(['by_id'], ['account.id'], name=op.f('fk_weigh_surplus_by_id_account')),
    sa.ForeignKeyConstraint(['listing_id'], ['listing.id'], name=op.f('fk_weigh_surplus_listing_id_listing')),
    sa.ForeignKeyConstraint(['offered_by_id'], ['account.id'], name=op.f('fk_weigh_surplus_offered_by_id_account')),
    sa.ForeignKeyConstraint(['weigh_in_id'], ['weigh_in.id'], name=op.f('fk_weigh_surplus_weigh_in_id_weigh_in')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_weigh_surplus')),
    sa.UniqueConstraint('weigh_in_id', name=op.f('uq_weigh_surplus_weigh_in_id')),
    )
    op.create_table('lot_shift',
    sa.Column('id', _id(), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('from_lot_id', _id(), nullable=False),
    sa.Column('to_lot_id', _id(), nullable=False),
    sa.Column('weigh_in_id', _id(), nullable=True),
    sa.Column('base', sa.BigInteger(), nullable=False),
    sa.Column('fen', sa.BigInteger(), nullable=False),
    sa.Column('per_base', sa.BigInteger(), nullable=False),
    sa.Column('consent', sa.String(length=15), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by_id', _id(), nullable=False),
    sa.CheckConstraint("kind IN ('pooled', 'regraded')", name=op.f('ck_lot_shift_kind')),
    sa.CheckConstraint('base > 0 AND fen > 0 AND per_base > 0', name=op.f('ck_lot_shift_quantity')),
    sa.CheckConstraint('from_lot_id <> to_lot_id', name=op.f('ck_lot_shift_lots')),
    sa.CheckConstraint("(kind = 'regraded') = (weigh_in_id IS NOT NULL)", name=op.f('ck_lot_shift_weigh_in')),
    sa.ForeignKeyConstraint(['by_id'], ['account.id'], name=op.f('fk_lot_shift_by_id_account')),
    sa.ForeignKeyConstraint(['from_lot_id'], ['lot.id'], name=op.f('fk_lot_shift_from_lot_id_lot')),
    sa.ForeignKeyConstraint(['to_lot_id'], ['lot.id'], name=op.f('fk_lot_shift_to_lot_id_lot')),
    sa.ForeignKeyConstraint(['weigh_in_id'], ['weigh_in.id'], name=op.f('fk_lot_shift_weigh_in_id_weigh_in')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_lot_shift')),
    sa.UniqueConstraint('weigh_in_id', 'to_lot_id', name=op.f('uq_lot_shift_weigh_in_id_to_lot_id')),
    )
    op.create_index('ix_lot_shift_from', 'lot_shift', ['from_lot_id'], unique=False)
    op.create_index('ix_lot_shift_to', 'lot_shift', ['to_lot_id'], unique=False)


def downgrade() -> None:
    """Refused by the database where a report has lots of two grades: nobody can tell whose they would be."""
    op.drop_table('lot_shift')
    op.drop_table('weigh_surplus')
    op.drop_table('weigh_photo')
    with op.batch_alter_table('weigh_in') as table:
        table.drop_column('grade')
    with op.batch_alter_table('lot') as table:
        table.drop_constraint(op.f('uq_lot_report_id_grade'), type_='unique')
        table.create_unique_constraint(op.f('uq_lot_report_id'), ['report_id'])
