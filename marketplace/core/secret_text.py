"""Personal data at rest: encrypted columns with key rotation, keyed hashes for exact search."""

import hashlib
import hmac
from typing import Any

from cryptography.fernet import Fernet, MultiFernet
from sqlalchemy import Text
from sqlalchemy.types import TypeDecorator


class Keyring:
    """The process's keys. Set once at start, before the first row is read."""

    def __init__(self) -> None:
        self._fernet: MultiFernet | None = None
        self._lookup = b""

    def configure(self, data_keys: tuple[str, ...], lookup_key: str) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in data_keys])
        self._lookup = lookup_key.encode()

    @property
    def fernet(self) -> MultiFernet:
        if self._fernet is None:
            raise RuntimeError("the keyring is not configured")
        return self._fernet

    def lookup(self, value: str) -> str:
        """Keyed hash (64 hex characters) of a normalised value: equal values, equal hashes."""
        if not self._lookup:
            raise RuntimeError("the keyring is not configured")
        return hmac.new(self._lookup, value.encode(), hashlib.sha256).hexdigest()


keyring = Keyring()


class SecretText(TypeDecorator[str]):
    """Text that is readable in the program and encrypted in the database."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        return None if value is None else keyring.fernet.encrypt(value.encode()).decode()

    def process_result_value(self, value: str | None, dialect: Any) -> str | None:
        return None if value is None else keyring.fernet.decrypt(value.encode()).decode()
