"""What anybody can download holds, for our checker and for a stranger's; what was touched does not."""

import base64
import copy
import json
import subprocess
import sys
from pathlib import Path

import pytest

from marketplace.cli.main import main
from marketplace.core.errors import NotFound
from marketplace.reporting.verify import verify
from marketplace.trace import check as checker
from marketplace.trace.check import BadProof, check
from marketplace.trace.proofs import get_seal, proof_of, seal_data
from marketplace.trace.sealing import seal
from marketplace.trace.signing import Signer, signer
from marketplace.trace.streams import Event, append, open_streams
from marketplace.trace.walking import broken_seals
from tests.support.app import SEAL_KEY
from tests.trace import stranger

OTHER_KEY = base64.b64encode(b"the key that came after the last").decode()
CODES = {f"lot:{900 + at}": f"{code * 12}" for at, code in enumerate("ABCDE")}


@pytest.fixture
def sealed(world):
    """Five streams in two seals; the second holds three of them."""
    with world.transaction() as session:
        open_streams(session, CODES)
        append(session, [Event(one, "opened", {"product": "马蹄"}) for one in CODES])
    with world.transaction() as session:
        seal(session)
    with world.transaction() as session:
        append(session, [Event(one, "moved", {"base": 3}) for one in list(CODES)[1:4]])
    with world.transaction() as session:
        seal(session)
    return world


def _files(world, code):
    with world.transaction() as session:
        proof = proof_of(session, code)
        return proof, seal_data(get_seal(session, proof["seal"]))


def test_a_proof_holds_for_us_and_for_a_stranger(sealed):
    for code in CODES.values():
        proof, its_seal = _files(sealed, code)
        checked = check(proof, its_seal, its_seal["public_key"])
        kinds = [event["kind"] for event in checked.events]
        assert kinds == ["opened", "moved"][: len(proof["events"])]
        assert stranger.holds(proof, its_seal)


TOUCHED = {
    "an event": lambda p, s: p["events"].__setitem__(0, p["events"][0].replace("马蹄", "荸荠")),
    "the order": lambda p, s: p["events"].reverse(),
    "an event left out": lambda p, s: p["events"].pop(),
    "the stream": lambda p, s: p.__setitem__("stream", "A" * 12),
    "the place": lambda p, s: p["leaf"].__setitem__("position", 2 - p["leaf"]["position"]),
    "the size": lambda p, s: p["leaf"].__setitem__("size", 99),
    "the way": lambda p, s: p["path"].pop(),
    "a hash beside": lambda p, s: p["path"].__setitem__(0, "00" * 32),
    "the seal's root": lambda p, s: s.__setitem__("text", s["text"].replace('root":"', 'root":"0')),
    "the signature": lambda p, s: s.__setitem__("signature", base64.b64encode(b"x" * 64).decode()),
}


def test_whatever_is_touched_is_noticed_by_both(sealed):
    files = _files(sealed, "B" * 12)
    for what, touch in TOUCHED.items():
        proof, its_seal = copy.deepcopy(files)
        touch(proof, its_seal)
        with pytest.raises(BadProof):
            check(proof, its_seal)
        assert not stranger.holds(proof, its_seal), what


def test_a_file_that_is_no_proof_is_refused_in_words(sealed):
    good, its_seal = _files(sealed, "A" * 12)
    for bad in (None, [], {}, {"stream": "A", "events": 5}, {"events": ["x"]}):
        with pytest.raises(BadProof, match="格式"):
            check(bad, its_seal)
        assert not stranger.holds(bad, its_seal)
        with pytest.raises(BadProof):
            check(good, bad)


def test_a_key_that_one_trusts_is_not_any_key(sealed):
    with pytest.raises(BadProof, match="信任的公钥"):
        check(*_files(sealed, "A" * 12), "AAAA")


def test_before_the_first_seal_there_is_no_proof(world):
    with world.transaction() as session:
        open_streams(session, {"lot:900": "A" * 12})
        with pytest.raises(NotFound, match="还没有封存"):
            proof_of(session, "A" * 12)
        with pytest.raises(NotFound):
            proof_of(session, "Z" * 12)


def _written(sealed, folder):
    paths = []
    for name, data in zip(("proof", "seal"), _files(sealed, "C" * 12), strict=True):
        paths.append(folder / f"{name}.json")
        paths[-1].write_text(json.dumps(data), encoding="utf8")
    return paths


def test_the_command_needs_no_database_and_no_setting(sealed, tmp_path, monkeypatch, capsys):
    proof, its_seal = _written(sealed, tmp_path)
    monkeypatch.setenv("MARKETPLACE_MODE", "nonsense")
    assert main(["verify-proof", str(proof), "--seal", str(its_seal)]) == 0
    assert "签名对得上" in capsys.readouterr().out
    proof.write_text(proof.read_text(encoding="utf8").replace("moved", "mved"), encoding="utf8")
    assert main(["verify-proof", str(proof), "--seal", str(its_seal)]) == 1
    assert "不成立" in capsys.readouterr().out
    assert main(["verify-proof", str(tmp_path / "none"), "--seal", str(its_seal)]) == 1
    assert "读不了凭证文件" in capsys.readouterr().out


def test_the_checker_is_one_file_that_runs_alone(sealed, tmp_path):
    proof, its_seal = _written(sealed, tmp_path)
    alone = tmp_path / "check.py"
    alone.write_bytes(Path(checker.__file__).read_bytes())
    command = [sys.executable, "-I", alone, proof, "--seal", its_seal]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "一条接一条" in done.stdout


def test_a_new_key_is_vouched_for_by_the_old_one_and_old_seals_still_hold(sealed):
    old = signer.public_key
    signer.configure((OTHER_KEY, SEAL_KEY))
    try:
        with sealed.transaction() as session:
            append(session, [Event("lot:900", "moved", {"base": 1})])
        with sealed.transaction() as session:
            third = seal(session)
            assert third.public_key != old
            assert third.endorsement == signer.sign(third.text, old) != ""
            append(session, [Event("lot:900", "moved", {"base": 2})])
        signer.configure((OTHER_KEY,))
        with sealed.transaction() as session:
            assert seal(session).endorsement == "", "only the first of a new key is vouched for"
            assert list(broken_seals(session)) == []
        for code in CODES.values():
            proof, its_seal = _files(sealed, code)
            with sealed.transaction() as session:
                before = (
                    seal_data(get_seal(session, proof["seal"] - 1)) if proof["seal"] > 1 else None
                )
            assert stranger.holds(proof, its_seal, before)
            assert check(proof, its_seal, "", before)
    finally:
        signer.configure((SEAL_KEY,))


def test_a_key_taken_out_of_use_signs_no_more():
    one = Signer()
    one.configure((OTHER_KEY,))
    assert one.sign("x", "somebody else's") == ""


def test_strangers_agree_with_the_library_on_signatures():
    one = Signer()
    one.configure((OTHER_KEY,))
    key, signature = (
        base64.b64decode(one.public_key),
        base64.b64decode(one.sign("乡帮", one.public_key)),
    )
    assert stranger._signed(key, "乡帮".encode(), signature)
    assert not stranger._signed(key, "乡邦".encode(), signature)


def test_verify_walks_the_streams_too(sealed):
    with sealed.transaction() as session:
        said = [fault.what for fault in verify(session)]
    assert set(said) == {"溯源记录与账目不符"}, "these streams have no lot behind them"
