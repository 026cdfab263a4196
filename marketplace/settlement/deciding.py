"""A second person approves a run or refuses it; then it goes to the bank.

Approving posts what each owner is owed: from the lots to the owner. What a cooperative collects for its
members stays a debt of the lots until they have signed for it.
"""

from collections import defaultdict

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session, joinedload

from marketplace.catalog.models import Lot
from marketplace.core.clock import now, today
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.states import move, move_many
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.ledger.posting import Posting, credit, debit, post, post_many
from marketplace.settlement.owed import owed_items
from marketplace.settlement.payees import accounts_of
from marketplace.settlement.paying import record_paid
from marketplace.settlement.payout_models import PayoutItem, PayoutLine, PayoutPart, PayoutRun
from marketplace.settlement.two_people import refuse_own

CHANGED = "这一批刚刚变了，请刷新再看。"
ANOTHER = "收款账户换了，下一批付到新账户"


def get_run(session: Session, number: int) -> PayoutRun:
    found = session.scalar(
        select(PayoutRun)
        .where(PayoutRun.number == number)
        .options(
            joinedload(PayoutRun.proposed_by),
            joinedload(PayoutRun.decided_by),
            joinedload(PayoutRun.advance),
        )
    )
    if found is None:
        raise NotFound("没有这一批。")
    return found


def approve_run(session: Session, actor: Actor, run: PayoutRun, fen: int) -> None:
    """`fen` is the sum that the page showed. Raises Conflict for one's own run, for another sum, and
    when deliveries have changed since it was proposed."""
    _lock(session, run)
    refuse_own(session, actor, run.proposed_by_id, run.proposed_at)
    _refuse_changed(session, run, fen)
    move(session, run, "approved", because=CHANGED, decided_by_id=actor.user_id, decided_at=now())
    _hold_what_changed(session, run)
    move_many(session, PayoutLine, PayoutLine.run_id == run.id, "proposed", "approved")
    _post_owed(session, actor, run)
    _draw(session, actor, run)
    _settle_without_bank(session, actor, run)
    audit.record(session, actor, "payout_approved", "payout_run", run.number, fen=run.fen)
    if not _has_lines(session, run, "approved"):
        move(session, run, "done", because=CHANGED)


def _lock(session: Session, run: PayoutRun) -> None:
    session.refresh(run, with_for_update={"of": PayoutRun})


def _has_lines(session: Session, run: PayoutRun, state: str) -> bool:
    one = select(PayoutLine.id).where(PayoutLine.run_id == run.id, PayoutLine.state == state)
    return session.scalar(one.limit(1)) is not None


def _refuse_changed(session: Session, run: PayoutRun, fen: int) -> None:
    if run.state != "proposed":
        raise Conflict(CHANGED, code="wrong_state")
    if run.fen != fen:
        raise Conflict("总数和您看到的不一样，请看过新的再批。", code="changed")
    items = session.scalars(select(PayoutItem).where(PayoutItem.run_id == run.id)).all()
    orders = sorted({item.order_id for item in items})
    owed = owed_items(session, orders) if orders else []
    today = {(one.order_id, one.lot_id): one for one in owed}
    for item in items:
        one = today.get((item.order_id, item.lot_id))
        if one is None or one.fen != item.fen or not (one.here or item.advanced):
            raise Conflict(
                "提出以后有订单退了货或退了钱，这一批的数不对了。请退回，重新提一批。",
                code="owed_otherwise",
            )


def _post_owed(session: Session, actor: Actor, run: PayoutRun) -> None:
    parts: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    lines: dict[str, PayoutLine] = {}
    for line, code, fen in session.execute(
        select(PayoutLine, Lot.code, PayoutPart.fen)
        .join(PayoutPart, PayoutPart.line_id == PayoutLine.id)
        .join(Lot, Lot.id == PayoutPart.lot_id)
        .where(PayoutLine.run_id == run.id, not_collected())
        .order_by(PayoutPart.id)
    ):
        parts[line.number].append((code, fen))
        lines[line.number] = line
    postings = [
        Posting(
            "payout_approved",
            f"payout:{number}",
            f"payout:{number}",
            [
                *(debit("lot_payable", fen, f"lot:{code}") for code, fen in owed),
                credit("payout", sum(fen for _, fen in owed), lines[number].party),
            ],
        )
        for number, owed in parts.items()
    ]
    if postings:
        post_many(session, actor, postings)


def _hold_what_changed(session: Session, run: PayoutRun) -> None:
    """Lines whose account is another one by now, or must not be paid into any more, wait."""
    lines = session.scalars(
        select(PayoutLine)
        .where(PayoutLine.run_id == run.id, PayoutLine.state == "proposed")
        .order_by(PayoutLine.id)
    ).all()
    accounts = accounts_of(session, {line.owner for line in lines})
    for line in lines:
        account = accounts[line.owner]
        why = account.reason or (ANOTHER if account.payee_id != line.payee_id else "")
        if why:
            move(session, line, "held", because=CHANGED, held_since=now(), reason=why[:80])


def _draw(session: Session, actor: Actor, run: PayoutRun) -> None:
    """What buyers have not paid yet comes from the advance."""
    if run.advance is None or not run.advanced_fen:
        return
    session.refresh(run.advance, with_for_update=True)
    if run.advance.state != "approved":
        raise Conflict("这笔周转金已经结束，请退回，重新提一批。", code="advance_ended")
    party = run.advance.party
    lines = [debit("bank", run.advanced_fen), credit("advance", run.advanced_fen, party)]
    post(session, actor, "advance_drawn", f"drawn:{run.number}", party, lines)


def _settle_without_bank(session: Session, actor: Actor, run: PayoutRun) -> None:
    """Of what is taken off whole nothing goes to the bank: it is paid with the approval."""
    whole = PayoutLine.deducted_fen == PayoutLine.fen
    mine = select(PayoutLine).where(PayoutLine.run_id == run.id, PayoutLine.state == "approved")
    for line in session.scalars(mine.where(whole).order_by(PayoutLine.id)).all():
        move(session, line, "sent", because=CHANGED)
        record_paid(session, actor, line, today())


def not_collected() -> ColumnElement[bool]:
    """A part that goes to its owner himself: not a member's that the cooperative collects."""
    return PayoutPart.household_id.is_(None) | PayoutLine.household_id.is_not(None)


def reject_run(session: Session, actor: Actor, run: PayoutRun, reason: str) -> None:
    """Everything in it is free for the next run; who proposed it may take it back so. Raises InvalidInput
    without words."""
    if not reason.strip():
        raise InvalidInput("请写为什么退回。", code="missing", field="reason")
    _lock(session, run)
    move(
        session,
        run,
        "rejected",
        because=CHANGED,
        decided_by_id=actor.user_id,
        decided_at=now(),
        reason=reason.strip()[:200],
    )
    for state in ("proposed", "held"):
        move_many(session, PayoutLine, PayoutLine.run_id == run.id, state, "rejected")
    session.execute(
        update(PayoutItem)
        .where(PayoutItem.run_id == run.id)
        .values(dropped=True)
        .execution_options(synchronize_session=False)
    )
    audit.record(session, actor, "payout_rejected", "payout_run", run.number)


def record_sent(session: Session, actor: Actor, run: PayoutRun) -> int:
    """The file is with the bank. Returns the lines sent; raises Conflict before the file was taken."""
    _lock(session, run)
    if not run.file_taken_at:
        raise Conflict("还没有取银行文件，先取文件交给银行。", code="no_file")
    move(session, run, "sent", because=CHANGED, sent_at=now(), sent_by_id=actor.user_id)
    sent = move_many(session, PayoutLine, PayoutLine.run_id == run.id, "approved", "sent")
    audit.record(session, actor, "payout_sent", "payout_run", run.number, lines=sent)
    if not sent:
        move(session, run, "done", because=CHANGED)  # everything in it is held by now
    return sent
