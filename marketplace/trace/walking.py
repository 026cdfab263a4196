"""Every stream and every seal once more, from the first to the last, in as much memory as one stream takes."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, groupby
from operator import itemgetter
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from marketplace.trace.canonical import sha256
from marketplace.trace.merkle import root
from marketplace.trace.models import Seal, SealLeaf, TraceEvent, TraceStream
from marketplace.trace.proofs import leaves_of
from marketplace.trace.signing import signer

ROWS_AT_ONCE = 2000


@dataclass
class Walked:
    """A stream with what it says; `fault` names the first row that does not fit, empty when all do."""

    subject: str
    code: str
    fault: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)


def walk(session: Session) -> Iterator[Walked]:
    """Streams in the order of their ids."""
    rows = session.execute(
        select(
            TraceStream.id,
            TraceStream.subject,
            TraceStream.code,
            TraceStream.seq.label("length"),
            TraceStream.hash.label("head"),
            TraceEvent.seq.label("at"),
            TraceEvent.text,
            TraceEvent.hash.label("said"),
        )
        .outerjoin(TraceEvent, TraceEvent.stream_id == TraceStream.id)
        .order_by(TraceStream.id, TraceEvent.seq)
        .execution_options(yield_per=ROWS_AT_ONCE)
    )
    for _, of_stream in groupby(rows, key=itemgetter(0)):
        yield _walked(of_stream)


def _walked(rows: Iterator[Any]) -> Walked:
    at, last = 0, ""
    first = next(rows)
    found = Walked(first.subject, first.code)
    for row in chain([first], rows):
        if row.at is None:
            continue  # no event at all
        at += 1
        event = _event(row.text, row.said)
        wanted = {"stream": row.code, "seq": at, "prev": last}
        if row.at != at or any(event.get(key) != held for key, held in wanted.items()):
            found.fault = f"{row.code} 第 {at} 条"
            return found
        found.events.append(event)
        last = row.said
    if (at, last) != (first.length, first.head):
        missing = min(at, first.length) + 1  # or the first that is too many
        found.fault = f"{first.code} 第 {missing} 条"
    return found


def _event(text: str, said: str) -> dict[str, Any]:
    """What an event says; nothing when it is not what was hashed, or no event at all."""
    if sha256(text) != said:
        return {}
    try:
        event = json.loads(text)
    except ValueError:
        return {}
    whole = isinstance(event, dict) and isinstance(event.get("data"), dict) and "kind" in event
    return event if whole else {}


def broken_seals(session: Session) -> Iterator[str]:
    """Seals that do not hold, or that say otherwise than the events do; the first wrong row of each."""
    last: Seal | None = None
    for seal in session.scalars(select(Seal).order_by(Seal.number)):
        wrong = _wrong(session, seal, last)
        if wrong:
            yield f"第 {seal.number} 号封印：{wrong}"
        last = seal
    if last is not None and not signer.has(last.public_key):
        yield f"第 {last.number} 号封印：不是用现在的钥匙签的"
    for number, code, seq in session.execute(_leaves_without_event()):
        yield f"第 {number} 号封印：{code} 第 {seq} 条"
    for code, sealed, seq in session.execute(_sealed_otherwise()):
        yield f"{code}：说封到第 {sealed} 条，封印里是第 {seq or 0} 条"


def _wrong(session: Session, seal: Seal, before: Seal | None) -> str:
    said = _said(seal)
    if said.get("number") != seal.number:
        return "内容改过"
    if said["prev"] != (before.hash if before else ""):
        return "和前一个接不上"
    if said["key"] != seal.public_key or not _signed(seal.text, seal.signature, seal.public_key):
        return "签名对不上"
    changed = before is not None and before.public_key != seal.public_key
    if changed and before and not _signed(seal.text, seal.endorsement, before.public_key):
        return "换了钥匙，前一把没有签"
    leaves = leaves_of(session, seal.number)
    return (
        "" if (said["root"], said["leaves"]) == (root(leaves).hex(), len(leaves)) else "树根对不上"
    )


def _said(seal: Seal) -> dict[str, Any]:
    """What a seal says; nothing when its text is not what was hashed, or no seal at all."""
    if sha256(seal.text) != seal.hash:
        return {}
    try:
        text = json.loads(seal.text)
        return {key: text[key] for key in ("number", "prev", "key", "root", "leaves")}
    except (ValueError, KeyError, TypeError):
        return {}


def _signed(text: str, signature: str, public_key: str) -> bool:
    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key))
        public.verify(base64.b64decode(signature), text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def _leaves_without_event() -> Any:
    """What was sealed and is not there any more, or says something else."""
    same = and_(TraceEvent.stream_id == SealLeaf.stream_id, TraceEvent.seq == SealLeaf.seq)
    return (
        select(SealLeaf.seal_number, TraceStream.code, SealLeaf.seq)
        .join(TraceStream, TraceStream.id == SealLeaf.stream_id)
        .outerjoin(TraceEvent, same)
        .where(or_(TraceEvent.id.is_(None), TraceEvent.hash != SealLeaf.hash))
        .order_by(SealLeaf.id)
        .limit(20)
    )


def _sealed_otherwise() -> Any:
    """Streams that say they are sealed further, or less far, than the last seal with them has it: a seal is
    gone, or they would never be sealed again."""
    newest = (
        select(SealLeaf.stream_id, func.max(SealLeaf.seq).label("seq"))
        .group_by(SealLeaf.stream_id)
        .subquery()
    )
    return (
        select(TraceStream.code, TraceStream.sealed_seq, newest.c.seq)
        .outerjoin(newest, newest.c.stream_id == TraceStream.id)
        .where(TraceStream.sealed_seq != func.coalesce(newest.c.seq, 0))
        .order_by(TraceStream.id)
        .limit(20)
    )
