"""An order that adds to one that was paid."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0010'
down_revision: str | Sequence[str] | None = '0009'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

KEY = 'fk_preorder_extends_id_preorder'


def upgrade() -> None:
    with op.batch_alter_table('preorder') as table:
        table.add_column(sa.Column('extends_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True))
        table.create_foreign_key(op.f(KEY), 'preorder', ['extends_id'], ['id'])
    op.create_index('ix_preorder_extends', 'preorder', ['extends_id'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_preorder_extends', table_name='preorder')
    with op.batch_alter_table('preorder') as table:
        table.drop_constraint(op.f(KEY), type_='foreignkey')
        table.drop_column('extends_id')
