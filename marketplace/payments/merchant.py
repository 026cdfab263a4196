"""The county's account at Alipay, if it has one; and links under which anybody may pay an order."""

from importlib import import_module
from typing import TYPE_CHECKING

from flask import current_app, request, url_for
from itsdangerous import BadSignature, URLSafeSerializer

from marketplace.core.errors import NotFound
from marketplace.core.settings import Settings

if TYPE_CHECKING:
    from marketplace.payments.alipay import Alipay


def _settings() -> Settings:
    found: Settings = current_app.extensions["settings"]
    return found


def online() -> bool:
    """Whether anybody can pay online here."""
    return _settings().alipay is not None


def current_alipay() -> "Alipay":
    """The SDK is large: it is loaded when somebody pays for the first time. Raises NotFound where the
    county has no account."""
    settings = _settings().alipay
    if settings is None:
        raise NotFound("这里还不能在线付款。")
    found: Alipay = import_module("marketplace.payments.alipay").alipay_of(settings)
    return found


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(_settings().secret_key, salt="pay")


def pay_token(order_number: str) -> str:
    """Who has it may see what an order costs, and pay it: no name, no goods, no account."""
    text = _signer().dumps(order_number)
    return text if isinstance(text, str) else text.decode()


def number_of(token: str) -> str:
    """Raises NotFound for what was not made here."""
    try:
        return str(_signer().loads(token))
    except BadSignature:
        raise NotFound("没有这个付款链接。") from None


def outside(endpoint: str, **values: object) -> str:
    """An address of ours as Alipay reaches it."""
    site = _settings().site or request.url_root.rstrip("/")
    return site + url_for(endpoint, **values)  # type: ignore[arg-type]
