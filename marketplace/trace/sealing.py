"""Seals: a signed root over every head that has changed since the seal before, each naming the one before.

From then on nobody can shorten, change or replace what a stream said without the signature or the chain of
seals, copies of which anybody may keep, saying otherwise.
"""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.core.bulk import change_many, insert_many
from marketplace.core.clock import now, shanghai_date
from marketplace.core.codes import next_number
from marketplace.core.db import db, transaction
from marketplace.trace.canonical import canonical, sha256
from marketplace.trace.merkle import root
from marketplace.trace.models import Seal, SealLeaf, TraceStream
from marketplace.trace.signing import signer
from marketplace.trace.streams import VERSION


def leaf_text(stream: str, seq: int, head: str) -> str:
    """What a leaf of the tree is: this stream has so many events, and the last has this hash."""
    return canonical({"hash": head, "seq": seq, "stream": stream})


def seal_due() -> bool:
    """A job: seal when something waits that is sealed at once, or when the last seal is of another day."""
    soon = select(TraceStream.id).where(TraceStream.seq > TraceStream.sealed_seq, TraceStream.soon)
    last = db.session.scalar(select(func.max(Seal.at)))
    of_today = last is not None and shanghai_date(last) == shanghai_date(now())
    if of_today and db.session.scalar(soon.limit(1)) is None:
        return False
    with transaction() as session:
        return seal(session) is not None


def seal(session: Session) -> Seal | None:
    """Seal every head that has changed; None when none has. Two at once queue."""
    unsealed = select(TraceStream.id).where(TraceStream.seq > TraceStream.sealed_seq)
    if session.scalar(unsealed.limit(1)) is None:
        return None
    next_number(session, "sealing")  # whoever else seals waits here
    before = session.scalar(select(Seal).order_by(Seal.number.desc()).limit(1))
    heads = session.scalars(
        select(TraceStream)
        .where(TraceStream.seq > TraceStream.sealed_seq)
        .order_by(TraceStream.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    if not heads:
        return None
    heads = sorted(heads, key=lambda head: head.code)
    made = _signed(heads, before)
    session.add(made)
    session.flush()
    leaves = [
        {
            "seal_number": made.number,
            "position": at,
            "stream_id": head.id,
            "seq": head.seq,
            "hash": head.hash,
        }
        for at, head in enumerate(heads)
    ]
    insert_many(session, SealLeaf, leaves)
    change_many(
        session,
        TraceStream,
        [{"of": head.id, "sealed": head.seq} for head in heads],
        lambda given: {"sealed_seq": given("sealed"), "soon": False},
    )
    return made


def _signed(heads: Sequence[TraceStream], before: Seal | None) -> Seal:
    number = before.number + 1 if before else 1
    moment, key = now(), signer.public_key
    leaves = [leaf_text(head.code, head.seq, head.hash).encode() for head in heads]
    text = canonical(
        {
            "at": int(moment.timestamp()),
            "key": key,
            "leaves": len(leaves),
            "number": number,
            "prev": before.hash if before else "",
            "root": root(leaves).hex(),
            "v": VERSION,
        }
    )
    is_new = before is not None and before.public_key != key
    return Seal(
        number=number,
        at=moment,
        text=text,
        hash=sha256(text),
        public_key=key,
        signature=signer.sign(text, key),
        endorsement=signer.sign(text, before.public_key) if before and is_new else "",
    )
