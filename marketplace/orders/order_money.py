"""What happens to an order in money, as journals of the ledger.

collected: the county has the money, and holds it for the buyer until the goods are delivered; what is
collected afterwards settles what the buyer owes. delivered: what was held, or else owed, becomes what
the households, the packers and the carriers are owed. transferred: money that came by bank stands with
an order. The sub-accounts of an order are named here.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.catalog.models import Lot
from marketplace.identity.actor import Actor
from marketplace.ledger import books
from marketplace.ledger.models import Journal, LedgerEntry
from marketplace.ledger.posting import Line, Posting, credit, debit, post, post_many, reverse
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.worth import Worth, worth


def subject_of(order: Order) -> str:
    return f"order:{order.number}"


def _keeper(order: Order) -> str:
    """Who has the collected money until it is in the bank."""
    if order.collected_how == "unit" and order.organisation_id:
        return f"unit:{order.organisation_id}"
    return f"point:{order.pickup_point_id}"


def _debtor(order: Order) -> str:
    return f"unit:{order.organisation_id}" if order.organisation_id else subject_of(order)


def post_collected(session: Session, actor: Actor, order: Order, fen: int) -> None:
    """`fen` more was collected; the order's row is held by the caller's UPDATE."""
    subject = subject_of(order)
    before = session.scalar(select(func.count()).where(Journal.subject == subject)) or 0
    lines = [debit("collected", fen, _keeper(order)), _taken(order, fen)]
    post(session, actor, "collected", f"collected:{order.number}:{before}", subject, lines)


def _taken(order: Order, fen: int) -> Line:
    """What money does for an order: it settles a debt once the goods are there, before it is held."""
    if order.state == "closed":
        return credit("buyer_receivable", fen, _debtor(order))
    return credit("buyer_prepayment", fen, subject_of(order))


def post_transferred(
    session: Session, actor: Actor, order: Order, came_from: Line, key: str
) -> str:
    """Money that came by bank (`came_from` is a debit of suspense or of a buyer's credit) stands with this
    order now; the order's row is held by the caller. Returns the journal's number."""
    lines = [came_from, _taken(order, came_from.fen)]
    return post(session, actor, "transferred", key, subject_of(order), lines)


def reverse_transferred(
    session: Session, actor: Actor, order: Order, number: str, reason: str
) -> None:
    """Take one such journal back; what was delivered against it is owed again."""
    reverse(session, actor, number, reason)
    _even_out(session, actor, order, number)


def noted_fen(session: Session, order: Order) -> int:
    """What was noted by hand as collected, without what came by bank or through Alipay."""
    noted = (
        select(func.coalesce(func.sum(LedgerEntry.fen), 0))
        .join(Journal, Journal.number == LedgerEntry.journal_number)
        .where(Journal.subject == subject_of(order), LedgerEntry.account == "collected")
    )
    return int(session.scalar(noted) or 0)


def reverse_collected(session: Session, actor: Actor, order: Order, reason: str) -> None:
    """Take back every note of money; what was delivered against it is owed again."""
    subject = subject_of(order)
    taken_back = select(Journal.reverses).where(Journal.reverses.is_not(None))
    noted = session.scalars(
        select(Journal.number)
        .where(Journal.subject == subject, Journal.kind.in_(("collected", "given_back")))
        .where(Journal.reverses.is_(None), Journal.number.not_in(taken_back))
        .order_by(Journal.at, Journal.number)
    ).all()
    for number in noted:
        reverse(session, actor, number, reason)
    if noted:
        _even_out(session, actor, order, noted[-1])


def _even_out(session: Session, actor: Actor, order: Order, because_of: str) -> None:
    """A prepayment that was used up by the delivery and is gone now is a debt; what stands with a
    delivered order, because goods came back, pays a debt that is there again."""
    subject = subject_of(order)
    short = books.balance(session, "buyer_prepayment", subject)
    if short > 0:
        lines = [debit("buyer_receivable", short, _debtor(order))]
        lines.append(credit("buyer_prepayment", short, subject))
        post(session, actor, "owed_again", f"owed:{because_of}", subject, lines)
    elif short < 0 and (settled := min(-short, max(0, _still_owes(session, order)))):
        lines = [debit("buyer_prepayment", settled, subject)]
        lines.append(credit("buyer_receivable", settled, _debtor(order)))
        post(session, actor, "evened", f"evened:{because_of}", subject, lines)


@dataclass(frozen=True)
class Goods:
    """What packs from one lot come to; `fault` says who bears those that were not accepted, see
    return_models."""

    lot_code: str
    worth: Worth
    fault: str = ""


@dataclass(frozen=True)
class Delivered:
    """The households' part in fen, and the journal of each order (by id) that posted anything."""

    farmgate_fen: int
    journals: Mapping[int, str]


def post_delivered(
    session: Session,
    actor: Actor,
    orders: Sequence[Order],
    said: Mapping[int, Sequence[Goods]] = MappingProxyType({}),
) -> Delivered:
    """The orders' goods are there: what is owed for them now. Of an order (by id) in `said` those, else
    everything that it was given. Goods with a fault the buyer does not owe; the farm gets them all the same
    unless it bears them.

    An order of which everything was cut posts nothing.
    """
    held = _held(session, orders)
    lots = _lots(session, [order for order in orders if order.id not in said])
    keys, postings = {}, []
    for order in orders:
        goods = said[order.id] if order.id in said else lots.get(order.id, ())
        owed = _owed(order, [one for one in goods if not one.fault])
        price = -sum(line.fen for line in owed)
        prepaid = min(price, held[subject_of(order)])
        lines = [
            debit("buyer_prepayment", prepaid, subject_of(order)),
            debit("buyer_receivable", price - prepaid, _debtor(order)),
            *owed,
            *_borne(order, [one for one in goods if one.fault]),
        ]
        if any(line.fen for line in lines):
            keys[order.id] = f"delivered:{order.number}"
            postings.append(Posting("delivered", keys[order.id], subject_of(order), lines))
    numbers = post_many(session, actor, postings)
    lines = [line for posting in postings for line in posting.lines]
    farmgate = -sum(line.fen for line in lines if line.account == "lot_payable")
    return Delivered(farmgate, {order: numbers[key] for order, key in keys.items()})


def _borne(order: Order, not_taken: Sequence[Goods]) -> list[Line]:
    """What households get for packs that no buyer pays, and whose loss it is."""
    lines = []
    of_round = f"round:{order.round.number}"
    for one in not_taken:
        if one.fault != "farm":
            fen = one.worth.farmgate
            lines.append(debit(loss_account(one.fault), fen, of_round))
            lines.append(credit("lot_payable", fen, f"lot:{one.lot_code}"))
    return lines


def loss_account(fault: str) -> str:
    """Where a loss stands that no household bears."""
    return "carrier_receivable" if fault == "transport" else "aftersale_loss"


def _owed(order: Order, goods: Sequence[Goods]) -> list[Line]:
    """To households by lot, to packers and carriers of the round: credits that add up to the price."""
    lots: Counter[str] = Counter()
    service = freight = 0
    for one in goods:
        lots[one.lot_code] += one.worth.farmgate
        service += one.worth.service
        freight += one.worth.freight
    of_round = f"round:{order.round.number}"
    to_lots = [credit("lot_payable", fen, f"lot:{lot}") for lot, fen in sorted(lots.items())]
    return [
        *to_lots,
        credit("service_payable", service, of_round),
        credit("freight_payable", freight, of_round),
    ]


def _held(session: Session, orders: Sequence[Order]) -> Counter[str]:
    parties = [subject_of(order) for order in orders]
    return Counter(books.balances(session, "buyer_prepayment", parties))


def _lots(session: Session, orders: Sequence[Order]) -> dict[int, list[Goods]]:
    """Order id → everything it was given."""
    found: dict[int, list[Goods]] = {}
    rows = session.execute(
        select(Lot.code, Allocation.packs, OrderLine)
        .join(Lot, Lot.id == Allocation.lot_id)
        .join(OrderLine, OrderLine.id == Allocation.order_line_id)
        .where(OrderLine.order_id.in_([order.id for order in orders]))
        .order_by(Allocation.id)
    )
    for lot, packs, line in rows:
        found.setdefault(line.order_id, []).append(Goods(lot, worth(line, packs)))
    return found


def post_returned(
    session: Session,
    actor: Actor,
    order: Order,
    goods: Sequence[Goods],
    *,
    fault: str,
    before: int,
    paid: Mapping[str, Sequence[Line]] = MappingProxyType({}),
) -> tuple[str | None, int]:
    """Take back what delivered goods posted. With the fault `farm` the households bear their part, but of
    lots (by code) that were `paid` out already these lines say who is asked to give it back; else it is a
    loss of the round or of its carrier. `before`: packs that came back earlier. Returns the journal's
    number, none for what is worth nothing, and the fen that the buyer pays less."""
    back = [Line(one.account, one.party, -one.fen) for one in _owed(order, goods)]
    asked = {f"lot:{code}" for code in paid}
    back = [one for one in back if one.party not in asked]
    back += [line for lines in paid.values() for line in lines]
    if fault != "farm":
        kept = sum(one.fen for one in back if one.account == "lot_payable")
        loss = debit(loss_account(fault), kept, f"round:{order.round.number}")
        back = [loss, *(one for one in back if one.account != "lot_payable")]
    price = sum(one.fen for one in back)
    if not any(one.fen for one in back):
        return None, 0  # a few grams, rounded away
    owes = min(price, max(0, _still_owes(session, order)))
    lines = [
        *back,
        credit("buyer_receivable", owes, _debtor(order)),
        credit("buyer_prepayment", price - owes, subject_of(order)),
    ]
    key = f"returned:{order.number}:{before}"
    return post(session, actor, "returned", key, subject_of(order), lines), price


def _still_owes(session: Session, order: Order) -> int:
    """What the buyer owes for this order, in fen."""
    entries = (
        select(func.coalesce(func.sum(LedgerEntry.fen), 0))
        .join(Journal, Journal.number == LedgerEntry.journal_number)
        .where(Journal.subject == subject_of(order), LedgerEntry.account == "buyer_receivable")
    )
    return int(session.scalar(entries) or 0)


def post_given_back(session: Session, actor: Actor, order: Order, fen: int) -> None:
    """What was collected by hand was handed back by who has it, wherever the order goes by now; its row is
    held by the caller's UPDATE."""
    subject = subject_of(order)
    before = session.scalar(select(func.count()).where(Journal.subject == subject)) or 0
    lines = [debit("buyer_prepayment", fen, subject)]
    left = fen
    for party, held in session.execute(
        select(LedgerEntry.party, func.sum(LedgerEntry.fen))
        .join(Journal, Journal.number == LedgerEntry.journal_number)
        .where(Journal.subject == subject, LedgerEntry.account == "collected")
        .group_by(LedgerEntry.party)
        .having(func.sum(LedgerEntry.fen) > 0)
        .order_by(LedgerEntry.party)
    ):
        here = min(left, int(held))
        lines.append(credit("collected", here, party))
        left -= here
    assert not left, f"{subject} hands back {left} fen more than anybody has of it"
    post(session, actor, "given_back", f"given_back:{order.number}:{before}", subject, lines)
