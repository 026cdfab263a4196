"""R2 to R5 and R20: web processes die under buyers who order; what was acknowledged is there, once."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import delete, select

from marketplace.fulfilment.delivering import accept_rest, set_out
from marketplace.fulfilment.issuing import issue_sheets
from marketplace.identity.actor import SYSTEM
from marketplace.identity.models import User
from marketplace.orders.order_models import HOLDING_STATES, OrderLine
from marketplace.orders.order_models import Order as Kept
from marketplace.orders.round_allocation import allocate_round
from marketplace.orders.round_models import Listing, Round
from marketplace.orders.rounds import close_round, get_round
from marketplace.reporting.verify import verify
from tests.races.shoppers import Buyer, Offer, Order
from tests.support.service import Service, until
from tests.support.walk import astray
from tests.support.world import World

BUYERS = 6
KILLS = 4
CRASHES = 2


@pytest.fixture
def offer(world: World) -> Offer:
    """Two pack sizes of each of five lots; far fewer packs than will be wanted."""
    in_round = world.round()
    prices = {}
    for number in range(5):
        product = world.product(f"蔬菜{number}")
        lot = world.lot(product, 400 * 2500)
        for pack_base in (2500, 5000):
            listing = world.listing(
                in_round, product, {lot: 200 * 2500}, pack_base=pack_base, title=f"{pack_base} 克"
            )
            prices[listing.id] = listing.price_fen
    world.open_round(in_round)
    with world.transaction() as session:
        point = session.get_one(Round, in_round.id).pickups[0].pickup_point_id
    return Offer(in_round.id, point, prices)


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[Service]:
    made = Service(database_url, tmp_path)
    made.start()
    yield made
    if made.running():
        made.kill_everything()


@pytest.fixture
def buyers(world: World, service: Service, offer: Offer) -> list[Buyer]:
    """Everybody is signed in once the service is ready."""
    unit = world.unit()
    names = [world.user("staff", unit=unit).login_name for _ in range(BUYERS)]
    service.wait_until_ready()
    made = [Buyer(service.port, name, seed, offer) for seed, name in enumerate(names)]
    with ThreadPoolExecutor(BUYERS) as pool:
        list(pool.map(Buyer.sign_in, made))
    return made


@contextmanager
def shopping(buyers: list[Buyer]) -> Iterator[None]:
    """All buyers order while the block runs; at its end each finishes the order it has begun."""
    enough = Event()
    with ThreadPoolExecutor(BUYERS) as pool:
        running = [pool.submit(buyer.shop_until, enough) for buyer in buyers]
        try:
            yield
        finally:
            enough.set()
        for one in running:
            one.result()


def taken(buyers: list[Buyer]) -> list[Order]:
    return [order for buyer in buyers for order in buyer.orders if order.number]


def answers(buyers: list[Buyer]) -> int:
    return sum(len(buyer.statuses) for buyer in buyers)


def faults(world: World, buyers: list[Buyer]) -> list[str]:
    """Every way in which the books differ from what the buyers were told."""
    with world.transaction() as session:
        found = [f"{fault.what}:{fault.where}" for fault in verify(session)]
        names = dict(session.execute(select(User.id, User.login_name)).all())
        kept = {order.number: order for order in session.scalars(select(Kept))}
        lines: dict[str, list[tuple[int, int]]] = {number: [] for number in kept}
        held: Counter[int] = Counter()
        rows = select(Kept.number, Kept.state, OrderLine).join(OrderLine)
        for number, state, line in session.execute(rows):
            lines[number].append((line.listing_id, line.packs))
            held[line.listing_id] += line.packs if state in HOLDING_STATES else 0
        listings = {row.id: row for row in session.scalars(select(Listing))}
    found += [f"oversold: {i}" for i in held if held[i] > listings[i].capacity_packs]
    told = taken(buyers)
    numbers = Counter(order.number for order in told)
    found += [f"two orders in one: {number}" for number, times in numbers.items() if times > 1]
    found += [f"nobody was told: {number}" for number in kept.keys() - numbers.keys()]
    for order in told:
        row = kept.get(order.number or "")
        if row is None:
            found.append(f"lost: {order.number}")
            continue
        state = "cancelled" if order.cancelled else "confirmed"
        asked = (order.buyer, order.total_fen, state, sorted(order.packs.items()))
        stands = (names[row.buyer_id], row.total_fen, row.state, sorted(lines[row.number]))
        if asked != stands:
            found.append(f"not as asked: {order.number}: {asked}, {stands}")
    return found


def test_orders_stand_once_and_whole_while_web_processes_end_and_are_killed(
    world: World, service: Service, buyers: list[Buyer]
) -> None:
    """R20: who is asked to stop, one process or the whole service for a new version, lets nobody
    down. R2 and R5: about each second a random web process gets no chance to finish; once it is the
    first one, with all its children."""
    chance = random.Random(20)
    victims = ["any"] * (KILLS - 1) + ["first"]
    chance.shuffle(victims)
    with shopping(buyers):
        replace_one(service)
        service.renew()
        wait_for_one_more(buyers)
        assert sum(buyer.cut for buyer in buyers) == 0
        for victim in victims:
            time.sleep(chance.uniform(0.5, 1.5))
            wait_for_one_more(buyers)
            kill(service, victim, chance)
    statuses = Counter(status for buyer in buyers for status in buyer.statuses)
    assert set(statuses) <= {200, 302, 303, 409}, statuses
    assert sum(buyer.cut for buyer in buyers) >= 1, "no connection was ever cut"
    assert faults(world, buyers) == []

    # The control: the same look finds an order of which one line is gone.
    with world.transaction() as session:
        victim = session.scalars(select(OrderLine.id).order_by(OrderLine.id).limit(1)).one()
        session.execute(delete(OrderLine).where(OrderLine.id == victim))
    assert any(fault.startswith("not as asked") for fault in faults(world, buyers))


def deliver(world: World, round_id: int) -> None:
    for step in (close_round, allocate_round, issue_sheets, set_out, accept_rest):
        with world.transaction() as session:
            step(session, SYSTEM, get_round(session, round_id))


def wait_for_one_more(buyers: list[Buyer]) -> None:
    before = answers(buyers)
    until(lambda: answers(buyers) > before, "one more answer")


def replace_one(service: Service) -> None:
    """TERM to one web process; the others and the queue take its work."""
    old = service.web_processes()
    old[0].terminate()
    until(lambda: not old[0].is_running(), "ended")
    until(lambda: len(service.web_processes()) == len(old), "replaced")


def kill(service: Service, victim: str, chance: random.Random) -> None:
    until(lambda: bool(service.web_processes()), "had a web process")
    first = service.master()
    found = service.web_processes()
    chosen = first if victim == "first" else chance.choice(found) if found else None
    if chosen is not None and chosen.is_running():
        chosen.kill()


def test_after_every_crash_the_service_is_ready_and_a_key_is_still_one_order(
    world: World, service: Service, buyers: list[Buyer], offer: Offer
) -> None:
    """R3: all processes at once, at random moments; the last crash hits a service that is starting.
    R4: the same key in parallel, and again after the crashes."""
    chance = random.Random(30)
    order = buyers[0].wish("same")
    body = buyers[0].body(order)
    with ThreadPoolExecutor(8) as pool:
        heard = list(pool.map(lambda _: buyers[0].insist("POST", "/shop/checkout", body), range(8)))
    assert {answer.status for answer in heard} == {303}
    (place,) = {answer.location for answer in heard}
    order.number = place.rpartition("/")[2]
    with shopping(buyers):
        for crash in range(CRASHES):
            wait_for_one_more(buyers)
            time.sleep(chance.uniform(0, 1))
            service.kill_everything()
            if crash == CRASHES - 1:
                service.start()
                time.sleep(chance.uniform(0, 2))
                service.kill_everything()
            with world.transaction() as session:
                assert verify(session) == []
            service.start()
            service.wait_until_ready()
    again = buyers[0].insist("POST", "/shop/checkout", body)
    assert (again.status, again.location) == (303, place)
    listing = min(order.packs)
    more = {f"packs-{listing}": str(order.packs[listing] + 1)}
    assert buyers[0].insist("POST", "/shop/checkout", body | more).status == 422
    assert faults(world, buyers) == []
    service.kill_everything()
    deliver(world, offer.round_id)  # R19: what was ordered under kills reaches households
    with world.transaction() as session:
        assert verify(session) == []
        assert astray(session) == []
