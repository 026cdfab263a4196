"""Accounts with their roles from a file; activation slips are printed afterwards."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.clock import today
from marketplace.core.identifiers import normalise_phone
from marketplace.core.validity import not_ended
from marketplace.identity.accounts import NewGrant, check_login_name, create_user, grant_role
from marketplace.identity.actor import Actor
from marketplace.identity.models import Organisation, RoleGrant, User
from marketplace.identity.permissions import (
    ACCOUNT_MANAGE,
    REGION_ROLES,
    ROLES,
    UNIT_ROLES,
    role_name,
)
from marketplace.imports.importer import Cells, Column, Importer, RowByRow, RowReader, register
from marketplace.regions.models import Region

ROLE_WORDS = {role_name(role): role for role in ROLES}
COLUMNS = (
    Column("账号", required=True, aliases=("登录名",), hint="字母或数字", example="zhoulan"),
    Column("姓名", required=True, example="周岚"),
    Column("手机", aliases=("电话", "联系电话")),
    Column("单位", hint="单位名称；采购员、审批人、组织员、职工、合作社要填", example="县第一小学"),
    Column("角色", required=True, hint="、".join(ROLE_WORDS), example="干部职工"),
    Column("区划代码", aliases=("管辖区划",), hint="运营、审核、审计、领导管到哪里，12 位"),
)


@dataclass(frozen=True)
class AccountRow:
    login_name: str
    display_name: str
    phone: str
    organisation_id: int | None
    role: str
    region_code: str | None


class AccountChecker(RowByRow):
    def __init__(self, session: Session, actor: Actor) -> None:
        self._actor = actor
        self._units = {
            row.name: row.id for row in session.execute(select(Organisation.name, Organisation.id))
        }
        self._regions = set(session.scalars(select(Region.code)))

    def check(self, cells: Cells) -> AccountRow:
        reader = RowReader(cells)
        reader.text("账号", required="请填账号。")
        login = reader.read("账号", check_login_name) or ""
        name = reader.text("姓名", required="请填姓名。", longest=60)
        phone = reader.read("手机", normalise_phone) or ""
        role = reader.choice("角色", ROLE_WORDS, default="")
        if not cells["角色"]:
            reader.problem("角色", f"请填角色：{'、'.join(ROLE_WORDS)}。")
        unit = reader.text("单位")
        if unit and unit not in self._units:
            reader.problem("单位", f"没有「{unit}」这个单位，请先导入单位。")
        if role in UNIT_ROLES and not unit:
            reader.problem("单位", f"{role_name(role)}要填单位。")
        region = reader.text("区划代码")
        if region and region not in self._regions:
            reader.problem("区划代码", f"没有代码 {region}，请核对 12 位代码。")
        if role in REGION_ROLES and not region:
            reader.problem("区划代码", f"{role_name(role)}要填管到哪里。")
        reader.finish()
        return AccountRow(login, name, phone, self._units.get(unit), role, region or None)

    def apply(self, session: Session, value: AccountRow) -> bool:
        """A new account, or one more role of an account that is there."""
        user = session.scalar(select(User).where(User.login_name == value.login_name))
        new = user is None
        if user is None:
            user = create_user(
                session,
                self._actor,
                login_name=value.login_name,
                display_name=value.display_name,
                phone=value.phone,
                organisation_id=value.organisation_id,
            )
        organisation_id = value.organisation_id if value.role in UNIT_ROLES else None
        region_code = value.region_code if value.role in REGION_ROLES else None
        held = session.scalar(
            select(RoleGrant.id).where(
                RoleGrant.user_id == user.id,
                RoleGrant.role == value.role,
                RoleGrant.region_code == region_code
                if region_code
                else RoleGrant.region_code.is_(None),
                RoleGrant.organisation_id == organisation_id
                if organisation_id
                else RoleGrant.organisation_id.is_(None),
                not_ended(RoleGrant, today()),
            )
        )
        if held is None:
            grant_role(
                session, self._actor, user, NewGrant(value.role, region_code, organisation_id)
            )
        return new or held is None


ACCOUNTS = register(
    Importer(
        code="accounts",
        title="账号",
        permission=ACCOUNT_MANAGE,
        columns=COLUMNS,
        start=AccountChecker,
        note="一行一个角色；一个人有两个角色就写两行。导入后打印激活单。",
        once=("账号",),
        agree=("姓名", "手机", "单位"),
    )
)
