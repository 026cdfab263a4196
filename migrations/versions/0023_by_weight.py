"""Packs sold by weight: what they weigh at the scales and when they are accepted."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from marketplace.core.append_only import statements

revision: str = '0023'
down_revision: str | Sequence[str] | None = '0022'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    with op.batch_alter_table('order_line') as table:
        table.add_column(sa.Column('heaviest_g', sa.BigInteger(), nullable=True))
        table.add_column(sa.Column('due_g', sa.BigInteger(), nullable=False, server_default='0'))
        table.add_column(sa.Column('off_fen', sa.BigInteger(), nullable=False, server_default='0'))
        table.create_check_constraint(
            op.f('ck_order_line_weight'), 'coalesce(heaviest_g, 0) > 0 OR (heaviest_g IS NULL AND off_fen = 0 AND due_g = 0)'
        )
    with op.batch_alter_table('order_line') as table:
        table.alter_column('due_g', server_default=None)
        table.alter_column('off_fen', server_default=None)
    with op.batch_alter_table('weigh_in') as table:
        table.add_column(sa.Column('mass_g', sa.BigInteger(), nullable=True))
        table.create_check_constraint(
            op.f('ck_weigh_in_mass'), 'mass_g > 0 OR (mass_g = 0 AND net_base = 0)'
        )
    op.create_table('accepted_weight',
    sa.Column('id', _id(), nullable=False),
    sa.Column('order_line_id', _id(), nullable=False),
    sa.Column('lot_id', _id(), nullable=False),
    sa.Column('goods_return_id', _id(), nullable=True),
    sa.Column('packs', sa.BigInteger(), nullable=False),
    sa.Column('grams', sa.BigInteger(), nullable=False),
    sa.Column('farmgate_fen', sa.BigInteger(), nullable=False),
    sa.Column('off_fen', sa.BigInteger(), nullable=False),
    sa.Column('farmgate_off_fen', sa.BigInteger(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by_id', _id(), nullable=True),
    sa.CheckConstraint('(packs > 0 AND grams > 0) OR (packs < 0 AND grams <= 0 AND goods_return_id IS NOT NULL)', name=op.f('ck_accepted_weight_packs')),
    sa.ForeignKeyConstraint(['by_id'], ['account.id'], name=op.f('fk_accepted_weight_by_id_account')),
    sa.ForeignKeyConstraint(['goods_return_id'], ['goods_return.id'], name=op.f('fk_accepted_weight_goods_return_id_goods_return')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_accepted_weight_lot_id_lot')),
    sa.ForeignKeyConstraint(['order_line_id'], ['order_line.id'], name=op.f('fk_accepted_weight_order_line_id_order_line')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_accepted_weight')),
    sa.UniqueConstraint('goods_return_id', name=op.f('uq_accepted_weight_goods_return_id')),
    )
    op.create_index('ix_accepted_weight_line', 'accepted_weight', ['order_line_id'], unique=False)
    op.create_index('ix_accepted_weight_lot', 'accepted_weight', ['lot_id'], unique=False)
    for text in statements('accepted_weight', op.get_bind().dialect.name):
        op.execute(text)


def downgrade() -> None:
    op.drop_table('accepted_weight')
    with op.batch_alter_table('weigh_in') as table:
        table.drop_constraint(op.f('ck_weigh_in_mass'), type_='check')
        table.drop_column('mass_g')
    with op.batch_alter_table('order_line') as table:
        table.drop_constraint(op.f('ck_order_line_weight'), type_='check')
        table.drop_column('off_fen')
        table.drop_column('due_g')
        table.drop_column('heaviest_g')
