"""Keys and signatures as Alipay writes them: bare base64 or PEM, PKCS#1 or PKCS#8, RSA2 with SHA-256.

The SDK verifies with whatever hash a signature names, SHA-1 too, and signs only with PKCS#1 keys.
What comes in is therefore verified here, and keys are brought into the form that the SDK reads.
"""

import base64
import binascii
import re
import textwrap
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

_PRIVATE_LABELS = ("RSA PRIVATE KEY", "PRIVATE KEY")
_PUBLIC_LABELS = ("PUBLIC KEY", "RSA PUBLIC KEY")


class BadKey(ValueError):
    """The text is no RSA key of the kind asked for."""


@lru_cache(maxsize=8)
def private_key(text: str) -> RSAPrivateKey:
    """Raises BadKey."""
    for pem in _candidates(text, _PRIVATE_LABELS):
        try:
            key = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError):
            continue
        if isinstance(key, RSAPrivateKey) and key.key_size >= 2048:
            return key
    raise BadKey("not an RSA private key of 2048 bits or more")


@lru_cache(maxsize=8)
def public_key(text: str) -> RSAPublicKey:
    """Raises BadKey."""
    for pem in _candidates(text, _PUBLIC_LABELS):
        try:
            key = serialization.load_pem_public_key(pem)
        except ValueError:
            continue
        if isinstance(key, RSAPublicKey) and key.key_size >= 2048:
            return key
    raise BadKey("not an RSA public key of 2048 bits or more")


def private_text(text: str) -> str:
    """As the SDK wants it: PKCS#1, in PEM."""
    return (
        private_key(text)
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        .decode()
        .strip()
    )


def public_text(text: str) -> str:
    """As the SDK wants it: SubjectPublicKeyInfo, in PEM."""
    return (
        public_key(text)
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
        .strip()
    )


def verifies(key_text: str, content: bytes, signature: str) -> bool:
    """Whether `signature` (base64) is RSA2 over `content`: PKCS#1 v1.5 with SHA-256 and nothing else."""
    try:
        raw = base64.b64decode(signature, validate=True)
        public_key(key_text).verify(raw, content, padding.PKCS1v15(), SHA256())
    except (binascii.Error, ValueError, InvalidSignature):
        return False
    return True


def _candidates(text: str, labels: tuple[str, ...]) -> list[bytes]:
    """The text under every label: bare base64 does not say which it is."""
    body = re.sub(r"-----[A-Z ]+-----|\s", "", text)
    lines = "\n".join(textwrap.wrap(body, 64))
    return [
        f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n".encode() for label in labels
    ]
