"""The Merkle tree of RFC 9162, section 2.1, over SHA-256: its root, and the way from one leaf.

Pure: bytes in and out. Who checks a way climbs it in `marketplace/trace/check.py`, which must be readable
alone.
"""

import hashlib
from collections.abc import Sequence


def leaf_hash(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + leaf).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _levels(hashes: Sequence[bytes]) -> list[list[bytes]]:
    """The leaves' hashes, then each level above them; an odd one out moves up as it is."""
    levels = [list(hashes)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        pairs = [_node(below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)]
        levels.append(pairs + ([below[-1]] if len(below) % 2 else []))
    return levels


def root(leaves: Sequence[bytes]) -> bytes:
    """The tree's root; of no leaves it is the hash of nothing."""
    if not leaves:
        return hashlib.sha256().digest()
    return _levels([leaf_hash(leaf) for leaf in leaves])[-1][0]


def inclusion_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes beside the way from leaf `index` up to the root."""
    path = []
    for level in _levels([leaf_hash(leaf) for leaf in leaves])[:-1]:
        beside = index ^ 1
        if beside < len(level):
            path.append(level[beside])
        index >>= 1
    return path
