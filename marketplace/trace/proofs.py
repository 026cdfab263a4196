"""What anybody may download: the proof that a stream is sealed, and the seals."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from marketplace.core.errors import NotFound
from marketplace.trace.merkle import inclusion_path
from marketplace.trace.models import Seal, SealLeaf, TraceEvent, TraceStream
from marketplace.trace.sealing import leaf_text

PROOF_FORMAT, SEAL_FORMAT = "xiangbang-proof/1", "xiangbang-seal/1"


@dataclass(frozen=True)
class Standing:
    """How far a stream is sealed; `seal` is 0 before the first."""

    events: int
    sealed: int
    seal: int


def get_stream(session: Session, code: str) -> TraceStream:
    found = session.scalar(select(TraceStream).where(TraceStream.code == code))
    if found is None:
        raise NotFound("没有这个溯源码。")
    return found


def standing_of(session: Session, code: str) -> Standing:
    stream = get_stream(session, code)
    leaf = _last_leaf(session, stream)
    return Standing(stream.seq, leaf.seq if leaf else 0, leaf.seal_number if leaf else 0)


def _last_leaf(session: Session, stream: TraceStream) -> SealLeaf | None:
    mine = select(SealLeaf).where(SealLeaf.stream_id == stream.id)
    return session.scalar(mine.order_by(SealLeaf.seq.desc()).limit(1))


def events_of(session: Session, code: str) -> list[dict[str, Any]]:
    """All that a stream says."""
    return [json.loads(text) for text in session.scalars(_texts(code))]


def _texts(code: str) -> Select[str]:
    return (
        select(TraceEvent.text)
        .join(TraceStream, TraceStream.id == TraceEvent.stream_id)
        .where(TraceStream.code == code)
        .order_by(TraceEvent.seq)
    )


def proof_of(session: Session, code: str) -> dict[str, Any]:
    """The proof of everything that is sealed of a stream; raises NotFound before its first seal."""
    stream = get_stream(session, code)
    leaf = _last_leaf(session, stream)
    if leaf is None:
        raise NotFound("这批货的记录还没有封存，今天夜里会封存，请明天再来。")
    leaves = leaves_of(session, leaf.seal_number)
    return {
        "format": PROOF_FORMAT,
        "stream": code,
        "events": list(session.scalars(_texts(code).where(TraceEvent.seq <= leaf.seq))),
        "seal": leaf.seal_number,
        "leaf": {"position": leaf.position, "size": len(leaves)},
        "path": [beside.hex() for beside in inclusion_path(leaves, leaf.position)],
    }


def leaves_of(session: Session, number: int) -> list[bytes]:
    """The leaves of a seal's tree as they are hashed."""
    rows = session.execute(
        select(TraceStream.code, SealLeaf.seq, SealLeaf.hash)
        .join(TraceStream, TraceStream.id == SealLeaf.stream_id)
        .where(SealLeaf.seal_number == number)
        .order_by(SealLeaf.position)
    )
    return [leaf_text(code, seq, head).encode() for code, seq, head in rows]


def get_seal(session: Session, number: int) -> Seal:
    found = session.get(Seal, number)
    if found is None:
        raise NotFound("没有这个封印。")
    return found


def seal_data(seal: Seal) -> dict[str, str]:
    """As it is published; `text` is what was signed."""
    return {
        "format": SEAL_FORMAT,
        "text": seal.text,
        "hash": seal.hash,
        "signature": seal.signature,
        "public_key": seal.public_key,
        "endorsement": seal.endorsement,
    }
