"""Configuration from the environment, checked once at start."""

import base64
import binascii
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet

from marketplace.core.rsa_keys import BadKey, private_key, public_key

WEAK_WORDS = ("secret", "changeme", "password", "demo", "dev", "test")


class BadConfiguration(Exception):
    """The program must not start like this; the message is one sentence for the administrator."""


@dataclass(frozen=True)
class AlipaySettings:
    """The merchant at Alipay. Keys are bare base64 or PEM; the private one PKCS#1 or PKCS#8."""

    app_id: str
    seller_id: str  # the merchant's account, 2088…: a notice for another one is not ours
    private_key: str
    public_key: str  # Alipay's, not the merchant's own
    gateway: str


ALIPAY_GATEWAY = "https://openapi.alipay.com/gateway.do"


@dataclass(frozen=True)
class Settings:
    """What a process needs to know before it opens the database."""

    mode: str  # demo, test or production
    database_url: str
    secret_key: str
    data_keys: tuple[str, ...]  # Fernet keys, newest first: the first encrypts, all decrypt
    lookup_key: str  # keyed hash for exact search over encrypted values
    seal_keys: tuple[str, ...]  # Ed25519, 32 bytes in base64, newest first: the first signs seals
    folder: Path  # photos, exports, the job queue
    hosts: tuple[str, ...]  # host names that are answered
    secure_cookies: bool
    redis_url: str | None = None
    smtp_url: str | None = None
    mail_from: str = "noreply@localhost"
    sms_provider: str | None = None  # a name of notices/sms.py
    alipay: AlipaySettings | None = None  # without it nobody is offered to pay online
    site: str | None = None  # the address under which Alipay reaches us, https://…

    @property
    def demo(self) -> bool:
        return self.mode == "demo"


def _kept_secrets(folder: Path) -> dict[str, str]:
    """Secrets of the embedded set-up: made at the first start, kept beside the database."""
    path = folder / "secrets.json"
    kept: dict[str, str] = {}
    if path.exists():
        kept = json.loads(path.read_text(encoding="utf8"))
    else:
        folder.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=False)
    made = {
        "secret_key": secrets.token_urlsafe(48),
        "data_keys": Fernet.generate_key().decode(),
        "lookup_key": secrets.token_urlsafe(48),
        "seal_keys": base64.b64encode(secrets.token_bytes(32)).decode(),
    }
    if made.keys() - kept.keys():
        kept = made | kept
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.touch(mode=0o600, exist_ok=True)
        fresh.write_text(json.dumps(kept), encoding="utf8")
        fresh.replace(path)  # whole or not at all: what they encrypt is lost without them
    return kept


def from_environment(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read MARKETPLACE_* variables; raises BadConfiguration naming the first one at fault."""
    mode = environ.get("MARKETPLACE_MODE", "demo")
    if mode not in {"demo", "test", "production"}:
        raise BadConfiguration(f"MARKETPLACE_MODE must be demo or production, not {mode!r}.")
    folder = Path(environ.get("MARKETPLACE_FOLDER", "var")).resolve()
    kept = {} if mode == "production" else _kept_secrets(folder)

    def value(name: str, fallback: str | None = None) -> str:
        found = environ.get(f"MARKETPLACE_{name.upper()}") or kept.get(name) or fallback
        if found is None:
            raise BadConfiguration(f"Set MARKETPLACE_{name.upper()}: production has no default.")
        return found

    sqlite = f"sqlite:///{folder / 'marketplace.db'}"
    settings = Settings(
        mode=mode,
        database_url=value("database_url", None if mode == "production" else sqlite),
        secret_key=value("secret_key"),
        data_keys=tuple(value("data_keys").split(",")),
        lookup_key=value("lookup_key"),
        seal_keys=tuple(value("seal_keys").split(",")),
        folder=folder,
        hosts=tuple(
            value("hosts", None if mode == "production" else "127.0.0.1,localhost").split(",")
        ),
        secure_cookies=mode == "production" and environ.get("MARKETPLACE_INSECURE_HTTP") != "1",
        redis_url=environ.get("MARKETPLACE_REDIS_URL"),
        smtp_url=environ.get("MARKETPLACE_SMTP_URL"),
        mail_from=environ.get("MARKETPLACE_MAIL_FROM", "noreply@localhost"),
        sms_provider=environ.get("MARKETPLACE_SMS_PROVIDER"),
        alipay=_alipay(environ, production=mode == "production"),
        site=environ.get("MARKETPLACE_SITE", "").rstrip("/") or None,
    )
    _check(settings, environ)
    return settings


def _alipay(environ: Mapping[str, str], *, production: bool) -> AlipaySettings | None:
    """All of MARKETPLACE_ALIPAY_*, or none. Production pays through no simulator."""
    names = ("APP_ID", "SELLER_ID", "PRIVATE_KEY", "PUBLIC_KEY")
    given = {name: environ.get(f"MARKETPLACE_ALIPAY_{name}", "").strip() for name in names}
    if not any(given.values()):
        return None
    for name, value in given.items():
        if not value:
            raise BadConfiguration(f"Set MARKETPLACE_ALIPAY_{name} too, or none of them.")
    for name, read in (("PRIVATE_KEY", private_key), ("PUBLIC_KEY", public_key)):
        try:
            read(given[name])
        except BadKey as error:
            raise BadConfiguration(f"MARKETPLACE_ALIPAY_{name} is {error}.") from None
    gateway = environ.get("MARKETPLACE_ALIPAY_GATEWAY", ALIPAY_GATEWAY)
    if production and gateway != ALIPAY_GATEWAY:
        raise BadConfiguration(
            f"MARKETPLACE_ALIPAY_GATEWAY must be {ALIPAY_GATEWAY} in production."
        )
    if production and not environ.get("MARKETPLACE_SITE", "").startswith("https://"):
        raise BadConfiguration("Set MARKETPLACE_SITE (https://…): Alipay reports payments there.")
    return AlipaySettings(
        given["APP_ID"], given["SELLER_ID"], given["PRIVATE_KEY"], given["PUBLIC_KEY"], gateway
    )


def _check(settings: Settings, environ: Mapping[str, str]) -> None:
    for key in settings.data_keys:
        try:
            Fernet(key)
        except ValueError:
            raise BadConfiguration(
                "MARKETPLACE_DATA_KEYS holds a value that is no Fernet key."
            ) from None
    for key in settings.seal_keys:
        if not _is_seal_key(key):
            raise BadConfiguration(
                "MARKETPLACE_SEAL_KEYS holds a value that is not 32 bytes in base64."
            )
    if settings.mode != "production":
        return
    for name, secret in (("SECRET_KEY", settings.secret_key), ("LOOKUP_KEY", settings.lookup_key)):
        weak = len(secret) < 32 or len(set(secret)) < 10
        if weak or any(secret.lower().startswith(word) for word in WEAK_WORDS):
            raise BadConfiguration(
                f"MARKETPLACE_{name} is too weak: give 32 or more random characters."
            )
    if settings.secret_key == settings.lookup_key:
        raise BadConfiguration("MARKETPLACE_SECRET_KEY and MARKETPLACE_LOOKUP_KEY must differ.")
    if environ.get("FLASK_DEBUG", "0") not in {"", "0"}:
        raise BadConfiguration("FLASK_DEBUG must not be set in production.")


def _is_seal_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == 32
    except binascii.Error:
        return False
