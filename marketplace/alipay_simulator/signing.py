"""RSA2 as Alipay does it, written from its description: sorted key=value joined by &, SHA-256."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm


def signed_text(params: Mapping[str, str], *, without: frozenset[str]) -> bytes:
    rest = sorted((key, value) for key, value in params.items() if key not in without)
    return "&".join(f"{key}={value}" for key, value in rest).encode()


REQUEST = frozenset({"sign"})
NOTICE = frozenset({"sign", "sign_type"})


@dataclass(frozen=True)
class Keys:
    """The gateway's own key, and those of its one merchant, all in PEM."""

    own_private: str
    merchant_private: str

    @classmethod
    def make(cls) -> "Keys":
        return cls(_pem(_new_key()), _pem(_new_key()))

    @cached_property
    def _own(self) -> rsa.RSAPrivateKey:
        return _loaded(self.own_private)

    @cached_property
    def _merchant(self) -> rsa.RSAPrivateKey:
        return _loaded(self.merchant_private)

    @property
    def own_public(self) -> str:
        return (
            self._own.public_key()
            .public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            .decode()
        )

    def sign(self, text: bytes, *, sha1: bool = False) -> str:
        algorithm: HashAlgorithm = SHA1() if sha1 else SHA256()  # noqa: S303 - a fault on demand
        return base64.b64encode(self._own.sign(text, padding.PKCS1v15(), algorithm)).decode()

    def merchant_signed(self, params: Mapping[str, str]) -> bool:
        """Whether a request carries the merchant's signature."""
        try:
            raw = base64.b64decode(params.get("sign", ""), validate=True)
            text = signed_text(params, without=REQUEST)
            self._merchant.public_key().verify(raw, text, padding.PKCS1v15(), SHA256())
        except (ValueError, InvalidSignature):
            return False
        return True


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _loaded(pem: str) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key
