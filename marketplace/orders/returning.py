"""After delivery: what was spoiled or short is not paid for, by line and by quantity.

One journal takes back exactly what those packs had posted. What the buyer still owes falls first; what he
has paid stands with his order again and goes back to where it came from. A household's part is only
touched with its consent; once it was paid, it is asked to give its part back, and the lot's sum stays.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, joinedload

from marketplace.catalog.models import Lot
from marketplace.core.clock import now
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.core.money import format_yuan
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.ledger.posting import Line, debit
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.deposits import keep_deposit
from marketplace.orders.endings import hold_round, lock_orders
from marketplace.orders.lot_events import record_returned
from marketplace.orders.money_back import tell_given_back
from marketplace.orders.order_models import COLLECTED_WAYS, Order, OrderLine
from marketplace.orders.order_money import Goods, noted_fen, post_given_back, post_returned
from marketplace.orders.return_models import FAULTS, RECOVERY, GoodsReturn
from marketplace.orders.weight_models import AcceptedWeight
from marketplace.orders.worth import Place, Weight, Worth, weights_left, worth

CHANGED = "这个订单刚刚变了，请刷新再看。"
Split = Callable[[Session, int, Sequence[tuple[int, int]]], list[dict[str, int]]]
_splits: list[Split] = []
Paid = Callable[[Session, int, int], bool]
_paid: list[Paid] = []
Hear = Callable[[Session, Sequence[GoodsReturn]], None]
_hearing: list[Hear] = []


def hears_of_returns(hear: Hear) -> Hear:
    """Decorator: `hear` is told what came back, in the same transaction."""
    _hearing.append(hear)
    return hear


def paid_check(check: Paid) -> Paid:
    """Decorator: `check` tells of an order and a lot, by id, whether a household is being paid for it."""
    _paid.append(check)
    return check


def splits_what_was_paid(split: Split) -> Split:
    """Decorator: `split` tells of an order by id, and of each (id of a lot that a household is being paid for,
    fen), whose the fen are: sub-account of household_recovery → fen. Raises Conflict while that is not decided."""
    _splits.append(split)
    return split


def is_being_paid(session: Session, order_id: int, lot_id: int) -> bool:
    """Whether a household is being paid for what this lot brought to this order."""
    return any(check(session, order_id, lot_id) for check in _paid)


@dataclass(frozen=True)
class Part:
    """Packs of one order line that came from one lot."""

    line: OrderLine
    lot: Lot
    packs: int

    @property
    def place(self) -> Place:
        return self.line.id, self.lot.id

    @property
    def base(self) -> int:
        return self.packs * self.line.pack_base


@dataclass(frozen=True)
class Taken:
    """Packs of one line from one lot that come back; `weight`: what all of them weigh that the buyer has."""

    line: OrderLine
    lot_id: int
    lot_code: str
    packs: int
    weight: Weight | None = None

    @property
    def grams(self) -> int:
        return self.weight.part(self.packs) if self.weight else 0

    @property
    def worth(self) -> Worth:
        """What it takes off: no fen is left over once all have come back."""
        if self.weight is None:
            return worth(self.line, self.packs)
        had, grams = self.weight.packs, self.weight.grams
        left = worth(self.line, had - self.packs, grams - self.grams)
        return worth(self.line, had, grams) - left


def record_return(
    session: Session,
    actor: Actor,
    order: Order,
    packs: Mapping[int, int],
    fault: str,
    words: str,
    *,
    reason: str = "",
    photo: str = "",
    lot_id: int = 0,
) -> int:
    """Take `packs` (order line id → packs) off a delivered order, those of `lot_id` where one is given, else
    the latest given; returns the fen that the buyer pays less.

    Raises InvalidInput for what cannot be, Conflict before delivery, or while the payment of a household that
    is to bear it waits for its approval.
    """
    hold_round(session, order.id)
    (order,) = lock_orders(session, Order.id == order.id)
    if order.state != "closed":
        raise Conflict("还没有记送到，不能退货退款。", code="wrong_state")
    if fault not in FAULTS:
        raise InvalidInput("请选由谁承担。", code="missing", field="fault")
    if not words.strip():
        raise InvalidInput("请写怎么回事，买家和审计会看。", code="missing", field="words")
    wanted = {line_id: count for line_id, count in packs.items() if count}
    if not wanted:
        raise InvalidInput("还没有填退几份。", code="empty", field="packs")
    taken = _taken(session, order, wanted, lot_id)
    paid = _paid_lots(session, order, taken) if fault == "farm" else {}
    parts = [Goods(one.lot_code, one.worth) for one in taken]
    before = sum(line.returned_packs for line in order.lines)
    number, fen = post_returned(session, actor, order, parts, fault=fault, before=before, paid=paid)
    why = GoodsReturn(fault=fault, words=words.strip()[:200], reason=reason, photo=photo)
    rows = _store(session, actor, taken, why, number, set(paid))
    for hear in _hearing:
        hear(session, rows)
    record_returned(session, rows)
    if fault == "unfetched" and not any(line.due_packs for line in order.lines):
        keep_deposit(session, actor, order)
    audit.record(session, actor, "order_returned", "order", order.number, fen=fen, why=fault)
    return fen


def _paid_lots(session: Session, order: Order, taken: Sequence[Taken]) -> dict[str, list[Line]]:
    """Code of each lot that a household is being paid for → who is asked to give back how much of what is
    taken of it."""
    found: dict[str, list[Line]] = {}
    paid = [one for one in taken if is_being_paid(session, order.id, one.lot_id)]
    if not paid:
        return found
    (split,) = _splits
    wanted = [(one.lot_id, one.worth.farmgate) for one in paid]
    for one, whose in zip(paid, split(session, order.id, wanted), strict=True):
        found.setdefault(one.lot_code, []).extend(
            debit("household_recovery", fen, party) for party, fen in whose.items()
        )
    return found


def parts_left(session: Session, order: Order) -> list[Part]:
    """What the buyer of a delivered order has, by line and lot: given, less what did not stay with him."""
    back = (
        select(func.coalesce(func.sum(GoodsReturn.packs), 0))
        .where(GoodsReturn.order_line_id == Allocation.order_line_id)
        .where(GoodsReturn.lot_id == Allocation.lot_id)
        .correlate(Allocation)
        .scalar_subquery()
    )
    rows = session.execute(
        select(OrderLine, Lot, func.sum(Allocation.packs) - func.max(back))
        .join(OrderLine, OrderLine.id == Allocation.order_line_id)
        .join(Lot, Lot.id == Allocation.lot_id)
        .where(OrderLine.order_id == order.id)
        .group_by(OrderLine.id, Lot.id)
        .order_by(OrderLine.id, func.min(Allocation.id))
        .options(joinedload(Lot.household), joinedload(Lot.organisation), joinedload(Lot.region))
    )
    return [Part(line, lot, int(packs)) for line, lot, packs in rows if packs]


def _taken(session: Session, order: Order, wanted: Mapping[int, int], only: int = 0) -> list[Taken]:
    """From which lots they are: as they were given out, the latest given first; from one lot only."""
    lines = {line.id: line for line in order.lines}
    if not wanted.keys() <= lines.keys():
        raise InvalidInput("有一行不是这个订单的，请刷新再看。", code="unknown_line", field="packs")
    returned = {
        (line_id, lot_id): int(count)
        for line_id, lot_id, count in session.execute(
            select(GoodsReturn.order_line_id, GoodsReturn.lot_id, func.sum(GoodsReturn.packs))
            .where(GoodsReturn.order_line_id.in_(wanted))
            .group_by(GoodsReturn.order_line_id, GoodsReturn.lot_id)
        )
    }
    given = session.execute(
        select(Allocation.order_line_id, Allocation.lot_id, Lot.code, func.sum(Allocation.packs))
        .join(Lot, Lot.id == Allocation.lot_id)
        .where(Allocation.order_line_id.in_(wanted), *([Lot.id == only] if only else []))
        .group_by(Allocation.order_line_id, Allocation.lot_id, Lot.code)
        .order_by(func.max(Allocation.id).desc())
    ).all()
    left, taken = dict(wanted), []
    had = Counter[int]()
    weights = weights_left(session, [line for line in wanted if lines[line].heaviest_g])
    for line_id, lot_id, code, count in given:
        there = int(count) - returned.get((line_id, lot_id), 0)
        had[line_id] += there
        here = min(left[line_id], there)
        if here > 0:
            weight = weights.get((line_id, lot_id))
            taken.append(Taken(lines[line_id], lot_id, code, here, weight))
            left[line_id] -= here
    for line_id, missing in left.items():
        if missing or wanted[line_id] < 0:
            raise InvalidInput(
                f"{lines[line_id].listing.full_title}最多能退 {had[line_id]} 份，您填了 {wanted[line_id]} 份。",
                code="too_many",
                field="packs",
            )
    return taken


def _store(
    session: Session,
    actor: Actor,
    taken: list[Taken],
    why: GoodsReturn,
    number: str | None,
    paid: Collection[str],
) -> list[GoodsReturn]:
    """A row for each part, with what `why` says of them all; of lots that were `paid` (by code) the fault is
    RECOVERY."""
    rows = []
    for one in taken:
        off = worth(one.line, one.packs) - one.worth
        hit = session.execute(
            update(OrderLine)
            .where(
                OrderLine.id == one.line.id,
                OrderLine.returned_packs + one.packs <= OrderLine.allocated_packs,
            )
            .values(
                returned_packs=OrderLine.returned_packs + one.packs,
                due_g=OrderLine.due_g - one.grams,
                off_fen=OrderLine.off_fen - off.fen,
            )
            .execution_options(synchronize_session=False)
        )
        if hit.rowcount != 1:  # type: ignore[attr-defined]
            raise Conflict(CHANGED, code="changed")
        rows.append(
            GoodsReturn(
                order_line_id=one.line.id,
                lot_id=one.lot_id,
                packs=one.packs,
                fault=RECOVERY if one.lot_code in paid else why.fault,
                words=why.words,
                reason=why.reason,
                photo=why.photo,
                journal_number=number,
                at=now(),
                by_id=actor.user_id,
            )
        )
    session.add_all(rows)
    session.flush()
    _take_weights(session, actor, taken, rows)
    for one in taken:
        session.refresh(one.line)
    return rows


def _take_weights(
    session: Session, actor: Actor, taken: Sequence[Taken], rows: Sequence[GoodsReturn]
) -> None:
    for one, row in zip(taken, rows, strict=True):
        if one.weight is None:
            continue
        off = worth(one.line, one.packs) - one.worth
        session.add(
            AcceptedWeight(
                order_line_id=one.line.id,
                lot_id=one.lot_id,
                goods_return_id=row.id,
                packs=-one.packs,
                grams=-one.grams,
                farmgate_fen=-one.worth.farmgate,
                off_fen=-off.fen,
                farmgate_off_fen=-off.farmgate if row.fault == "farm" else 0,
                at=row.at,
                by_id=actor.user_id or None,
            )
        )
    session.flush()


def record_given_back(session: Session, actor: Actor, order: Order, fen: int, due: int) -> None:
    """What was noted by hand as collected and is owed no more was handed back to the buyer or his unit.
    Raises Conflict for money that goes back by itself, InvalidInput for another sum than the excess."""
    if order.collected_how not in COLLECTED_WAYS:
        raise Conflict("支付宝付的自己原路退，银行转来的由财务退，都不在这里记。", code="other_way")
    over = min(order.collected_fen - due, noted_fen(session, order))
    if over <= 0 or fen != over:
        raise InvalidInput(
            f"要退的是 {format_yuan(max(over, 0))} 元，不能记 {format_yuan(fen)} 元。",
            code="amount",
            field="back",
        )
    hit = session.execute(
        update(Order)
        .where(Order.id == order.id, Order.collected_fen == order.collected_fen)
        .values(collected_fen=order.collected_fen - over)
        .execution_options(synchronize_session=False)
    )
    if hit.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict(CHANGED, code="changed")
    session.refresh(order)
    post_given_back(session, actor, order, fen)
    tell_given_back(session, order, fen)
    audit.record(session, actor, "order_given_back", "order", order.number, fen=fen)


def returns_of(session: Session, order: Order) -> list[GoodsReturn]:
    """In the order in which they were noted."""
    return list(
        session.scalars(
            select(GoodsReturn)
            .where(GoodsReturn.order_line_id.in_([line.id for line in order.lines]))
            .options(joinedload(GoodsReturn.by), joinedload(GoodsReturn.lot))
            .order_by(GoodsReturn.id)
        )
    )


def why_returned(session: Session, order: Order) -> dict[int, list[str]]:
    """Line id → what its buyer is told about what came back, each reason once."""
    said: dict[int, dict[str, None]] = {}
    if any(line.returned_packs for line in order.lines):
        for row in returns_of(session, order):
            said.setdefault(row.order_line_id, {})[row.words] = None
    return {line_id: list(words) for line_id, words in said.items()}
