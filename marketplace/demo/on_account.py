"""Three weeks ago: a small round that is delivered, a canteen on account, and what came at the bank since."""

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.catalog.models import Lot, Product
from marketplace.catalog.reports import ReportInput, get_report, submit_report, verify_report
from marketplace.core.clock import shanghai_date, today
from marketplace.core.db import db, transaction
from marketplace.core.money import format_yuan
from marketplace.demo.bring import actor_named, bring
from marketplace.demo.county import JIN
from marketplace.demo.orders import approve_all
from marketplace.demo.rounds import make_round
from marketplace.demo.telling import Story
from marketplace.demo.weighing import weigh_everything
from marketplace.fulfilment.delivering import accept_rest, set_out
from marketplace.fulfilment.issuing import issue_sheets
from marketplace.households.models import CadreAssignment, Household
from marketplace.identity.actor import Actor
from marketplace.identity.models import Organisation, User
from marketplace.identity.permissions import REPORT_VERIFY
from marketplace.orders.collecting import due_fen
from marketplace.orders.listings import ListingInput, commit_lot, create_listing
from marketplace.orders.order_models import Order
from marketplace.orders.ordering import OrderInput, place_order
from marketplace.orders.round_allocation import allocate_round
from marketplace.orders.round_models import PickupPoint, Round
from marketplace.orders.rounds import close_round, get_round, open_round
from marketplace.payments.aliases import remember
from marketplace.payments.bank_import import BANK_ROWS
from marketplace.payments.bank_models import Transfer
from marketplace.payments.placing import place
from marketplace.payments.statements import issue_now
from marketplace.payments.transfers import match_new
from marketplace.settlement.payout_models import PayoutLine

HOUSEHOLD, PACK = "LX0089", 10 * JIN
BOUGHT = (("caigou", 60), ("caigou", 45), ("caigou", 30), ("caigou3", 20))
"""Packs of apples, an order each; the first canteen is on account."""
CENTRE = "岚溪县国库集中支付中心"
HEADINGS = ("交易日期", "交易流水号", "对方户名", "对方账号", "收入金额", "支出金额", "附言")


def on_account(start: datetime) -> Story:
    """A round of last month, and what came at the bank for it. Everything that was sold has its place: no
    later round sees a pack of it."""
    yield start - timedelta(days=27)
    lot_id = _apples(sum(packs for _, packs in BOUGHT) * PACK)
    yield start - timedelta(days=26)
    day = shanghai_date(start)
    round_id = make_round(
        "上月尝鲜",
        start - timedelta(days=26),
        day - timedelta(days=24),
        day - timedelta(days=21),
    )
    numbers = _sold(round_id, lot_id)
    yield start - timedelta(days=23)
    _step(round_id, close_round, allocate_round, issue_sheets)
    yield start - timedelta(days=21)
    weigh_everything(round_id)
    _step(round_id, set_out)
    yield start - timedelta(days=20)
    _step(round_id, accept_rest)
    yield start - timedelta(days=19)
    with transaction() as session:
        unit_id = session.scalars(select(User).where(User.login_name == "caigou")).one()
        statement = issue_now(session, actor_named("caiwu"), unit_id.organisation_id or 0).number
    yield start - timedelta(hours=2)
    _bank_file(numbers, statement)


def _step(round_id: int, *steps: Callable[[Session, Actor, Round], object]) -> None:
    operator = actor_named("yunying")
    for step in steps:
        with transaction() as session:
            step(session, operator, get_round(session, round_id))


def _apples(base: int) -> int:
    """A household's apples, reported by its cadre and verified; the lot's number."""
    cadre, household_id = db.session.execute(
        select(User.login_name, Household.id)
        .join(CadreAssignment, CadreAssignment.user_id == User.id)
        .join(Household, Household.id == CadreAssignment.household_id)
        .where(Household.household_no == HOUSEHOLD)
    ).one()
    with transaction() as session:
        product = session.scalars(select(Product).where(Product.name == "苹果")).one()
        given = ReportInput(
            product_id=product.id,
            grade="统货",
            typed_quantity=f"{base // JIN}",
            quantity_base=base,
            asked_fen=product.reference_fen,
            asked_per_base=product.reference_per_base,
            available_from=today(),
            available_until=today() + timedelta(days=20),
            household_id=household_id,
            cause="集中上市价格低",
        )
        report_id = submit_report(session, actor_named(cadre), str(uuid.uuid4()), given).id
    reviewer = actor_named("shenhe4")
    with transaction() as session:
        report = get_report(session, reviewer.scope_for(REPORT_VERIFY), report_id)
        return verify_report(session, reviewer, report).id


def _sold(round_id: int, lot_id: int) -> list[str]:
    """The round with its one listing, and the canteens' orders, agreed to; their numbers."""
    operator = actor_named("yunying")
    with transaction() as session:
        lot = session.get_one(Lot, lot_id)
        given = ListingInput(
            product_id=lot.product_id,
            title="苹果",
            grade="统货",
            pack_name="10 斤装",
            pack_base=PACK,
            farmgate_fen=3200,
            service_fen=500,
            freight_fen=400,
            minimum_packs=1,
            description="高山冷凉地苹果，个头不大，脆甜。",
            required_papers="承诺达标合格证",
        )
        listing = create_listing(session, operator, get_round(session, round_id), given)
        commit_lot(session, operator, listing, lot.id, lot.free, "户主电话里同意")
        listing_id = listing.id
        open_round(session, operator, get_round(session, round_id))
    point = list(db.session.scalars(select(PickupPoint.id).order_by(PickupPoint.id)))[3]
    numbers = []
    for login, packs in BOUGHT:
        actor = actor_named(login)
        with transaction() as session:
            buyer = session.get_one(User, actor.user_id)
            wanted = OrderInput(
                round_id=round_id,
                packs={listing_id: packs},
                pickup_point_id=point,
                contact_name=buyer.display_name,
                contact_phone=buyer.phone or "",
                idempotency_key=str(uuid.uuid4()),
                channel="canteen",
                organisation_id=buyer.organisation_id,
                fund_source="canteen",
            )
            numbers.append(place_order(session, actor, wanted))
    approve_all()
    return numbers


def _bank_file(numbers: list[str], statement: str) -> None:
    """One that matches, one by hand, and some that wait: too little, from whom, for what."""
    with transaction() as session:
        orders = {one.number: one for one in session.scalars(select(Order))}
        first, second = (due_fen(session, orders[number]) for number in numbers[:2])
        unit_id = orders[numbers[0]].organisation_id or 0
        other = session.get_one(Organisation, orders[numbers[3]].organisation_id)
        hospital = other.name
    day = (today() - timedelta(days=1)).isoformat()
    rows = [
        [day, "LX26001", CENTRE, "0000000000000011", _yuan(first), "", f"货款 {numbers[0]}"],
        [day, "LX26002", CENTRE, "0000000000000011", _yuan(second - 50_000), "", statement],
        [day, "LX26003", hospital, "0000000000000022", "500.00", "", "苹果款"],
        [day, "LX26004", "岚溪县总工会", "0000000000000033", "1230.00", "", "慰问品"],
        [day, "LX26005", CENTRE, "0000000000000011", "660.00", "", f"{numbers[2]} 部分"],
        [day, "LX26006", "岚溪农村商业银行", "", "", "12.50", "手续费"],
    ]
    rows += [
        [
            line.paid_on.isoformat(),
            f"LX27{at:03d}",
            "批量代发",
            "",
            "",
            _yuan(line.fen),
            line.number,
        ]
        for at, line in enumerate(_paid_out(), 1)
        if line.paid_on
    ]
    finance = actor_named("caiwu")
    bring(finance, BANK_ROWS, HEADINGS, rows)
    match_new()
    with transaction() as session:
        waiting = session.scalars(select(Transfer).order_by(Transfer.id)).all()[1]
        place(session, finance, waiting.id, {numbers[1]: second - 50_000})
        remember(session, finance, CENTRE, unit_id)


def _paid_out() -> Sequence[PayoutLine]:
    """What the bank has paid to households: it stands in its statement too."""
    return db.session.scalars(
        select(PayoutLine).where(PayoutLine.state == "paid").order_by(PayoutLine.id)
    ).all()


def _yuan(fen: int) -> str:
    return format_yuan(fen).replace(",", "")
