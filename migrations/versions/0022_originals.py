"""Signed papers, photographed and filed."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from marketplace.core.append_only import statements as append_only

revision: str = '0022'
down_revision: str | Sequence[str] | None = '0021'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

SUBJECTS = ('manifest', 'order', 'sheet')
TABLES = {'manifest': 'manifest', 'order': 'preorder', 'sheet': 'preparation_sheet'}


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    one = ' + '.join(f'CASE WHEN {name}_id IS NULL THEN 0 ELSE 1 END' for name in SUBJECTS)
    op.create_table('signed_original',
    sa.Column('id', _id(), nullable=False),
    sa.Column('number', sa.String(length=20), nullable=False),
    *(sa.Column(f'{name}_id', _id(), nullable=True) for name in SUBJECTS),
    sa.Column('photo', sa.String(length=64), nullable=False),
    sa.Column('note', sa.String(length=100), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by_id', _id(), nullable=False),
    sa.CheckConstraint(f'{one} = 1', name=op.f('ck_signed_original_one_subject')),
    sa.ForeignKeyConstraint(['by_id'], ['account.id'], name=op.f('fk_signed_original_by_id_account')),
    *(
        sa.ForeignKeyConstraint([f'{name}_id'], [f'{TABLES[name]}.id'], name=op.f(f'fk_signed_original_{name}_id_{TABLES[name]}'))
        for name in SUBJECTS
    ),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_signed_original')),
    sa.UniqueConstraint('number', name=op.f('uq_signed_original_number')),
    )
    for name in SUBJECTS:
        op.create_index(f'ix_signed_original_{name}', 'signed_original', [f'{name}_id'], unique=False)
    for text in append_only('signed_original', op.get_bind().dialect.name):
        op.execute(sa.text(text.replace(':', '\\:')))


def downgrade() -> None:
    op.drop_table('signed_original')
