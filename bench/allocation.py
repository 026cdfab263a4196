"""A big round through the database: 100 000 order lines over 5 000 lots of 2 500 households."""

import resource
import time
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from bench.servers import environment, new_database
from marketplace.app import create_app
from marketplace.catalog.lots import record_movements
from marketplace.catalog.models import Lot, LotShare, SupplyReport
from marketplace.core.bulk import insert_many
from marketplace.core.clock import now, today
from marketplace.core.settings import from_environment
from marketplace.fulfilment.issuing import issue_sheets
from marketplace.households.models import Household, SupportStatus
from marketplace.identity.actor import SYSTEM
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.round_allocation import allocate_round
from marketplace.orders.round_models import Commitment, Listing, Round
from marketplace.orders.rounds import close_round, get_round, open_round
from marketplace.reporting.verify import verify
from marketplace.trace.streams import open_streams
from tests.support.app import dispose
from tests.support.runs import Run
from tests.support.world import VILLAGES, World

LINES, LOTS, LISTINGS, PACK = 100_000, 5_000, 10, 2500


def round_of_orders(run: Run) -> Iterator[str]:
    """Seconds from the closing to the sheets, and memory; beside it what writing those lines costs."""
    url = new_database(run, "bench_allocation")
    folder = Path(run.folder, "bench_allocation")
    folder.mkdir()
    app = create_app(from_environment(environment(url, folder)))
    world = World(app)
    in_round = world.round()
    written = _fill(world, in_round.id)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    with world.transaction() as session:
        close_round(session, SYSTEM, get_round(session, in_round.id))
        allocate_round(session, SYSTEM, get_round(session, in_round.id))
    allocated = time.perf_counter() - start
    with world.transaction() as session:
        sheets = issue_sheets(session, SYSTEM, get_round(session, in_round.id))
    took = time.perf_counter() - start
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    with world.transaction() as session:
        faults = verify(session)
    dispose(app)
    assert not faults, faults
    yield (
        f"close and allocate {LINES} lines over {LOTS} lots: {allocated:.1f} s, with {sheets} sheets {took:.1f} s, "
        f"{took / written:.1f} × writing those lines, {grown} MB more memory (aim: seconds, linear)"
    )


PER_LOT = LINES * 2 // LOTS + 4
PRICE = {"farmgate_fen": 1500, "service_fen": 280, "freight_fen": 200, "price_fen": 1980}


def _fill(world: World, round_id: int) -> float:
    """Rows in bulk (only a benchmark may do that); returns the seconds that the order lines took."""
    product = world.product("马蹄").id
    buyer = world.user("staff", unit=world.unit()).id
    cadre = world.user("cadre").id
    villages = list(VILLAGES)
    households = _households(world, villages)
    with world.transaction() as session:
        lots = _bring(session, product, cadre, villages, households)
        listings = _offer(session, product, round_id, lots)
        ids = _order(session, buyer, villages[0], round_id)
        start = time.perf_counter()
        lines = [
            PRICE
            | {
                "order_id": order,
                "listing_id": listing,
                "packs": 1 + (i + k) % 3,
                "pack_base": PACK,
            }
            for i, order in enumerate(ids)
            for k, listing in enumerate(listings)
        ]
        insert_many(session, OrderLine, lines)
        took = time.perf_counter() - start
        _add_up(session)
        session.execute(update(Round).where(Round.id == round_id).values(opens_at=now()))
    with world.transaction() as session:
        open_round(session, SYSTEM, get_round(session, round_id))
    return took


def _bring(
    session: Session, product: int, cadre: int, villages: list[str], households: list[int]
) -> Sequence[int]:
    """Verified lots with their reports, shares and movements, all promised to the round."""
    moment, base = now(), PER_LOT * PACK
    common = {
        "product_id": product, "grade": "统货", "region_code": villages[0], "asked_fen": 300, "asked_per_base": 500,
        "available_from": today(), "available_until": today() + timedelta(days=30),
    }  # fmt: skip
    session.execute(
        insert(SupplyReport),
        [
            common
            | {
                "client_uuid": f"u{i}", "receipt_no": f"R{i}", "state": "verified", "household_id": households[i // 2],
                "typed_quantity": "1", "quantity_base": base, "submitted_by_id": cadre, "submitted_at": moment,
            }
            for i in range(LOTS)
        ],
    )  # fmt: skip
    reports = session.scalars(select(SupplyReport.id).order_by(SupplyReport.id)).all()
    session.execute(
        insert(Lot),
        [
            common
            | {
                "region_code": villages[i // 2 % 4], "code": f"L{i}", "trace_code": f"T{i}", "report_id": report,
                "household_id": households[i // 2], "verified": base, "committed": base, "created_at": moment,
            }
            for i, report in enumerate(reports)
        ],
    )  # fmt: skip
    lots = session.scalars(select(Lot.id).order_by(Lot.id)).all()
    session.execute(
        insert(LotShare),
        [
            {"lot_id": lot, "household_id": households[i // 2], "quantity_base": base}
            for i, lot in enumerate(lots)
        ],
    )
    open_streams(session, {f"lot:{lot}": f"T{i}" for i, lot in enumerate(lots)})
    for kind in ("verified", "committed"):
        record_movements(session, SYSTEM, kind, dict.fromkeys(lots, base))
    return lots


def _offer(session: Session, product: int, round_id: int, lots: Sequence[int]) -> Sequence[int]:
    session.execute(
        insert(Listing),
        [
            PRICE
            | {
                "round_id": round_id, "product_id": product, "title": f"马蹄{i}", "grade": "统货", "pack_name": "5 斤装",
                "pack_base": PACK, "search_text": "x", "capacity_packs": PER_LOT * (LOTS // LISTINGS),
            }
            for i in range(LISTINGS)
        ],
    )  # fmt: skip
    listings = session.scalars(select(Listing.id).order_by(Listing.id)).all()
    session.execute(
        insert(Commitment),
        [
            {
                "listing_id": listings[i % LISTINGS], "lot_id": lot, "quantity_base": PER_LOT * PACK, "packs": PER_LOT,
                "committed_at": now(),
            }
            for i, lot in enumerate(lots)
        ],
    )  # fmt: skip
    return listings


def _order(session: Session, buyer: int, region: str, round_id: int) -> Sequence[int]:
    point = get_round(session, round_id).pickups[0].pickup_point_id
    moment = now()
    orders = [
        {
            "number": f"D{i}", "state": "confirmed", "channel": ("shop", "canteen", "group")[i % 3],
            "round_id": round_id, "buyer_id": buyer, "region_code": region, "pickup_point_id": point,
            "contact_name": "x", "total_fen": 0, "placed_at": moment, "confirmed_at": moment,
        }
        for i in range(LINES // LISTINGS)
    ]  # fmt: skip
    session.execute(insert(Order), orders)
    return session.scalars(select(Order.id).order_by(Order.id)).all()


def _households(world: World, villages: list[str]) -> list[int]:
    """Two lots each; every third one is monitored, the others have left poverty."""
    with world.transaction() as session:
        session.execute(
            insert(Household),
            [
                {
                    "household_no": f"B{i}", "region_code": villages[i % 4], "head_name": "陈大山",
                    "head_name_hash": "x", "persons": 3, "created_at": now(),
                }
                for i in range(LOTS // 2)
            ],
        )  # fmt: skip
        ids = list(
            session.scalars(
                select(Household.id)
                .where(Household.household_no.startswith("B"))
                .order_by(Household.id)
            )
        )
        kinds = ("povertyexit", "povertyexit", "marginal_risk")
        insert_many(
            session,
            SupportStatus,
            [
                {"household_id": one, "kind": kinds[i % 3], "valid_from": date(2020, 1, 1)}
                for i, one in enumerate(ids)
            ],
        )
    return ids


def _add_up(session: Session) -> None:
    """Reserved packs and order totals as the door would have left them."""
    reserved = (
        select(func.sum(OrderLine.packs))
        .where(OrderLine.listing_id == Listing.id)
        .scalar_subquery()
    )
    session.execute(
        update(Listing).values(reserved_packs=reserved).execution_options(synchronize_session=False)
    )
    total = (
        select(func.sum(OrderLine.packs * OrderLine.price_fen))
        .where(OrderLine.order_id == Order.id)
        .scalar_subquery()
    )
    session.execute(
        update(Order).values(total_fen=total).execution_options(synchronize_session=False)
    )
