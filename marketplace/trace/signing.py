"""The keys that sign seals: the first signs, the others may still vouch for it once."""

import base64

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def _encoded(key: Ed25519PrivateKey) -> str:
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return base64.b64encode(public).decode()


class Signer:
    """The process's keys. Set once at start; 32 bytes in base64 each, the newest first."""

    def __init__(self) -> None:
        self._keys: dict[str, Ed25519PrivateKey] = {}

    def configure(self, seal_keys: tuple[str, ...]) -> None:
        keys = [Ed25519PrivateKey.from_private_bytes(base64.b64decode(k)) for k in seal_keys]
        self._keys = {_encoded(key): key for key in keys}

    @property
    def public_key(self) -> str:
        """Of the key that signs now, in base64."""
        return next(iter(self._keys))

    def has(self, public_key: str) -> bool:
        return public_key in self._keys

    def sign(self, text: str, public_key: str) -> str:
        """The signature in base64; empty when we do not have this key any more."""
        key = self._keys.get(public_key)
        return base64.b64encode(key.sign(text.encode())).decode() if key else ""


signer = Signer()
