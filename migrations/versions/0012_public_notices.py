"""Notices in the villages, and objections to payments."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0012'
down_revision: str | Sequence[str] | None = '0011'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('public_notice',
    sa.Column('id', _id(), nullable=False),
    sa.Column('run_id', _id(), nullable=False),
    sa.Column('region_code', sa.String(length=12), nullable=False),
    sa.Column('begins', sa.Date(), nullable=False),
    sa.Column('ends', sa.Date(), nullable=False),
    sa.Column('posted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('posted_by_id', _id(), nullable=False),
    sa.CheckConstraint('ends >= begins', name=op.f('ck_public_notice_dates')),
    sa.ForeignKeyConstraint(['posted_by_id'], ['account.id'], name=op.f('fk_public_notice_posted_by_id_account')),
    sa.ForeignKeyConstraint(['region_code'], ['region.code'], name=op.f('fk_public_notice_region_code_region')),
    sa.ForeignKeyConstraint(['run_id'], ['payout_run.id'], name=op.f('fk_public_notice_run_id_payout_run')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_public_notice')),
    sa.UniqueConstraint('run_id', 'region_code', name=op.f('uq_public_notice_run_id_region_code')),
    )
    op.create_table('payout_objection',
    sa.Column('id', _id(), nullable=False),
    sa.Column('line_id', _id(), nullable=False),
    sa.Column('heard_on', sa.Date(), nullable=False),
    sa.Column('said', sa.Text(), nullable=False),
    sa.Column('by_id', _id(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('answer', sa.String(length=200), nullable=False),
    sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('answered_by_id', _id(), nullable=True),
    sa.CheckConstraint('(answered_at IS NULL) = (answered_by_id IS NULL)', name=op.f('ck_payout_objection_answered')),
    sa.CheckConstraint("(answered_at IS NULL) = (answer = '')", name=op.f('ck_payout_objection_answer')),
    sa.ForeignKeyConstraint(['answered_by_id'], ['account.id'], name=op.f('fk_payout_objection_answered_by_id_account')),
    sa.ForeignKeyConstraint(['by_id'], ['account.id'], name=op.f('fk_payout_objection_by_id_account')),
    sa.ForeignKeyConstraint(['line_id'], ['payout_line.id'], name=op.f('fk_payout_objection_line_id_payout_line')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_payout_objection')),
    )
    op.create_index('ix_payout_objection_line', 'payout_objection', ['line_id'], unique=False)


def downgrade() -> None:
    op.drop_table('payout_objection')
    op.drop_table('public_notice')
