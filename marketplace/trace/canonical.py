"""JSON with one spelling: what is hashed is kept as this very text."""

import hashlib
import json
from typing import Any


def canonical(value: Any) -> str:
    """Keys sorted, no blanks, UTF-8 as it is, whole numbers only (RFC 8785 without fractions). Raises
    TypeError for anything that has no single spelling."""
    _check(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256(text: str) -> str:
    """64 hex digits of the text's UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def _check(value: Any) -> None:
    if isinstance(value, dict):
        for key, held in value.items():
            if not isinstance(key, str) or not key.isascii():  # one order of keys in every language
                raise TypeError(f"a key is ASCII text, not {key!r}")
            _check(held)
    elif isinstance(value, list):
        for held in value:
            _check(held)
    elif not isinstance(value, (str, int)):  # bool is an int
        raise TypeError(f"no canonical spelling for {value!r}")
