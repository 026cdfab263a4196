"""Members of cooperatives from a file."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.clock import today
from marketplace.households.cooperatives import ids_by_name_and_code
from marketplace.households.models import Household
from marketplace.households.service import add_member
from marketplace.identity.actor import Actor
from marketplace.identity.models import Organisation
from marketplace.identity.permissions import HOUSEHOLD_MANAGE, IMPORT_RUN
from marketplace.imports.cell_values import read_day
from marketplace.imports.importer import Cells, Column, Importer, RowByRow, RowReader, register

COLUMNS = (
    Column(
        "合作社",
        required=True,
        aliases=("主体", "合作社名称"),
        hint="名称或统一社会信用代码",
        example="青石镇马蹄种植合作社",
    ),
    Column("户编号", required=True, example="LX0002"),
    Column("入社日期", hint="不填就从今天算", example="2024-03-01"),
)


@dataclass(frozen=True)
class MemberRow:
    organisation_id: int
    household_id: int
    since: date


class MemberChecker(RowByRow):
    def __init__(self, session: Session, actor: Actor) -> None:
        self._actor = actor
        scope = actor.scope_for(HOUSEHOLD_MANAGE)
        self._cooperatives = ids_by_name_and_code(session, scope)
        numbers = select(Household.household_no, Household.id).where(Household.within(scope))
        self._households = {row.household_no: row.id for row in session.execute(numbers)}
        self._said: set[tuple[int, int]] = set()

    def check(self, cells: Cells) -> MemberRow:
        reader = RowReader(cells)
        name = reader.text("合作社", required="请填合作社名称。")
        number = reader.text("户编号", required="请填户编号。")
        since = reader.read("入社日期", read_day) or today()
        if name and name not in self._cooperatives:
            reader.problem("合作社", f"没有「{name}」，请先在单位里建好。")
        if number and number not in self._households:
            reader.problem("户编号", f"没有户编号 {number}，请先导入农户。")
        pair = self._cooperatives.get(name, 0), self._households.get(number, 0)
        if all(pair) and pair in self._said:
            reader.problem("户编号", "这一户在前面的行里已经是这个合作社的，请只留一行。")
        reader.finish()
        self._said.add(pair)
        return MemberRow(*pair, since)

    def apply(self, session: Session, value: MemberRow) -> bool:
        return add_member(
            session,
            self._actor,
            session.get_one(Organisation, value.organisation_id),
            session.get_one(Household, value.household_id),
            value.since,
        )


MEMBERS = register(
    Importer(
        code="members",
        title="合作社成员",
        permission=IMPORT_RUN,
        columns=COLUMNS,
        start=MemberChecker,
        note="哪些户是哪个合作社的成员。",
        once=("合作社", "户编号"),
    )
)
