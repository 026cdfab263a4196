"""What `marketplace verify` asks, on a page: by night and on demand, one run at a time."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update

from marketplace.catalog.models import Lot
from marketplace.core.clock import local_day_start, now, today, use_clock
from marketplace.core.db import db
from marketplace.identity.audit import AuditRow
from marketplace.jobs.due import JOBS
from marketplace.jobs.registry import run_due
from marketplace.reporting import checking
from marketplace.reporting.check_models import CheckRun
from marketplace.reporting.checking import check_due
from marketplace.reporting.verify import CHECKS, verify
from marketplace.reporting.verify_trace import TRACE_CHECKS
from tests.support.world import COUNTY, TOWNS


@pytest.fixture
def auditor(world):
    return world.sign_in(world.user("auditor", region=COUNTY))


def _check(world):
    with world.app.app_context():
        return check_due()


def _runs(world):
    with world.transaction() as session:
        return session.scalar(select(func.count(CheckRun.id)))


def test_what_was_never_checked_is_checked_at_once_and_then_by_night(world, auditor):
    assert "还没有核对过" in auditor.get("/checks").text
    world.lot(world.product(), 25_000)
    assert _check(world)
    assert not _check(world), "nothing is due until the night"
    page = auditor.get("/checks").text
    assert f"{len(CHECKS) + len(TRACE_CHECKS)} 项全部一致" in page
    assert "每天夜里" in page
    assert 'href="/trust"' in page
    night = local_day_start(today()) + timedelta(days=1)
    with use_clock(lambda: night + timedelta(hours=1, minutes=59)):
        assert not _check(world)
    with use_clock(lambda: night + timedelta(hours=2)):
        assert _check(world)
    assert _runs(world) == 2


def test_the_auditor_is_one_tap_from_a_run_and_two_at_once_are_one(world, auditor):
    assert _check(world)
    assert 'href="/checks"' in auditor.get("/", follow_redirects=True).text
    assert "开始核对了" in auditor.post("/checks/run", follow_redirects=True).text
    again = auditor.post("/checks/run", follow_redirects=True).text
    assert "不用再点" in again
    assert "正在核对" in again
    assert "现在核对一遍" not in again
    with world.app.app_context():
        assert "check_books" in run_due(now(), JOBS, woken=True)
    assert _runs(world) == 2
    assert "现在核对一遍" in auditor.get("/checks").text
    with world.transaction() as session:
        asked = select(func.count(AuditRow.id)).where(AuditRow.action == "check_asked")
        assert session.scalar(asked) == 1, "the night's own run is nobody's act"
    assert "要核对一遍" in auditor.get("/audit").text


def test_what_is_wrong_is_named_first_with_its_first_row(world, auditor):
    lot = world.lot(world.product(), 25_000)
    with world.transaction() as session:
        session.execute(update(Lot).where(Lot.id == lot.id).values(lost=5, free=Lot.free - 5))
    _check(world)
    page = auditor.get("/checks").text
    assert f"批次 {lot.code}" in page
    with world.transaction() as session:
        wrong = {fault.what for fault in verify(session)}
    assert f"不对 {len(wrong)} 项" in page
    order = [page.index(f'<th scope="row">{what}</th>') for what in wrong]
    assert max(order) < page.index('<th scope="row">订单金额不符</th>')


def test_a_check_that_cannot_be_asked_is_told_and_the_others_go_on(world, auditor, monkeypatch):
    def broken():
        raise KeyError("whatever it read")

    monkeypatch.setattr(checking, "CHECKS", (("一查就坏", broken), *CHECKS))
    assert _check(world)
    page = auditor.get("/checks").text
    assert page.count("没查成</span>") == 1
    assert "全部一致" not in page
    assert "whatever it read" not in page
    assert not _check(world), "it does not begin again and again"


def test_a_run_that_died_with_its_worker_is_run_again(world, auditor):
    with world.transaction() as session:
        session.add(CheckRun(asked_at=now(), asked_by_id=0, started_at=now()))
    assert "正在核对" in auditor.get("/checks").text
    assert _check(world)
    assert _runs(world) == 1
    assert "正在核对" not in auditor.get("/checks").text


def test_nobody_waits_for_a_check_to_write(world, monkeypatch):
    wrote = []

    def meanwhile(session):
        list(session.scalars(select(Lot.code)))
        with db.engine.connect().execution_options(write=True) as other:
            other.execute(text("UPDATE counter SET value = value WHERE name = 'nothing'"))
            other.commit()
        wrote.append(True)
        return []

    monkeypatch.setattr(checking, "CHECKS", ())
    monkeypatch.setattr(checking, "TRACE_CHECKS", (("写得进去", meanwhile),))
    assert _check(world)
    assert wrote == [True]


def test_old_runs_make_room(world, monkeypatch):
    monkeypatch.setattr(checking, "KEPT", 2)
    monkeypatch.setattr(checking, "CHECKS", CHECKS[:1])
    for _ in range(4):
        with world.transaction() as session:
            session.add(CheckRun(asked_at=now(), asked_by_id=0))
        _check(world)
    assert _runs(world) == 2


def test_who_controls_the_county_opens_the_page_and_nobody_else(world):
    for role in ("auditor", "finance", "leader"):
        assert world.sign_in(world.user(role, region=COUNTY)).get("/checks").status_code == 200
    for role in ("operator", "reviewer"):
        browser = world.sign_in(world.user(role, region=COUNTY))
        assert browser.get("/checks").status_code == 403
        assert browser.post("/checks/run").status_code == 403
    town = world.sign_in(world.user("auditor", region=next(iter(TOWNS))))
    assert town.get("/checks").status_code == 404
    assert town.post("/checks/run").status_code == 404
