"""The composition root: one application out of settings and features."""

from functools import cache
from importlib import import_module
from inspect import iscoroutinefunction
from urllib.parse import urlsplit

from argon2 import PasswordHasher
from flask import Flask
from flask_bootstrap import Bootstrap5
from flask_compress import Compress
from flask_wtf import CSRFProtect
from jinja2 import StrictUndefined

from marketplace.core.county_settings import county_settings
from marketplace.core.db import configure_engine, db
from marketplace.core.places import templates_folder
from marketplace.core.secret_text import keyring
from marketplace.core.settings import ALIPAY_GATEWAY, Settings
from marketplace.core.wake import WAKER
from marketplace.identity.access import find_actor, init_access
from marketplace.identity.home import works_on_phone
from marketplace.identity.passwords import passwords
from marketplace.identity.permissions import LOT_VIEW, REPORT_SUBMIT, SHEET_VIEW, WEIGH_IN
from marketplace.jobs.queue import make_waker
from marketplace.trace.signing import signer
from marketplace.web import (
    addresses,
    assets,
    errors,
    field_blueprint,
    filters,
    navigation,
    qr,
    requests,
)

FEATURES = (
    "marketplace.web.health",
    "marketplace.identity.home",
    "marketplace.identity.sign_in_views",
    "marketplace.identity.me_views",
    "marketplace.identity.account_views",
    "marketplace.identity.organisation_views",
    "marketplace.identity.county_views",
    "marketplace.identity.audit_views",
    "marketplace.notices.views",
    "marketplace.catalog.product_views",
    "marketplace.catalog.paper_views",
    "marketplace.households.views",
    "marketplace.households.edit_views",
    "marketplace.households.cooperative_views",
    "marketplace.catalog.report_views",
    "marketplace.imports.views",
    "marketplace.imports.paste_views",
    "marketplace.orders.allocation_views",
    "marketplace.orders.lot_views",
    "marketplace.fulfilment.views",
    "marketplace.fulfilment.issue_views",
    "marketplace.fulfilment.sheet_views",
    "marketplace.fulfilment.surplus_views",
    "marketplace.fulfilment.processing_views",
    "marketplace.fulfilment.processing_line_views",
    "marketplace.fulfilment.paper_views",
    "marketplace.fulfilment.delivery_views",
    "marketplace.fulfilment.driver_views",
    "marketplace.fulfilment.original_views",
    "marketplace.fulfilment.label_views",
    "marketplace.reporting.board_views",
    "marketplace.reporting.trace_views",
    "marketplace.reporting.trust_views",
    "marketplace.reporting.ledger_views",
    "marketplace.reporting.check_views",
    "marketplace.reporting.online_views",
    "marketplace.reporting.bill_views",
    "marketplace.settlement.payout_views",
    "marketplace.settlement.proposal_views",
    "marketplace.settlement.line_views",
    "marketplace.settlement.village_views",
    "marketplace.settlement.recovery_views",
    "marketplace.settlement.payee_views",
    "marketplace.settlement.advance_views",
    "marketplace.settlement.fee_views",
    "marketplace.reporting.transfer_views",
    "marketplace.reporting.transfer_settling_views",
    "marketplace.reporting.credit_views",
    "marketplace.reporting.statement_views",
    "marketplace.reporting.unit_statement_views",
    "marketplace.jobs.health_views",
    "marketplace.orders.shop_views",
    "marketplace.orders.checkout_views",
    "marketplace.payments.pay_views",
    "marketplace.payments.notice_views",
    "marketplace.orders.my_order_views",
    "marketplace.orders.listing_views",
    "marketplace.orders.order_desk_views",
    "marketplace.fulfilment.cancel_views",
    "marketplace.orders.place_views",
    "marketplace.orders.round_views",
    "marketplace.orders.canteen_views",
    "marketplace.orders.canteen_order_views",
    "marketplace.orders.claim_views",
    "marketplace.fulfilment.recall_views",
    "marketplace.fulfilment.recalled_views",
    "marketplace.fulfilment.hold_views",
    "marketplace.fulfilment.incoming_views",
    "marketplace.fulfilment.pickup_views",
    "marketplace.orders.approval_views",
    "marketplace.orders.group_views",
    "marketplace.orders.group_entry_views",
    "marketplace.orders.group_file_views",
    "marketplace.orders.group_form_views",
)
"""Modules that hold a blueprint `bp`, several may hold the same one; a new page's module is added here."""
IMPORTERS = (
    "marketplace.imports.region_import",
    "marketplace.imports.unit_import",
    "marketplace.imports.account_import",
    "marketplace.households.household_import",
    "marketplace.households.member_import",
    "marketplace.catalog.report_import",
    "marketplace.catalog.paste_import",
    "marketplace.settlement.payee_import",
    "marketplace.settlement.result_import",
    "marketplace.settlement.checking",
    "marketplace.payments.bank_import",
)
"""Modules that register a kind of file; a new kind's module is added here."""
FIELD_PAGES: tuple[str, ...] = (
    "marketplace.catalog.field_views",
    "marketplace.orders.field_views",
    "marketplace.orders.field_lot_views",
    "marketplace.orders.report_in_time",
    "marketplace.fulfilment.field_views",
    "marketplace.fulfilment.weighing_views",
    "marketplace.fulfilment.acceptance_views",
    "marketplace.fulfilment.lot_paper_views",
    "marketplace.fulfilment.receipt_views",
    "marketplace.fulfilment.regrade_views",
    "marketplace.fulfilment.pool_views",
    "marketplace.settlement.field_views",
    "marketplace.fulfilment.weighed_goods",
    "marketplace.settlement.paid_goods",
    "marketplace.reporting.audit_names",
)
"""Modules that attach views to the blueprint `field`, notes to its receipts, stages to its lots or names to the
trail; imported before anything is registered."""


def create_app(settings: Settings) -> Flask:
    """A ready application. Opens no connection and writes nothing."""
    app = Flask("marketplace", template_folder=str(templates_folder()), static_folder="web/static")
    app.config.update(_flask_config(settings))
    app.request_class = requests.PlainRequest
    app.extensions["settings"] = settings
    if settings.mode != "test":
        app.extensions[WAKER] = make_waker(settings)
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    keyring.configure(settings.data_keys, settings.lookup_key)
    signer.configure(settings.seal_keys)
    if settings.mode == "test":
        passwords.configure(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    addresses.init_addresses(app)
    requests.configure_logs()
    requests.init_requests(app, secure=settings.secure_cookies, pays_at=_pays_at(settings))
    db.init_app(app)
    _close_no_async_sessions(app)
    with app.app_context():
        configure_engine(db.engine)
    Bootstrap5(app)
    # Alipay sends no token of ours: what it signs is checked instead.
    CSRFProtect(app).exempt("marketplace.payments.notice_views.hear")
    Compress(app)
    init_access(app)
    errors.init_errors(app)
    assets.init_assets(app)
    filters.init_filters(app)
    qr.init_qr(app)
    _init_navigation(app)
    for name in IMPORTERS:
        import_module(name)
    for name in FIELD_PAGES:
        import_module(name)
    for bp in dict.fromkeys([import_module(name).bp for name in FEATURES]):
        app.register_blueprint(bp)
    app.register_blueprint(field_blueprint.bp)
    return app


def _close_no_async_sessions(app: Flask) -> None:
    """Nobody opens any here, and closing none costs each request an event loop of its own."""
    app.teardown_appcontext_funcs[:] = [
        function for function in app.teardown_appcontext_funcs if not iscoroutinefunction(function)
    ]


def _pays_at(settings: Settings) -> str:
    """Where Alipay's pages are; its gateway sends the buyer on to a machine of the same domain."""
    if settings.alipay is None:
        return ""
    if settings.alipay.gateway == ALIPAY_GATEWAY:
        return "https://*.alipay.com"
    place = urlsplit(settings.alipay.gateway)
    return f"{place.scheme}://{place.netloc}"


def _flask_config(settings: Settings) -> dict[str, object]:
    # Parameters carry names and phones; faults are logged with their statement.
    engine: dict[str, object] = {"url": settings.database_url, "hide_parameters": True}
    if settings.database_url.startswith("postgresql"):
        engine |= {"pool_size": 10, "max_overflow": 10, "pool_pre_ping": True}
    return {
        "SECRET_KEY": settings.secret_key,
        "SQLALCHEMY_ENGINES": {"default": engine},
        "TRUSTED_HOSTS": list(settings.hosts),
        "TESTING": settings.mode == "test",
        "DEMO": settings.demo,
        "SESSION_COOKIE_NAME": "__Host-session" if settings.secure_cookies else "session",
        "SESSION_COOKIE_SECURE": settings.secure_cookies,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "MAX_CONTENT_LENGTH": 13 * 1024 * 1024,
        "MAX_FORM_MEMORY_SIZE": 500_000,
        "MAX_FORM_PARTS": 1500,
        "WTF_CSRF_TIME_LIMIT": None,
        "WTF_I18N_ENABLED": False,  # the messages of WTForms itself, in the language of `Form`
        "BOOTSTRAP_SERVE_LOCAL": True,
        "COMPRESS_MIMETYPES": [
            "text/html", "text/css", "text/plain", "application/javascript", "text/javascript",
            "application/json", "image/svg+xml",
        ],
    }  # fmt: skip


FIELD_READERS = frozenset({REPORT_SUBMIT, LOT_VIEW, SHEET_VIEW})
FIELD_WORKERS = frozenset({REPORT_SUBMIT, WEIGH_IN})


def _init_navigation(app: Flask) -> None:
    @app.context_processor
    def _navigation() -> dict[str, object]:
        actor = find_actor()
        return {
            "nav": navigation.desk_navigation(actor.may) if actor else [],
            "on_phone": bool(actor and works_on_phone(actor)),
            "tabs": navigation.tabs(
                actor.may if actor else (lambda _: False),
                field_worker=bool(actor and actor.permissions & FIELD_WORKERS),
                reads_field=bool(actor and actor.permissions & FIELD_READERS),
            ),
            "county": cache(lambda: county_settings(db.session)),  # asked once for a page of slips
        }
