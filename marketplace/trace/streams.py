"""Adding events to streams: each names the hash of the one before, so none can be changed, slipped in or
left out without breaking all that follow.

Events carry codes, quantities and sums, never a name.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.bulk import change_many, insert_many
from marketplace.core.clock import now
from marketplace.core.db import finishing, pending
from marketplace.core.secret_text import keyring
from marketplace.trace.canonical import canonical, sha256
from marketplace.trace.models import TraceEvent, TraceStream

VERSION = 1
SUBJECTS_AT_ONCE = 1000  # a statement names so many; databases take some ten thousand
SEALED_SOON = frozenset({"accepted", "rejected", "returned", "paid"})
"""Kinds of events that are sealed at once."""


@dataclass(frozen=True)
class Event:
    """Something that happened to `subject` (lot:12). `data`: texts, whole numbers, lists and objects."""

    subject: str
    kind: str
    data: Mapping[str, Any]


def opaque(stream: str, what: str) -> str:
    """A code for a person or an order inside one stream: nobody can tell from two streams that it is the
    same, only the county can compute it again."""
    return keyring.lookup(f"trace:{stream}:{what}")[:16]


def open_streams(session: Session, codes: Mapping[str, str]) -> None:
    """New streams: subject → public code. Their first events follow in the same transaction."""
    rows = [
        {"subject": s, "code": c, "seq": 0, "hash": "", "sealed_seq": 0, "soon": False}
        for s, c in codes.items()
    ]
    insert_many(session, TraceStream, rows)


def append(session: Session, events: Iterable[Event]) -> None:
    """Add events to streams that are open, with what time it is now. They are written when the transaction
    ends, so that heads are the last that is locked, all at once."""
    at = int(now().timestamp())
    pending(session, "trace").extend((event, at) for event in events)


@finishing
def _write(session: Session) -> None:
    """Three statements for a thousand streams, none without events."""
    by_subject: dict[str, list[tuple[Event, int]]] = {}
    for event, at in pending(session, "trace"):
        by_subject.setdefault(event.subject, []).append((event, at))
    subjects = sorted(by_subject, key=lambda one: (len(one), one))  # lot:9 before lot:10
    for start in range(0, len(subjects), SUBJECTS_AT_ONCE):
        some = subjects[start : start + SUBJECTS_AT_ONCE]
        _append_to(session, {subject: by_subject[subject] for subject in some})


def _append_to(session: Session, events: Mapping[str, Sequence[tuple[Event, int]]]) -> None:
    heads = _locked(session, events)
    assert len(heads) == len(events), "an event for a stream that nobody opened"
    rows, changes = [], []
    for head in heads:
        seq, last = head.seq, head.hash
        for event, at in events[head.subject]:
            seq += 1
            text = event_text(head.code, seq, last, at, event.kind, event.data)
            last = sha256(text)
            rows.append({"stream_id": head.id, "seq": seq, "text": text, "hash": last})
        soon = int(any(event.kind in SEALED_SOON for event, _ in events[head.subject]))
        changes.append({"of": head.id, "to": seq, "last": last, "now": soon})
    insert_many(session, TraceEvent, rows)
    change_many(
        session,
        TraceStream,
        changes,
        lambda given: {
            "seq": given("to"),
            "hash": given("last"),
            "soon": TraceStream.soon | (given("now") == 1),
        },
    )


def _locked(session: Session, subjects: Collection[str]) -> Sequence[Any]:
    """Rows, not objects: what the session holds of a head would be stale."""
    heads = TraceStream.__table__.c
    return session.execute(
        select(heads.id, heads.subject, heads.code, heads.seq, heads.hash)
        .where(heads.subject.in_(subjects))
        .order_by(heads.id)
        .with_for_update()
    ).all()


def event_text(
    stream: str, seq: int, previous: str, at: int, kind: str, data: Mapping[str, Any]
) -> str:
    """What is hashed. `at` is in seconds since 1970, UTC; `previous` is empty for the first event."""
    return canonical(
        {
            "at": at,
            "data": dict(data),
            "kind": kind,
            "prev": previous,
            "seq": seq,
            "stream": stream,
            "v": VERSION,
        }
    )
