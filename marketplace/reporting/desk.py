"""What the county's desk has to do next: what waits from delivery, and one line for each round under way."""

from dataclasses import dataclass

from flask import url_for
from sqlalchemy import ColumnElement, ScalarSelect, func, select
from sqlalchemy.orm import Session, joinedload

from marketplace.catalog.models import Lot
from marketplace.core.clock import format_day, format_deadline, now, shanghai_date, today
from marketplace.core.money import format_yuan
from marketplace.fulfilment.delivery_models import ON_THE_WAY, Delivery, Manifest
from marketplace.fulfilment.models import PreparationSheet
from marketplace.fulfilment.papers_in_van import asking_unloaded, rounds_lacking
from marketplace.fulfilment.standing import is_answered
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.claim_models import Claim
from marketplace.orders.order_desk import handing_back
from marketplace.orders.order_models import OrderLine
from marketplace.orders.round_figures import closing_question, state_of
from marketplace.orders.round_models import Round, RoundPickup
from marketplace.settlement.payout_models import Advance, PayoutRun
from marketplace.settlement.recovery_models import RecoveryWriteOff
from marketplace.web.filters import countdown

BEFORE_ALLOCATION = ("open", "closed", "on_hold", "postponed", "draft")
BEFORE_DELIVERY = ("allocated", "collecting")
MOST = 8


@dataclass(frozen=True)
class Task:
    """`closes` is the round that may be closed from here, if any, after the question."""

    text: str
    note: str
    href: str
    badge: str = ""
    tone: str = "leaf"
    closes: Round | None = None
    question: str = ""


def tasks_of(session: Session) -> list[Task]:
    """The next step of every round under way, the most pressing first."""
    found = session.scalars(
        select(Round)
        .where(
            Round.state.in_(BEFORE_ALLOCATION)
            | (Round.state.in_(BEFORE_DELIVERY) & (Round.delivers_on >= today()))
        )
        .order_by(Round.closes_at, Round.number)
        .limit(MOST)
    ).all()
    answers = _answers(session, [each.id for each in found if each.state == "collecting"])
    return [
        _open_task(session, each)
        if each.state == "open"
        else _task(each, *answers.get(each.id, (0, 0)))
        for each in found
    ]


def waiting_on_desk(session: Session) -> list[Task]:
    """What delivery and buyers wait for the operator to do, the worst first; one statement unless papers are
    asked for of goods that wait for a van."""
    unloaded, recalled, held, overdue, first, last, claims, over, over_fen = session.execute(
        select(
            asking_unloaded(),
            _under_way(Lot.state == "recalled"),
            _under_way(Lot.state == "on_hold"),
            _overdue(func.count()),
            _overdue(func.min(Manifest.round_id)),
            _overdue(func.max(Manifest.round_id)),
            select(func.count()).select_from(Claim).where(Claim.state == "open").scalar_subquery(),
            *handing_back(),
        )
    ).one()
    late = (
        url_for("deliveries.round_page", round_id=first)
        if first and first == last
        else url_for("deliveries.index")
    )
    found = (
        (recalled, "召回的货还在路上", "买家还没有说没收，打电话问一声", url_for("recalls.index"), "bad"),
        (held, "停着的货还在路上", "看是什么停了：恢复，或者召回", url_for("holds.index"), "bad"),
        (overdue, "过了时间没有验收", "问一问收到没有，替他们记上", late, "warn"),
        (claims, "退货申请等您定", "买家在等：同意，还是说明为什么不同意", url_for("claims.index"), "ripe"),
    )  # fmt: skip
    return (
        (_papers_lacking(session) if unloaded else [])
        + [
            Task(title, note, href, f"{count} {'件' if tone == 'ripe' else '个订单'}", tone)
            for count, title, note, href, tone in found
            if count
        ]
        + _money_to_hand_back(over, over_fen)
    )


def _money_to_hand_back(orders: int, fen: int) -> list[Task]:
    if not orders:
        return []
    note = "单位代收、取货时付的，退给买家以后在订单里记一笔"
    words = f"{orders} 张订单多收了，要退 ¥{format_yuan(int(fen))}"
    return [Task(words, note, url_for("orders.index", money="over"), f"{orders} 个订单", "ripe")]


def _papers_lacking(session: Session) -> list[Task]:
    return [
        Task(
            f"第 {found.number} 期缺证明",
            "作废了或者过期了，补上才能装车",
            url_for("deliveries.round_page", round_id=found.id, _anchor="papers"),
            f"{count} 张",
            "bad",
        )
        for found, count in rounds_lacking(session)
    ]


def _under_way(which: ColumnElement[bool]) -> ScalarSelect[int]:
    """Orders that set out and nobody has accepted, with goods of such lots."""
    return (
        select(func.count(OrderLine.order_id.distinct()))
        .join(Allocation, Allocation.order_line_id == OrderLine.id)
        .join(Lot, Lot.id == Allocation.lot_id)
        .join(Delivery, Delivery.order_id == OrderLine.order_id)
        .where(Delivery.state.in_(ON_THE_WAY), which)
        .scalar_subquery()
    )


def _overdue(figure: ColumnElement[int]) -> ScalarSelect[int]:
    """Of deliveries that nobody has spoken for although their place's time is over."""
    return (
        select(figure)
        .select_from(Delivery)
        .join(Manifest, Manifest.id == Delivery.manifest_id)
        .join(
            RoundPickup,
            (RoundPickup.round_id == Manifest.round_id)
            & (RoundPickup.pickup_point_id == Manifest.pickup_point_id),
        )
        .where(Delivery.state.in_(ON_THE_WAY), RoundPickup.until_at < now())
        .scalar_subquery()
    )


def money_to_approve(session: Session) -> list[Task]:
    """Payout runs, write-offs and working capital that wait for a second person's word."""
    runs = session.scalars(
        select(PayoutRun).where(PayoutRun.state == "proposed").order_by(PayoutRun.number)
    )
    found = [
        Task(
            f"第 {run.number} 批农户货款 {format_yuan(run.fen)} 元",
            f"{format_day(shanghai_date(run.proposed_at))}提的，批了才能付给农户",
            url_for("payouts.run", run_no=run.number),
            "等您审批",
            "ripe",
        )
        for run in runs
    ]
    advances = session.scalars(
        select(Advance).where(Advance.state == "proposed").order_by(Advance.number)
    )
    found += [
        Task(
            f"核销应收回货款 {format_yuan(one.fen)} 元",
            one.reason,
            url_for("recoveries.show", number=one.recovery.number),
            "等您审批",
            "ripe",
        )
        for one in session.scalars(
            select(RecoveryWriteOff)
            .where(RecoveryWriteOff.state == "proposed")
            .options(joinedload(RecoveryWriteOff.recovery))
            .order_by(RecoveryWriteOff.id)
        )
    ]
    return found + [
        Task(
            f"{one.name}，最多 {format_yuan(one.limit_fen)} 元",
            f"{format_day(one.repay_by)}前归还，批了才能先垫给农户",
            url_for("advances.index"),
            "等您审批",
            "ripe",
        )
        for one in advances
    ]


def _answers(session: Session, rounds: list[int]) -> dict[int, tuple[int, int]]:
    """Round → (sheets, answered sheets)."""
    if not rounds:
        return {}
    rows = session.execute(
        select(
            PreparationSheet.round_id,
            func.count(),
            func.count().filter(is_answered()),
        )
        .where(PreparationSheet.round_id.in_(rounds), PreparationSheet.current)
        .group_by(PreparationSheet.round_id)
    )
    return {round_id: (sheets, answered) for round_id, sheets, answered in rows}


def _open_task(session: Session, found: Round) -> Task:
    words, tone = state_of(found)
    page = url_for("rounds.show", round_id=found.id)
    left = f"{format_deadline(found.closes_at)} 截单，还有 {countdown(found.closes_at)}"
    question = closing_question(session, found)
    return Task(_name(found), left, page, words, tone, found, question)


def _name(found: Round) -> str:
    return f"第 {found.number} 期 · {found.name}"


def _task(found: Round, sheets: int, answered: int) -> Task:
    name = _name(found)
    page = url_for("rounds.show", round_id=found.id)
    if found.state == "closed":
        href = url_for("allocation.index", round_id=found.id)
        return Task(name, "截单了，把订单分到各户的货上", href, "等分配", "ripe")
    if found.state == "allocated":
        href = url_for("sheets.to_issue", round_id=found.id)
        return Task(name, "分好了，告诉各户备多少", href, "等发备货单", "ripe")
    if found.state == "collecting":
        href = url_for("sheets.round", round_id=found.id)
        waiting = sheets - answered
        note = f"{sheets} 张备货单，{answered} 张有回音"
        said = (f"{waiting} 张没回音", "warn") if waiting else ("都有回音", "leaf")
        return Task(name, note, href, *said)
    if found.state == "draft":
        return Task(name, "买家还看不到，上架好了就开放", page, "草稿", "plain")
    words = "暂停中" if found.state == "on_hold" else "已延期"
    return Task(name, "订单都还在，恢复后接着办", page, words, "ripe")
