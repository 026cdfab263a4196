"""Check a proof without the system that made it.

    python check.py proof.json --seal seal.json [--key PUBLIC_KEY] [--before SEAL_BEFORE]

This file stands alone: it needs Python 3.10 and the package `cryptography`, no database, no network and no
secret. What it checks is written down in docs/proof.md, so that anybody can write another.
"""

import argparse
import base64
import hashlib
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NoReturn

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    sys.exit("还没有装 cryptography：请先运行 pip install cryptography。")

PROOF, SEAL = "xiangbang-proof/1", "xiangbang-seal/1"
ROLES = {PROOF: "凭证", SEAL: "封印"}
VERSION = 1
MOST_BYTES = 50_000_000
SHANGHAI = timezone(timedelta(hours=8))  # Windows brings no table of time zones
KINDS = {
    "opened": "核实", "taken_over": "接旧账", "regraded": "改等级", "pooled_into": "拼批", "pooled_from": "拼批",
    "processed_into": "加工", "processed_from": "加工", "allocated": "分配", "allocation_undone": "撤回分配",
    "weighed": "过磅", "certified": "证明", "paper_set_aside": "作废", "accepted": "送到", "rejected": "拒收",
    "returned": "退回", "held": "暂停", "hold_lifted": "恢复", "recalled": "召回", "paid": "付款",
    "came_back": "银行退回", "received": "签收",
}  # fmt: skip
"""What the public page calls an event; its `moved` are told by the movement."""
MOVEMENTS = {
    "verified": "核实入账", "adjusted": "更正", "surplus": "多出", "committed": "上架", "released": "退回可用",
    "sold": "售出", "donated": "捐赠", "withdrawn": "撤回", "lost": "损失", "processed": "加工",
}  # fmt: skip
OF_SEAL = {"hash": str, "public_key": str, "signature": str, "endorsement": str}
OF_TEXT = {"at": int, "key": str, "leaves": int, "number": int, "prev": str, "root": str, "v": int}
OF_EVENT = {"at": int, "data": dict, "kind": str, "prev": str, "seq": int, "stream": str, "v": int}


class BadProof(Exception):
    """What does not fit, in one sentence."""


class BadFile(Exception):
    """A file that cannot be read, in one sentence."""


@dataclass(frozen=True)
class Checked:
    """What a good proof says: the stream's events up to the seal, and the seal."""

    stream: str
    texts: list[str]
    events: list[dict[str, Any]]
    seal: dict[str, Any]


def check(proof: Any, seal: Any, key: str = "", before: Any = None) -> Checked:
    """Raises BadProof for the first thing that does not fit. `key` is the public key one trusts, in base64;
    without it the seal's own is taken, which shows only that everything fits together. `before` is the seal
    before, which a seal with a new key wants."""
    try:
        for given, wanted in ((proof, PROOF), (seal, SEAL)):
            _of_format(given, wanted)
        text = _sealed(seal)
        if key not in {text["key"], _vouching(seal, text, before)} and key:
            raise BadProof("这个封印不是用您信任的公钥签的")
        stream, texts = _field(proof, "stream", str, "凭证"), _field(proof, "events", list, "凭证")
        events = _chained(texts, stream)
        _included(proof, text)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise BadProof("文件的格式不对") from error
    return Checked(stream, texts, events, text)


def _of_format(given: Any, wanted: str) -> None:
    role = ROLES[wanted]
    if not isinstance(given, dict):
        raise BadProof(f"{role}的格式不对：文件里不是一个 JSON 对象")
    other = SEAL if wanted == PROOF else PROOF
    if given.get("format") == other:
        raise BadProof(f"该放{role}的地方放了{ROLES[other]}，两个文件可能放反了")
    if given.get("format") != wanted:
        raise BadProof(f"{role}的格式不对：format 要写 {wanted}")


def _field(given: dict[str, Any], name: str, kind: type, role: str) -> Any:
    value = given.get(name)
    if type(value) is not kind:  # true is no number
        raise BadProof(f"{role}的格式不对：没有 {name}，或者写法不对")
    return value


def _object(text: Any, fields: dict[str, type], role: str) -> dict[str, Any]:
    """What a text says, with the fields that it must have."""
    try:
        said = read_json(text)
    except (TypeError, ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise BadProof(f"{role}的格式不对：不是 JSON 对象")
    for name, kind in fields.items():
        _field(said, name, kind, role)
    if said.get("v") != VERSION:
        raise BadProof(f"{role}的版本（v）不是 {VERSION}，这个程序不认识")
    return said


def _sealed(seal: Any) -> dict[str, Any]:
    """The seal's words, once what stands around them fits and its signature holds."""
    written = _field(seal, "text", str, "封印")
    for name, kind in OF_SEAL.items():
        _field(seal, name, kind, "封印")
    text = _object(written, OF_TEXT, "封印")
    if _sha256(written) != seal["hash"]:
        raise BadProof("封印的指纹（hash）和它的内容对不上")
    if seal["public_key"] != text["key"]:
        raise BadProof("封印外面写的公钥（public_key）和里面的不一样")
    if not _signed(written, seal["signature"], text["key"]):
        raise BadProof("封印的签名对不上")
    if text["number"] < 1 or (text["number"] == 1) != (text["prev"] == ""):
        raise BadProof("封印的编号（number）和前一个的指纹（prev）不成一套")
    return text


def _vouching(seal: Any, text: dict[str, Any], before: Any) -> str:
    """The key of the seal before, where that vouches for a new one; else empty."""
    endorsement = seal["endorsement"]
    if endorsement and (text["number"] == 1 or not _decoded(endorsement, 64)):
        raise BadProof("封印的担保（endorsement）不是签名")
    if before is None:
        if endorsement:
            raise BadProof("这个封印换了公钥：请下载前一个封印，用 --before 给出，一起核对")
        return ""
    _of_format(before, SEAL)
    last = _sealed(before)
    if (last["number"], _sha256(before["text"])) != (text["number"] - 1, text["prev"]):
        raise BadProof("--before 给的不是前一个封印")
    same = last["key"] == text["key"]
    if same and endorsement:
        raise BadProof("封印没有换公钥，却写了担保（endorsement）")
    if not same and not _signed(seal["text"], endorsement, last["key"]):
        raise BadProof("封印换了公钥，前一把没有担保（endorsement）")
    return str(last["key"])


def _chained(texts: list[Any], stream: str) -> list[dict[str, Any]]:
    """What the events say, once each names the one before."""
    last, events = "", []
    for at, text in enumerate(texts, 1):
        said = _object(text, OF_EVENT, f"第 {at} 条记录")
        if (said["stream"], said["seq"], said["prev"]) != (stream, at, last):
            raise BadProof(f"第 {at} 条记录和前一条接不上")
        last = _sha256(text)
        events.append(said)
    if not events:
        raise BadProof("凭证里一条记录也没有")
    return events


def _included(proof: Any, seal: dict[str, Any]) -> None:
    """The stream's head is a leaf of the sealed tree."""
    place, path = _field(proof, "leaf", dict, "凭证"), _field(proof, "path", list, "凭证")
    position, size = (_field(place, name, int, "凭证") for name in ("position", "size"))
    if _field(proof, "seal", int, "凭证") != seal["number"]:
        raise BadProof(f"凭证要的是第 {proof['seal']} 号封印，给的是第 {seal['number']} 号")
    if size != seal["leaves"]:
        raise BadProof("凭证里树的大小（size）和封印的不一样")
    if not all(isinstance(one, str) and re.fullmatch("[0-9a-f]{64}", one) for one in path):
        raise BadProof("凭证的格式不对：path 里不全是指纹")
    texts = proof["events"]
    head = {"hash": _sha256(texts[-1]), "seq": len(texts), "stream": proof["stream"]}
    leaf = json.dumps(head, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    found = climb(leaf.encode(), position, size, [bytes.fromhex(one) for one in path])
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


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _decoded(text: str, length: int) -> bytes:
    """So many bytes of base64 in its one spelling; empty for anything else."""
    try:
        found = base64.b64decode(text, validate=True)
    except ValueError:
        return b""
    return found if len(found) == length and base64.b64encode(found).decode() == text else b""


def _signed(text: str, signature: str, key: str) -> bool:
    try:
        public = Ed25519PublicKey.from_public_bytes(_decoded(key, 32))
        public.verify(_decoded(signature, 64), text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def read_json(text: str) -> Any:
    """JSON as it is used here: whole numbers, and a key stands once. ValueError for any other."""
    return json.loads(
        text, object_pairs_hook=_each_once, parse_float=_refused, parse_constant=_refused
    )


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refused(number: str) -> NoReturn:
    raise ValueError(number)


def read_file(path: Path, role: str) -> Any:
    """What a file holds; BadFile with the reason when that cannot be read."""
    try:
        with path.open("rb") as file:
            held = file.read(MOST_BYTES + 1)
        if len(held) <= MOST_BYTES:
            return read_json(held.decode("utf-8-sig"))
        why = f"太大了，不会是{role}"
    except RecursionError:
        why = f"括号套得太深，不会是{role}"
    except UnicodeDecodeError:
        why = "不是 UTF-8 的文字"
    except ValueError:
        why = "不是完整的 JSON，可能没有下载完，请重新下载"
    except FileNotFoundError:
        why = "没有这个文件"
    except IsADirectoryError:
        why = "这是文件夹，不是文件"
    except OSError:
        why = "没有权限打开，或者这不是文件"
    raise BadFile(f"读不了{role}文件 {path}：{why}")


def title(event: dict[str, Any]) -> str:
    """What happened, as the public page calls it."""
    kind, data = event["kind"], event["data"]
    if kind == "moved":
        return MOVEMENTS.get(str(data.get("movement")), "进出")
    if kind == "certified" and data.get("kind") == "certificate":
        return "开证"
    return KINDS.get(kind, "其他")


def when(at: int) -> str:
    """The day and the time in China."""
    try:
        moment = datetime.fromtimestamp(at, SHANGHAI)
    except (OverflowError, ValueError, OSError):
        return "时间不明"
    return f"{moment.year}年{moment.month}月{moment.day}日 {moment:%H:%M}"


def describe(checked: Checked, key: str) -> list[str]:
    """What was shown, in lines to read; last the events as they were written."""
    seal = checked.seal
    lines = [f"批次 {checked.stream}：{len(checked.events)} 条记录，一条接一条，没有改过。"]
    lines += [f"  {e['seq']}. {when(e['at'])}  {title(e)}" for e in checked.events]
    sealed = f"它们都在第 {seal['number']} 号封印里（{when(seal['at'])}），签名对得上。"
    asked = f"公钥 {seal['key']}：请和您另外得到的公钥核对。"
    lines += [sealed, "公钥是您信任的那一把，或者由它担保。" if key else asked, "原文："]
    return lines + [f"  {text}" for text in checked.texts]


def run(proof: Path, seal: Path, key: str, before: Path | None = None) -> tuple[int, str]:
    """0 and what the files show when they hold; 1 and why when not."""
    try:
        files = [read_file(proof, "凭证"), read_file(seal, "封印")]
        last = read_file(before, "前一个封印的") if before else None
        lines = describe(check(files[0], files[1], key, last), key)
    except BadFile as error:
        return 1, f"{error}。"
    except BadProof as error:
        return 1, f"不成立：{error}。"
    return 0, "\n".join(lines)


def _plain(words: str) -> str:
    """Without what a file might tell the terminal to do."""
    return "".join(one if one.isprintable() or one == "\n" else "?" for one in words)


class _Parser(argparse.ArgumentParser):
    """Says in Chinese, with how it is used, what argparse would say in English."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"不是这样用的。{self.format_usage()}")

    def format_help(self) -> str:
        return f"核对一份凭证和它的封印。--before 只有换了公钥的封印才要。\n{self.format_usage()}"

    def format_usage(self) -> str:
        return f"用法：{self.prog} 凭证.json --seal 封印.json [--key 公钥] [--before 前一个封印.json]\n"


def main(given: Sequence[str], program: str) -> int:
    """The command: its words go to the terminal, which may not know every letter."""
    parser = _Parser(prog=program, allow_abbrev=False)
    for name in ("proof", "--seal", "--before"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--key")
    asked = parser.parse_args(given)
    if asked.seal is None:
        parser.exit(2, f"没有给出封印文件。{parser.format_usage()}")
    key = (asked.key or "").strip()
    if asked.key is not None and not _decoded(key, 32):
        parser.exit(2, f"“{_plain(key)}”不是公钥。公钥是 44 个字符，最后一个是 =，请原样抄。\n")
    code, words = run(asked.proof, asked.seal, key, asked.before)
    known = sys.stdout.encoding or "utf8"
    print(_plain(words).encode(known, "backslashreplace").decode(known))  # noqa: T201
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], "python check.py"))
