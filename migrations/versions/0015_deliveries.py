"""Trips, manifests, deliveries; what was rejected at acceptance, and the carrier who owes for it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from marketplace.core.append_only import statements as append_only
from marketplace.ledger.balanced import allow_accounts

revision: str = '0015'
down_revision: str | Sequence[str] | None = '0014'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BEFORE = (
    'advance', 'aftersale_loss', 'alipay_clearing', 'bank', 'buyer_credit', 'buyer_deposit', 'buyer_prepayment',
    'buyer_receivable', 'collected', 'cooperative_held', 'freight_payable', 'household_recovery', 'lot_payable',
    'payout', 'service_payable', 'suspense',
)  # fmt: skip
ACCOUNTS = ('carrier_receivable', *BEFORE)
STATES = (
    'planned', 'loaded', 'handed_over', 'accepted', 'partly_accepted', 'refused', 'not_collected',
)  # fmt: skip


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    allow_accounts(op, ACCOUNTS)
    op.add_column('organisation', sa.Column('two_inspectors', sa.Boolean(), server_default=sa.false(), nullable=False))
    _tables()
    _returns()
    _deliveries_until_now()


def _tables() -> None:
    op.create_table('trip',
    sa.Column('id', _id(), nullable=False),
    sa.Column('round_id', _id(), nullable=False),
    sa.Column('token', sa.String(length=40), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('carrier', sa.String(length=60), nullable=False),
    sa.Column('plate', sa.String(length=20), nullable=False),
    sa.Column('driver', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', _id(), nullable=False),
    sa.ForeignKeyConstraint(['created_by_id'], ['account.id'], name=op.f('fk_trip_created_by_id_account')),
    sa.ForeignKeyConstraint(['round_id'], ['order_round.id'], name=op.f('fk_trip_round_id_order_round')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_trip')),
    sa.UniqueConstraint('token', name=op.f('uq_trip_token')),
    )
    op.create_index('ix_trip_round', 'trip', ['round_id'], unique=False)
    op.create_table('manifest',
    sa.Column('id', _id(), nullable=False),
    sa.Column('number', sa.String(length=20), nullable=False),
    sa.Column('round_id', _id(), nullable=False),
    sa.Column('pickup_point_id', _id(), nullable=False),
    sa.Column('organisation_id', _id(), nullable=True),
    sa.Column('trip_id', _id(), nullable=True),
    sa.Column('loaded_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('handed_over_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('handed_to', sa.Text(), nullable=True),
    sa.Column('photo', sa.String(length=64), nullable=False),
    sa.Column('crates_out', sa.BigInteger(), nullable=False),
    sa.Column('crates_back', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('crates_out >= 0 AND crates_back >= 0', name=op.f('ck_manifest_crates')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_manifest_organisation_id_organisation')),
    sa.ForeignKeyConstraint(['pickup_point_id'], ['pickup_point.id'], name=op.f('fk_manifest_pickup_point_id_pickup_point')),
    sa.ForeignKeyConstraint(['round_id'], ['order_round.id'], name=op.f('fk_manifest_round_id_order_round')),
    sa.ForeignKeyConstraint(['trip_id'], ['trip.id'], name=op.f('fk_manifest_trip_id_trip')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_manifest')),
    sa.UniqueConstraint('number', name=op.f('uq_manifest_number')),
    sa.UniqueConstraint('round_id', 'pickup_point_id', 'organisation_id', name=op.f('uq_manifest_round_id_pickup_point_id_organisation_id')),
    )
    op.create_index('ix_manifest_trip', 'manifest', ['trip_id'], unique=False)
    op.create_table('delivery',
    sa.Column('id', _id(), nullable=False),
    sa.Column('order_id', _id(), nullable=False),
    sa.Column('manifest_id', _id(), nullable=False),
    sa.Column('state', sa.String(length=20), nullable=False),
    sa.Column('pickup_code', sa.String(length=8), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_by_id', _id(), nullable=True),
    sa.Column('inspector', sa.Text(), nullable=True),
    sa.Column('second_inspector', sa.Text(), nullable=True),
    sa.CheckConstraint(f"state IN ({', '.join(repr(state) for state in STATES)})", name=op.f('ck_delivery_state')),
    sa.ForeignKeyConstraint(['ended_by_id'], ['account.id'], name=op.f('fk_delivery_ended_by_id_account')),
    sa.ForeignKeyConstraint(['manifest_id'], ['manifest.id'], name=op.f('fk_delivery_manifest_id_manifest')),
    sa.ForeignKeyConstraint(['order_id'], ['preorder.id'], name=op.f('fk_delivery_order_id_preorder')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_delivery')),
    sa.UniqueConstraint('manifest_id', 'pickup_code', name=op.f('uq_delivery_manifest_id_pickup_code')),
    sa.UniqueConstraint('order_id', name=op.f('uq_delivery_order_id')),
    )
    op.create_index('ix_delivery_manifest', 'delivery', ['manifest_id', 'state'], unique=False)


def _returns() -> None:
    with op.batch_alter_table('goods_return') as table:
        table.add_column(sa.Column('stage', sa.String(length=10), server_default='later', nullable=False))
        table.add_column(sa.Column('reason', sa.String(length=10), server_default='', nullable=False))
        table.add_column(sa.Column('photo', sa.String(length=64), server_default='', nullable=False))
        table.alter_column('journal_number', existing_type=sa.String(length=20), nullable=True)
        table.create_check_constraint(op.f('ck_goods_return_stage'), "stage IN ('acceptance', 'later')")
    _guard()


def _guard() -> None:
    if op.get_bind().dialect.name == 'sqlite':  # it rebuilt the table, without its triggers
        for text in append_only('goods_return', 'sqlite'):
            op.execute(sa.text(text.replace(':', '\\:')))


def _deliveries_until_now() -> None:
    """Rounds that have set out had no manifests: one for each stop, and a delivery for each order."""
    stop = "CASE WHEN o.channel = 'canteen' THEN o.organisation_id END"
    gone = """FROM preorder o JOIN order_round r ON r.id = o.round_id
        WHERE r.state IN ('delivering', 'settled') AND o.state IN ('allocated', 'closed')
        AND EXISTS (SELECT 1 FROM order_line l WHERE l.order_id = o.id AND l.allocated_packs > 0)"""
    op.execute(sa.text(f"""INSERT INTO manifest
        (number, round_id, pickup_point_id, organisation_id, photo, crates_out, crates_back)
        SELECT 'M' || number || '-' || CASE WHEN place < 10 THEN '00' WHEN place < 100 THEN '0' ELSE '' END || place,
        round_id, point, unit, '', 0, 0 FROM (
            SELECT number, round_id, point, unit,
            row_number() OVER (PARTITION BY round_id ORDER BY point, coalesce(unit, 0)) AS place FROM (
                SELECT DISTINCT r.number AS number, r.id AS round_id, o.pickup_point_id AS point,
                {stop} AS unit {gone}) AS stops) AS numbered"""))
    op.execute(sa.text(f"""INSERT INTO delivery (order_id, manifest_id, state, pickup_code, ended_at)
        SELECT o.id, m.id, CASE WHEN o.state = 'closed' THEN 'accepted' ELSE 'planned' END,
        CAST(100000 + row_number() OVER (PARTITION BY m.id ORDER BY o.id) AS VARCHAR(8)), o.ended_at
        FROM preorder o JOIN manifest m ON m.round_id = o.round_id AND m.pickup_point_id = o.pickup_point_id
        AND coalesce(m.organisation_id, 0) = coalesce({stop}, 0)
        WHERE o.id IN (SELECT o.id {gone})"""))


def downgrade() -> None:
    op.drop_table('delivery')
    op.drop_table('manifest')
    op.drop_table('trip')
    with op.batch_alter_table('goods_return') as table:
        table.drop_constraint(op.f('ck_goods_return_stage'), type_='check')
        for name in ('stage', 'reason', 'photo'):
            table.drop_column(name)
        table.alter_column('journal_number', existing_type=sa.String(length=20), nullable=False)
    _guard()
    op.drop_column('organisation', 'two_inspectors')
    allow_accounts(op, BEFORE)
