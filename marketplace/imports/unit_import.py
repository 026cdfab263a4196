"""Units (who buys, who pools produce) from a file."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.identifiers import parse_uscc
from marketplace.core.money import parse_yuan
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.models import ORGANISATION_KINDS, Organisation
from marketplace.identity.organisations import read_account_days
from marketplace.identity.permissions import ACCOUNT_MANAGE
from marketplace.imports.cell_values import YES_NO
from marketplace.imports.importer import Cells, Column, Importer, RowByRow, RowReader, register
from marketplace.regions.models import Region

ON_ACCOUNT: dict[str, bool | None] = {**YES_NO}
KINDS = {name: code for code, name in ORGANISATION_KINDS.items()}
COLUMNS = (
    Column("单位名称", required=True, aliases=("单位", "名称"), example="县第一小学"),
    Column("类型", required=True, aliases=("单位类型",), hint="、".join(KINDS), example="学校"),
    Column("统一社会信用代码", hint="18 位"),
    Column(
        "区划代码",
        required=True,
        aliases=("所在区划",),
        hint="12 位，县级单位写县代码",
        example="990101000000",
    ),
    Column("有无食堂", hint="有或无", example="有"),
    Column("审批限额", hint="元；订单超过这个数要审批，0 表示每单都审，空着不审", example="5000"),
    Column("地址", example="县城南街 1 号"),
    Column("月结", hint="是或否；是：食堂的货先送，每月出对账单", example="是"),
    Column("账期(天)", aliases=("账期（天）", "账期"), hint="对账单出了多少天到期", example="30"),
)


@dataclass(frozen=True)
class UnitRow:
    name: str
    kind: str
    uscc: str | None
    region_code: str
    has_canteen: bool
    approval_above_fen: int | None
    address: str
    on_account: bool | None
    account_days: int | None


class UnitChecker(RowByRow):
    def __init__(self, session: Session, actor: Actor) -> None:
        self._actor = actor
        self._regions = set(session.scalars(select(Region.code)))
        named = select(Organisation.uscc, Organisation.name).where(Organisation.uscc.is_not(None))
        self._owners = {row.uscc: row.name for row in session.execute(named)}

    def check(self, cells: Cells) -> UnitRow:
        reader = RowReader(cells)
        name = reader.text("单位名称", required="请填单位名称。", longest=120)
        kind = reader.choice("类型", KINDS, default="")
        if not cells["类型"]:
            reader.problem("类型", f"请填类型：{'、'.join(KINDS)}。")
        uscc = reader.read("统一社会信用代码", parse_uscc)
        if uscc and self._owners.get(uscc, name) != name:
            reader.problem("统一社会信用代码", f"这个代码已是「{self._owners[uscc]}」的，请核对。")
        elif uscc:
            self._owners[uscc] = name
        region = reader.text("区划代码", required="请填 12 位区划代码。")
        if region and region not in self._regions:
            reader.problem("区划代码", f"没有代码 {region}，请核对 12 位代码。")
        limit = reader.read("审批限额", lambda text: parse_yuan(text, allow_zero=True))
        canteen = reader.choice("有无食堂", YES_NO, default=False)
        address = reader.text("地址")
        on_account = reader.choice("月结", ON_ACCOUNT, default=None)
        days = reader.read("账期(天)", read_account_days)
        reader.finish()
        return UnitRow(name, kind, uscc, region, canteen, limit, address, on_account, days)

    def apply(self, session: Session, value: UnitRow) -> bool:
        unit = session.scalar(select(Organisation).where(Organisation.name == value.name))
        if unit is None:
            unit = Organisation(name=value.name, kind=value.kind, region_code=value.region_code)
            session.add(unit)
        wanted = {name: given for name, given in vars(value).items() if given is not None}
        changed = {name: given for name, given in wanted.items() if getattr(unit, name) != given}
        for name, given in changed.items():
            setattr(unit, name, given)
        session.flush()
        if changed:
            audit.record(session, self._actor, "unit_saved", "organisation", unit.id)
        return bool(changed)


UNITS = register(
    Importer(
        code="units",
        title="单位",
        permission=ACCOUNT_MANAGE,
        columns=COLUMNS,
        start=UnitChecker,
        note="买货的机关、学校、医院、企业，以及合作社和龙头企业。按单位名称更新。",
        once=("单位名称",),
    )
)
