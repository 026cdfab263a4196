"""Supply reports: submitted once, corrected with history, returned with a reason, verified into lots."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import date

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, joinedload, selectinload

from marketplace.catalog.lots import open_lot
from marketplace.catalog.models import (
    GRADES,
    Lot,
    Product,
    ReportRevision,
    ReportShare,
    SupplyReport,
)
from marketplace.core.clock import now, shanghai_date, today
from marketplace.core.codes import dated_code
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.states import move
from marketplace.core.validity import in_force
from marketplace.households.models import CooperativeMember, Household
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.deputies import acted_for
from marketplace.identity.models import Organisation
from marketplace.identity.permissions import HOUSEHOLD_VIEW, REPORT_SUBMIT
from marketplace.identity.scope import Scope

Hear = Callable[[Session, Lot], None]
_hearing: list[Hear] = []


@dataclass(frozen=True)
class ReportInput:
    """What somebody reports, read and checked: base units of the product, fen."""

    product_id: int
    grade: str
    typed_quantity: str
    quantity_base: int
    asked_fen: int
    asked_per_base: int
    available_from: date
    available_until: date
    household_id: int | None = None
    organisation_id: int | None = None
    approximate: bool = False
    cause: str = ""
    measures: str = ""
    channel: str = "form"
    shares: tuple[tuple[int | None, int], ...] = field(
        default=()
    )  # (household or none, base units)


def get_report(session: Session, scope: Scope, report_id: int) -> SupplyReport:
    report = session.scalar(scope.visible(select(SupplyReport).where(SupplyReport.id == report_id)))
    if report is None:
        raise NotFound("没有这条登记。")
    return report


def report_with_history(session: Session, scope: Scope, report_id: int) -> SupplyReport:
    """A report with everything its page shows: supplier, shares, photos and who changed what."""
    report = session.scalar(
        scope.visible(
            select(SupplyReport)
            .where(SupplyReport.id == report_id)
            .options(
                joinedload(SupplyReport.product),
                joinedload(SupplyReport.household),
                joinedload(SupplyReport.organisation),
                joinedload(SupplyReport.region),
                joinedload(SupplyReport.submitted_by),
                joinedload(SupplyReport.reviewed_by),
                selectinload(SupplyReport.photos),
                selectinload(SupplyReport.shares).joinedload(ReportShare.household),
                selectinload(SupplyReport.revisions).joinedload(ReportRevision.by),
            )
        )
    )
    if report is None:
        raise NotFound("没有这条登记。")
    return report


def submit_report(
    session: Session, actor: Actor, client_uuid: str, given: ReportInput
) -> SupplyReport:
    """A new report; the same `client_uuid` again gives the report that is already there, also when
    both are sent at the same moment."""
    earlier = _find_sent(session, actor, client_uuid)
    if earlier is not None:
        return earlier
    _check(session, given)
    moment = now()
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    made = session.scalar(
        dialect.insert(SupplyReport)
        .values(
            client_uuid=client_uuid,
            receipt_no=dated_code("B", moment),
            state="submitted",
            region_code=_region_of_supplier(session, actor, given),
            submitted_by_id=actor.user_id,
            submitted_at=moment,
            **_columns(given),
        )
        .on_conflict_do_nothing(index_elements=["client_uuid"])
        .returning(SupplyReport.id)
    )
    if made is None:
        return _sent_meanwhile(session, actor, client_uuid)
    report = session.get_one(SupplyReport, made)
    _set_shares(session, report, given)
    audit.record(session, actor, "report_submitted", "supply_report", report.id)
    return report


def _find_sent(session: Session, actor: Actor, client_uuid: str) -> SupplyReport | None:
    earlier = session.scalar(select(SupplyReport).where(SupplyReport.client_uuid == client_uuid))
    if earlier is not None and earlier.submitted_by_id != actor.user_id:
        raise Conflict("提交编号重复，请刷新页面再登记。", code="uuid_taken")
    return earlier


def _sent_meanwhile(session: Session, actor: Actor, client_uuid: str) -> SupplyReport:
    """The other of two that were sent at the same moment; its transaction has ended by now."""
    report = _find_sent(session, actor, client_uuid)
    assert report is not None
    return report


def says_other(report: SupplyReport, given: ReportInput) -> bool:
    """Whether a report says something else than `given`: it was sent before, then changed here."""
    return any(getattr(report, name) != value for name, value in _columns(given).items())


def correct_report(
    session: Session, actor: Actor, report: SupplyReport, given: ReportInput, note: str = ""
) -> None:
    """Change a report that is not verified yet; what it said before is kept. A returned one is
    submitted again by this."""
    session.refresh(report, with_for_update=True)  # a reviewer may be at it
    if report.state not in {"submitted", "returned"}:
        raise Conflict("这条登记已经核实或撤回，不能再改。", code="wrong_state")
    _check(session, given)
    columns = _columns(given)
    before = {
        name: getattr(report, name) for name in columns if getattr(report, name) != columns[name]
    }
    session.add(
        ReportRevision(
            report_id=report.id,
            at=now(),
            by_id=actor.user_id,
            note=note
            or (f"退回：{report.return_reason}"[:200] if report.state == "returned" else ""),
            before=json.dumps(before, ensure_ascii=False, default=str, sort_keys=True),
        )
    )
    for name, value in columns.items():
        setattr(report, name, value)
    report.region_code = _region_of_supplier(session, actor, given)
    for share in list(report.shares):
        session.delete(share)
    session.flush()
    _set_shares(session, report, given)
    if report.state == "returned":
        move(
            session,
            report,
            "submitted",
            because="这条登记刚刚变了，请刷新再看。",
            submitted_at=now(),
        )
    audit.record(session, actor, "report_corrected", "supply_report", report.id)


def return_report(session: Session, actor: Actor, report: SupplyReport, reason: str) -> None:
    """Send back to whoever reported, with what is to be mended."""
    if not reason.strip():
        raise InvalidInput("请写清退回原因，好让对方知道改什么。", code="missing", field="reason")
    move(
        session,
        report,
        "returned",
        because="这条登记刚刚变了，请刷新再看。",
        return_reason=reason.strip(),
        reviewed_by_id=actor.user_id,
        reviewed_at=now(),
    )
    audit.record(session, actor, "report_returned", "supply_report", report.id)


def withdraw_report(session: Session, actor: Actor, report: SupplyReport) -> None:
    move(session, report, "withdrawn", because="这条登记已经核实，请到货源里撤回。")
    audit.record(session, actor, "report_withdrawn", "supply_report", report.id)


def hears_of_verified(hear: Hear) -> Hear:
    """Decorator: `hear` is told of a lot that has just been verified, in the same transaction."""
    _hearing.append(hear)
    return hear


def verify_report(session: Session, actor: Actor, report: SupplyReport) -> Lot:
    """The report is true: it becomes a lot. Nobody verifies what was reported in his own name."""
    act = (report.submitted_by_id, shanghai_date(report.submitted_at))
    if actor.principals & acted_for(session, [act], [REPORT_SUBMIT])[act]:
        raise Conflict("自己登记的要请别人核实。", code="own_report")
    move(
        session,
        report,
        "verified",
        because="这条登记刚刚变了，请刷新再看。",
        reviewed_by_id=actor.user_id,
        reviewed_at=now(),
    )
    lot = open_lot(session, actor, report)
    for hear in _hearing:
        hear(session, lot)
    audit.record(session, actor, "report_verified", "supply_report", report.id, lot=lot.id)
    return lot


def _columns(given: ReportInput) -> dict[str, object]:
    columns = asdict(given)
    del columns["shares"]
    return columns


def _check(session: Session, given: ReportInput) -> None:
    product = session.get(Product, given.product_id)
    if product is None or not product.active:
        raise InvalidInput("请选品种。", code="unknown_product", field="product")
    if given.grade not in GRADES:
        raise InvalidInput("请选等级。", code="unknown_grade", field="grade")
    if given.quantity_base <= 0:
        raise InvalidInput("数量要大于 0。", code="quantity", field="quantity")
    check_price(product, given.asked_fen, given.asked_per_base)
    check_days(given.available_from, given.available_until)
    if given.shares:
        _check_shares(session, given)


def check_days(first: date, last: date) -> None:
    if last < first:
        raise InvalidInput("最晚可售日要在最早可售日之后。", code="dates", field="available_until")
    if last < today():
        raise InvalidInput("最晚可售日已经过去。", code="dates", field="available_until")


def check_price(product: Product, fen: int, per_base: int) -> None:
    """A price a hundred times off the reference is a slip of the finger, not a wish."""
    if fen <= 0 or per_base <= 0:
        raise InvalidInput("请填到户价，例如 1.5。", code="price", field="price")
    asked = fen * product.reference_per_base
    reference = product.reference_fen * per_base
    if asked > 100 * reference or reference > 100 * asked:
        raise InvalidInput(
            "到户价和县里参考价差了一百倍以上，请检查小数点和单位。",
            code="price_slip",
            field="price",
        )


def _check_shares(session: Session, given: ReportInput) -> None:
    """Shares belong to members of the cooperative, each once, and add up to the whole."""
    whose = [household_id for household_id, _ in given.shares if household_id is not None]
    members = set(
        session.scalars(
            select(CooperativeMember.household_id).where(
                CooperativeMember.organisation_id == given.organisation_id,
                CooperativeMember.household_id.in_(whose),
                in_force(CooperativeMember, today()),
            )
        )
    )
    if given.organisation_id is None or set(whose) - members:
        raise InvalidInput("份额里有不是本社成员的户。", code="not_a_member", field="shares")
    if len({household_id for household_id, _ in given.shares}) != len(given.shares):
        raise InvalidInput("同一户的份额只写一次。", code="shares", field="shares")
    if any(base <= 0 for _, base in given.shares):
        raise InvalidInput("每户份额要大于 0，没有的不用写。", code="shares", field="shares")
    if sum(base for _, base in given.shares) != given.quantity_base:
        raise InvalidInput("各户份额加起来要等于总数量。", code="shares", field="shares")


def _region_of_supplier(session: Session, actor: Actor, given: ReportInput) -> str:
    """The supplier's village; a supplier out of reach does not exist."""
    if (given.household_id is None) == (given.organisation_id is None):
        raise InvalidInput("请选是哪一户，或哪个合作社。", code="missing", field="household")
    scope = actor.scope_for(HOUSEHOLD_VIEW)
    if given.household_id is not None:
        code = session.scalar(
            select(Household.region_code).where(
                Household.id == given.household_id, Household.active, Household.within(scope)
            )
        )
    else:
        code = session.scalar(
            select(Organisation.region_code).where(
                Organisation.id == given.organisation_id,
                Organisation.active,
                Organisation.within(scope),
            )
        )
    if code is None:
        raise InvalidInput(
            "没有找到这一户，可能不归您联系。", code="unknown_supplier", field="household"
        )
    return str(code)


def _set_shares(session: Session, report: SupplyReport, given: ReportInput) -> None:
    for household_id, base in given.shares:
        session.add(ReportShare(report_id=report.id, household_id=household_id, quantity_base=base))
    session.flush()
    session.refresh(report)
