"""Households from a file (户/成员), and who looks after them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.clock import today
from marketplace.core.errors import InvalidInput
from marketplace.core.identifiers import normalise_phone, parse_identity_number
from marketplace.core.spoken_number import read_count, read_number
from marketplace.core.validity import in_force
from marketplace.households.models import OUT_OF_POVERTY_SINCE, Household
from marketplace.households.service import (
    MOST_BIRDS,
    MOST_PERSONS,
    HouseholdInput,
    StatusInput,
    assign_cadre,
    find_by_number,
    save_household,
)
from marketplace.identity.actor import Actor
from marketplace.identity.models import RoleGrant, User
from marketplace.identity.permissions import HOUSEHOLD_MANAGE, IMPORT_RUN
from marketplace.imports.cell_values import YES_NO, read_day
from marketplace.imports.importer import Cells, Column, Importer, RowReader, register
from marketplace.regions.models import Region

MONITOR_WORDS = {
    "": "",
    "无": "",
    "脱贫不稳定户": "unstable_exit",
    "边缘易致贫户": "marginal_risk",
    "突发严重困难户": "sudden_hardship",
    "脱贫不稳定": "unstable_exit",
    "边缘易致贫": "marginal_risk",
    "突发严重困难": "sudden_hardship",
}

COLUMNS = (
    Column("户编号", required=True, hint="县里统一的户编号，再次导入按它更新", example="LX0002"),
    Column("乡镇", hint="写乡镇和村名，或只写村代码", example="青石镇"),
    Column("村", hint="村名", example="三岔村"),
    Column("村代码", aliases=("村(12位)", "行政区划代码"), hint="12 位区划代码"),
    Column("户主", required=True, aliases=("户主姓名",), hint="姓名", example="陈大山"),
    Column("证件号码", aliases=("身份证号", "户主证件号码"), hint="18 位，残疾人证 20 或 22 位"),
    Column("电话", aliases=("联系电话", "手机"), hint="几户共用一个也可以"),
    Column("人口", aliases=("家庭人口",), hint="整数", example="4"),
    Column("是否脱贫户", hint="是或否；写是的，从 2020 年 12 月 31 日算起", example="是"),
    Column("监测对象类别", hint="脱贫不稳定户、边缘易致贫户、突发严重困难户，没有就空着"),
    Column("识别监测时间", aliases=("识别时间",), hint="例如 2024-03-01"),
    Column("风险是否已消除", hint="是或否"),
    Column("消除时间", aliases=("风险消除时间",), hint="已消除的要填"),
    Column("耕地面积", aliases=("耕地(亩)",), hint="亩", example="3.5"),
    Column("家禽数", hint="只", example="120"),
    Column(
        "帮扶人",
        aliases=("帮扶联系人", "帮扶联系人账号"),
        hint="帮扶联系人的账号，或姓名",
        example="刘青",
    ),
)


@dataclass(frozen=True)
class HouseholdRow:
    household: HouseholdInput
    cadre_id: int | None


class Villages:
    """Villages in the actor's reach, by code and by town and name."""

    def __init__(self, session: Session, actor: Actor) -> None:
        scope = actor.scope_for(HOUSEHOLD_MANAGE)
        regions = {region.code: region for region in session.scalars(select(Region))}
        self._codes = {
            code
            for code, region in regions.items()
            if region.level == "village" and scope.covers_region(code)
        }
        self._names: dict[tuple[str, str], list[str]] = {}
        for code in sorted(self._codes):
            town = regions.get(regions[code].parent_code or "")
            for name in ("", town.name if town else ""):
                self._names.setdefault((name, regions[code].name), []).append(code)

    def find(self, reader: RowReader) -> str | None:
        code = reader.text("村代码")
        if code:
            if code not in self._codes:
                reader.problem("村代码", f"没有代码是 {code} 的村，或不归您管。请核对 12 位代码。")
                return None
            return code
        village = reader.text("村", required="请填村名，或填 12 位村代码。")
        found = self._names.get((reader.text("乡镇"), village), [])
        if village and not found:
            reader.problem("村", f"没有「{village}」这个村，或不归您管。请核对乡镇和村名。")
        elif len(found) > 1:
            reader.problem("乡镇", f"有 {len(found)} 个村叫「{village}」，请填乡镇。")
        return found[0] if len(found) == 1 else None


class HouseholdChecker:
    def __init__(self, session: Session, actor: Actor) -> None:
        self._actor = actor
        self._villages = Villages(session, actor)
        cadres = (
            select(User.id, User.login_name, User.display_name)
            .join(RoleGrant, RoleGrant.user_id == User.id)
            .where(RoleGrant.role == "cadre", in_force(RoleGrant, today()), User.active)
        )
        self._logins: dict[str, int] = {}
        self._called: dict[str, set[int]] = {}
        for user_id, login, name in session.execute(cadres):
            self._logins[login.lower()] = user_id
            self._called.setdefault(name.lower(), set()).add(user_id)
        self._held: dict[str, Household] = {}

    def check(self, cells: Cells) -> HouseholdRow:
        reader = RowReader(cells)
        number = reader.text("户编号", required="请填户编号。", longest=30)
        region_code = self._villages.find(reader)
        name = reader.text("户主", required="请填户主姓名。", longest=30)
        identity = reader.read("证件号码", _identity)
        phone = reader.read("电话", normalise_phone)
        statuses = _statuses(reader)
        cadre_id = self._cadre(reader)
        persons = reader.read("人口", _persons)
        land = reader.read("耕地面积", read_land)
        poultry = reader.read("家禽数", _birds)
        reader.finish()
        assert region_code is not None
        household = HouseholdInput(
            household_no=number,
            region_code=region_code,
            head_name=name,
            identity_no=identity,
            phone=phone,
            persons=persons,
            land_mu_hundredths=land,
            poultry=poultry,
            statuses=statuses,
            source="导入",
        )
        return HouseholdRow(household, cadre_id)

    def _cadre(self, reader: RowReader) -> int | None:
        """By account, or by a name that only one cadre has."""
        said = reader.text("帮扶人")
        word = said.lower()
        if word in self._logins:
            return self._logins[word]
        called = self._called.get(word, set())
        if len(called) == 1:
            return next(iter(called))
        if called:
            reader.problem("帮扶人", f"有 {len(called)} 位帮扶联系人叫「{said}」，请写账号。")
        elif said:
            reader.problem(
                "帮扶人", f"没有账号或姓名是「{said}」的帮扶联系人，请核对，或先建账号。"
            )
        return None

    def prepare(self, session: Session, values: Sequence[HouseholdRow]) -> None:
        self._held = find_by_number(session, {value.household.household_no for value in values})

    def apply(self, session: Session, value: HouseholdRow) -> bool:
        number = value.household.household_no
        held = self._held.get(number)
        given = _without_known_exit(value.household, held)
        household, changed = save_household(session, given, held)
        self._held[number] = household
        if value.cadre_id is not None:
            changed = assign_cadre(household, value.cadre_id, today()) or changed
        return changed


def _without_known_exit(given: HouseholdInput, held: Household | None) -> HouseholdInput:
    """Files say 脱贫户 without a day: where one is recorded, with its own days, nothing is added."""
    known = held is not None and any(status.kind == "povertyexit" for status in held.statuses)
    if not known:
        return given
    kept = tuple(status for status in given.statuses if status.kind != "povertyexit")
    return replace(given, statuses=kept)


def _identity(text: str) -> str:
    return parse_identity_number(text, today=today()).number


def read_land(text: str, field: str | None = None) -> int:
    """Mu with up to two decimals → hundredths."""
    mu = read_number(text.removesuffix("亩"), field=field).value
    hundredths = mu * 100
    if hundredths != hundredths.to_integral_value() or not Decimal(0) <= mu <= Decimal(100_000):
        raise InvalidInput(f"「{text[:20]}」要填亩数，最多两位小数。", code="bad_land", field=field)
    return int(hundredths)


def _persons(text: str) -> int:
    return read_count(text, "人口", least=1, most=MOST_PERSONS)


def _birds(text: str) -> int:
    return read_count(text, "家禽数", most=MOST_BIRDS)


def _statuses(reader: RowReader) -> tuple[StatusInput, ...]:
    found = []
    if reader.choice("是否脱贫户", YES_NO, default=False):
        found.append(StatusInput("povertyexit", OUT_OF_POVERTY_SINCE))
    kind = reader.choice("监测对象类别", MONITOR_WORDS, default="")
    since = reader.read("识别监测时间", read_day)
    until = reader.read("消除时间", read_day)
    gone = reader.choice("风险是否已消除", YES_NO, default=False)
    if kind and since is None and not reader.cells["识别监测时间"]:
        reader.problem("识别监测时间", "监测对象要填识别监测时间。")
    if gone and until is None and not reader.cells["消除时间"]:
        reader.problem("消除时间", "风险已消除的要填消除时间。")
    if since and until and until < since:
        reader.problem("消除时间", "消除时间早于识别监测时间，请核对。")
    if kind and since:
        found.append(StatusInput(kind, since, until if gone else None))
    return tuple(found)


HOUSEHOLDS = register(
    Importer(
        code="households",
        title="农户",
        permission=IMPORT_RUN,
        columns=COLUMNS,
        start=HouseholdChecker,
        note="户、户类别和帮扶联系人。再次导入按户编号更新，不会重复。",
        once=("户编号",),
    )
)
