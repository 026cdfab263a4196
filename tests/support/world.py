"""Builders: a test says in one line who exists, and everything is made by the product's services.

What a builder returns is detached from its session: read plain columns, or ask the database again.
"""

import itertools
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert
from sqlalchemy.orm import Session

from marketplace.catalog.models import Lot, Product, SupplyReport
from marketplace.catalog.reports import ReportInput, get_report, submit_report, verify_report
from marketplace.core.clock import local_day_start, now, shanghai_date, today
from marketplace.core.db import transaction
from marketplace.core.secret_text import keyring
from marketplace.households.models import (
    CadreAssignment,
    CooperativeMember,
    Household,
    SupportStatus,
)
from marketplace.identity.accounts import NewGrant, create_user, grant_role
from marketplace.identity.actor import SYSTEM, Actor
from marketplace.identity.models import Organisation, User
from marketplace.identity.passwords import passwords
from marketplace.identity.permissions import REPORT_VERIFY
from marketplace.identity.sessions import actor_of, open_session
from marketplace.orders.listings import ListingInput, commit_lot, create_listing
from marketplace.orders.ordering import OrderInput, place_order
from marketplace.orders.round_models import CollectionPoint, Listing, PickupPoint, Round
from marketplace.orders.rounds import RoundInput, Slot, create_round, get_round, open_round
from marketplace.regions.models import Region

COUNTY = "990101000000"
TOWNS = {"990101101000": "青石镇", "990101102000": "云岭镇"}
VILLAGES = {
    "990101101201": "三岔村",
    "990101101202": "柳湾村",
    "990101102201": "松坪村",
    "990101102202": "石桥村",
}
PASSWORD = "four unrelated words here"
NAMES = ("陈大山", "李桂香", "王福来", "赵春生", "周秀兰", "吴长贵", "郑月娥", "孙有田")


class World:
    """One county with two towns and four villages, filled by the test."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self._numbers = itertools.count(1)
        self.county()

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        with self.app.app_context(), transaction() as session:
            yield session

    def county(self) -> None:
        names = {COUNTY: "清源县"} | TOWNS | VILLAGES
        rows = [
            {
                "code": code,
                "name": name,
                "level": "county" if code == COUNTY else "town" if code in TOWNS else "village",
                "parent_code": None
                if code == COUNTY
                else COUNTY
                if code in TOWNS
                else code[:9] + "000",
                "valid_from": date(2020, 1, 1),
            }
            for code, name in names.items()
        ]
        with self.transaction() as session:
            session.execute(insert(Region), rows)

    # people

    def unit(self, name: str = "", kind: str = "school", **columns: object) -> Organisation:
        with self.transaction() as session:
            unit = Organisation(
                name=name or f"单位{next(self._numbers)}",
                kind=kind,
                **({"region_code": COUNTY} | columns),
            )
            session.add(unit)
        return unit

    def user(
        self,
        role: str,
        *,
        region: str | None = None,
        unit: Organisation | None = None,
        name: str = "",
    ) -> User:
        """An account with one role, active, with PASSWORD."""
        login = name or f"{role}{next(self._numbers)}"
        with self.transaction() as session:
            user = create_user(
                session,
                SYSTEM,
                login_name=login,
                display_name=login,
                phone="000-0000 0001",
                organisation_id=unit.id if unit else None,
            )
            user.password_hash = passwords.hash(PASSWORD)
            reach = NewGrant(role, region_code=region, organisation_id=unit.id if unit else None)
            grant_role(session, SYSTEM, user, reach)
        return user

    def operator(self) -> User:
        return self.user("operator", region=COUNTY)

    def actor(self, user: User) -> Actor:
        with self.app.app_context(), transaction() as session:
            return actor_of(session, user)

    def sign_in(self, user: User, client: FlaskClient | None = None) -> FlaskClient:
        """A browser in which `user` is signed in."""
        browser = client or self.app.test_client()
        with self.transaction() as session:
            token = open_session(session, session.get_one(User, user.id), "test")
        with browser.session_transaction() as kept:
            kept["_user_id"] = token
        return browser

    # suppliers

    def household(
        self,
        village: str = "990101101201",
        *,
        name: str = "",
        cadre: User | None = None,
        status: str = "povertyexit",
    ) -> Household:
        number = next(self._numbers)
        head = name or NAMES[number % len(NAMES)]
        with self.transaction() as session:
            household = Household(
                household_no=f"H{number:05d}",
                region_code=village,
                head_name=head,
                head_name_hash=keyring.lookup(head),
                persons=3,
                created_at=now(),
            )
            session.add(household)
            session.flush()
            if status:
                session.add(
                    SupportStatus(
                        household_id=household.id, kind=status, valid_from=date(2020, 1, 1)
                    )
                )
            if cadre is not None:
                session.add(
                    CadreAssignment(
                        household_id=household.id, user_id=cadre.id, valid_from=date(2020, 1, 1)
                    )
                )
        return household

    def member(self, cooperative: Organisation, household: Household) -> None:
        with self.transaction() as session:
            session.add(
                CooperativeMember(
                    organisation_id=cooperative.id,
                    household_id=household.id,
                    valid_from=date(2020, 1, 1),
                )
            )

    # goods

    def product(self, name: str = "马蹄", base_unit: str = "g", **columns: object) -> Product:
        defaults = {
            "code": f"P{next(self._numbers)}",
            "category": "蔬菜",
            "piece_word": "" if base_unit == "g" else "只",
            "shelf_days": 20,
            "reference_fen": 150,
            "reference_per_base": 500 if base_unit == "g" else 1,
        }
        with self.transaction() as session:
            product = Product(name=name, base_unit=base_unit, **(defaults | columns))
            session.add(product)
        return product

    def report(
        self,
        by: User,
        product: Product,
        base: int,
        *,
        household: Household | None = None,
        **changes: object,
    ) -> SupplyReport:
        given = {
            "product_id": product.id,
            "grade": "统货",
            "typed_quantity": str(base),
            "quantity_base": base,
            "asked_fen": product.reference_fen,
            "asked_per_base": product.reference_per_base,
            "available_from": today(),
            "available_until": today() + timedelta(days=20),
            "household_id": household.id if household else None,
        } | changes
        actor = self.actor(by)
        with self.transaction() as session:
            return submit_report(session, actor, str(uuid.uuid4()), ReportInput(**given))  # type: ignore[arg-type]

    def verify(self, by: User, report: SupplyReport) -> Lot:
        actor = self.actor(by)
        with self.transaction() as session:
            found = get_report(session, actor.scope_for(REPORT_VERIFY), report.id)
            return verify_report(session, actor, found)

    def lot(
        self,
        product: Product,
        base: int,
        *,
        village: str = "990101101201",
        household: Household | None = None,
        **changes: object,
    ) -> Lot:
        """A verified lot of a household of its own (or the one given)."""
        cadre = self.user("cadre")
        if household is None:
            household = self.household(village, cadre=cadre)
        else:
            with self.transaction() as session:
                session.add(
                    CadreAssignment(
                        household_id=household.id, user_id=cadre.id, valid_from=date(2020, 1, 1)
                    )
                )
        report = self.report(cadre, product, base, household=household, **changes)
        return self.verify(self.user("reviewer", region=COUNTY), report)

    # rounds

    def pickup_point(self, name: str = "") -> PickupPoint:
        with self.transaction() as session:
            point = PickupPoint(
                name=name or f"提货点{next(self._numbers)}", address="县城南街", region_code=COUNTY
            )
            session.add(point)
        return point

    def round(
        self,
        *,
        closes_in: timedelta = timedelta(days=3),
        pickup: PickupPoint | None = None,
        **changes: object,
    ) -> Round:
        """A draft round that collects from both towns; open it with `open_round`."""
        pickup = pickup or self.pickup_point()
        with self.transaction() as session:
            point = CollectionPoint(
                name=f"集货点{next(self._numbers)}", address="镇政府旁", region_code="990101101000"
            )
            session.add(point)
            session.flush()
            given = RoundInput(
                **(  # type: ignore[arg-type]
                    {
                        "name": "冬季滞销专场",
                        "opens_at": now() - timedelta(hours=1),
                        "closes_at": now() + closes_in,
                        "delivers_on": today() + closes_in + timedelta(days=4),
                    }
                    | changes
                )
            )
            # At 10:15, whenever the tests run: whole hours and slots over midnight are said otherwise.
            start = local_day_start(shanghai_date(now() + closes_in)) + timedelta(
                days=3, hours=10, minutes=15
            )
            collections = [
                Slot(point.id, start, start + timedelta(hours=2), code) for code in TOWNS
            ]
            pickups = [Slot(pickup.id, start + timedelta(days=1), start + timedelta(days=2))]
            return create_round(session, SYSTEM, given, pickups, collections)

    def listing(
        self,
        in_round: Round,
        product: Product,
        lots: Mapping[Lot, int] | list[Lot],
        *,
        pack_base: int = 2500,
        **changes: object,
    ) -> Listing:
        """A listing with the lots committed: whole lots, or the base units given for each."""
        given = ListingInput(
            **(  # type: ignore[arg-type]
                {
                    "product_id": product.id,
                    "title": product.name,
                    "grade": "统货",
                    "pack_name": "5 斤装" if product.base_unit == "g" else "整只",
                    "pack_base": pack_base,
                    "farmgate_fen": -(
                        -product.reference_fen * pack_base // product.reference_per_base
                    ),
                    "service_fen": 280,
                    "freight_fen": 200,
                }
                | changes
            )
        )
        wanted = lots.items() if isinstance(lots, Mapping) else [(lot, lot.free) for lot in lots]
        with self.transaction() as session:
            listing = create_listing(session, SYSTEM, get_round(session, in_round.id), given)
            for lot, base in wanted:
                commit_lot(session, SYSTEM, listing, lot.id, base, consent_note="户主电话同意")
        return listing

    def open_round(self, in_round: Round) -> None:
        with self.transaction() as session:
            open_round(session, SYSTEM, get_round(session, in_round.id))

    def shop(
        self, packs: int = 100, *, lots: int = 1, pack_base: int = 2500, **changes: object
    ) -> tuple[Round, Listing]:
        """An open round with one listing of so many packs."""
        product = self.product(f"马蹄{next(self._numbers)}")
        made = [self.lot(product, packs // lots * pack_base) for _ in range(lots)]
        in_round = self.round(**changes)  # type: ignore[arg-type]
        listing = self.listing(in_round, product, made, pack_base=pack_base)
        self.open_round(in_round)
        return in_round, listing

    def order(
        self, buyer: User, in_round: Round, packs: Mapping[int, int], **changes: object
    ) -> str:
        """Place an order (listing id → packs) through the door; returns its number."""
        actor = self.actor(buyer)
        with self.transaction() as session:
            point = get_round(session, in_round.id).pickups[0].pickup_point_id
            given = OrderInput(
                **(  # type: ignore[arg-type]
                    {
                        "round_id": in_round.id,
                        "packs": packs,
                        "pickup_point_id": point,
                        "contact_name": "周小满",
                        "contact_phone": "000-0000 0002",
                        "idempotency_key": str(uuid.uuid4()),
                    }
                    | changes
                )
            )
            return place_order(session, actor, given)
