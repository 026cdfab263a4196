"""Processing lines: who takes what, gives what for it, at which yield, fee and how much a day."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from marketplace.catalog.models import Product
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.fulfilment.processing_models import PROCESSES, ProcessingLine, ProcessingOrder
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.models import PROCESSOR_KINDS, Organisation
from marketplace.identity.scope import Scope

FIXED = ("organisation_id", "kind", "input_product_id", "output_product_id")
"""What orders have said of a line that was used cannot change any more."""


@dataclass(frozen=True)
class LineInput:
    """Yields in base units of output for 1000 of input, the fee for `fee_per_base` of input."""

    organisation_id: int
    kind: str
    input_product_id: int
    output_product_id: int
    yield_permille: int
    low_permille: int
    high_permille: int
    fee_fen: int
    fee_per_base: int
    daily_base: int
    active: bool = True


def lines(session: Session, scope: Scope, *, in_use: bool = False) -> Sequence[ProcessingLine]:
    statement = scope.visible(select(ProcessingLine))
    if in_use:
        statement = statement.where(ProcessingLine.active)
    return session.scalars(
        statement.options(*SHOWN).order_by(ProcessingLine.active.desc(), ProcessingLine.id)
    ).all()


SHOWN = (
    joinedload(ProcessingLine.organisation),
    joinedload(ProcessingLine.input_product),
    joinedload(ProcessingLine.output_product),
)


def get_line(
    session: Session, scope: Scope, line_id: int, *, for_update: bool = False
) -> ProcessingLine:
    """Locked, it is the queue in which those stand who plan on the same line."""
    statement = scope.visible(select(ProcessingLine)).where(ProcessingLine.id == line_id)
    if for_update:
        statement = statement.with_for_update(of=ProcessingLine)
        statement = statement.execution_options(populate_existing=True)
    else:
        statement = statement.options(*SHOWN)
    found = session.scalar(statement)
    if found is None:
        raise NotFound("没有这条加工线，或不归您管。")
    return found


def capacity_left(session: Session, line: ProcessingLine, day: date) -> int:
    """Base units of input that the line still takes on a day; what was cancelled takes none."""
    taken = session.scalar(
        select(func.sum(ProcessingOrder.input_base)).where(
            ProcessingOrder.line_id == line.id,
            ProcessingOrder.day == day,
            ProcessingOrder.state != "cancelled",
        )
    )
    return max(0, line.daily_base - int(taken or 0))


def save_line(
    session: Session,
    actor: Actor,
    scope: Scope,
    given: LineInput,
    line: ProcessingLine | None = None,
) -> ProcessingLine:
    """A new line, or `line` with what is given; raises InvalidInput with the field at fault."""
    _check(session, scope, given)
    _refuse_twin(session, given, line)
    action = "processing_line_changed" if line else "processing_line_created"
    if line is None:
        line = ProcessingLine(**asdict(given))
        session.add(line)
    else:
        _refuse_other_way(session, given, line)
        for name, value in asdict(given).items():
            setattr(line, name, value)
    session.flush()
    audit.record(session, actor, action, "processing_line", line.id)
    return line


def _check(session: Session, scope: Scope, given: LineInput) -> None:
    unit = session.scalar(
        scope.visible(select(Organisation)).where(Organisation.id == given.organisation_id)
    )
    if unit is None:
        raise InvalidInput("请选哪个单位加工。", code="missing", field="organisation_id")
    if unit.kind not in PROCESSOR_KINDS:
        raise InvalidInput(
            f"{unit.name}不是加工的单位，请选企业、合作社或公司。",
            code="kind",
            field="organisation_id",
        )
    if given.kind not in PROCESSES:
        raise InvalidInput("请选做什么加工。", code="missing", field="kind")
    for field in ("input_product_id", "output_product_id"):
        if session.get(Product, getattr(given, field)) is None:
            raise InvalidInput("请选品种。", code="missing", field=field)
    if given.input_product_id == given.output_product_id:
        raise InvalidInput(
            "原料和成品不能是同一个品种。没有成品的品种，先在“品种”里添上。",
            code="same",
            field="output_product_id",
        )
    if not 0 < given.low_permille <= given.yield_permille <= given.high_permille:
        raise InvalidInput(
            "出成要在最低和最高之间，最低要大于零，请改一改。", code="yield", field="usual"
        )
    if given.fee_fen < 0:
        raise InvalidInput("加工费不能小于零。", code="fee", field="fee")
    if given.daily_base <= 0:
        raise InvalidInput("请写一天最多加工多少。", code="quantity", field="daily")


def _refuse_twin(session: Session, given: LineInput, line: ProcessingLine | None) -> None:
    same = [getattr(ProcessingLine, name) == getattr(given, name) for name in FIXED]
    own = line.id if line else 0
    if session.scalar(select(ProcessingLine.id).where(*same, ProcessingLine.id != own)):
        raise Conflict("这个单位的这条加工线已经有了，请改那一条。", code="twin", field="kind")


def _refuse_other_way(session: Session, given: LineInput, line: ProcessingLine) -> None:
    if all(getattr(line, name) == getattr(given, name) for name in FIXED):
        return
    used = select(ProcessingOrder.id).where(ProcessingOrder.line_id == line.id).limit(1)
    if session.scalar(used) is not None:
        raise Conflict(
            "开过加工单的，单位和品种不能再改。请停用这一条，另添一条。", code="used", field="kind"
        )
