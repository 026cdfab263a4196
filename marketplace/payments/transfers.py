"""Bank transfers on their way: matched by themselves where that is certain, else settled by a person."""

from dataclasses import dataclass

import structlog
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from marketplace.core.clock import now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, InvalidInput, MarketplaceError, NotFound
from marketplace.core.states import move
from marketplace.identity import audit
from marketplace.identity.actor import SYSTEM, Actor
from marketplace.ledger.models import Journal
from marketplace.ledger.posting import reverse
from marketplace.payments.bank_days import bank_days
from marketplace.payments.bank_models import OPEN_STATES, BankRow, Placing, Transfer
from marketplace.payments.matching import Verdict, match
from marketplace.payments.open_items import books_for
from marketplace.payments.placing import CHANGED, by_whom, lock_transfer, place

log = structlog.get_logger("transfers")
TABS = {
    "open": ("要处理的", OPEN_STATES),
    "wrong_amount": ("金额不对", ("wrong_amount",)),
    "unmatched": ("没对上", ("unmatched",)),
    "duplicate": ("可能重复", ("duplicate",)),
    "matched": ("对上了", ("matched", "placed")),
    "not_ours": ("不是货款", ("not_ours", "repeated", "booked")),
    "outgoing": ("转出", ("outgoing",)),
    "new": ("正在对", ("new",)),
}
"""What a tab is called, and which states it shows."""
MOST_AT_ONCE = 500


def match_new() -> int:
    """A job: look at every row that came in since; returns how many were placed whole. Each row is a
    transaction of its own, so one that breaks stops no other."""
    waiting = db.session.scalars(
        select(Transfer.id).where(Transfer.state == "new").order_by(Transfer.id).limit(MOST_AT_ONCE)
    ).all()
    return sum(_match_one(transfer_id) for transfer_id in waiting)


def _match_one(transfer_id: int) -> bool:
    try:
        with transaction() as session:
            return _matched(session, transfer_id)
    except MarketplaceError as error:  # an order changed in this moment: a person looks
        log.info("transfer_not_placed", transfer=transfer_id, code=error.code)
    with transaction() as session:
        transfer = lock_transfer(session, transfer_id)
        if transfer.state == "new":
            words = "认款时订单刚好变了，请看一下"
            move(session, transfer, "unmatched", because=CHANGED, why=words)
    return False


def _matched(session: Session, transfer_id: int) -> bool:
    transfer = lock_transfer(session, transfer_id)
    if transfer.state != "new":
        return False  # somebody else was at it
    if transfer.rest_fen == transfer.row.fen and _looks_twice(session, transfer.row):
        words = "同一天、同一户名、同样金额和附言，前面已经有一笔"
        move(session, transfer, "duplicate", because=CHANGED, why=words)
        return False
    verdict = verdict_of(session, transfer)
    if verdict.state == "matched":
        place(session, SYSTEM, transfer.id, dict(verdict.parts))
        transfer.why = verdict.why
        return True
    move(session, transfer, verdict.state, because=CHANGED, why=verdict.why)
    return False


def _looks_twice(session: Session, row: BankRow) -> bool:
    earlier = select(BankRow.id).where(BankRow.facts_hash == row.facts_hash, BankRow.id < row.id)
    return session.scalar(earlier.limit(1)) is not None


def verdict_of(session: Session, transfer: Transfer) -> Verdict:
    """What the matching says of it now."""
    return match(transfer.rest_fen, transfer.remark, books_for(session, [transfer])[transfer.id])


def proposals(session: Session, transfers: list[Transfer]) -> dict[int, Verdict]:
    """What could be done with each that is open; statements do not grow with the rows."""
    waiting = [one for one in transfers if one.state in OPEN_STATES]
    if not waiting:
        return {}
    found = books_for(session, waiting)
    return {one.id: match(one.rest_fen, one.remark, found[one.id]) for one in waiting}


def not_ours(session: Session, actor: Actor, transfer_id: int, how: str) -> None:
    """The money has nothing to do with orders: it stays in suspense, with words. Raises InvalidInput
    without words, Conflict when a part of it was placed."""
    transfer = _to_settle(session, transfer_id, how)
    settled = {"settled_at": now(), "settled_by_id": by_whom(actor)}
    move(session, transfer, "not_ours", because=CHANGED, settled_how=how.strip()[:200], **settled)
    audit.record(session, actor, "transfer_not_ours", "transfer", transfer.id)


def repeated(session: Session, actor: Actor, transfer_id: int, how: str) -> None:
    """The bank's file says one transfer twice: this row's money never came, its journal is reversed."""
    _take_out(session, actor, _to_settle(session, transfer_id, how), "repeated", how)


def booked(session: Session, actor: Actor, transfer_id: int, how: str) -> None:
    """A payout that came back, or working capital: the books have this money already, so the row's own
    journal is reversed. Raises InvalidInput while the books have no such sum that no row names."""
    transfer = _to_settle(session, transfer_id, how)
    _, unlike = bank_days(session)
    if not any(one.side == "ledger" and one.fen == transfer.row.fen for one in unlike):
        raise InvalidInput(
            "账本里没有同样金额、还没对上的一笔。退回的货款先在那一笔货款里记退回，再来这里。",
            code="not_booked",
            field="how",
        )
    _take_out(session, actor, transfer, "booked", how)


def _take_out(session: Session, actor: Actor, transfer: Transfer, state: str, how: str) -> None:
    settled = {"settled_at": now(), "settled_by_id": by_whom(actor)}
    move(session, transfer, state, because=CHANGED, settled_how=how.strip()[:200], **settled)
    received = select(Journal.number).where(Journal.key == f"received:{transfer.id}")
    reverse(session, actor, session.scalars(received).one(), state)
    audit.record(session, actor, f"transfer_{state}", "transfer", transfer.id)


def _to_settle(session: Session, transfer_id: int, how: str) -> Transfer:
    if not how.strip():
        raise InvalidInput("请写明是什么钱、怎么办的，审计会看。", code="missing", field="how")
    transfer = lock_transfer(session, transfer_id)
    if transfer.placed_fen:
        raise Conflict("这笔已经认了一部分，请先撤销。", code="partly_placed")
    return transfer


def reopen(session: Session, actor: Actor, transfer_id: int) -> None:
    """What was called not ours is looked at again."""
    transfer = lock_transfer(session, transfer_id)
    if transfer.state != "not_ours":
        raise Conflict(CHANGED, code="wrong_state")
    back = {"settled_at": None, "settled_by_id": None, "settled_how": "", "why": "重新处理"}
    move(session, transfer, "unmatched", because=CHANGED, **back)
    audit.record(session, actor, "transfer_reopened", "transfer", transfer.id)


@dataclass(frozen=True)
class Tab:
    code: str
    words: str
    count: int


def tabs(session: Session) -> list[Tab]:
    """Every tab with its count; the last one only while there is something in it. One statement."""
    rows = session.execute(select(Transfer.state, func.count()).group_by(Transfer.state))
    counts = {state: int(count) for state, count in rows}
    found = [
        Tab(code, words, sum(counts.get(state, 0) for state in states))
        for code, (words, states) in TABS.items()
    ]
    return [tab for tab in found if tab.code != "new" or tab.count]


def listed(tab: str) -> Select[Transfer]:
    """The transfers of a tab, the newest day first."""
    return (
        select(Transfer)
        .join(BankRow, BankRow.id == Transfer.id)
        .where(Transfer.state.in_(TABS[tab][1]))
        .options(
            joinedload(Transfer.row, innerjoin=True),
            joinedload(Transfer.settled_by),
            selectinload(Transfer.placings).joinedload(Placing.order),
            selectinload(Transfer.placings).joinedload(Placing.organisation),
        )
        .order_by(BankRow.day.desc(), Transfer.id.desc())
    )


def get_transfer(session: Session, transfer_id: int) -> Transfer:
    found = session.scalar(
        select(Transfer)
        .where(Transfer.id == transfer_id)
        .options(
            joinedload(Transfer.row, innerjoin=True),
            joinedload(Transfer.settled_by),
            selectinload(Transfer.placings).joinedload(Placing.order),
            selectinload(Transfer.placings).joinedload(Placing.organisation),
        )
    )
    if found is None:
        raise NotFound("没有这笔流水。")
    return found
