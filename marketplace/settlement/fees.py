"""What a round took for service and freight, and what of it was paid to whom against which invoice."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.clock import now
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.money import format_yuan
from marketplace.core.states import move
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.ledger import books
from marketplace.ledger.posting import credit, debit, post
from marketplace.orders.collecting import due_column
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.return_models import GoodsReturn
from marketplace.orders.round_models import Round
from marketplace.settlement.deductions import written_off
from marketplace.settlement.fee_models import FEES, FeeInvoice
from marketplace.settlement.payout_models import PayoutItem, PayoutRun
from marketplace.settlement.recovery_models import Recovery
from marketplace.settlement.two_people import refuse_own

CHANGED = "这张单据刚刚变了，请刷新再看。"


@dataclass(frozen=True)
class Purse:
    """One purpose of a round's money, in fen: what it took, what was paid, what is left."""

    name: str
    taken_fen: int
    spent_fen: int

    @property
    def left_fen(self) -> int:
        return self.taken_fen - self.spent_fen


@dataclass(frozen=True)
class RoundMoney:
    """`due_fen` is what its buyers owe in all, `collected_fen` what came of it, `open_fen` what is still to
    come; `loss_fen` the county bears, `carrier_fen` the carrier has still to make good: neither took it from
    a household."""

    due_fen: int
    collected_fen: int
    open_fen: int
    households: Purse
    fees: tuple[Purse, ...]
    loss_fen: int
    carrier_fen: int


def money_of_round(session: Session, found: Round) -> RoundMoney:
    """A round's statement: collected, spent, remaining."""
    return money_of_rounds(session, [found])[found.id]


def money_of_rounds(session: Session, rounds: Sequence[Round]) -> dict[int, RoundMoney]:
    """By id of the round; nine statements, however many."""
    ids = [found.id for found in rounds]
    parties = [f"round:{found.number}" for found in rounds]
    due_of = due_column()
    still_open = case((due_of > Order.collected_fen, due_of - Order.collected_fen), else_=0)
    orders = select(
        Order.round_id, func.sum(due_of), func.sum(Order.collected_fen), func.sum(still_open)
    )
    orders = orders.where(Order.round_id.in_(ids), Order.state == "closed").group_by(Order.round_id)
    came = {row[0]: tuple(int(fen or 0) for fen in row[1:]) for row in session.execute(orders)}
    left = {kind: books.balances(session, f"{kind}_payable", parties) for kind in FEES}
    loss = books.balances(session, "aftersale_loss", parties)
    carriers = books.balances(session, "carrier_receivable", parties)
    invoiced, paid_out = _invoiced(session, ids), _to_households(session, ids)
    set_off, asked_back = _set_off(session, ids), _asked_back(session, ids)
    found_money = {}
    for found, party in zip(rounds, parties, strict=True):
        due, collected, missing = came.get(found.id, (0, 0, 0))
        fees = []
        for kind, name in FEES.items():
            spent = invoiced.get((found.id, kind), 0)
            fees.append(Purse(name, left[kind].get(party, 0) + spent, spent))
        borne = loss.get(party, 0) + carriers.get(party, 0) + set_off.get(found.id, 0)
        borne += asked_back.get(found.id, 0)
        taken = due - sum(fee.taken_fen for fee in fees) + borne
        households = Purse("农户货款", taken, paid_out.get(found.id, 0))
        found_money[found.id] = RoundMoney(
            due,
            collected,
            missing,
            households,
            tuple(fees),
            loss.get(party, 0),
            carriers.get(party, 0),
        )
    return found_money


def _invoiced(session: Session, ids: Sequence[int]) -> dict[tuple[int, str], int]:
    """What was paid against invoices, by round and kind."""
    rows = session.execute(
        select(FeeInvoice.round_id, FeeInvoice.kind, func.sum(FeeInvoice.fen))
        .where(FeeInvoice.round_id.in_(ids), FeeInvoice.state == "approved")
        .group_by(FeeInvoice.round_id, FeeInvoice.kind)
    )
    return {(round_id, kind): int(fen) for round_id, kind, fen in rows}


def _set_off(session: Session, ids: Sequence[int]) -> dict[int, int]:
    """What carriers have made good by getting less freight, by round."""
    rows = session.execute(
        select(FeeInvoice.round_id, func.sum(FeeInvoice.offset_fen))
        .where(FeeInvoice.round_id.in_(ids), FeeInvoice.state == "approved")
        .group_by(FeeInvoice.round_id)
    )
    return {round_id: int(fen) for round_id, fen in rows}


def _asked_back(session: Session, ids: Sequence[int]) -> dict[int, int]:
    """What households were paid for goods that came back, without what the county took on itself, by round."""
    rows = session.execute(
        select(Order.round_id, func.sum(Recovery.fen - written_off()))
        .join(GoodsReturn, GoodsReturn.id == Recovery.return_id)
        .join(OrderLine, OrderLine.id == GoodsReturn.order_line_id)
        .join(Order, Order.id == OrderLine.order_id)
        .where(Order.round_id.in_(ids))
        .group_by(Order.round_id)
    )
    return {round_id: int(fen) for round_id, fen in rows}


def _to_households(session: Session, ids: Sequence[int]) -> dict[int, int]:
    """What runs that were approved took up of each round's orders."""
    rows = session.execute(
        select(Order.round_id, func.sum(PayoutItem.fen))
        .join(PayoutRun, PayoutRun.id == PayoutItem.run_id)
        .join(Order, Order.id == PayoutItem.order_id)
        .where(Order.round_id.in_(ids), ~PayoutItem.dropped)
        .where(PayoutRun.state.in_(("approved", "sent", "done")))
        .group_by(Order.round_id)
    )
    return {round_id: int(fen) for round_id, fen in rows}


def invoices(session: Session, found: Round) -> Sequence[FeeInvoice]:
    """Those that wait first."""
    waits_first = FeeInvoice.state != "proposed"
    return session.scalars(
        select(FeeInvoice)
        .where(FeeInvoice.round_id == found.id)
        .options(joinedload(FeeInvoice.proposed_by), joinedload(FeeInvoice.decided_by))
        .order_by(waits_first, FeeInvoice.id.desc())
    ).all()


def propose_invoice(
    session: Session,
    actor: Actor,
    found: Round,
    kind: str,
    contractor: str,
    invoice_no: str,
    fen: int,
    offset_fen: int = 0,
) -> FeeInvoice:
    """`offset_fen` of it the carrier does not get, for goods lost on the way. Raises InvalidInput beyond what
    is left, Conflict for an invoice that was entered before."""
    if kind not in FEES:
        raise InvalidInput("请选是服务费还是运费。", code="missing", field="kind")
    known = select(FeeInvoice.id).where(
        FeeInvoice.contractor == contractor,
        FeeInvoice.invoice_no == invoice_no,
        FeeInvoice.state != "rejected",
    )
    if session.scalar(known):
        raise Conflict("这张单据已经记过了，请核对号码。", code="known", field="invoice_no")
    _refuse_beyond(session, found, kind, fen)
    _refuse_offset(session, found, kind, fen, offset_fen)
    made = FeeInvoice(
        round_id=found.id,
        kind=kind,
        contractor=contractor,
        invoice_no=invoice_no,
        fen=fen,
        offset_fen=offset_fen,
        proposed_by_id=actor.user_id,
        proposed_at=now(),
    )
    session.add(made)
    session.flush()
    audit.record(session, actor, "fee_proposed", "fee_invoice", made.id, fen=fen)
    return made


def _refuse_beyond(session: Session, found: Round, kind: str, fen: int) -> None:
    left = -books.balance(session, f"{kind}_payable", f"round:{found.number}")
    if fen > left:
        raise InvalidInput(
            f"这一期的{FEES[kind]}还剩 {format_yuan(left)} 元，付不了 {format_yuan(fen)} 元。",
            code="too_much",
            field="amount",
        )


def _refuse_offset(session: Session, found: Round, kind: str, fen: int, offset_fen: int) -> None:
    owed = books.balance(session, "carrier_receivable", f"round:{found.number}")
    most = min(fen, owed) if kind == "freight" else 0
    if not 0 <= offset_fen <= most:
        raise InvalidInput(
            f"这一期路上的损失还有 {format_yuan(owed)} 元要承运方赔，从这张运费单里最多扣 {format_yuan(most)} 元。",
            code="offset",
            field="offset",
        )


def decide_invoice(
    session: Session, actor: Actor, invoice_id: int, *, approve: bool, reason: str = ""
) -> None:
    """Approving pays it from the bank. Raises Conflict for one's own, InvalidInput for a refusal without
    words or when the round has not so much left."""
    invoice = session.get(FeeInvoice, invoice_id)
    if invoice is None:
        raise NotFound("没有这张单据。")
    found = session.get_one(Round, invoice.round_id, with_for_update={"key_share": True})
    session.refresh(invoice)
    if not approve and not reason.strip():
        raise InvalidInput("请写不同意的原因。", code="missing", field="reason")
    if approve:
        refuse_own(session, actor, invoice.proposed_by_id, invoice.proposed_at)
        _refuse_beyond(session, found, invoice.kind, invoice.fen)
        _refuse_offset(session, found, invoice.kind, invoice.fen, invoice.offset_fen)
    move(
        session,
        invoice,
        "approved" if approve else "rejected",
        because=CHANGED,
        decided_by_id=actor.user_id,
        decided_at=now(),
        reason=reason.strip()[:200],
    )
    if approve:
        party = f"round:{found.number}"
        lines = [
            debit(f"{invoice.kind}_payable", invoice.fen, party),
            credit("bank", invoice.fen - invoice.offset_fen),
            credit("carrier_receivable", invoice.offset_fen, party),
        ]
        post(session, actor, "fee_paid", f"fee:{invoice.id}", party, lines)
    action = "fee_approved" if approve else "fee_rejected"
    audit.record(session, actor, action, "fee_invoice", invoice.id, fen=invoice.fen)
