"""Payments at Alipay, what goes back, and the messages that came."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from marketplace.core.append_only import statements as append_only

revision: str = '0003'
down_revision: str | Sequence[str] | None = '0002'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table('alipay_message',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('out_trade_no', sa.String(length=64), nullable=False),
    sa.Column('verdict', sa.String(length=20), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_alipay_message'))
    )
    op.create_index('ix_alipay_message_number', 'alipay_message', ['out_trade_no'], unique=False)
    op.create_table('payment',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('number', sa.String(length=40), nullable=False),
    sa.Column('order_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('fen', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ask_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('asked', sa.BigInteger(), nullable=False),
    sa.Column('trade_no', sa.String(length=64), nullable=False),
    sa.Column('paid_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(state = 'paid') = (paid_at IS NOT NULL)", name=op.f('ck_payment_paid')),
    sa.CheckConstraint("state IN ('created', 'unknown', 'paid', 'closed')", name=op.f('ck_payment_state')),
    sa.CheckConstraint('fen > 0', name=op.f('ck_payment_fen')),
    sa.ForeignKeyConstraint(['order_id'], ['preorder.id'], name=op.f('fk_payment_order_id_preorder')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_payment')),
    sa.UniqueConstraint('number', name=op.f('uq_payment_number'))
    )
    op.create_index('ix_payment_due', 'payment', ['state', 'ask_at'], unique=False)
    op.create_index('ix_payment_order', 'payment', ['order_id'], unique=False)
    op.create_index('uq_payment_open', 'payment', ['order_id'], unique=True, sqlite_where=sa.text("state IN ('created', 'unknown')"), postgresql_where=sa.text("state IN ('created', 'unknown')"))
    op.create_table('refund',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('number', sa.String(length=40), nullable=False),
    sa.Column('payment_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('fen', sa.BigInteger(), nullable=False),
    sa.Column('reason', sa.String(length=60), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('try_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('tries', sa.BigInteger(), nullable=False),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('error', sa.String(length=80), nullable=False),
    sa.CheckConstraint("(state = 'done') = (done_at IS NOT NULL)", name=op.f('ck_refund_done')),
    sa.CheckConstraint("state IN ('requested', 'sent', 'unknown', 'done', 'failed')", name=op.f('ck_refund_state')),
    sa.CheckConstraint('fen > 0', name=op.f('ck_refund_fen')),
    sa.ForeignKeyConstraint(['payment_id'], ['payment.id'], name=op.f('fk_refund_payment_id_payment')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_refund')),
    sa.UniqueConstraint('number', name=op.f('uq_refund_number'))
    )
    op.create_index('ix_refund_due', 'refund', ['state', 'try_at'], unique=False)
    op.create_index('ix_refund_payment', 'refund', ['payment_id'], unique=False)
    for text in append_only('alipay_message', op.get_bind().dialect.name):
        op.execute(sa.text(text.replace(':', '\\:')))


def downgrade() -> None:
    op.drop_table('refund')
    op.drop_table('payment')
    op.drop_table('alipay_message')
