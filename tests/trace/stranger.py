"""A verifier written from docs/proof.md alone, by somebody who has nothing of the product and no library:
SHA-256 and JSON from the language, Ed25519 after RFC 8032, section 5.1, the tree after RFC 9162, section 2.1.
"""

import base64
import hashlib
import json
import re

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)


def holds(proof, seal, before=None):
    """Whether the proof's events are under the seal's signature; `before` is the seal before."""
    if not (_has(proof, PROOF) and proof["format"] == "xiangbang-proof/1"):
        return False
    text = _sealed(seal)
    head = _head(proof["events"], proof["stream"])
    place = proof["leaf"]
    if text is None or head == "" or not _has(place, {"position": int, "size": int}):
        return False
    leaf = f'{{"hash":"{head}","seq":{len(proof["events"])},"stream":"{proof["stream"]}"}}'
    if not all(isinstance(one, str) and re.fullmatch("[0-9a-f]{64}", one) for one in proof["path"]):
        return False
    root = _climb(
        hashlib.sha256(b"\0" + leaf.encode()).digest(),
        place["position"],
        place["size"],
        [bytes.fromhex(one) for one in proof["path"]],
    )
    return (
        root.hex() == text["root"]
        and (place["size"], proof["seal"]) == (text["leaves"], text["number"])
        and _vouched(seal, text, before)
    )


PROOF = {"format": str, "stream": str, "events": list, "seal": int, "leaf": dict, "path": list}
SEAL = dict.fromkeys(("format", "text", "hash", "public_key", "signature", "endorsement"), str)
EVENT = {"at": int, "data": dict, "kind": str, "prev": str, "seq": int, "stream": str, "v": int}
TEXT = {"at": int, "key": str, "leaves": int, "number": int, "prev": str, "root": str, "v": int}


def _has(given, fields):
    return isinstance(given, dict) and all(type(given.get(f)) is k for f, k in fields.items())


def _read(text, fields):
    """A text's object with these fields; None for anything else."""

    def pairs(found):
        assert len({key for key, _ in found}) == len(found)
        return dict(found)

    def refuse(_number):
        raise AssertionError

    try:
        said = json.loads(text, object_pairs_hook=pairs, parse_float=refuse, parse_constant=refuse)
    except (AssertionError, TypeError, ValueError):
        return None
    return said if _has(said, fields) and said["v"] == 1 else None


def _decode(text):
    """Base64 in its one spelling."""
    try:
        found = base64.b64decode(text)
    except ValueError:
        return b""
    return found if base64.b64encode(found).decode() == text else b""


def _sealed(seal):
    """What the seal says when it is whole by itself."""
    if not _has(seal, SEAL) or seal["format"] != "xiangbang-seal/1":
        return None
    text = _read(seal["text"], TEXT)
    if text is None or hashlib.sha256(seal["text"].encode()).hexdigest() != seal["hash"]:
        return None
    if text["key"] != seal["public_key"] or (text["number"] == 1) != (text["prev"] == ""):
        return None
    good = _signed(_decode(text["key"]), seal["text"].encode(), _decode(seal["signature"]))
    return text if good and text["number"] > 0 else None


def _vouched(seal, text, before):
    endorsement = seal["endorsement"]
    if before is None:
        return endorsement == ""
    last = _sealed(before)
    if last is None or last["number"] + 1 != text["number"] or before["hash"] != text["prev"]:
        return False
    if last["key"] == text["key"]:
        return endorsement == ""
    return _signed(_decode(last["key"]), seal["text"].encode(), _decode(endorsement))


def _head(events, stream):
    """The last event's hash, or nothing when one does not follow the other."""
    last = ""
    for number, event in enumerate(events, 1):
        said = _read(event, EVENT)
        if said is None or (said["seq"], said["prev"], said["stream"]) != (number, last, stream):
            return ""
        last = hashlib.sha256(event.encode()).hexdigest()
    return last


def _climb(leaf, position, size, path):
    """From a leaf to the root, splitting at the largest power of two below the size, from above."""
    if not 0 <= position < size:
        return b""
    if size == 1:
        return leaf if not path else b""
    if not path:
        return b""
    left = 1
    while left * 2 < size:
        left *= 2
    *below, beside = path
    if position < left:
        return hashlib.sha256(b"\1" + _climb(leaf, position, left, below) + beside).digest()
    rest = _climb(leaf, position - left, size - left, below)
    return hashlib.sha256(b"\1" + beside + rest).digest()


def _signed(public, message, signature):
    if len(signature) != 64 or len(public) != 32:
        return False
    point, commitment = _point(public), _point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if point is None or commitment is None or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    return _same(_times(s, BASE), _plus(commitment, _times(k, point)))


def _x(y, odd):
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_1 % P
    if (x * x - square) % P or (x == 0 and odd):
        return None
    return P - x if x & 1 != odd else x


def _point(data):
    y = int.from_bytes(data, "little")
    odd, y = y >> 255, y & ((1 << 255) - 1)
    x = None if y >= P else _x(y, odd)
    return None if x is None else (x, y, 1, x * y % P)


def _plus(one, two):
    a = (one[1] - one[0]) * (two[1] - two[0]) % P
    b = (one[1] + one[0]) * (two[1] + two[0]) % P
    c, d = 2 * one[3] * two[3] * D % P, 2 * one[2] * two[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _times(number, point):
    found = (0, 1, 1, 0)
    while number:
        if number & 1:
            found = _plus(found, point)
        point, number = _plus(point, point), number >> 1
    return found


def _same(one, two):
    return not ((one[0] * two[2] - two[0] * one[2]) % P or (one[1] * two[2] - two[1] * one[2]) % P)


_Y = 4 * pow(5, P - 2, P) % P
BASE = (_x(_Y, 0), _Y, 1, _x(_Y, 0) * _Y % P)
