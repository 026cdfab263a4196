"""Check a proof without the system that made it.

    python check.py proof.json --seal seal.json [--key PUBLIC_KEY]

This file stands alone: it needs Python and the package `cryptography`, no database, no network and no
secret. What it checks is written down in docs/proof.md, so that anybody can write another.
"""

import argparse
import base64
import binascii
import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class BadProof(Exception):
    """What does not fit, in one sentence."""


@dataclass(frozen=True)
class Checked:
    """What a good proof says: the stream's events up to the seal, and the seal."""

    stream: str
    events: list[dict[str, Any]]
    seal: dict[str, Any]


def check(proof: Any, seal: Any, key: str = "") -> Checked:
    """Raises BadProof for the first thing that does not fit. `key` is the public key one trusts, in base64;
    without it the seal's own is taken, which shows only that everything fits together."""
    try:
        text = _sealed(seal, key)
        events = _chained(proof["events"], proof["stream"])
        _included(proof, events, text)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadProof(f"文件的格式不对（{type(error).__name__}）") from error
    return Checked(proof["stream"], [json.loads(event) for event in proof["events"]], text)


def _sealed(seal: Any, key: str) -> dict[str, Any]:
    """The seal's words, once its signature holds."""
    text: dict[str, Any] = json.loads(seal["text"])
    if key and text["key"] != key:
        raise BadProof("这个封印不是用您信任的公钥签的")
    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(text["key"], validate=True))
        public.verify(base64.b64decode(seal["signature"], validate=True), seal["text"].encode())
    except (InvalidSignature, binascii.Error, ValueError):
        raise BadProof("封印的签名对不上") from None
    return text


def _chained(events: Sequence[str], stream: str) -> str:
    """The hash of the last event, once each names the one before."""
    last = ""
    for at, event in enumerate(events, 1):
        said = json.loads(event)
        if (said["stream"], said["seq"], said["prev"]) != (stream, at, last):
            raise BadProof(f"第 {at} 条和前一条接不上")
        last = hashlib.sha256(event.encode()).hexdigest()
    return last


def _included(proof: Any, last: str, seal: dict[str, Any]) -> None:
    """The stream's head is a leaf of the sealed tree."""
    head = {"hash": last, "seq": len(proof["events"]), "stream": proof["stream"]}
    leaf = json.dumps(head, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    position, size = int(proof["leaf"]["position"]), int(proof["leaf"]["size"])
    if size != seal["leaves"] or proof["seal"] != seal["number"]:
        raise BadProof("凭证说的不是这个封印")
    found = climb(leaf.encode(), position, size, [bytes.fromhex(one) for one in proof["path"]])
    if found is None or found.hex() != seal["root"]:
        raise BadProof("这批货的记录和封印对不上，被改过或者不是这个封印的")


def climb(leaf: bytes, position: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that the way leads to (RFC 9162, section 2.1.3.2); None for a way of the wrong length or a
    leaf outside the tree."""
    if not 0 <= position < size:
        return None
    here, end, found = position, size - 1, hashlib.sha256(b"\x00" + leaf).digest()
    for beside in path:
        if end == 0:
            return None
        if here & 1 or here == end:
            found = hashlib.sha256(b"\x01" + beside + found).digest()
            while here and not here & 1:
                here, end = here >> 1, end >> 1
        else:
            found = hashlib.sha256(b"\x01" + found + beside).digest()
        here, end = here >> 1, end >> 1
    return found if end == 0 else None


def describe(checked: Checked) -> list[str]:
    """What was shown, in lines to read."""
    lines = [f"批次 {checked.stream}：{len(checked.events)} 条记录，一条接一条，没有改过。"]
    lines += [
        f"  {e['seq']}. {e['kind']} {json.dumps(e['data'], ensure_ascii=False)}"
        for e in checked.events
    ]
    lines.append(f"它们都在第 {checked.seal['number']} 号封印里，签名对得上。")
    lines.append(f"公钥 {checked.seal['key']}：请和您另外得到的公钥核对。")
    return lines


def run(proof: Path, seal: Path, key: str) -> tuple[int, str]:
    """0 and what the files show when they hold; 1 and why when not."""
    try:
        files = [json.loads(path.read_text(encoding="utf8")) for path in (proof, seal)]
        return 0, "\n".join(describe(check(files[0], files[1], key)))
    except (OSError, ValueError) as error:
        return 1, f"读不了文件：{error}"
    except BadProof as error:
        return 1, f"不成立：{error}。"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("proof", type=Path)
    parser.add_argument("--seal", type=Path, required=True)
    parser.add_argument("--key", default="", help="the public key that you trust, base64")


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(description="Check a proof of Xiangbang.")
    arguments(_parser)
    _given = _parser.parse_args()
    _code, _words = run(_given.proof, _given.seal, _given.key)
    sys.stdout.write(f"{_words}\n")
    sys.exit(_code)
