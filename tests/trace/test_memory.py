"""Walking many times as many events takes no more memory: a county may have a million."""

import tracemalloc

from marketplace.core.bulk import insert_many
from marketplace.reporting.verify_trace import broken_streams
from marketplace.trace import walking
from marketplace.trace.canonical import sha256
from marketplace.trace.models import TraceEvent, TraceStream
from marketplace.trace.streams import event_text

EVENTS_EACH = 20


def _fill(world, first, count):
    heads, rows = [], []
    for at in range(first, first + count):
        code, last = f"S{at:010d}", ""
        for seq in range(1, EVENTS_EACH + 1):
            text = event_text(code, seq, last, 0, "moved", {"base": seq, "movement": "adjusted"})
            last = sha256(text)
            rows.append({"stream_id": at, "seq": seq, "text": text, "hash": last})
        head = {"id": at, "subject": f"lot:{at}", "code": code, "seq": EVENTS_EACH, "hash": last}
        heads.append(head | {"sealed_seq": 0, "soon": False})
    with world.transaction() as session:
        insert_many(session, TraceStream, heads)
        insert_many(session, TraceEvent, rows)


def _peak(world):
    with world.transaction() as session:
        tracemalloc.start()
        try:
            assert list(broken_streams(session)) == []
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


def test_five_times_the_events_in_the_same_memory(world, monkeypatch):
    monkeypatch.setattr(walking, "ROWS_AT_ONCE", 200)
    _fill(world, 1, 40)
    _peak(world)  # what is made once only
    few = _peak(world)
    _fill(world, 41, 160)
    assert _peak(world) < 1.3 * few
