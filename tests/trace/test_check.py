"""The checker by itself, with files of one lot: whatever they are, it answers in one sentence."""

import base64
import copy
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from marketplace.catalog.models import MOVEMENT_KINDS
from marketplace.cli.main import main
from marketplace.trace import check as checker
from marketplace.trace.canonical import canonical, sha256
from marketplace.trace.check import BadProof, check
from marketplace.trace.merkle import root
from marketplace.trace.sealing import leaf_text
from marketplace.trace.signing import Signer
from marketplace.trace.streams import event_text
from tests.trace import stranger

STREAM = "A" * 12
AT = 1_794_997_600  # 2026-11-18 18:26:40 in China
SAID = (
    ("opened", {"base": 3000, "product": "mati"}),
    ("moved", {"base": 3000, "movement": "committed"}),
    ("certified", {"kind": "certificate"}),
)


def _signer(word):
    made = Signer()
    made.configure((base64.b64encode(word.ljust(32).encode()).decode(),))
    return made


FIRST, SECOND = _signer("the first key"), _signer("the second key")


def _proof():
    texts, last = [], ""
    for seq, (kind, data) in enumerate(SAID, 1):
        texts.append(event_text(STREAM, seq, last, AT + seq, kind, data))
        last = sha256(texts[-1])
    return {
        "format": "xiangbang-proof/1",
        "stream": STREAM,
        "events": texts,
        "seal": 2,
        "leaf": {"position": 0, "size": 1},
        "path": [],
    }, root([leaf_text(STREAM, len(SAID), last).encode()]).hex()


def _seal(number, prev, top, by, voucher=None, changed=None):
    said = {"at": AT + 60, "key": by.public_key, "leaves": 1, "number": number, "prev": prev}
    text = canonical(said | {"root": top, "v": 1} | (changed or {}))
    return {
        "format": "xiangbang-seal/1",
        "text": text,
        "hash": sha256(text),
        "signature": by.sign(text, by.public_key),
        "public_key": by.public_key,
        "endorsement": voucher.sign(text, voucher.public_key) if voucher else "",
    }


def _files(by=FIRST, voucher=None, changed=None):
    """The proof, its seal, and the seal before."""
    proof, top = _proof()
    before = _seal(1, "", "0" * 64, FIRST)
    return proof, _seal(2, before["hash"], top, by, voucher, changed), before


def _both_refuse(proof, seal, before, words=None):
    with pytest.raises(BadProof, match=words):
        check(proof, seal, "", before)
    assert not stranger.holds(proof, seal, before)


def test_the_files_hold_for_both():
    proof, seal, before = _files()
    for last in (None, before):
        assert [one["kind"] for one in check(proof, seal, "", last).events] == [k for k, _ in SAID]
        assert stranger.holds(proof, seal, last)


GARBAGE = ("", "abc", "0" * 64, base64.b64encode(b"x" * 64).decode(), 7, None, True, [], {})


@pytest.mark.parametrize(
    "field", ["format", "text", "hash", "signature", "public_key", "endorsement"]
)
def test_garbage_in_any_field_of_the_seal_is_refused_by_both(field):
    proof, seal, before = _files()
    for garbage in GARBAGE:
        if garbage == seal[field]:
            continue
        for last in (None, before):
            _both_refuse(proof, seal | {field: garbage}, last)
    without = {key: value for key, value in seal.items() if key != field}
    _both_refuse(proof, without, None, "格式")


@pytest.mark.parametrize("field", ["format", "stream", "events", "seal", "leaf", "path"])
def test_garbage_in_any_field_of_the_proof_is_refused_by_both(field):
    proof, seal, _ = _files()
    for garbage in GARBAGE:
        if garbage != proof[field]:
            _both_refuse(proof | {field: garbage}, seal, None)


def test_the_proof_of_another_seal_is_refused_by_both():
    proof, seal, _ = _files()
    _both_refuse(proof | {"seal": 3}, seal, None, "第 3 号")


def test_what_a_signature_covers_must_make_sense_all_the_same():
    """Signed as it stands: the county's own program gone wrong."""
    for changed in (
        {"number": True},
        {"number": 0},
        {"prev": ""},
        {"v": 2},
        {"leaves": 2},
        {"at": "now"},
        {"key": SECOND.public_key},
    ):
        proof, seal, _ = _files(changed=changed)
        _both_refuse(proof, seal, None)


def _event(**changed):
    event = json.loads(_proof()[0]["events"][0]) | changed
    return json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@pytest.mark.parametrize(
    "text",
    [
        _event(v=True),
        _event(v=2),
        _event(seq=1.0),
        _event(at="2026"),
        _event(data=[]),
        _event(data={"base": 0.5}),
        _event()[:-1] + ',"seq":1}',
        "[" * 100_000,
        "\ud800",
        7,
    ],
)
def test_an_event_that_is_none_is_refused_by_both(text):
    if isinstance(text, str) and text.startswith("[["):
        with pytest.raises(BadProof):
            check(_proof()[0] | {"events": [text]}, _files()[1])
        return
    proof = _proof()[0] | {"events": [text]}
    try:
        top = root([leaf_text(STREAM, 1, sha256(text)).encode()]).hex()
    except (AttributeError, UnicodeEncodeError):
        top = "0" * 64
    before = _seal(1, "", "0" * 64, FIRST)
    _both_refuse(proof, _seal(2, before["hash"], top, FIRST), None)


def test_a_new_key_wants_the_seal_before_and_its_word():
    proof, seal, before = _files(SECOND, FIRST)
    assert check(proof, seal, "", before).seal["number"] == 2
    assert check(proof, seal, FIRST.public_key, before), "the old key, which is trusted, vouches"
    assert stranger.holds(proof, seal, before)
    _both_refuse(proof, seal, None, "--before")
    _both_refuse(proof, seal | {"endorsement": ""}, before, "没有担保")
    other = _files(SECOND, SECOND)[1]
    _both_refuse(proof, other, before, "没有担保")
    _both_refuse(proof, _files(FIRST, FIRST)[1], before, "没有换公钥")
    _both_refuse(proof, seal, _seal(1, "", "1" * 64, FIRST), "前一个封印")
    _both_refuse(proof, seal, before | {"hash": "0" * 64}, "指纹")


def _written(folder, proof, seal):
    paths = folder / "proof.json", folder / "seal.json"
    for path, data in zip(paths, (proof, seal), strict=True):
        path.write_text(json.dumps(data), encoding="utf8")
    return paths


@pytest.fixture
def asked(tmp_path, capsys):
    """Runs the command on good files, with what the test changed; its code and its words."""
    proof, seal = _written(tmp_path, *_files()[:2])

    def ask(*more, first=proof, second=seal):
        command = ["verify-proof", str(first), *(["--seal", str(second)] if second else []), *more]
        try:
            code = main(command)
        except SystemExit as ended:
            code = ended.code
        said = capsys.readouterr()
        return code, said.out + said.err

    ask.proof, ask.seal, ask.folder = proof, seal, tmp_path
    return ask


def test_what_happened_is_told_with_time_and_in_the_words_of_the_page(asked):
    code, words = asked("--key", FIRST.public_key)
    assert code == 0
    for line in (
        "1. 2026年11月18日 18:26  核实\n",
        "2. 2026年11月18日 18:26  上架\n",
        "3. 2026年11月18日 18:26  开证\n",
        "第 2 号封印里（2026年11月18日 18:27），签名对得上",
        "公钥是您信任的",
    ):
        assert line in words
    assert words.index("原文") < words.index('"kind":"moved"'), "as it was written, after that"
    assert FIRST.public_key in asked()[1]


def _bad_files(ask):
    folder = ask.folder / "folder"
    folder.mkdir()
    yield ask.folder / "none.json", "没有这个文件"
    yield folder, "文件夹"
    for name, held, words in (
        ("broken", b'{"format":', "没有下载完"),
        ("deep", b"[" * 100_000, "套得太深"),
        ("empty", b"", "没有下载完"),
        ("bytes", b"\xff\xfe\x00", "UTF-8"),
        ("digits", b"1" * 10_000, "JSON"),
        ("twice", b'{"format": 1, "format": 2}', "JSON"),
        ("list", b"[]", "不是一个 JSON 对象"),
        ("null", b"null", "不是一个 JSON 对象"),
        ("object", b"{}", "format"),
    ):
        path = ask.folder / name
        path.write_bytes(held)
        yield path, words


def _one_sentence(words):
    assert words.count("\n") == 1, words
    assert words.endswith("。\n")
    assert "Error" not in words


def test_a_bad_file_is_told_in_one_sentence_with_its_role(asked):
    for path, why in _bad_files(asked):
        for role, given in (("凭证", {"first": path}), ("封印", {"second": path})):
            code, words = asked(**given)
            assert code == 1
            assert why in words
            assert role in words
            _one_sentence(words)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_leave_to_read_is_told(asked):
    asked.proof.chmod(0)
    code, words = asked()
    assert (code, "没有权限" in words) == (1, True)


def test_files_in_each_others_place_are_named(asked):
    code, words = asked(first=asked.seal, second=asked.proof)
    assert code == 1
    assert "放反了" in words
    _one_sentence(words)


def test_a_byte_order_mark_is_passed_over(asked):
    for path in (asked.proof, asked.seal):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert asked()[0] == 0


def test_a_key_that_is_none_is_told_apart_from_one_that_is_not_trusted(asked):
    for key in ("abc", "", "公钥", FIRST.public_key[:-1]):
        code, words = asked("--key", key)
        assert code == 2
        assert "不是公钥" in words
    code, words = asked("--key", SECOND.public_key)
    assert code == 1
    assert "信任的公钥" in words
    assert "不是公钥" not in words


def test_how_it_is_used_is_told_in_chinese(asked):
    for code, words in (asked(second=""), asked("--nonsense"), asked("more", "files")):
        assert code == 2
        assert "用法：marketplace verify-proof" in words
        assert "usage" not in words
    assert "没有给出封印文件" in asked(second="")[1]
    assert asked("--help") == (0, asked("--help")[1])
    assert "usage" not in asked("--help")[1]


def test_a_file_tells_the_terminal_nothing(asked):
    proof = copy.deepcopy(_files()[0])
    asked.proof.write_text(json.dumps(proof | {"stream": "\x1b[2J"}), encoding="utf8")
    assert "\x1b" not in asked()[1]


def test_the_downloaded_file_answers_alike(asked):
    alone = asked.folder / "check.py"
    alone.write_bytes(Path(checker.__file__).read_bytes())

    def run(*given, **environment):
        return subprocess.run(
            [sys.executable, "-I", alone, *given],
            capture_output=True,
            cwd=asked.folder,
            check=False,
            env=environment,
        )

    assert run(asked.proof, "--seal", asked.seal, LC_ALL="C").returncode == 0
    lost = run(asked.proof)
    assert lost.returncode == 2
    assert "用法：python check.py".encode() in lost.stderr


def test_movements_are_called_as_the_lots_page_calls_them():
    assert checker.MOVEMENTS == MOVEMENT_KINDS


def test_every_kind_that_is_written_down_has_its_word():
    text = (Path(__file__).parents[2] / "docs" / "proof.md").read_text(encoding="utf8")
    rows = text.partition("## What events say")[2].splitlines()
    kinds = {
        kind
        for row in rows
        if row.startswith("| `")
        for kind in re.findall("`([a-z_]+)`", row.split("|")[1])
    }
    assert kinds == {*checker.KINDS, "moved"}
