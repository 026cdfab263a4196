"""R16 and R17: many append at once and the chain holds; whoever alters it is found, and what he altered."""

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.exc import DatabaseError

from marketplace.core.clock import now, use_clock
from marketplace.reporting.verify_trace import broken_streams
from marketplace.trace.canonical import sha256
from marketplace.trace.models import Seal, SealLeaf, TraceEvent, TraceStream
from marketplace.trace.sealing import seal, seal_due
from marketplace.trace.streams import Event, append, event_text, open_streams
from marketplace.trace.walking import broken_seals, walk
from tests.support.app import DATA_KEY

PROCESSES, APPENDS = 8, 500
ROOT = Path(__file__).parents[2]
CODES = {f"lot:{900 + at}": f"{code * 12}" for at, code in enumerate("ABC")}


@pytest.fixture
def streams(world):
    """Three streams with four events each."""
    with world.transaction() as session:
        open_streams(session, CODES)
    for number in range(4):
        _append(world, *(Event(one, "moved", {"base": number}) for one in CODES))
    return world


def _append(world, *events):
    with world.transaction() as session:
        append(session, events)


def _faults(world):
    with world.transaction() as session:
        return [*broken_streams(session), *broken_seals(session)]


def _sealed(world):
    with world.transaction() as session:
        made = seal(session)
        return made.number if made else None


def test_events_follow_each_other(streams):
    with streams.transaction() as session:
        walked = list(walk(session))
    assert [one.code for one in walked] == list(CODES.values())
    for one in walked:
        assert [event["seq"] for event in one.events] == [1, 2, 3, 4]
        assert [event["data"]["base"] for event in one.events] == [0, 1, 2, 3]
        assert one.events[0]["prev"] == ""
    assert _faults(streams) == []


def test_an_event_needs_an_open_stream(streams):
    with pytest.raises(AssertionError), streams.transaction() as session:
        append(session, [Event("lot:1", "moved", {})])


def test_eight_processes_append_and_every_event_has_one_predecessor(
    streams, database_url, tmp_path
):
    environ = os.environ | {"TEST_DATA_KEY": DATA_KEY, "PYTHONPATH": str(ROOT)}
    arguments = [database_url, str(tmp_path), str(PROCESSES), str(APPENDS)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.trace.appenders", *arguments],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-800:]
    with streams.transaction() as session:
        assert list(broken_streams(session)) == []
        texts = session.scalars(select(TraceEvent.text)).all()
        length = session.scalar(select(func.sum(TraceStream.seq)))
    assert len(texts) == length >= PROCESSES * APPENDS
    before = Counter((event["stream"], event["prev"]) for event in map(json.loads, texts))
    assert set(before.values()) == {1}


@pytest.mark.parametrize(
    "change",
    [
        update(TraceEvent).values(text="{}"),
        delete(TraceEvent),
        update(Seal).values(text="{}"),
        delete(SealLeaf),
    ],
)
def test_the_database_itself_refuses(streams, change):
    assert _sealed(streams) == 1
    with pytest.raises(DatabaseError), streams.transaction() as session:
        session.execute(change)


def test_neither_replacing_nor_emptying_gets_past_it(streams):
    replace = "INSERT OR REPLACE INTO trace_event (id, stream_id, seq, text, hash) VALUES (1, 1, 1, '', '')"
    upsert = (
        "INSERT INTO trace_event (id, stream_id, seq, text, hash) VALUES (1, 1, 1, '', '') "
        "ON CONFLICT (id) DO UPDATE SET text = ''"
    )
    with streams.transaction() as session:
        sqlite = session.get_bind().dialect.name == "sqlite"
    for words in (upsert, replace if sqlite else "TRUNCATE trace_event"):
        with pytest.raises(DatabaseError), streams.transaction() as session:
            session.execute(text(words))
    assert _faults(streams) == []


class Forger:
    """Somebody with the whole database in his hands, who switches the triggers off first."""

    def __init__(self, world):
        self.world = world

    def __call__(self, *statements):
        with self.world.transaction() as session:
            if session.get_bind().dialect.name == "sqlite":
                names = session.scalars(
                    text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
                ).all()
                for name in names:
                    session.execute(text(f"DROP TRIGGER {name}"))
            else:
                session.execute(text("SET LOCAL session_replication_role = replica"))
            for statement in statements:
                session.execute(statement)

    def row(self, seq, code="B" * 12):
        with self.world.transaction() as session:
            return session.scalars(
                select(TraceEvent)
                .join(TraceStream, TraceStream.id == TraceEvent.stream_id)
                .where(TraceStream.code == code, TraceEvent.seq == seq)
            ).one()

    def rewrite(self, first):
        """Change event `first` and mend every hash after it, and the head."""
        statements, last = [], self.row(first - 1).hash
        for seq in range(first, 5):
            row = self.row(seq)
            said = json.loads(row.text)
            text = event_text("B" * 12, seq, last, said["at"], said["kind"], {"base": 77})
            last = sha256(text)
            change = update(TraceEvent).where(TraceEvent.id == row.id)
            statements.append(change.values(text=text, hash=last))
        head = update(TraceStream).where(TraceStream.code == "B" * 12).values(hash=last)
        self(*statements, head)


@pytest.fixture
def forger(streams):
    assert _sealed(streams) == 1
    return Forger(streams)


def _at(row):
    return TraceEvent.id == row.id


def test_an_edited_event_is_named(forger):
    forger(update(TraceEvent).where(_at(forger.row(2))).values(text='{"base":9}'))
    assert _faults(forger.world)[0] == f"{'B' * 12} 第 2 条"


def test_a_deleted_event_is_named(forger):
    forger(delete(TraceEvent).where(_at(forger.row(3))))
    assert _faults(forger.world)[0] == f"{'B' * 12} 第 3 条"


def test_an_inserted_event_is_named(forger):
    row = forger.row(4)
    text = event_text("B" * 12, 5, row.hash, 0, "moved", {"base": 5})
    made = {"stream_id": row.stream_id, "seq": 5, "text": text, "hash": sha256(text)}
    forger(insert(TraceEvent).values(made))
    assert _faults(forger.world)[0] == f"{'B' * 12} 第 5 条"


def test_two_that_changed_places_are_named(forger):
    second, third = forger.row(2), forger.row(3)
    forger(
        update(TraceEvent).where(_at(second)).values(seq=99),
        update(TraceEvent).where(_at(third)).values(seq=2),
        update(TraceEvent).where(_at(second)).values(seq=3),
    )
    assert _faults(forger.world)[0] == f"{'B' * 12} 第 2 条"


def test_a_tail_that_was_cut_is_named(forger):
    last = forger.row(3)
    forger(
        delete(TraceEvent).where(_at(forger.row(4))),
        update(TraceStream)
        .where(TraceStream.code == "B" * 12)
        .values(seq=3, hash=last.hash, sealed_seq=3),
    )
    code = "B" * 12
    sealed = [f"第 1 号封印：{code} 第 4 条", f"{code}：说封到第 3 条，封印里是第 4 条"]
    assert _faults(forger.world) == sealed


def test_a_whole_chain_written_anew_is_caught_by_the_seal(forger):
    forger.rewrite(2)
    assert _faults(forger.world) == [f"第 1 号封印：{'B' * 12} 第 4 条"]


def test_a_rewritten_tail_that_nobody_sealed_is_not_seen(streams):
    """What /trust says plainly: an unsealed tail is protected from our own code only."""
    Forger(streams).rewrite(2)
    assert _faults(streams) == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"text": '{"at":0}'}, "内容改过"),
        ({"hash": "0" * 64}, "内容改过"),
        ({"signature": "AAAA"}, "签名对不上"),
    ],
)
def test_a_seal_that_was_altered_is_named(forger, changed, words):
    forger(update(Seal).values(**changed))
    assert _faults(forger.world)[0] == f"第 1 号封印：{words}"


def test_a_leaf_that_was_altered_or_left_out_is_named(forger):
    forger(update(SealLeaf).where(SealLeaf.position == 1).values(hash="0" * 64))
    assert _faults(forger.world)[0] == "第 1 号封印：树根对不上"
    forger(delete(SealLeaf).where(SealLeaf.position == 2))
    assert _faults(forger.world)[0] == "第 1 号封印：树根对不上"


def test_a_missing_seal_breaks_the_chain_of_seals(streams):
    for _ in range(3):
        _append(streams, Event("lot:900", "moved", {"base": 1}))
        _sealed(streams)
    assert _faults(streams) == []
    Forger(streams)(
        delete(SealLeaf).where(SealLeaf.seal_number == 2), delete(Seal).where(Seal.number == 2)
    )
    assert _faults(streams) == ["第 3 号封印：和前一个接不上"]


def test_only_what_has_changed_is_sealed_again(streams):
    assert _sealed(streams) == 1
    assert _sealed(streams) is None
    _append(streams, Event("lot:901", "moved", {"base": 1}))
    assert _sealed(streams) == 2
    with streams.transaction() as session:
        rows = session.execute(
            select(SealLeaf.seal_number, SealLeaf.seq).order_by(SealLeaf.id)
        ).all()
    assert [tuple(row) for row in rows] == [(1, 4), (1, 4), (1, 4), (2, 5)]


def test_it_is_sealed_each_day_and_at_once_after_acceptance(streams):
    with streams.app.app_context():
        assert seal_due() is True
        assert seal_due() is False
    _append(streams, Event("lot:900", "moved", {"base": 1}))
    with streams.app.app_context():
        assert seal_due() is False
    _append(streams, Event("lot:900", "accepted", {"packs": []}))
    with streams.app.app_context():
        assert seal_due() is True
    _append(streams, Event("lot:900", "moved", {"base": 1}))
    tomorrow = now() + timedelta(days=1)
    with streams.app.app_context(), use_clock(lambda: tomorrow):
        assert seal_due() is True
    assert _faults(streams) == []
