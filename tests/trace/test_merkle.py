"""The tree of RFC 9162: its published vectors, and every way in trees of all small sizes."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.trace.canonical import canonical
from marketplace.trace.check import climb
from marketplace.trace.merkle import inclusion_path, leaf_hash, root

LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [  # of the first n leaves, as the reference implementations of Certificate Transparency have them
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("size", range(9))
def test_the_published_roots(size):
    assert root(LEAVES[:size]).hex() == ROOTS[size]


def _split_root(leaves):
    """The definition of RFC 9162, 2.1.1, word for word: split at the largest power of two below n."""
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + _split_root(leaves[:k]) + _split_root(leaves[k:])).digest()


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=70), st.data())
def test_every_leafs_way_leads_to_the_root_and_no_others(leaves, data):
    top = root(leaves)
    assert top == _split_root(leaves)
    index = data.draw(st.integers(0, len(leaves) - 1))
    path = inclusion_path(leaves, index)
    assert climb(leaves[index], index, len(leaves), path) == top
    assert climb(leaves[index] + b"x", index, len(leaves), path) != top
    assert climb(leaves[index], index, len(leaves), [*path, top]) != top
    if path:
        assert climb(leaves[index], index, len(leaves), path[:-1]) != top
    for other in {index - 1, index + 1, len(leaves)} - {index}:
        if leaves[index] != (leaves[other] if 0 <= other < len(leaves) else None):
            assert climb(leaves[index], other, len(leaves), path) != top


@pytest.mark.parametrize("value", [1.5, None, {"键": 1}, {1: 2}, [1.0], {"a": {"b": None}}, b"x"])
def test_what_has_no_single_spelling_is_refused(value):
    with pytest.raises(TypeError):
        canonical(value)


def test_one_spelling():
    assert canonical({"b": [1, "马蹄"], "a": {"d": 0, "c": -2}}) == (
        '{"a":{"c":-2,"d":0},"b":[1,"马蹄"]}'
    )
