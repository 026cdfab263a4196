"""What a carrier owes for goods lost on the way is taken off his freight."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0021'
down_revision: str | Sequence[str] | None = '0020'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

NAME = 'ck_fee_invoice_offset'


def upgrade() -> None:
    with op.batch_alter_table('fee_invoice') as table:
        table.add_column(sa.Column('offset_fen', sa.BigInteger(), nullable=False, server_default='0'))
        table.create_check_constraint(
            op.f(NAME), "offset_fen BETWEEN 0 AND fen AND (offset_fen = 0 OR kind = 'freight')"
        )
    with op.batch_alter_table('fee_invoice') as table:
        table.alter_column('offset_fen', server_default=None)


def downgrade() -> None:
    with op.batch_alter_table('fee_invoice') as table:
        table.drop_constraint(op.f(NAME), type_='check')
        table.drop_column('offset_fen')
