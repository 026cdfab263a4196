"""First tables."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from marketplace.core.append_only import statements

revision: str = '0001'
down_revision: str | Sequence[str] | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table('audit_row',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor_id', sa.BigInteger(), nullable=False),
    sa.Column('action', sa.String(length=60), nullable=False),
    sa.Column('subject', sa.String(length=40), nullable=False),
    sa.Column('subject_id', sa.String(length=60), nullable=False),
    sa.Column('refused', sa.Boolean(), nullable=False),
    sa.Column('detail', sa.Text(), nullable=False),
    sa.Column('request_id', sa.String(length=40), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_row'))
    )
    op.create_index('ix_audit_row_action', 'audit_row', ['action', 'at'], unique=False)
    op.create_index('ix_audit_row_actor', 'audit_row', ['actor_id', 'at'], unique=False)
    op.create_index('ix_audit_row_subject', 'audit_row', ['subject', 'subject_id'], unique=False)
    op.create_table('counter',
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('value', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_counter'))
    )
    op.create_table('county_setting',
    sa.Column('key', sa.String(length=60), nullable=False),
    sa.Column('value', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_county_setting'))
    )
    op.create_table('due_job',
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('next_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('lease_owner', sa.String(length=60), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('error', sa.String(length=300), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_due_job'))
    )
    op.create_table('idempotency_key',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('owner', sa.String(length=60), nullable=False),
    sa.Column('key', sa.String(length=80), nullable=False),
    sa.Column('body_hash', sa.String(length=64), nullable=False),
    sa.Column('result', sa.String(length=200), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idempotency_key')),
    sa.UniqueConstraint('owner', 'key', name=op.f('uq_idempotency_key_owner_key'))
    )
    op.create_table('login_attempt',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name_hash', sa.String(length=64), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_login_attempt'))
    )
    op.create_index('ix_login_attempt_name_at', 'login_attempt', ['name_hash', 'at'], unique=False)
    op.create_table('notice',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('provider_key', sa.String(length=60), nullable=False),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('subject', sa.String(length=60), nullable=False),
    sa.Column('channel', sa.String(length=10), nullable=False),
    sa.Column('to_user_id', sa.BigInteger(), nullable=True),
    sa.Column('address', sa.Text(), nullable=True),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('attempts', sa.BigInteger(), nullable=False),
    sa.Column('next_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('acknowledged_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('error', sa.String(length=200), nullable=False),
    sa.CheckConstraint("state IN ('acknowledged', 'failed', 'queued', 'sent', 'unknown')", name=op.f('ck_notice_state')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notice')),
    sa.UniqueConstraint('provider_key', name=op.f('uq_notice_provider_key'))
    )
    op.create_index('ix_notice_due', 'notice', ['state', 'next_at'], unique=False)
    op.create_index('ix_notice_subject', 'notice', ['subject'], unique=False)
    op.create_table('order_round',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('opens_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('closes_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('delivers_on', sa.Date(), nullable=False),
    sa.Column('open_to_canteens', sa.Boolean(), nullable=False),
    sa.Column('open_to_staff', sa.Boolean(), nullable=False),
    sa.Column('open_to_groups', sa.Boolean(), nullable=False),
    sa.Column('shortage_rule', sa.String(length=20), nullable=False),
    sa.Column('policy', sa.String(length=30), nullable=False),
    sa.Column('policy_version', sa.BigInteger(), nullable=False),
    sa.Column('refill_cutoff_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('unpaid_rule', sa.String(length=10), nullable=False),
    sa.Column('salt', sa.String(length=20), nullable=False),
    sa.Column('created_by_id', sa.BigInteger(), nullable=False),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("state IN ('draft', 'open', 'closed', 'allocated', 'collecting', 'delivering', 'settled', 'cancelled', 'on_hold', 'postponed')", name=op.f('ck_order_round_state')),
    sa.CheckConstraint('closes_at > opens_at', name=op.f('ck_order_round_dates')),
    sa.CheckConstraint('open_to_canteens OR open_to_staff OR open_to_groups', name=op.f('ck_order_round_audience')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_order_round')),
    sa.UniqueConstraint('number', name=op.f('uq_order_round_number'))
    )
    op.create_index('ix_order_round_state', 'order_round', ['state', 'closes_at'], unique=False)
    op.create_table('product',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('code', sa.String(length=40), nullable=False),
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('aliases', sa.String(length=200), nullable=False),
    sa.Column('category', sa.String(length=20), nullable=False),
    sa.Column('base_unit', sa.String(length=5), nullable=False),
    sa.Column('piece_word', sa.String(length=4), nullable=False),
    sa.Column('piece_mass_g', sa.BigInteger(), nullable=True),
    sa.Column('shelf_days', sa.BigInteger(), nullable=False),
    sa.Column('reference_fen', sa.BigInteger(), nullable=False),
    sa.Column('reference_per_base', sa.BigInteger(), nullable=False),
    sa.Column('yield_per_mu_base', sa.BigInteger(), nullable=True),
    sa.Column('yield_per_bird_base', sa.BigInteger(), nullable=True),
    sa.Column('drawing', sa.String(length=40), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.CheckConstraint("base_unit IN ('g', 'piece')", name=op.f('ck_product_base_unit')),
    sa.CheckConstraint('reference_fen > 0 AND reference_per_base > 0', name=op.f('ck_product_reference')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_product')),
    sa.UniqueConstraint('code', name=op.f('uq_product_code')),
    sa.UniqueConstraint('name', name=op.f('uq_product_name'))
    )
    op.create_table('region',
    sa.Column('code', sa.String(length=12), nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('level', sa.String(length=10), nullable=False),
    sa.Column('parent_code', sa.String(length=12), nullable=True),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('valid_until', sa.Date(), nullable=True),
    sa.CheckConstraint("level IN ('county', 'town', 'village')", name=op.f('ck_region_level')),
    sa.CheckConstraint('length(code) = 12', name=op.f('ck_region_code_length')),
    sa.ForeignKeyConstraint(['parent_code'], ['region.code'], name=op.f('fk_region_parent_code_region')),
    sa.PrimaryKeyConstraint('code', name=op.f('pk_region'))
    )
    op.create_table('tick',
    sa.Column('name', sa.String(length=20), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_tick'))
    )
    op.create_table('collection_point',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('address', sa.String(length=200), nullable=False),
    sa.Column('region_code', sa.String(length=12), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['region_code'], ['region.code'], name=op.f('fk_collection_point_region_code_region')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_collection_point')),
    sa.UniqueConstraint('name', name=op.f('uq_collection_point_name'))
    )
    op.create_table('household',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('household_no', sa.String(length=30), nullable=False),
    sa.Column('region_code', sa.String(length=12), nullable=False),
    sa.Column('head_name', sa.Text(), nullable=False),
    sa.Column('head_name_hash', sa.String(length=64), nullable=False),
    sa.Column('identity_no', sa.Text(), nullable=True),
    sa.Column('identity_hash', sa.String(length=64), nullable=True),
    sa.Column('phone', sa.Text(), nullable=True),
    sa.Column('phone_hash', sa.String(length=64), nullable=True),
    sa.Column('persons', sa.BigInteger(), nullable=False),
    sa.Column('land_mu_hundredths', sa.BigInteger(), nullable=True),
    sa.Column('poultry', sa.BigInteger(), nullable=True),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('persons >= 1', name=op.f('ck_household_persons')),
    sa.ForeignKeyConstraint(['region_code'], ['region.code'], name=op.f('fk_household_region_code_region')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_household')),
    sa.UniqueConstraint('household_no', name=op.f('uq_household_household_no'))
    )
    op.create_index('ix_household_identity', 'household', ['identity_hash'], unique=False)
    op.create_index('ix_household_name', 'household', ['region_code', 'head_name_hash'], unique=False)
    op.create_index('ix_household_phone', 'household', ['phone_hash'], unique=False)
    op.create_index('ix_household_region', 'household', ['region_code'], unique=False)
    op.create_table('organisation',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('kind', sa.String(length=30), nullable=False),
    sa.Column('uscc', sa.String(length=18), nullable=True),
    sa.Column('region_code', sa.String(length=12), nullable=False),
    sa.Column('has_canteen', sa.Boolean(), nullable=False),
    sa.Column('approval_above_fen', sa.BigInteger(), nullable=True),
    sa.Column('address', sa.String(length=200), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['region_code'], ['region.code'], name=op.f('fk_organisation_region_code_region')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_organisation')),
    sa.UniqueConstraint('name', name=op.f('uq_organisation_name')),
    sa.UniqueConstraint('uscc', name=op.f('uq_organisation_uscc'))
    )
    op.create_table('pickup_point',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('address', sa.String(length=200), nullable=False),
    sa.Column('region_code', sa.String(length=12), nullable=False),
    sa.Column('directions', sa.String(length=200), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['region_code'], ['region.code'], name=op.f('fk_pickup_point_region_code_region')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pickup_point')),
    sa.UniqueConstraint('name', name=op.f('uq_pickup_point_name'))
    )
    op.create_table('account',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('login_name', sa.String(length=60), nullable=False),
    sa.Column('display_name', sa.String(length=60), nullable=False),
    sa.Column('phone', sa.Text(), nullable=True),
    sa.Column('password_hash', sa.String(length=200), nullable=True),
    sa.Column('organisation_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('demo', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_account_organisation_id_organisation')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_account')),
    sa.UniqueConstraint('login_name', name=op.f('uq_account_login_name'))
    )
    op.create_table('cooperative_member',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('organisation_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('household_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('valid_until', sa.Date(), nullable=True),
    sa.CheckConstraint('valid_until IS NULL OR valid_until >= valid_from', name=op.f('ck_cooperative_member_dates')),
    sa.ForeignKeyConstraint(['household_id'], ['household.id'], name=op.f('fk_cooperative_member_household_id_household')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_cooperative_member_organisation_id_organisation')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_cooperative_member')),
    sa.UniqueConstraint('organisation_id', 'household_id', 'valid_from', name=op.f('uq_cooperative_member_organisation_id_household_id_valid_from'))
    )
    op.create_index('ix_cooperative_member_household', 'cooperative_member', ['household_id'], unique=False)
    op.create_table('listing',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('round_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('product_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('title', sa.String(length=60), nullable=False),
    sa.Column('grade', sa.String(length=10), nullable=False),
    sa.Column('pack_name', sa.String(length=20), nullable=False),
    sa.Column('pack_kind', sa.String(length=10), nullable=False),
    sa.Column('pack_base', sa.BigInteger(), nullable=False),
    sa.Column('band_low_base', sa.BigInteger(), nullable=True),
    sa.Column('band_high_base', sa.BigInteger(), nullable=True),
    sa.Column('farmgate_fen', sa.BigInteger(), nullable=False),
    sa.Column('service_fen', sa.BigInteger(), nullable=False),
    sa.Column('freight_fen', sa.BigInteger(), nullable=False),
    sa.Column('price_fen', sa.BigInteger(), nullable=False),
    sa.Column('seller_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('required_papers', sa.String(length=200), nullable=False),
    sa.Column('minimum_packs', sa.BigInteger(), nullable=False),
    sa.Column('description', sa.String(length=400), nullable=False),
    sa.Column('search_text', sa.Text(), nullable=False),
    sa.Column('urgent_until', sa.Date(), nullable=True),
    sa.Column('origin_text', sa.String(length=60), nullable=False),
    sa.Column('supported_households', sa.BigInteger(), nullable=False),
    sa.Column('capacity_packs', sa.BigInteger(), nullable=False),
    sa.Column('reserved_packs', sa.BigInteger(), nullable=False),
    sa.Column('shortfall_packs', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("(pack_kind = 'fixed' AND band_low_base IS NULL AND band_high_base IS NULL) OR (pack_kind = 'by_weight' AND band_low_base > 0 AND band_high_base >= band_low_base)", name=op.f('ck_listing_pack_kind')),
    sa.CheckConstraint("state IN ('on_sale', 'stopped', 'closed')", name=op.f('ck_listing_state')),
    sa.CheckConstraint('farmgate_fen > 0 AND service_fen >= 0 AND freight_fen >= 0', name=op.f('ck_listing_price_parts')),
    sa.CheckConstraint('minimum_packs >= 1', name=op.f('ck_listing_minimum')),
    sa.CheckConstraint('pack_base > 0', name=op.f('ck_listing_pack')),
    sa.CheckConstraint('price_fen = farmgate_fen + service_fen + freight_fen', name=op.f('ck_listing_price_made_of')),
    sa.CheckConstraint('reserved_packs <= capacity_packs + shortfall_packs', name=op.f('ck_listing_not_oversold')),
    sa.CheckConstraint('reserved_packs >= 0 AND capacity_packs >= 0 AND shortfall_packs >= 0', name=op.f('ck_listing_counts')),
    sa.ForeignKeyConstraint(['product_id'], ['product.id'], name=op.f('fk_listing_product_id_product')),
    sa.ForeignKeyConstraint(['round_id'], ['order_round.id'], name=op.f('fk_listing_round_id_order_round')),
    sa.ForeignKeyConstraint(['seller_id'], ['organisation.id'], name=op.f('fk_listing_seller_id_organisation')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_listing'))
    )
    op.create_index('ix_listing_round', 'listing', ['round_id', 'state'], unique=False)
    op.create_table('round_collection',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('round_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('collection_point_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('region_code', sa.String(length=12), nullable=False),
    sa.Column('from_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('until_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('until_at > from_at', name=op.f('ck_round_collection_dates')),
    sa.ForeignKeyConstraint(['collection_point_id'], ['collection_point.id'], name=op.f('fk_round_collection_collection_point_id_collection_point')),
    sa.ForeignKeyConstraint(['region_code'], ['region.code'], name=op.f('fk_round_collection_region_code_region')),
    sa.ForeignKeyConstraint(['round_id'], ['order_round.id'], name=op.f('fk_round_collection_round_id_order_round')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_round_collection')),
    sa.UniqueConstraint('round_id', 'region_code', name=op.f('uq_round_collection_round_id_region_code'))
    )
    op.create_table('round_pickup',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('round_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('pickup_point_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('from_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('until_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('until_at > from_at', name=op.f('ck_round_pickup_dates')),
    sa.ForeignKeyConstraint(['pickup_point_id'], ['pickup_point.id'], name=op.f('fk_round_pickup_pickup_point_id_pickup_point')),
    sa.ForeignKeyConstraint(['round_id'], ['order_round.id'], name=op.f('fk_round_pickup_round_id_order_round')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_round_pickup')),
    sa.UniqueConstraint('round_id', 'pickup_point_id', name=op.f('uq_round_pickup_round_id_pickup_point_id'))
    )
    op.create_table('support_status',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('household_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('kind', sa.String(length=30), nullable=False),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('valid_until', sa.Date(), nullable=True),
    sa.Column('source', sa.String(length=120), nullable=False),
    sa.CheckConstraint("kind IN ('dibao', 'marginal_risk', 'povertyexit', 'serious_illness', 'severe_disability', 'sudden_hardship', 'tekun_centre', 'tekun_home', 'temporary_relief', 'unstable_exit')", name=op.f('ck_support_status_kind')),
    sa.CheckConstraint('valid_until IS NULL OR valid_until >= valid_from', name=op.f('ck_support_status_dates')),
    sa.ForeignKeyConstraint(['household_id'], ['household.id'], name=op.f('fk_support_status_household_id_household')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_support_status'))
    )
    op.create_index('ix_support_status_household', 'support_status', ['household_id'], unique=False)
    op.create_table('activation',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('code_hash', sa.String(length=64), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['account.id'], name=op.f('fk_activation_user_id_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_activation')),
    sa.UniqueConstraint('code_hash', name=op.f('uq_activation_code_hash'))
    )
    op.create_index(op.f('ix_activation_user_id'), 'activation', ['user_id'], unique=False)
    op.create_table('allocation_pin',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('listing_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('claimant', sa.String(length=30), nullable=False),
    sa.Column('packs', sa.BigInteger(), nullable=False),
    sa.Column('reason', sa.String(length=200), nullable=False),
    sa.Column('by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('packs >= 0', name=op.f('ck_allocation_pin_packs')),
    sa.ForeignKeyConstraint(['by_id'], ['account.id'], name=op.f('fk_allocation_pin_by_id_account')),
    sa.ForeignKeyConstraint(['listing_id'], ['listing.id'], name=op.f('fk_allocation_pin_listing_id_listing')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_allocation_pin')),
    sa.UniqueConstraint('listing_id', 'claimant', name=op.f('uq_allocation_pin_listing_id_claimant'))
    )
    op.create_table('allocation_run',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('round_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('listing_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('policy', sa.String(length=30), nullable=False),
    sa.Column('policy_version', sa.BigInteger(), nullable=False),
    sa.Column('input_text', sa.Text(), nullable=False),
    sa.Column('outcome_text', sa.Text(), nullable=False),
    sa.Column('outcome_hash', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.BigInteger(), nullable=False),
    sa.Column('undone_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['listing_id'], ['listing.id'], name=op.f('fk_allocation_run_listing_id_listing')),
    sa.ForeignKeyConstraint(['round_id'], ['order_round.id'], name=op.f('fk_allocation_run_round_id_order_round')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_allocation_run'))
    )
    op.create_index('ix_allocation_run_listing', 'allocation_run', ['listing_id'], unique=False)
    op.create_index('ix_allocation_run_round', 'allocation_run', ['round_id'], unique=False)
    op.create_table('cadre_assignment',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('household_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('valid_until', sa.Date(), nullable=True),
    sa.CheckConstraint('valid_until IS NULL OR valid_until >= valid_from', name=op.f('ck_cadre_assignment_dates')),
    sa.ForeignKeyConstraint(['household_id'], ['household.id'], name=op.f('fk_cadre_assignment_household_id_household')),
    sa.ForeignKeyConstraint(['user_id'], ['account.id'], name=op.f('fk_cadre_assignment_user_id_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_cadre_assignment'))
    )
    op.create_index('ix_cadre_assignment_household', 'cadre_assignment', ['household_id'], unique=False)
    op.create_index('ix_cadre_assignment_user', 'cadre_assignment', ['user_id', 'household_id'], unique=False)
    op.create_table('consent',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('household_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('given_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('withdrawn_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('recorded_by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('how', sa.String(length=120), nullable=False),
    sa.CheckConstraint("kind IN ('public_name')", name=op.f('ck_consent_kind')),
    sa.ForeignKeyConstraint(['household_id'], ['household.id'], name=op.f('fk_consent_household_id_household')),
    sa.ForeignKeyConstraint(['recorded_by_id'], ['account.id'], name=op.f('fk_consent_recorded_by_id_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_consent'))
    )
    op.create_index('ix_consent_household', 'consent', ['household_id', 'kind'], unique=False)
    op.create_table('group_registration',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('token', sa.String(length=40), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('round_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('organiser_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('organisation_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('title', sa.String(length=60), nullable=False),
    sa.Column('closes_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('submitted_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("state IN ('open', 'submitted', 'cancelled')", name=op.f('ck_group_registration_state')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_group_registration_organisation_id_organisation')),
    sa.ForeignKeyConstraint(['organiser_id'], ['account.id'], name=op.f('fk_group_registration_organiser_id_account')),
    sa.ForeignKeyConstraint(['round_id'], ['order_round.id'], name=op.f('fk_group_registration_round_id_order_round')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_group_registration')),
    sa.UniqueConstraint('token', name=op.f('uq_group_registration_token'))
    )
    op.create_index('ix_group_registration_organiser', 'group_registration', ['organiser_id', 'id'], unique=False)
    op.create_table('import_batch',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('kind', sa.String(length=30), nullable=False),
    sa.Column('file_name', sa.String(length=120), nullable=False),
    sa.Column('file_hash', sa.String(length=64), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('take', sa.String(length=5), nullable=False),
    sa.Column('columns', sa.Text(), nullable=False),
    sa.Column('total', sa.BigInteger(), nullable=False),
    sa.Column('checked', sa.BigInteger(), nullable=False),
    sa.Column('faulty', sa.BigInteger(), nullable=False),
    sa.Column('applied', sa.BigInteger(), nullable=False),
    sa.Column('unchanged', sa.BigInteger(), nullable=False),
    sa.Column('message', sa.String(length=300), nullable=False),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("state IN ('reading', 'previewed', 'applying', 'done', 'failed', 'discarded')", name=op.f('ck_import_batch_state')),
    sa.ForeignKeyConstraint(['created_by_id'], ['account.id'], name=op.f('fk_import_batch_created_by_id_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_import_batch'))
    )
    op.create_index('ix_import_batch_by', 'import_batch', ['created_by_id', 'id'], unique=False)
    op.create_table('login_session',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('device', sa.String(length=120), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['account.id'], name=op.f('fk_login_session_user_id_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_login_session')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_login_session_token_hash'))
    )
    op.create_index(op.f('ix_login_session_user_id'), 'login_session', ['user_id'], unique=False)
    op.create_table('preorder',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('number', sa.String(length=20), nullable=False),
    sa.Column('state', sa.String(length=20), nullable=False),
    sa.Column('channel', sa.String(length=10), nullable=False),
    sa.Column('round_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('buyer_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('organisation_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('region_code', sa.String(length=12), nullable=False),
    sa.Column('pickup_point_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('contact_name', sa.Text(), nullable=False),
    sa.Column('contact_phone', sa.Text(), nullable=True),
    sa.Column('note', sa.String(length=200), nullable=False),
    sa.Column('total_fen', sa.BigInteger(), nullable=False),
    sa.Column('collected_fen', sa.BigInteger(), nullable=False),
    sa.Column('collected_how', sa.String(length=10), nullable=False),
    sa.Column('collected_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('collected_by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('placed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('confirmed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_because', sa.String(length=200), nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("channel IN ('shop', 'canteen', 'group')", name=op.f('ck_preorder_channel')),
    sa.CheckConstraint("state IN ('draft', 'awaiting_approval', 'awaiting_payment', 'confirmed', 'allocated', 'rejected', 'expired', 'cancelled', 'closed')", name=op.f('ck_preorder_state')),
    sa.CheckConstraint('total_fen >= 0 AND collected_fen >= 0', name=op.f('ck_preorder_money')),
    sa.ForeignKeyConstraint(['buyer_id'], ['account.id'], name=op.f('fk_preorder_buyer_id_account')),
    sa.ForeignKeyConstraint(['collected_by_id'], ['account.id'], name=op.f('fk_preorder_collected_by_id_account')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_preorder_organisation_id_organisation')),
    sa.ForeignKeyConstraint(['pickup_point_id'], ['pickup_point.id'], name=op.f('fk_preorder_pickup_point_id_pickup_point')),
    sa.ForeignKeyConstraint(['region_code'], ['region.code'], name=op.f('fk_preorder_region_code_region')),
    sa.ForeignKeyConstraint(['round_id'], ['order_round.id'], name=op.f('fk_preorder_round_id_order_round')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_preorder')),
    sa.UniqueConstraint('number', name=op.f('uq_preorder_number'))
    )
    op.create_index('ix_preorder_buyer', 'preorder', ['buyer_id', 'id'], unique=False)
    op.create_index('ix_preorder_organisation', 'preorder', ['organisation_id', 'id'], unique=False)
    op.create_index('ix_preorder_region', 'preorder', ['region_code'], unique=False)
    op.create_index('ix_preorder_round', 'preorder', ['round_id', 'state'], unique=False)
    op.create_table('preparation_sheet',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('code', sa.String(length=20), nullable=False),
    sa.Column('round_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('household_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('organisation_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('region_code', sa.String(length=12), nullable=False),
    sa.Column('collection_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.Column('current', sa.Boolean(), nullable=False),
    sa.Column('amount_fen', sa.BigInteger(), nullable=False),
    sa.Column('issued_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('issued_by_id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('(household_id IS NULL) <> (organisation_id IS NULL)', name=op.f('ck_preparation_sheet_one_supplier')),
    sa.ForeignKeyConstraint(['collection_id'], ['round_collection.id'], name=op.f('fk_preparation_sheet_collection_id_round_collection')),
    sa.ForeignKeyConstraint(['household_id'], ['household.id'], name=op.f('fk_preparation_sheet_household_id_household')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_preparation_sheet_organisation_id_organisation')),
    sa.ForeignKeyConstraint(['region_code'], ['region.code'], name=op.f('fk_preparation_sheet_region_code_region')),
    sa.ForeignKeyConstraint(['round_id'], ['order_round.id'], name=op.f('fk_preparation_sheet_round_id_order_round')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_preparation_sheet')),
    sa.UniqueConstraint('code', name=op.f('uq_preparation_sheet_code')),
    sa.UniqueConstraint('round_id', 'household_id', 'organisation_id', 'version', name=op.f('uq_preparation_sheet_round_id_household_id_organisation_id_version'))
    )
    op.create_index('ix_preparation_sheet_household', 'preparation_sheet', ['household_id'], unique=False)
    op.create_index('ix_preparation_sheet_round', 'preparation_sheet', ['round_id', 'region_code'], unique=False)
    op.create_index('ux_preparation_sheet_current_household', 'preparation_sheet', ['round_id', 'household_id'], unique=True, sqlite_where=sa.text('current'), postgresql_where=sa.text('current'))
    op.create_index('ux_preparation_sheet_current_organisation', 'preparation_sheet', ['round_id', 'organisation_id'], unique=True, sqlite_where=sa.text('current'), postgresql_where=sa.text('current'))
    op.create_table('role_grant',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('role', sa.String(length=20), nullable=False),
    sa.Column('region_code', sa.String(length=12), nullable=True),
    sa.Column('organisation_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('valid_until', sa.Date(), nullable=True),
    sa.CheckConstraint("role IN ('administrator', 'approver', 'auditor', 'buyer', 'cadre', 'cooperative', 'leader', 'operator', 'organiser', 'reviewer', 'staff')", name=op.f('ck_role_grant_role')),
    sa.CheckConstraint('valid_until IS NULL OR valid_until >= valid_from', name=op.f('ck_role_grant_dates')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_role_grant_organisation_id_organisation')),
    sa.ForeignKeyConstraint(['region_code'], ['region.code'], name=op.f('fk_role_grant_region_code_region')),
    sa.ForeignKeyConstraint(['user_id'], ['account.id'], name=op.f('fk_role_grant_user_id_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_role_grant'))
    )
    op.create_index('ix_role_grant_user', 'role_grant', ['user_id'], unique=False)
    op.create_table('supply_report',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('client_uuid', sa.String(length=36), nullable=False),
    sa.Column('receipt_no', sa.String(length=20), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('household_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('organisation_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('region_code', sa.String(length=12), nullable=False),
    sa.Column('product_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('grade', sa.String(length=10), nullable=False),
    sa.Column('typed_quantity', sa.String(length=60), nullable=False),
    sa.Column('quantity_base', sa.BigInteger(), nullable=False),
    sa.Column('approximate', sa.Boolean(), nullable=False),
    sa.Column('asked_fen', sa.BigInteger(), nullable=False),
    sa.Column('asked_per_base', sa.BigInteger(), nullable=False),
    sa.Column('available_from', sa.Date(), nullable=False),
    sa.Column('available_until', sa.Date(), nullable=False),
    sa.Column('cause', sa.String(length=200), nullable=False),
    sa.Column('measures', sa.String(length=200), nullable=False),
    sa.Column('channel', sa.String(length=20), nullable=False),
    sa.Column('submitted_by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('submitted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('reviewed_by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('reviewed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('return_reason', sa.String(length=200), nullable=False),
    sa.Column('spot_check', sa.Boolean(), nullable=False),
    sa.CheckConstraint("state IN ('draft', 'submitted', 'returned', 'verified', 'withdrawn')", name=op.f('ck_supply_report_state')),
    sa.CheckConstraint('(household_id IS NULL) <> (organisation_id IS NULL)', name=op.f('ck_supply_report_one_supplier')),
    sa.CheckConstraint('asked_fen > 0 AND asked_per_base > 0', name=op.f('ck_supply_report_price')),
    sa.CheckConstraint('available_until >= available_from', name=op.f('ck_supply_report_dates')),
    sa.CheckConstraint('quantity_base > 0', name=op.f('ck_supply_report_quantity')),
    sa.ForeignKeyConstraint(['household_id'], ['household.id'], name=op.f('fk_supply_report_household_id_household')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_supply_report_organisation_id_organisation')),
    sa.ForeignKeyConstraint(['product_id'], ['product.id'], name=op.f('fk_supply_report_product_id_product')),
    sa.ForeignKeyConstraint(['region_code'], ['region.code'], name=op.f('fk_supply_report_region_code_region')),
    sa.ForeignKeyConstraint(['reviewed_by_id'], ['account.id'], name=op.f('fk_supply_report_reviewed_by_id_account')),
    sa.ForeignKeyConstraint(['submitted_by_id'], ['account.id'], name=op.f('fk_supply_report_submitted_by_id_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_supply_report')),
    sa.UniqueConstraint('client_uuid', name=op.f('uq_supply_report_client_uuid')),
    sa.UniqueConstraint('receipt_no', name=op.f('uq_supply_report_receipt_no'))
    )
    op.create_index('ix_supply_report_household', 'supply_report', ['household_id', 'product_id'], unique=False)
    op.create_index('ix_supply_report_queue', 'supply_report', ['state', 'region_code'], unique=False)
    op.create_index('ix_supply_report_submitted_by', 'supply_report', ['submitted_by_id', 'state'], unique=False)
    op.create_table('approval',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('order_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('requested_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('requested_by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('decision', sa.String(length=10), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decided_by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('reason', sa.String(length=200), nullable=False),
    sa.CheckConstraint("decision IN ('waiting', 'approved', 'rejected')", name=op.f('ck_approval_decision')),
    sa.ForeignKeyConstraint(['decided_by_id'], ['account.id'], name=op.f('fk_approval_decided_by_id_account')),
    sa.ForeignKeyConstraint(['order_id'], ['preorder.id'], name=op.f('fk_approval_order_id_preorder')),
    sa.ForeignKeyConstraint(['requested_by_id'], ['account.id'], name=op.f('fk_approval_requested_by_id_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_approval')),
    sa.UniqueConstraint('order_id', name=op.f('uq_approval_order_id'))
    )
    op.create_table('deputy',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('grant_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('deputy_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('valid_until', sa.Date(), nullable=False),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint('valid_until >= valid_from', name=op.f('ck_deputy_dates')),
    sa.ForeignKeyConstraint(['deputy_id'], ['account.id'], name=op.f('fk_deputy_deputy_id_account')),
    sa.ForeignKeyConstraint(['grant_id'], ['role_grant.id'], name=op.f('fk_deputy_grant_id_role_grant')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_deputy'))
    )
    op.create_index('ix_deputy_deputy', 'deputy', ['deputy_id'], unique=False)
    op.create_table('group_entry',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('group_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('entry_key', sa.String(length=40), nullable=False),
    sa.Column('edit_code', sa.String(length=20), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('phone', sa.Text(), nullable=False),
    sa.Column('department', sa.String(length=60), nullable=False),
    sa.Column('pickup_point_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('removed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('order_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.ForeignKeyConstraint(['group_id'], ['group_registration.id'], name=op.f('fk_group_entry_group_id_group_registration')),
    sa.ForeignKeyConstraint(['order_id'], ['preorder.id'], name=op.f('fk_group_entry_order_id_preorder')),
    sa.ForeignKeyConstraint(['pickup_point_id'], ['pickup_point.id'], name=op.f('fk_group_entry_pickup_point_id_pickup_point')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_group_entry')),
    sa.UniqueConstraint('group_id', 'entry_key', name=op.f('uq_group_entry_group_id_entry_key'))
    )
    op.create_table('import_row',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('batch_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('row_no', sa.BigInteger(), nullable=False),
    sa.Column('cells', sa.Text(), nullable=False),
    sa.Column('problems', sa.Text(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.CheckConstraint("state IN ('waiting', 'good', 'faulty', 'applied', 'unchanged')", name=op.f('ck_import_row_state')),
    sa.ForeignKeyConstraint(['batch_id'], ['import_batch.id'], name=op.f('fk_import_row_batch_id_import_batch')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_import_row')),
    sa.UniqueConstraint('batch_id', 'row_no', name=op.f('uq_import_row_batch_id_row_no'))
    )
    op.create_index('ix_import_row_state', 'import_row', ['batch_id', 'state', 'row_no'], unique=False)
    op.create_table('lot',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('code', sa.String(length=20), nullable=False),
    sa.Column('trace_code', sa.String(length=20), nullable=False),
    sa.Column('report_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('product_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('grade', sa.String(length=10), nullable=False),
    sa.Column('household_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('organisation_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('region_code', sa.String(length=12), nullable=False),
    sa.Column('asked_fen', sa.BigInteger(), nullable=False),
    sa.Column('asked_per_base', sa.BigInteger(), nullable=False),
    sa.Column('available_from', sa.Date(), nullable=False),
    sa.Column('available_until', sa.Date(), nullable=False),
    sa.Column('verified', sa.BigInteger(), nullable=False),
    sa.Column('surplus', sa.BigInteger(), nullable=False),
    sa.Column('adjusted', sa.BigInteger(), nullable=False),
    sa.Column('free', sa.BigInteger(), nullable=False),
    sa.Column('committed', sa.BigInteger(), nullable=False),
    sa.Column('sold', sa.BigInteger(), nullable=False),
    sa.Column('donated', sa.BigInteger(), nullable=False),
    sa.Column('withdrawn', sa.BigInteger(), nullable=False),
    sa.Column('lost', sa.BigInteger(), nullable=False),
    sa.Column('processed', sa.BigInteger(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("state IN ('open', 'exhausted', 'expired', 'withdrawn', 'on_hold', 'recalled')", name=op.f('ck_lot_state')),
    sa.CheckConstraint('(household_id IS NULL) <> (organisation_id IS NULL)', name=op.f('ck_lot_one_supplier')),
    sa.CheckConstraint('verified + surplus + adjusted = free + committed + sold + donated + withdrawn + lost + processed', name=op.f('ck_lot_mass_balance')),
    sa.CheckConstraint('verified >= 0 AND surplus >= 0 AND free >= 0 AND committed >= 0 AND sold >= 0 AND donated >= 0 AND withdrawn >= 0 AND lost >= 0 AND processed >= 0', name=op.f('ck_lot_not_negative')),
    sa.ForeignKeyConstraint(['household_id'], ['household.id'], name=op.f('fk_lot_household_id_household')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_lot_organisation_id_organisation')),
    sa.ForeignKeyConstraint(['product_id'], ['product.id'], name=op.f('fk_lot_product_id_product')),
    sa.ForeignKeyConstraint(['region_code'], ['region.code'], name=op.f('fk_lot_region_code_region')),
    sa.ForeignKeyConstraint(['report_id'], ['supply_report.id'], name=op.f('fk_lot_report_id_supply_report')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_lot')),
    sa.UniqueConstraint('code', name=op.f('uq_lot_code')),
    sa.UniqueConstraint('report_id', name=op.f('uq_lot_report_id')),
    sa.UniqueConstraint('trace_code', name=op.f('uq_lot_trace_code'))
    )
    op.create_index('ix_lot_household', 'lot', ['household_id'], unique=False)
    op.create_index('ix_lot_organisation', 'lot', ['organisation_id'], unique=False)
    op.create_index('ix_lot_product', 'lot', ['product_id', 'state'], unique=False)
    op.create_index('ix_lot_region', 'lot', ['region_code'], unique=False)
    op.create_table('order_change',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('order_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('before', sa.String(length=4000), nullable=False),
    sa.ForeignKeyConstraint(['by_id'], ['account.id'], name=op.f('fk_order_change_by_id_account')),
    sa.ForeignKeyConstraint(['order_id'], ['preorder.id'], name=op.f('fk_order_change_order_id_preorder')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_order_change'))
    )
    op.create_index(op.f('ix_order_change_order_id'), 'order_change', ['order_id'], unique=False)
    op.create_table('order_line',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('order_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('listing_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('packs', sa.BigInteger(), nullable=False),
    sa.Column('pack_base', sa.BigInteger(), nullable=False),
    sa.Column('price_fen', sa.BigInteger(), nullable=False),
    sa.Column('farmgate_fen', sa.BigInteger(), nullable=False),
    sa.Column('service_fen', sa.BigInteger(), nullable=False),
    sa.Column('freight_fen', sa.BigInteger(), nullable=False),
    sa.Column('fund_source', sa.String(length=20), nullable=False),
    sa.Column('whole_or_nothing', sa.Boolean(), nullable=False),
    sa.Column('allocated_packs', sa.BigInteger(), nullable=True),
    sa.Column('cut_packs', sa.BigInteger(), nullable=True),
    sa.Column('cut_reason', sa.String(length=60), nullable=False),
    sa.CheckConstraint('(allocated_packs IS NULL AND cut_packs IS NULL) OR (allocated_packs >= 0 AND cut_packs >= 0 AND allocated_packs + cut_packs = packs)', name=op.f('ck_order_line_allocated_and_cut')),
    sa.CheckConstraint('packs > 0', name=op.f('ck_order_line_packs')),
    sa.CheckConstraint('price_fen = farmgate_fen + service_fen + freight_fen', name=op.f('ck_order_line_price_made_of')),
    sa.ForeignKeyConstraint(['listing_id'], ['listing.id'], name=op.f('fk_order_line_listing_id_listing')),
    sa.ForeignKeyConstraint(['order_id'], ['preorder.id'], name=op.f('fk_order_line_order_id_preorder')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_order_line')),
    sa.UniqueConstraint('order_id', 'listing_id', name=op.f('uq_order_line_order_id_listing_id'))
    )
    op.create_index('ix_order_line_listing', 'order_line', ['listing_id'], unique=False)
    op.create_table('report_photo',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('report_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('width', sa.BigInteger(), nullable=False),
    sa.Column('height', sa.BigInteger(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['report_id'], ['supply_report.id'], name=op.f('fk_report_photo_report_id_supply_report')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_report_photo')),
    sa.UniqueConstraint('report_id', 'sha256', name=op.f('uq_report_photo_report_id_sha256'))
    )
    op.create_table('report_revision',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('report_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('note', sa.String(length=200), nullable=False),
    sa.Column('before', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['by_id'], ['account.id'], name=op.f('fk_report_revision_by_id_account')),
    sa.ForeignKeyConstraint(['report_id'], ['supply_report.id'], name=op.f('fk_report_revision_report_id_supply_report')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_report_revision'))
    )
    op.create_index(op.f('ix_report_revision_report_id'), 'report_revision', ['report_id'], unique=False)
    op.create_table('report_share',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('report_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('household_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('quantity_base', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('quantity_base > 0', name=op.f('ck_report_share_quantity')),
    sa.ForeignKeyConstraint(['household_id'], ['household.id'], name=op.f('fk_report_share_household_id_household')),
    sa.ForeignKeyConstraint(['report_id'], ['supply_report.id'], name=op.f('fk_report_share_report_id_supply_report')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_report_share')),
    sa.UniqueConstraint('report_id', 'household_id', name=op.f('uq_report_share_report_id_household_id'))
    )
    op.create_table('sheet_answer',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('sheet_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('answer', sa.String(length=5), nullable=False),
    sa.Column('reason', sa.String(length=200), nullable=False),
    sa.Column('by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("answer IN ('yes', 'less', 'no')", name=op.f('ck_sheet_answer_answer')),
    sa.ForeignKeyConstraint(['by_id'], ['account.id'], name=op.f('fk_sheet_answer_by_id_account')),
    sa.ForeignKeyConstraint(['sheet_id'], ['preparation_sheet.id'], name=op.f('fk_sheet_answer_sheet_id_preparation_sheet')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sheet_answer'))
    )
    op.create_index(op.f('ix_sheet_answer_sheet_id'), 'sheet_answer', ['sheet_id'], unique=False)
    op.create_table('sheet_told',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('sheet_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('how', sa.String(length=20), nullable=False),
    sa.Column('note', sa.String(length=200), nullable=False),
    sa.CheckConstraint("how IN ('call', 'loudspeaker', 'message', 'paper', 'visit')", name=op.f('ck_sheet_told_how')),
    sa.ForeignKeyConstraint(['by_id'], ['account.id'], name=op.f('fk_sheet_told_by_id_account')),
    sa.ForeignKeyConstraint(['sheet_id'], ['preparation_sheet.id'], name=op.f('fk_sheet_told_sheet_id_preparation_sheet')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sheet_told'))
    )
    op.create_index(op.f('ix_sheet_told_sheet_id'), 'sheet_told', ['sheet_id'], unique=False)
    op.create_table('commitment',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('listing_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('lot_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('quantity_base', sa.BigInteger(), nullable=False),
    sa.Column('packs', sa.BigInteger(), nullable=False),
    sa.Column('allocated_packs', sa.BigInteger(), nullable=True),
    sa.Column('released_base', sa.BigInteger(), nullable=False),
    sa.Column('consent_note', sa.String(length=200), nullable=False),
    sa.Column('consent_by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('refill_ready', sa.Boolean(), nullable=False),
    sa.Column('committed_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('allocated_packs IS NULL OR allocated_packs BETWEEN 0 AND packs', name=op.f('ck_commitment_allocated')),
    sa.CheckConstraint('packs >= 0', name=op.f('ck_commitment_packs')),
    sa.CheckConstraint('quantity_base >= 0', name=op.f('ck_commitment_quantity')),
    sa.ForeignKeyConstraint(['consent_by_id'], ['account.id'], name=op.f('fk_commitment_consent_by_id_account')),
    sa.ForeignKeyConstraint(['listing_id'], ['listing.id'], name=op.f('fk_commitment_listing_id_listing')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_commitment_lot_id_lot')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_commitment')),
    sa.UniqueConstraint('listing_id', 'lot_id', name=op.f('uq_commitment_listing_id_lot_id'))
    )
    op.create_index('ix_commitment_lot', 'commitment', ['lot_id'], unique=False)
    op.create_table('group_entry_line',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('entry_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('listing_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('packs', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('packs > 0', name=op.f('ck_group_entry_line_packs')),
    sa.ForeignKeyConstraint(['entry_id'], ['group_entry.id'], name=op.f('fk_group_entry_line_entry_id_group_entry')),
    sa.ForeignKeyConstraint(['listing_id'], ['listing.id'], name=op.f('fk_group_entry_line_listing_id_listing')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_group_entry_line')),
    sa.UniqueConstraint('entry_id', 'listing_id', name=op.f('uq_group_entry_line_entry_id_listing_id'))
    )
    op.create_table('lot_confirmation',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('round_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('lot_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['by_id'], ['account.id'], name=op.f('fk_lot_confirmation_by_id_account')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_lot_confirmation_lot_id_lot')),
    sa.ForeignKeyConstraint(['round_id'], ['order_round.id'], name=op.f('fk_lot_confirmation_round_id_order_round')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_lot_confirmation')),
    sa.UniqueConstraint('round_id', 'lot_id', name=op.f('uq_lot_confirmation_round_id_lot_id'))
    )
    op.create_index(op.f('ix_lot_confirmation_lot_id'), 'lot_confirmation', ['lot_id'], unique=False)
    op.create_table('lot_movement',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('lot_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('kind', sa.String(length=12), nullable=False),
    sa.Column('quantity_base', sa.BigInteger(), nullable=False),
    sa.Column('reason', sa.String(length=60), nullable=False),
    sa.Column('reference', sa.String(length=60), nullable=False),
    sa.Column('by_id', sa.BigInteger(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("kind IN ('adjusted', 'committed', 'donated', 'lost', 'processed', 'released', 'sold', 'surplus', 'verified', 'withdrawn')", name=op.f('ck_lot_movement_kind')),
    sa.CheckConstraint("quantity_base <> 0 AND (quantity_base > 0 OR kind = 'adjusted')", name=op.f('ck_lot_movement_quantity')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_lot_movement_lot_id_lot')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_lot_movement'))
    )
    op.create_index('ix_lot_movement_lot', 'lot_movement', ['lot_id'], unique=False)
    op.create_table('lot_share',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('lot_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('household_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('quantity_base', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('quantity_base > 0', name=op.f('ck_lot_share_quantity')),
    sa.ForeignKeyConstraint(['household_id'], ['household.id'], name=op.f('fk_lot_share_household_id_household')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_lot_share_lot_id_lot')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_lot_share')),
    sa.UniqueConstraint('lot_id', 'household_id', name=op.f('uq_lot_share_lot_id_household_id'))
    )
    op.create_index('ix_lot_share_household', 'lot_share', ['household_id'], unique=False)
    op.create_table('sheet_line',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('sheet_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('listing_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('lot_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('packs', sa.BigInteger(), nullable=False),
    sa.Column('quantity_base', sa.BigInteger(), nullable=False),
    sa.Column('farmgate_fen', sa.BigInteger(), nullable=False),
    sa.Column('amount_fen', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('packs > 0 AND quantity_base > 0', name=op.f('ck_sheet_line_quantity')),
    sa.ForeignKeyConstraint(['listing_id'], ['listing.id'], name=op.f('fk_sheet_line_listing_id_listing')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_sheet_line_lot_id_lot')),
    sa.ForeignKeyConstraint(['sheet_id'], ['preparation_sheet.id'], name=op.f('fk_sheet_line_sheet_id_preparation_sheet')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sheet_line')),
    sa.UniqueConstraint('sheet_id', 'listing_id', 'lot_id', name=op.f('uq_sheet_line_sheet_id_listing_id_lot_id'))
    )
    op.create_index('ix_sheet_line_lot', 'sheet_line', ['lot_id'], unique=False)
    op.create_table('allocation',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('run_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('order_line_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('commitment_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('lot_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('packs', sa.BigInteger(), nullable=False),
    sa.Column('reason', sa.String(length=40), nullable=False),
    sa.CheckConstraint('packs > 0', name=op.f('ck_allocation_packs')),
    sa.ForeignKeyConstraint(['commitment_id'], ['commitment.id'], name=op.f('fk_allocation_commitment_id_commitment')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_allocation_lot_id_lot')),
    sa.ForeignKeyConstraint(['order_line_id'], ['order_line.id'], name=op.f('fk_allocation_order_line_id_order_line')),
    sa.ForeignKeyConstraint(['run_id'], ['allocation_run.id'], name=op.f('fk_allocation_run_id_allocation_run')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_allocation')),
    sa.UniqueConstraint('order_line_id', 'commitment_id', name=op.f('uq_allocation_order_line_id_commitment_id'))
    )
    op.create_index('ix_allocation_lot', 'allocation', ['lot_id'], unique=False)
    op.create_index('ix_allocation_run', 'allocation', ['run_id'], unique=False)
    op.create_table('sheet_answer_line',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('answer_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('sheet_line_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('packs', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('packs >= 0', name=op.f('ck_sheet_answer_line_packs')),
    sa.ForeignKeyConstraint(['answer_id'], ['sheet_answer.id'], name=op.f('fk_sheet_answer_line_answer_id_sheet_answer')),
    sa.ForeignKeyConstraint(['sheet_line_id'], ['sheet_line.id'], name=op.f('fk_sheet_answer_line_sheet_line_id_sheet_line')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sheet_answer_line')),
    sa.UniqueConstraint('answer_id', 'sheet_line_id', name=op.f('uq_sheet_answer_line_answer_id_sheet_line_id'))
    )
    for table in ("audit_row", "lot_movement"):
        for statement in statements(table, op.get_bind().dialect.name):
            op.execute(statement)



def downgrade() -> None:
    op.drop_table('sheet_answer_line')
    op.drop_index('ix_allocation_run', table_name='allocation')
    op.drop_index('ix_allocation_lot', table_name='allocation')
    op.drop_table('allocation')
    op.drop_index('ix_sheet_line_lot', table_name='sheet_line')
    op.drop_table('sheet_line')
    op.drop_index('ix_lot_share_household', table_name='lot_share')
    op.drop_table('lot_share')
    op.drop_index('ix_lot_movement_lot', table_name='lot_movement')
    op.drop_table('lot_movement')
    op.drop_index(op.f('ix_lot_confirmation_lot_id'), table_name='lot_confirmation')
    op.drop_table('lot_confirmation')
    op.drop_table('group_entry_line')
    op.drop_index('ix_commitment_lot', table_name='commitment')
    op.drop_table('commitment')
    op.drop_index(op.f('ix_sheet_told_sheet_id'), table_name='sheet_told')
    op.drop_table('sheet_told')
    op.drop_index(op.f('ix_sheet_answer_sheet_id'), table_name='sheet_answer')
    op.drop_table('sheet_answer')
    op.drop_table('report_share')
    op.drop_index(op.f('ix_report_revision_report_id'), table_name='report_revision')
    op.drop_table('report_revision')
    op.drop_table('report_photo')
    op.drop_index('ix_order_line_listing', table_name='order_line')
    op.drop_table('order_line')
    op.drop_index(op.f('ix_order_change_order_id'), table_name='order_change')
    op.drop_table('order_change')
    op.drop_index('ix_lot_region', table_name='lot')
    op.drop_index('ix_lot_product', table_name='lot')
    op.drop_index('ix_lot_organisation', table_name='lot')
    op.drop_index('ix_lot_household', table_name='lot')
    op.drop_table('lot')
    op.drop_index('ix_import_row_state', table_name='import_row')
    op.drop_table('import_row')
    op.drop_table('group_entry')
    op.drop_index('ix_deputy_deputy', table_name='deputy')
    op.drop_table('deputy')
    op.drop_table('approval')
    op.drop_index('ix_supply_report_submitted_by', table_name='supply_report')
    op.drop_index('ix_supply_report_queue', table_name='supply_report')
    op.drop_index('ix_supply_report_household', table_name='supply_report')
    op.drop_table('supply_report')
    op.drop_index('ix_role_grant_user', table_name='role_grant')
    op.drop_table('role_grant')
    op.drop_index('ux_preparation_sheet_current_organisation', table_name='preparation_sheet', sqlite_where=sa.text('current'), postgresql_where=sa.text('current'))
    op.drop_index('ux_preparation_sheet_current_household', table_name='preparation_sheet', sqlite_where=sa.text('current'), postgresql_where=sa.text('current'))
    op.drop_index('ix_preparation_sheet_round', table_name='preparation_sheet')
    op.drop_index('ix_preparation_sheet_household', table_name='preparation_sheet')
    op.drop_table('preparation_sheet')
    op.drop_index('ix_preorder_round', table_name='preorder')
    op.drop_index('ix_preorder_region', table_name='preorder')
    op.drop_index('ix_preorder_organisation', table_name='preorder')
    op.drop_index('ix_preorder_buyer', table_name='preorder')
    op.drop_table('preorder')
    op.drop_index(op.f('ix_login_session_user_id'), table_name='login_session')
    op.drop_table('login_session')
    op.drop_index('ix_import_batch_by', table_name='import_batch')
    op.drop_table('import_batch')
    op.drop_index('ix_group_registration_organiser', table_name='group_registration')
    op.drop_table('group_registration')
    op.drop_index('ix_consent_household', table_name='consent')
    op.drop_table('consent')
    op.drop_index('ix_cadre_assignment_user', table_name='cadre_assignment')
    op.drop_index('ix_cadre_assignment_household', table_name='cadre_assignment')
    op.drop_table('cadre_assignment')
    op.drop_index('ix_allocation_run_round', table_name='allocation_run')
    op.drop_index('ix_allocation_run_listing', table_name='allocation_run')
    op.drop_table('allocation_run')
    op.drop_table('allocation_pin')
    op.drop_index(op.f('ix_activation_user_id'), table_name='activation')
    op.drop_table('activation')
    op.drop_index('ix_support_status_household', table_name='support_status')
    op.drop_table('support_status')
    op.drop_table('round_pickup')
    op.drop_table('round_collection')
    op.drop_index('ix_listing_round', table_name='listing')
    op.drop_table('listing')
    op.drop_index('ix_cooperative_member_household', table_name='cooperative_member')
    op.drop_table('cooperative_member')
    op.drop_table('account')
    op.drop_table('pickup_point')
    op.drop_table('organisation')
    op.drop_index('ix_household_region', table_name='household')
    op.drop_index('ix_household_phone', table_name='household')
    op.drop_index('ix_household_name', table_name='household')
    op.drop_index('ix_household_identity', table_name='household')
    op.drop_table('household')
    op.drop_table('collection_point')
    op.drop_table('tick')
    op.drop_table('region')
    op.drop_table('product')
    op.drop_index('ix_order_round_state', table_name='order_round')
    op.drop_table('order_round')
    op.drop_index('ix_notice_subject', table_name='notice')
    op.drop_index('ix_notice_due', table_name='notice')
    op.drop_table('notice')
    op.drop_index('ix_login_attempt_name_at', table_name='login_attempt')
    op.drop_table('login_attempt')
    op.drop_table('idempotency_key')
    op.drop_table('due_job')
    op.drop_table('county_setting')
    op.drop_table('counter')
    op.drop_index('ix_audit_row_subject', table_name='audit_row')
    op.drop_index('ix_audit_row_actor', table_name='audit_row')
    op.drop_index('ix_audit_row_action', table_name='audit_row')
    op.drop_table('audit_row')
