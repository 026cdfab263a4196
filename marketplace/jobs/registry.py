"""Due jobs: each is a row that says when it runs next and who runs it now.

A scheduler claims a row by a conditional UPDATE with a lease, so any number of schedulers do no harm:
one gets the row, the others pass on. A job finds its work in the database, so one run after an
outage does what the missed runs would have done.
"""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import or_, select, update

from marketplace.core.clock import now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, MarketplaceError
from marketplace.jobs.models import DueJob, Tick

SCHEDULER = "scheduler"
log = structlog.get_logger("jobs")


@dataclass(frozen=True)
class Job:
    """`run` opens its own transactions and may be interrupted anywhere: it claims what it works on.

    `on_wake`: also runs when somebody says that there is work, before `every` has passed.
    `lease`: after so long without an end the runner counts as dead and another one may start.
    """

    name: str
    every: timedelta
    run: Callable[[], object]
    on_wake: bool = False
    lease: timedelta = timedelta(minutes=10)


def run_due(moment: datetime, jobs: Iterable[Job], *, woken: bool = False) -> list[str]:
    """Run every job that is due at `moment` and that nobody else runs; returns the names run.

    A job that fails keeps its error in its row and does not stop the others.
    """
    jobs = list(jobs)
    _declare(moment, jobs)
    return [job.name for job in jobs if _run(job, moment, woken and job.on_wake)]


def tick(moment: datetime, jobs: Iterable[Job]) -> None:
    """What happens every minute: a sign of life for /readyz, then everything that is due."""
    with transaction() as session:
        session.merge(Tick(name=SCHEDULER, at=moment))
    run_due(moment, jobs)


def _declare(moment: datetime, jobs: list[Job]) -> None:
    """Rows for jobs that have none yet, due at once."""
    known = set(db.session.scalars(select(DueJob.name)))
    for job in jobs:
        if job.name in known:
            continue
        try:
            with transaction() as session:
                session.add(DueJob(name=job.name, next_at=moment))
        except Conflict:
            log.info("declared_elsewhere", job=job.name)


def _run(job: Job, moment: datetime, at_once: bool) -> bool:
    owner = secrets.token_hex(8)
    if not _claim(job, moment, owner, at_once):
        return False
    error = ""
    try:
        job.run()
    except Exception as failure:
        error = _words(failure)
        log.exception("job_failed", job=job.name)
    _finish(job, owner, moment, error)
    return True


def _claim(job: Job, moment: datetime, owner: str, at_once: bool) -> bool:
    free = or_(DueJob.lease_until.is_(None), DueJob.lease_until <= moment)
    with transaction() as session:
        claim = update(DueJob).where(DueJob.name == job.name, free)
        if not at_once:
            claim = claim.where(DueJob.next_at <= moment)
        hit = session.execute(
            claim.values(lease_until=moment + job.lease, lease_owner=owner).execution_options(
                synchronize_session=False
            )
        )
        claimed: bool = hit.rowcount == 1  # type: ignore[attr-defined]
    return claimed


def _finish(job: Job, owner: str, moment: datetime, error: str) -> None:
    """Give the row back, unless the lease ran out and somebody else holds it now."""
    with transaction() as session:
        session.execute(
            update(DueJob)
            .where(DueJob.name == job.name, DueJob.lease_owner == owner)
            .values(
                next_at=moment + job.every,
                lease_until=None,
                lease_owner="",
                finished_at=now(),
                error=error,
            )
            .execution_options(synchronize_session=False)
        )


def _words(failure: Exception) -> str:
    """What may be kept: a message of ours, else only the kind, because others quote data."""
    kind = type(failure).__name__
    return f"{kind}: {failure.message}"[:300] if isinstance(failure, MarketplaceError) else kind
