"""The checks of `marketplace verify` for those who look at pages: the worker runs them each night and when
somebody asks, and keeps what each said.

Each check reads by itself, so none holds back who writes for longer than a statement takes.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import islice

import structlog
from sqlalchemy import Select, delete, select, text
from sqlalchemy.orm import Session

from marketplace.core.clock import now, shanghai_time
from marketplace.core.codes import next_number
from marketplace.core.db import db, transaction
from marketplace.identity import audit
from marketplace.identity.actor import SYSTEM, Actor
from marketplace.reporting.check_models import CheckRun
from marketplace.reporting.verify import CHECKS
from marketplace.reporting.verify_trace import TRACE_CHECKS

MOST_FAULTS = 20
"""So many wrong rows are counted for each check."""
NIGHT = 2
"""From this hour on the night's run is due."""
KEPT = 60
LEASE = timedelta(hours=2)
"""The worker that runs them counts as dead after so long."""
Find = Callable[[Session], Iterable[str]]
"""Names the rows that are wrong."""
log = structlog.get_logger("checks")


@dataclass(frozen=True)
class Result:
    """`wrong`: how many rows, at most MOST_FAULTS; `first` names the first. `failed`: it could not be asked."""

    what: str
    wrong: int
    first: str
    milliseconds: int
    failed: bool = False


def ask(session: Session, actor: Actor) -> bool:
    """Have everything checked; False when that is under way already."""
    next_number(session, "checking")  # whoever else asks waits here
    if unfinished(session) is not None:
        return False
    session.add(CheckRun(asked_at=now(), asked_by_id=actor.user_id))
    if actor.user_id != SYSTEM.user_id:
        audit.record(session, actor, "check_asked", "check_run")
    return True


_UNFINISHED = select(CheckRun).where(CheckRun.finished_at.is_(None)).order_by(CheckRun.id).limit(1)


def unfinished(session: Session) -> CheckRun | None:
    """What waits for the worker, or is with it."""
    return session.scalar(_UNFINISHED)


def finished(session: Session, most: int) -> list[CheckRun]:
    """The last runs that came to an end, the newest first."""
    ended = select(CheckRun).where(CheckRun.finished_at.is_not(None))
    return list(session.scalars(ended.order_by(CheckRun.id.desc()).limit(most)))


def results_of(run: CheckRun) -> list[Result]:
    """What is wrong first, then as the checks stand."""
    found = [Result(**one) for one in json.loads(run.found)]
    return sorted(found, key=lambda one: not (one.wrong or one.failed))


def check_due() -> bool:
    """A job: run what was asked for, or what this night is to be run. The job's lease lets one do it."""
    if unfinished(db.session) is None and not _is_due(db.session):
        return False
    with transaction() as session:
        if unfinished(session) is None:
            ask(session, SYSTEM)
            session.flush()
        waiting = session.scalars(_UNFINISHED).one()
        waiting.started_at, number = now(), waiting.id
    found = [_result(db.session, what, find) for what, find in _checks()]
    with transaction() as session:
        run = session.get_one(CheckRun, number)
        run.finished_at = now()
        run.faults = sum(bool(one.wrong or one.failed) for one in found)
        run.found = json.dumps([asdict(one) for one in found], ensure_ascii=False)
        session.execute(delete(CheckRun).where(CheckRun.id <= number - KEPT))
    return True


def _is_due(session: Session) -> bool:
    """By night, and at once where nothing was ever checked."""
    last = session.scalar(select(CheckRun.asked_at).order_by(CheckRun.id.desc()).limit(1))
    return last is None or _tonight(now()) > last


def _tonight(moment: datetime) -> datetime:
    """When the last night's run was due."""
    local = shanghai_time(moment)
    due = local.replace(hour=NIGHT, minute=0, second=0, microsecond=0)
    return due if local >= due else due - timedelta(days=1)


def _checks() -> Iterator[tuple[str, Find]]:
    for what, query in CHECKS:
        yield what, partial(_asked, query)
    yield from TRACE_CHECKS


def _asked(query: Callable[[], Select[str]], session: Session) -> Iterable[str]:
    return session.scalars(query().order_by(text("1")).limit(MOST_FAULTS))


def _result(session: Session, what: str, find: Find) -> Result:
    """Read at one moment: what is written meanwhile must not look like a fault."""
    session.rollback()
    if session.get_bind().dialect.name == "postgresql":
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    begun, rows, failed = time.monotonic(), list[str](), False
    try:
        rows = list(islice(find(session), MOST_FAULTS))
    except Exception as failure:
        failed = True
        log.exception("check_failed", what=what, error=type(failure).__name__)
    finally:
        session.rollback()
    milliseconds = round((time.monotonic() - begun) * 1000)
    return Result(what, len(rows), rows[0] if rows else "", milliseconds, failed)
