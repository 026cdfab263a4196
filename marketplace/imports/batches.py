"""Files that people bring: stored encrypted, found again, asked to be taken, given back to be mended."""

import json
from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import insert, or_, select
from sqlalchemy.orm import Session

from marketplace.core.clock import now
from marketplace.core.errors import Conflict, NotFound
from marketplace.core.states import move
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.scope import Scope
from marketplace.imports.importer import IMPORTERS, Importer
from marketplace.imports.models import ImportBatch, ImportRow
from marketplace.imports.sheets import PROBLEM_HEADING, Table

CHANGED = "这次导入刚刚变了，请刷新再看。"


def importer_of(kind: str) -> Importer:
    if kind not in IMPORTERS:
        raise NotFound("没有这种导入。")
    return IMPORTERS[kind]


def get_batch(session: Session, scope: Scope, batch_id: int) -> ImportBatch:
    batch = session.scalar(scope.visible(select(ImportBatch).where(ImportBatch.id == batch_id)))
    if batch is None:
        raise NotFound("没有这次导入。")
    return batch


def store_batch(
    session: Session, actor: Actor, kind: str, file_name: str, table: Table
) -> ImportBatch:
    """Keep a file's rows, encrypted, to be checked next."""
    batch = ImportBatch(
        kind=importer_of(kind).code,
        file_name=file_name[:120],
        file_hash=table.file_hash,
        columns=json.dumps(table.headings, ensure_ascii=False),
        total=len(table.rows),
        created_by_id=actor.user_id,
        created_at=now(),
    )
    session.add(batch)
    session.flush()
    session.execute(
        insert(ImportRow),
        [
            {"batch_id": batch.id, "row_no": number, "cells": json.dumps(cells, ensure_ascii=False)}
            for number, cells in table.rows
        ],
    )
    audit.record(
        session, actor, "import_stored", "import_batch", batch.id, kind=kind, rows=len(table.rows)
    )
    return batch


def ask_to_take(session: Session, actor: Actor, batch: ImportBatch, take: str) -> None:
    """previewed → applying. `all` is refused while a row is faulty; `good` takes the others."""
    if take == "all" and batch.faulty:
        raise Conflict(
            f"还有 {batch.faulty} 行有问题。请改好再整份导入，或先导入没问题的行。",
            code="faulty_rows",
        )
    move(session, batch, "applying", because=CHANGED, take="all" if take == "all" else "good")
    audit.record(session, actor, "import_taken", "import_batch", batch.id, take=batch.take)


def unfinished(
    session: Session, scope: Scope, kinds: Iterable[str], most: int = 3
) -> Sequence[ImportBatch]:
    """The latest in which rows still wait to be decided on or to be mended."""
    to_mend = (ImportBatch.state == "done") & (ImportBatch.faulty > 0) & (ImportBatch.message == "")
    waits = ImportBatch.state.in_(("reading", "previewed", "applying"))
    return session.scalars(
        scope.visible(select(ImportBatch))
        .where(ImportBatch.kind.in_(list(kinds)), or_(waits, to_mend))
        .order_by(ImportBatch.id.desc())
        .limit(most)
    ).all()


def give_way(session: Session, actor: Actor, batch: ImportBatch) -> None:
    """Its rows were mended and brought again: nothing of it waits any longer."""
    if batch.state == "previewed":
        discard(session, actor, batch)
    elif batch.state == "done" and batch.faulty:
        batch.message = "要改的行已经改过，另外贴了一次。"


def let_go(session: Session, actor: Actor, batch: ImportBatch) -> str:
    """Take nothing of it, or no more of it than was taken; returns what happened, in words."""
    if batch.state != "done":
        discard(session, actor, batch)
        return "这次导入已放弃，什么都没有改。"
    batch.message = "要改的行不要了。"
    audit.record(session, actor, "import_discarded", "import_batch", batch.id, rows=batch.faulty)
    return "要改的行不要了，登记好的都还在。"


def discard(session: Session, actor: Actor, batch: ImportBatch) -> None:
    move(session, batch, "discarded", because=CHANGED, finished_at=now())
    audit.record(session, actor, "import_discarded", "import_batch", batch.id)


def faulty_rows(session: Session, batch: ImportBatch) -> Iterator[list[str]]:
    """The rows to mend, as they came, with what is wrong in the last cell; only good ones to send again."""
    for row in session.scalars(
        select(ImportRow)
        .where(ImportRow.batch_id == batch.id, ImportRow.state == "faulty")
        .order_by(ImportRow.row_no)
        .execution_options(yield_per=500)
    ):
        columns: list[str] = json.loads(batch.columns)
        cells: list[str] = json.loads(row.cells)
        problems = "；".join(
            f"{column}：{what}" if column else what for column, what in json.loads(row.problems)
        )
        given = dict(zip(columns, cells, strict=False))
        yield [given.get(c, "") for c in kept_columns(batch)] + [problems]


def kept_columns(batch: ImportBatch) -> list[str]:
    """The file's own headings, without an earlier problem column or unnamed ones."""
    return [c for c in json.loads(batch.columns) if c and c != PROBLEM_HEADING]
