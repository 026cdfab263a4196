"""A certificate names no issuer of its own: that was a household's plain name. Authorities stay."""

from collections.abc import Sequence

from alembic import op

revision: str = '0026'
down_revision: str | Sequence[str] | None = '0022'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("UPDATE lot_paper SET issuer = '' WHERE kind = 'certificate'")
    with op.batch_alter_table('lot_paper') as table:
        table.create_check_constraint(op.f('ck_lot_paper_issuer'), "issuer = '' OR kind <> 'certificate'")


def downgrade() -> None:
    with op.batch_alter_table('lot_paper') as table:
        table.drop_constraint(op.f('ck_lot_paper_issuer'), type_='check')
