"""Due jobs: once at a time, all of them, whatever happened before."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from marketplace.core.clock import use_clock
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict
from marketplace.jobs.models import DueJob
from marketplace.jobs.registry import Job, run_due, tick

NOON = datetime(2026, 11, 21, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def context(app):
    with app.app_context():
        yield


def _row(name):
    db.session.rollback()
    return db.session.get_one(DueJob, name)


@pytest.mark.usefixtures("context")
def test_a_job_runs_when_it_is_due_and_not_before():
    ran = []
    jobs = [Job("sweep", HOUR, lambda: ran.append(1))]
    assert run_due(NOON, jobs) == ["sweep"]
    assert run_due(NOON + HOUR - timedelta(seconds=1), jobs) == []
    assert run_due(NOON + HOUR, jobs) == ["sweep"]
    assert len(ran) == 2


@pytest.mark.usefixtures("context")
def test_after_an_outage_of_days_one_run_catches_up():
    ran = []
    jobs = [Job("sweep", HOUR, lambda: ran.append(1))]
    run_due(NOON, jobs)
    later = NOON + timedelta(days=3)
    assert run_due(later, jobs) == ["sweep"]
    assert run_due(later, jobs) == []
    assert _row("sweep").next_at == later + HOUR


@pytest.mark.usefixtures("context")
def test_a_failing_job_keeps_its_error_and_stops_no_other():
    def fail():
        raise ValueError("陈大山 000-0000 0001")

    def refuse():
        raise Conflict("这一期刚刚变了。")

    ran = []
    jobs = [Job("a", HOUR, fail), Job("b", HOUR, refuse), Job("c", HOUR, lambda: ran.append(1))]
    assert run_due(NOON, jobs) == ["a", "b", "c"]
    assert ran == [1]
    assert _row("a").error == "ValueError"  # what others write into errors may be personal data
    assert _row("b").error == "Conflict: 这一期刚刚变了。"
    run_due(NOON + HOUR, [Job("a", HOUR, lambda: None)])
    assert _row("a").error == ""


@pytest.mark.usefixtures("context")
def test_a_job_whose_runner_died_is_taken_over_when_its_lease_ends():
    with transaction() as session:
        session.add(DueJob(name="sweep", next_at=NOON, lease_until=NOON + HOUR, lease_owner="dead"))
    ran = []
    jobs = [Job("sweep", HOUR, lambda: ran.append(1))]
    assert run_due(NOON + HOUR - timedelta(seconds=1), jobs) == []
    assert run_due(NOON + HOUR, jobs) == ["sweep"]


@pytest.mark.usefixtures("context")
def test_a_runner_that_lost_its_lease_does_not_end_the_work_of_its_successor():
    def overtaken():
        with transaction() as session:
            row = session.get_one(DueJob, "sweep")
            row.lease_owner, row.lease_until = "successor", NOON + 2 * HOUR

    run_due(NOON, [Job("sweep", HOUR, overtaken)])
    assert _row("sweep").lease_owner == "successor"


@pytest.mark.usefixtures("context")
def test_being_woken_runs_what_waits_for_work_only():
    ran = []
    jobs = [
        Job("send", HOUR, lambda: ran.append("send"), on_wake=True),
        Job("sweep", HOUR, lambda: ran.append("sweep")),
    ]
    run_due(NOON, jobs)
    assert run_due(NOON + timedelta(seconds=5), jobs, woken=True) == ["send"]


def test_of_many_schedulers_at_once_one_runs_the_job(app):
    ran = []
    lock = threading.Lock()
    start = threading.Barrier(4)
    failures = []

    def work():
        with lock:
            ran.append(1)

    def schedule():
        try:
            with app.app_context():
                start.wait()
                for minute in range(3):
                    run_due(NOON + minute * HOUR, [Job("sweep", HOUR, work)])
                    start.wait()
        except Exception as failure:
            failures.append(failure)
            start.abort()

    threads = [threading.Thread(target=schedule) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(ran) == 3


def test_readiness_needs_a_tick_younger_than_three_minutes(app, client):
    with use_clock(lambda: NOON):
        assert client.get("/readyz").status_code == 503
        with app.app_context():
            tick(NOON, [])
        answer = client.get("/readyz")
        assert answer.status_code == 200
        assert answer.json["last_tick"] == "2026-11-21T04:00:00+00:00"
    with use_clock(lambda: NOON + timedelta(minutes=3)):
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json["worker"]) == (503, "silent")
