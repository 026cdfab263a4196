"""S5, S24 for accounts: each act leaves exactly its one row, and extra fields change nothing."""

import re
from collections import Counter
from collections.abc import Callable

import pytest
from sqlalchemy import select

from marketplace.core.clock import today
from marketplace.core.county_settings import county_settings
from marketplace.core.db import db
from marketplace.identity.accounts import issue_activation
from marketplace.identity.actor import SYSTEM
from marketplace.identity.audit import AuditRow
from marketplace.identity.deputies import appoint_deputy
from marketplace.identity.models import Organisation, RoleGrant, User
from tests.support.world import COUNTY, PASSWORD, World

NEW = {"password": "tall grass behind barn", "again": "tall grass behind barn"}
Act = Callable[["Cast"], object]


class Cast:
    """An administrator, somebody to act on, and a stranger at the door."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.unit = world.unit("清源一中")
        self.user = world.user("staff", unit=self.unit)
        self.operator = world.operator()
        self.admin = world.sign_in(world.user("administrator"))
        self.me = world.sign_in(self.user)
        self.also_me = world.sign_in(self.user)
        self.stranger = world.app.test_client()
        self.page = f"/admin/accounts/{self.user.id}"
        with world.app.app_context():
            self.grant_id = db.session.scalar(
                select(RoleGrant.id).where(RoleGrant.user_id == self.user.id)
            )
            self.settings = {k: str(v) for k, v in county_settings(db.session).items()}
        principal = world.actor(self.user)
        with world.transaction() as session:
            self.code = issue_activation(session, SYSTEM, session.get_one(User, self.user.id))
            deputy = appoint_deputy(
                session,
                principal,
                self.grant_id,
                self.operator.login_name,
                today(),
                today(),
            )
            self.deputy_id = deputy.id

    def sign_in(self, password: str) -> object:
        form = {"login_name": self.user.login_name, "password": password}
        return self.stranger.post("/sign-in", data=form)

    def activate(self, code: str) -> object:
        form = {"login_name": self.user.login_name, "code": code, **NEW}
        return self.stranger.post("/activate", data=form)

    def deputise(self) -> object:
        form = {"grant_id": self.grant_id, "deputy": self.operator.login_name}
        return self.me.post(
            "/me/deputies", data=form | {"valid_from": today(), "valid_until": today()}
        )

    def other_session(self) -> str:
        found = re.search(r"/me/sessions/\d+/end", self.me.get("/me/security").text)
        assert found
        return found[0]

    def grant(self, role: str) -> object:
        form = {"role": role, "region_code": COUNTY, "valid_from": "2020-01-01"}
        return self.admin.post(self.page, data=form)

    def save_unit(self, address: str) -> object:
        form = {"name": "县医院", "kind": "hospital", "region_code": COUNTY, "active": "y"}
        return self.admin.post(address, data=form)


ACTS: list[tuple[str, Act, dict[str, int]]] = [
    ("sign in", lambda c: c.sign_in(PASSWORD), {"sign_in": 1}),
    ("a wrong password", lambda c: c.sign_in("wrong"), {"sign_in": 1}),
    ("sign out", lambda c: c.me.post("/sign-out"), {"sign_out": 1}),
    ("end another session", lambda c: c.me.post(c.other_session()), {"sign_out": 1}),
    ("end nobody's session", lambda c: c.me.post("/me/sessions/99999/end"), {}),
    ("activate", lambda c: c.activate(c.code), {"password_set": 1, "sign_in": 1}),
    ("a wrong code", lambda c: c.activate("2222-2222-2222"), {"sign_in": 1}),
    ("change the password", lambda c: c.me.post("/me/security", data=NEW | {"current": PASSWORD}), {"password_changed": 1}),
    ("a wrong old password", lambda c: c.me.post("/me/security", data=NEW | {"current": "x"}), {"sign_in": 1}),
    ("make an account", lambda c: c.admin.post("/admin/accounts/new", data={"login_name": "neu", "display_name": "新"}), {"account_created": 1}),
    ("correct an account", lambda c: c.admin.post(c.page + "/edit", data={"display_name": "周小满"}), {"account_changed": 1}),
    ("grant a role", lambda c: c.grant("leader"), {"role_granted": 1}),
    ("end a role", lambda c: c.admin.post(f"{c.page}/roles/{c.grant_id}/end"), {"role_ended": 1}),
    ("print a slip", lambda c: c.admin.post(c.page + "/slip"), {"activation_issued": 1}),
    ("disable", lambda c: c.admin.post(c.page + "/disable"), {"account_disabled": 1}),
    ("enable", lambda c: c.admin.post(c.page + "/enable"), {"account_enabled": 1}),
    ("leave a role", lambda c: c.deputise(), {"deputy_appointed": 1}),
    ("take it back", lambda c: c.me.post(f"/me/deputies/{c.deputy_id}/revoke"), {"deputy_revoked": 1}),
    ("make a unit", lambda c: c.save_unit("/admin/organisations/new"), {"organisation_created": 1}),
    ("correct a unit", lambda c: c.save_unit(f"/admin/organisations/{c.unit.id}"), {"organisation_changed": 1}),
    ("change a setting", lambda c: c.admin.post("/admin/county", data=c.settings | {"county_name": "清源县"}), {"setting_changed": 1}),
    ("knock at a closed door", lambda c: c.me.get("/admin/accounts"), {"refused": 1}),
    ("a refused form", lambda c: c.admin.post("/admin/accounts/new", data={"login_name": "neu"}), {}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("act", "expected"), [(act, rows) for _, act, rows in ACTS], ids=[name for name, _, _ in ACTS]
)
def test_each_act_leaves_exactly_its_rows(app, world, act, expected):
    cast = Cast(world)
    before = _trail(app)
    act(cast)
    added = _trail(app)[len(before) :]
    assert Counter(row.action for row in added) == expected
    for row in added:
        assert row.request_id
        for secret in (cast.user.login_name, cast.user.display_name, PASSWORD, cast.code):
            assert secret not in row.detail + row.subject_id


def _trail(app) -> list[AuditRow]:
    with app.app_context():
        return list(db.session.scalars(select(AuditRow).order_by(AuditRow.id)))


def test_a_sixth_try_leaves_its_row_too(app, world):
    cast = Cast(world)
    before = len(_trail(app))
    for _ in range(7):
        cast.sign_in("wrong")
    actions = [row.action for row in _trail(app)[before:]]
    assert actions == ["sign_in"] * 5 + ["sign_in_throttled"] * 2


EXTRA = {
    "id": "1", "user_id": "1", "role": "administrator", "demo": "y", "active": "", "password_hash": "x",
    "password": "tall grass behind barn", "permissions": "audit.view", "state": "paid", "price": "1",
}  # fmt: skip


def test_extra_fields_of_an_account_change_nothing(app, world):
    cast = Cast(world)
    form = {"login_name": "neu", "display_name": "新", **EXTRA}
    assert cast.admin.post("/admin/accounts/new", data=form).status_code == 302
    assert (
        cast.admin.post(cast.page + "/edit", data=EXTRA | {"display_name": "周"}).status_code == 302
    )
    with app.app_context():
        made = db.session.scalar(select(User).where(User.login_name == "neu"))
        assert (made.active, made.demo, made.password_hash) == (True, False, None)
        kept = db.session.get_one(User, cast.user.id)
        assert (kept.active, kept.demo, kept.login_name) == (True, False, cast.user.login_name)
        roles = select(RoleGrant.role).where(RoleGrant.user_id.in_((made.id, kept.id)))
        assert db.session.scalars(roles).all() == ["staff"]


def test_extra_fields_at_the_door_give_no_role(app, world):
    cast = Cast(world)
    form = {"login_name": cast.user.login_name, "password": PASSWORD, "role": "operator"}
    assert cast.stranger.post("/sign-in", data=form).status_code == 302
    assert world.actor(cast.user).permissions == {"orders.own"}


def test_a_role_that_reaches_a_unit_keeps_no_region(app, world):
    cast = Cast(world)
    form = {"role": "buyer", "region_code": COUNTY, "organisation_id": cast.unit.id}
    cast.admin.post(cast.page, data=form | {"valid_from": "2020-01-01"})
    with app.app_context():
        grant = db.session.scalar(select(RoleGrant).where(RoleGrant.role == "buyer"))
        assert (grant.region_code, grant.organisation_id) == (None, cast.unit.id)


def test_a_unit_is_not_swapped_for_another_by_an_extra_field(app, world):
    cast = Cast(world)
    other = world.unit("别的单位")
    form = {"name": "县医院", "kind": "hospital", "region_code": COUNTY, "id": other.id}
    cast.admin.post(f"/admin/organisations/{cast.unit.id}", data=form)
    with app.app_context():
        names = db.session.scalars(select(Organisation.name).order_by(Organisation.id)).all()
        assert names == ["县医院", "别的单位"]
