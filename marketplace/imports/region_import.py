"""Administrative divisions from a file: codes are revised every year, withdrawn ones keep their dates."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.errors import InvalidInput
from marketplace.core.identifiers import division_level
from marketplace.identity.actor import Actor
from marketplace.identity.permissions import ACCOUNT_MANAGE
from marketplace.imports.cell_values import read_day
from marketplace.imports.importer import Cells, Column, Importer, RowByRow, RowReader, register
from marketplace.regions.models import Region

LEVELS = ("county", "town", "village")
COLUMNS = (
    Column("区划代码", required=True, hint="12 位；先县，再乡镇，再村", example="990101101000"),
    Column("名称", required=True, example="青石镇"),
    Column("启用日期", required=True, hint="例如 2020-01-01", example="2020-01-01"),
    Column("停用日期", hint="还在用就空着"),
)


@dataclass(frozen=True)
class RegionRow:
    code: str
    name: str
    level: str
    parent_code: str | None
    valid_from: date
    valid_until: date | None


class RegionChecker(RowByRow):
    def __init__(self, session: Session, actor: Actor) -> None:
        self._known = set(session.scalars(select(Region.code)))

    def check(self, cells: Cells) -> RegionRow:
        reader = RowReader(cells)
        code = reader.text("区划代码", required="请填 12 位区划代码。")
        level = reader.read("区划代码", _level)
        name = reader.text("名称", required="请填名称。", longest=60)
        start = reader.read("启用日期", read_day)
        reader.text("启用日期", required="请填启用日期。")
        end = reader.read("停用日期", read_day)
        above = {"town": code[:6] + "0" * 6, "village": code[:9] + "0" * 3}.get(level or "")
        if above and above not in self._known:
            reader.problem("区划代码", f"上级 {above} 还没有，请把上级写在前面。")
        if start and end and end < start:
            reader.problem("停用日期", "停用日期要在启用日期之后。")
        reader.finish()
        assert level is not None
        assert start is not None
        self._known.add(code)
        return RegionRow(code, name, level, above, start, end)

    def apply(self, session: Session, value: RegionRow) -> bool:
        region = session.get(Region, value.code)
        if region is None:
            session.add(Region(**vars(value)))
            session.flush()
            return True
        changed = {
            name: given for name, given in vars(value).items() if getattr(region, name) != given
        }
        for name, given in changed.items():
            setattr(region, name, given)
        return bool(changed)


def _level(code: str) -> str:
    level = division_level(code)
    if level not in LEVELS:
        raise InvalidInput("只导入县、乡镇、村三级。", code="other_level")
    return level


REGIONS = register(
    Importer(
        code="regions",
        title="行政区划",
        permission=ACCOUNT_MANAGE,
        columns=COLUMNS,
        start=RegionChecker,
        note="县、乡镇、村的 12 位代码。每年修订，停用的填停用日期，不删。",
        once=("区划代码",),
    )
)
