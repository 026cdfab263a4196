"""S3, S4: what lies in another town, another unit or with another cadre does not exist."""

import io
import re

import pytest
from PIL import Image
from sqlalchemy import select

from marketplace.catalog.models import Lot, ReportPhoto, SupplyReport
from marketplace.fulfilment.models import PreparationSheet
from marketplace.households.models import Household, SupportStatus
from marketplace.imports.models import ImportBatch
from marketplace.notices.models import Notice
from marketplace.orders.order_models import GroupEntry, Order
from tests.fulfilment.collecting import Collecting
from tests.orders.grouping import Group
from tests.security.doors import doors, filled
from tests.support.world import TOWNS

HERE, ELSEWHERE = TOWNS
SHARED = {"round_id", "listing_id", "product_id", "kind", "stage", "step", "what", "place_id"}
"""Rounds and goods are everybody's; places and products belong to the county."""


def _photo() -> tuple[io.BytesIO, str]:
    data = io.BytesIO()
    Image.new("RGB", (40, 40), "green").save(data, "JPEG")
    data.seek(0)
    return data, "p.jpg"


@pytest.fixture
def owned(world):
    """One town's households, goods, sheets and files, one unit's orders and registration: their
    numbers by the names that addresses use, and the words that give them away."""
    collecting, group = Collecting(world), Group(world)
    group.enter()
    canteen = filled(world)
    cadre, household = collecting.cadres[0], collecting.households[0]
    waiting = world.report(cadre, world.product("苹果"), 50_000, household=household)
    browser = world.sign_in(cadre)
    browser.post(f"/field/reports/{waiting.id}/photos", data={"photos": _photo()})
    text = {"text": f"{household.head_name} 三岔村 马蹄 300斤 1.5元/斤"}
    pasted = browser.post("/imports/paste/pasted", data=text)
    reviewer = world.sign_in(world.user("reviewer", region=HERE))
    table = (io.BytesIO("户编号,户主,村\nH-77,陈大山,三岔村".encode()), "户.csv")
    assert reviewer.post("/imports/new/households", data={"file": table}).status_code == 302
    cooperative = world.unit("青石合作社", kind="cooperative")
    world.member(cooperative, household)
    with world.transaction() as session:

        def one(column, *where):
            return session.scalars(select(column).where(*where)).first()

        samples = {
            "household_id": household.id,
            "status_id": one(SupportStatus.id, SupportStatus.household_id == household.id),
            "report_id": waiting.id,
            "photo_id": one(ReportPhoto.id),
            "lot_id": one(Lot.id, Lot.household_id == household.id),
            "sheet_id": one(PreparationSheet.id, PreparationSheet.household_id == household.id),
            "code": one(PreparationSheet.code, PreparationSheet.household_id == household.id),
            "group_id": group.id,
            "entry_id": one(GroupEntry.id),
            "batch_id": one(ImportBatch.id, ImportBatch.kind == "households"),
            "paste_id": int(re.search(r"\d+", pasted.location)[0]),
            "notice_id": one(Notice.id),
            "organisation_id": cooperative.id,
            "number": canteen["number"],
            "round_id": collecting.round.id,
            "listing_id": collecting.listing.id,
        }
        words = {
            *session.scalars(select(Household.household_no)),
            *session.scalars(select(Order.number)),
            *session.scalars(select(SupplyReport.receipt_no)),
            *session.scalars(select(Lot.code)),
            *session.scalars(select(PreparationSheet.code)),
            "第一小学团购",
        }
    assert all(samples.values()), samples
    return samples, words


@pytest.fixture
def strangers(world):
    """Everybody whose reach ends elsewhere."""
    unit = world.unit("别的单位")
    people = {
        role: world.user(role, unit=unit) for role in ("buyer", "approver", "organiser", "staff")
    }
    people["cooperative"] = world.user("cooperative", unit=world.unit("别的社", kind="cooperative"))
    people["reviewer"] = world.user("reviewer", region=ELSEWHERE)
    people["cadre"] = world.user("cadre")
    return {role: world.sign_in(user) for role, user in people.items()}


def test_nothing_of_others_is_opened_changed_listed_or_named(app, world, owned, strangers):
    app.config["PROPAGATE_UNKNOWN"] = False
    samples, words = owned
    wrong = []
    tried = 0
    for role, browser in strangers.items():
        for door in doors(app, samples):
            rule = next(app.url_map.iter_rules(door.endpoint))
            if door.public or not door.opens_to(role) or door.endpoint == "identity.sign_out":
                continue
            answer = browser.open(door.path, method=door.method)
            if rule.arguments - SHARED:
                tried += 1
                if answer.status_code != 404:
                    wrong.append(f"{role} {door}: {answer.status_code}")
            named = [word for word in words if word.encode() in answer.data]
            if named:
                wrong.append(f"{role} {door} names {named[:3]}")
    assert wrong == []
    assert tried > 100
