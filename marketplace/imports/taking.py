"""Checking and taking a file's rows, with visible progress.

It goes in slices, each its own transaction, claimed by a lease: a worker that dies is followed by
another, and a row taken twice changes nothing the second time.
"""

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.orm import Session

from marketplace.core.clock import now
from marketplace.core.db import db, savepoint, transaction
from marketplace.core.errors import Conflict, MarketplaceError
from marketplace.core.states import move, move_many
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.models import User
from marketplace.identity.sessions import actor_of
from marketplace.imports.batches import CHANGED, ask_to_take, importer_of, store_batch
from marketplace.imports.importer import Checker, FaultyRow, Importer, Problem
from marketplace.imports.models import ImportBatch, ImportRow
from marketplace.imports.repeats import Repeats
from marketplace.imports.sheets import Table

SLICE = 400
LEASE = timedelta(minutes=2)


def run_due_batches() -> int:
    """Check and take what waits, as the worker does; returns how many batches were moved on."""
    done = 0
    while (batch_id := claim()) is not None:
        work_on(batch_id)
        done += 1
    return done


def claim(batch_id: int | None = None) -> int | None:
    """The batch given, or the next one: leased to the caller, unless somebody works on it."""
    waiting = select(ImportBatch.id).where(
        ImportBatch.state.in_(("reading", "applying")),
        or_(ImportBatch.lease_until.is_(None), ImportBatch.lease_until < now()),
    )
    if batch_id is not None:
        waiting = waiting.where(ImportBatch.id == batch_id)
    with transaction() as session:
        found = session.scalar(
            waiting.order_by(ImportBatch.id).limit(1).with_for_update(skip_locked=True)
        )
        if found is not None:
            _renew(session, found)
    return found


def _renew(session: Session, batch_id: int) -> None:
    session.execute(
        update(ImportBatch).where(ImportBatch.id == batch_id).values(lease_until=now() + LEASE)
    )


def work_on(batch_id: int) -> None:
    """Check or take a batch that was claimed to its end; a fault of the program ends it as failed,
    with words."""
    try:
        with transaction() as session:
            batch = session.get_one(ImportBatch, batch_id)
            actor = actor_of(session, session.get_one(User, batch.created_by_id))
            kind, reading, whole = batch.kind, batch.state == "reading", batch.take == "all"
            checker = importer_of(kind).start(session, actor)
        if reading:
            _check_rows(batch_id, importer_of(kind), checker)
        elif whole:
            _take_whole(batch_id, checker)
        else:
            _take_good(batch_id, checker)
    except MarketplaceError as error:
        _fail(batch_id, error.message)
    except Exception:
        _fail(batch_id, "系统出了差错，没有导入。请稍后再试。")
        raise


def _fail(batch_id: int, message: str) -> None:
    with transaction() as session:
        batch = session.get_one(ImportBatch, batch_id)
        move(
            session,
            batch,
            "failed",
            because=CHANGED,
            message=message,
            finished_at=now(),
            lease_until=None,
        )


def cells_of(batch: ImportBatch, row: ImportRow) -> dict[str, str]:
    """Heading → text for every column the importer declares."""
    columns: list[str] = json.loads(batch.columns)
    given = dict(zip(columns, json.loads(row.cells), strict=False))
    return {
        column.heading: given.get(column.heading, "") for column in importer_of(batch.kind).columns
    }


def _slice(session: Session, batch_id: int, state: str, after: int = 0) -> list[ImportRow]:
    return list(
        session.scalars(
            select(ImportRow)
            .where(
                ImportRow.batch_id == batch_id, ImportRow.state == state, ImportRow.row_no > after
            )
            .order_by(ImportRow.row_no)
            .limit(SLICE)
        )
    )


def _check_rows(batch_id: int, importer: Importer, checker: Checker) -> None:
    repeats = Repeats(importer)
    with transaction() as session:
        repeats.resume(session, session.get_one(ImportBatch, batch_id))
    while True:
        with transaction() as session:
            batch = session.get_one(ImportBatch, batch_id)
            rows = _slice(session, batch_id, "waiting")
            if not rows:
                move(session, batch, "previewed", because=CHANGED, lease_until=None)
                return
            results = _Results("waiting")
            for row in rows:
                cells = cells_of(batch, row)
                problems = _problems(checker, cells) + repeats.problems(row.row_no, cells)
                results.note(row, "faulty" if problems else "good", problems)
            results.write(session, batch)
            batch.checked += len(rows)
            _renew(session, batch_id)


class _Results:
    """What became of a slice's rows, written with a few statements."""

    def __init__(self, before: str) -> None:
        self.before = before
        self.rows: dict[str, list[int]] = {}
        self.problems: list[dict[str, object]] = []
        self.last_row = 0

    def note(self, row: ImportRow, state: str, problems: Iterable[Problem] = ()) -> None:
        self.rows.setdefault(state, []).append(row.id)
        if state == "faulty":
            words = json.dumps([[p.column, p.what] for p in problems], ensure_ascii=False)
            self.problems.append({"of": row.id, "words": words})

    def write(self, session: Session, batch: ImportBatch) -> None:
        table = ImportRow.__table__
        if self.problems:
            statement = update(table).where(table.c.id == bindparam("of"))  # type: ignore[arg-type]
            statement = statement.values(problems=bindparam("words"))
            session.connection().execute(statement, self.problems)
        for state, ids in self.rows.items():
            for start in range(0, len(ids), SLICE):
                move_many(
                    session,
                    ImportRow,
                    ImportRow.id.in_(ids[start : start + SLICE]),
                    self.before,
                    state,
                )
        batch.faulty += len(self.rows.get("faulty", ()))
        batch.applied += len(self.rows.get("applied", ()))
        batch.unchanged += len(self.rows.get("unchanged", ()))


def _problems(checker: Checker, cells: dict[str, str]) -> list[Problem]:
    try:
        checker.check(cells)
    except FaultyRow as faulty:
        return faulty.problems
    return []


def _take_good(batch_id: int, checker: Checker) -> None:
    """Good rows, a slice in each transaction; what a service refuses becomes faulty, the rest goes on."""
    while True:
        with transaction() as session:
            batch = session.get_one(ImportBatch, batch_id)
            rows = _slice(session, batch_id, "good")
            if not rows:
                _finish(session, batch)
                return
            results = _Results("good")
            values = _checked(checker, batch, rows, results)
            try:
                with savepoint(session):
                    _apply(session, checker, values, results)
            except MarketplaceError:
                _apply_one_by_one(session, checker, values, results)
            results.write(session, batch)
            _renew(session, batch_id)


Values = list[tuple[ImportRow, Any]]


def _checked(
    checker: Checker, batch: ImportBatch, rows: Iterable[ImportRow], results: _Results
) -> Values:
    """Rows with their values; what is faulty by now is noted and left out."""
    values: Values = []
    for row in rows:
        try:
            values.append((row, checker.check(cells_of(batch, row))))
        except FaultyRow as faulty:
            results.note(row, "faulty", faulty.problems)
    return values


def _apply(session: Session, checker: Checker, values: Values, results: _Results) -> None:
    checker.prepare(session, [value for _, value in values])
    with session.no_autoflush:
        changed = [checker.apply(session, value) for _, value in values]
    session.flush()
    for (row, _), is_changed in zip(values, changed, strict=True):
        results.note(row, "applied" if is_changed else "unchanged")


def _apply_one_by_one(
    session: Session, checker: Checker, values: Values, results: _Results
) -> None:
    """A slice in which something was refused: each row in a savepoint of its own."""
    for row, value in values:
        try:
            with savepoint(session):
                _apply(session, checker, [(row, value)], results)
        except MarketplaceError as error:
            results.note(row, "faulty", [Problem("", error.message)])


def _take_whole(batch_id: int, checker: Checker) -> None:
    """All rows in one transaction: one refusal and nothing of the file is taken.

    It may last longer than a lease, so the row is locked meanwhile.
    """
    with transaction() as session:
        batch = session.get_one(ImportBatch, batch_id, with_for_update=True)
        results = _Results("good")
        while rows := _slice(session, batch_id, "good", after=results.last_row):
            values = _checked(checker, batch, rows, results)
            if results.problems:
                raise Conflict(_nothing_taken(rows, results))
            try:
                _apply(session, checker, values, results)
            except MarketplaceError as error:
                raise Conflict(f"{error.message}整份都没有导入。") from error
            results.last_row = rows[-1].row_no
        results.write(session, batch)
        _finish(session, batch)


def _nothing_taken(rows: list[ImportRow], results: _Results) -> str:
    bad = next(row for row in rows if row.id == results.problems[0]["of"])
    _, what = json.loads(str(results.problems[0]["words"]))[0]
    return f"第 {bad.row_no} 行：{what}整份都没有导入。"


def _finish(session: Session, batch: ImportBatch) -> None:
    move(session, batch, "done", because=CHANGED, finished_at=now(), lease_until=None)
    audit.record(
        session,
        Actor(batch.created_by_id, ""),
        "import_done",
        "import_batch",
        batch.id,
        applied=batch.applied,
        unchanged=batch.unchanged,
        faulty=batch.faulty,
    )


def take_table(
    actor: Actor, kind: str, file_name: str, table: Table, take: str = "good"
) -> ImportBatch:
    """Store, check and take a file at once, for the command line and the demo county."""
    with transaction() as session:
        batch_id = store_batch(session, actor, kind, file_name, table).id
        _renew(session, batch_id)
    work_on(batch_id)
    with transaction() as session:
        ask_to_take(session, actor, session.get_one(ImportBatch, batch_id), take)
        _renew(session, batch_id)
    work_on(batch_id)
    return db.session.get_one(ImportBatch, batch_id)
