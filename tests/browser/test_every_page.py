"""Every page that a role can reach by links from its home, on a phone: readable, reachable, no faults."""

import re

import pytest
from flask.testing import FlaskClient

from marketplace.identity.models import User
from marketplace.identity.permissions import ROLES
from tests.support.browser import JOURNEY, PHONE, Visit
from tests.support.fitness import unfit
from tests.support.market_day import MarketDay

pytestmark = JOURNEY

LINK = re.compile(r'<a\b[^>]*\bhref="(/(?!static/)[^"?#]*)')


def _person(day: MarketDay, role: str) -> User:
    ready = {
        "cadre": day.cadre,
        "reviewer": day.reviewer,
        "operator": day.operator,
        "staff": day.staff,
    }
    if role in ready:
        return ready[role]
    if role in {"auditor", "clerk", "finance", "leader"}:
        return day.world.user(role, region="990101000000")
    if role == "administrator":
        return day.world.user(role)
    kind = "cooperative" if role == "cooperative" else "school"
    return day.world.user(role, unit=day.world.unit("清源县第二中学", kind=kind))


@pytest.mark.parametrize("role", [*ROLES, "nobody"])
def test_every_page_a_role_reaches_is_fit_for_a_phone(
    role: str, day: MarketDay, visit: Visit
) -> None:
    in_round, _ = day.sold()
    day.set_out(in_round)
    day.sold()
    day.send_back(day.report())
    day.report(500_000)
    day.shop(100)
    user = None if role == "nobody" else _person(day, role)
    app = day.world.app
    pages = _pages(app.test_client() if user is None else day.world.sign_in(user))
    assert len(pages) >= 3
    visitor = visit(user, PHONE)
    wrong = []
    for path in pages:
        answer = visitor.go(path)
        wrong += [f"{path}: {fault}" for fault in unfit(visitor, answer.status)]
    assert wrong + visitor.faults == []


def _pages(browser: FlaskClient) -> list[str]:
    """One address of each kind of page that links lead to from home."""
    waiting, pages, kinds = ["/"], [], set[str]()
    while waiting:
        path = waiting.pop(0)
        if _kind(path) in kinds:
            continue
        kinds.add(_kind(path))
        answer = browser.get(path, follow_redirects=True)
        if answer.mimetype == "text/html":
            pages.append(path)
            waiting += LINK.findall(answer.text)
    return pages


def _kind(path: str) -> str:
    """`/rounds/7` and `/rounds/8` are two of a kind."""
    return re.sub(r"[0-9A-Z-]*\d[0-9A-Z-]*", "#", path)
