"""Accounts of households and cooperatives from a file; each still needs two consents."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from marketplace.households.cooperatives import ids_by_name_and_code
from marketplace.households.models import Household
from marketplace.identity.actor import Actor
from marketplace.identity.models import SELLER_KINDS
from marketplace.identity.permissions import PAYEE_PROPOSE
from marketplace.identity.scope import Scope
from marketplace.imports.importer import Cells, Column, Importer, RowReader, register
from marketplace.settlement.payee_models import RELATIONS, WAITING, Payee
from marketplace.settlement.payees import (
    PayeeInput,
    parse_account_no,
    propose_payee,
    same_payee,
)
from marketplace.settlement.splitting import Owner

KIN = {name: code for code, name in RELATIONS.items() if code != "unit"}
COLUMNS = (
    Column("户编号", hint="农户填", example="H00001"),
    Column("合作社", aliases=("单位名称", "统一社会信用代码"), hint="合作社、企业填名称或信用代码"),
    Column("收款户名", required=True, aliases=("户名", "开户名"), example="陈大山"),
    Column(
        "收款账号", required=True, aliases=("账号", "卡号", "一卡通账号"), hint="12 到 30 位数字"
    ),
    Column("开户行", required=True, aliases=("银行",), example="清源农商行"),
    Column("与户主关系", aliases=("关系",), hint="、".join(KIN), example="本人"),
    Column("证明材料", hint="不是本人的要写哪份材料、存在哪里"),
)


@dataclass(frozen=True)
class PayeeRow:
    owner: Owner
    payee: PayeeInput


class PayeeChecker:
    def __init__(self, session: Session, actor: Actor) -> None:
        self._actor = actor
        self._scope: Scope = actor.scope_for(PAYEE_PROPOSE)
        visible = self._scope.visible(select(Household)).with_only_columns(
            Household.household_no, Household.id
        )
        self._households = {row[0]: row[1] for row in session.execute(visible)}
        self._units = ids_by_name_and_code(session, self._scope, SELLER_KINDS)
        self._held: dict[Owner, list[Payee]] = {}

    def _owner(self, reader: RowReader) -> Owner | None:
        number = reader.text("户编号", longest=30)
        unit = reader.text("合作社", longest=120)
        if bool(number) == bool(unit):
            reader.problem("户编号", "户编号和合作社填一个，也只填一个。")
            return None
        if number:
            if number not in self._households:
                reader.problem("户编号", f"没有户编号 {number}，或不归您管。")
                return None
            return Owner(self._households[number], 0)
        if unit not in self._units:
            reader.problem("合作社", f"没有「{unit}」，或不归您管。")
            return None
        return Owner(0, self._units[unit])

    def check(self, cells: Cells) -> PayeeRow:
        reader = RowReader(cells)
        owner = self._owner(reader)
        holder = reader.text("收款户名", required="请填收款户名。", longest=60)
        account = reader.read("收款账号", parse_account_no)
        if not cells["收款账号"]:
            reader.problem("收款账号", "请填收款账号。")
        bank = reader.text("开户行", required="请填开户行。", longest=60)
        of_unit = owner is not None and owner.organisation_id
        relation = "unit" if of_unit else reader.choice("与户主关系", KIN, default="self")
        proof = reader.text("证明材料")
        if relation not in {"self", "unit"} and not proof:
            reader.problem("证明材料", "不是本人的账户要写凭什么能收。")
        reader.finish()
        assert owner is not None
        assert account is not None
        return PayeeRow(owner, PayeeInput(holder, account, bank, relation, proof))

    def prepare(self, session: Session, values: Sequence[PayeeRow]) -> None:
        households = [value.owner.household_id for value in values if value.owner.household_id]
        units = [value.owner.organisation_id for value in values if value.owner.organisation_id]
        self._held = {}
        for payee in session.scalars(
            select(Payee)
            .where(Payee.state.in_((*WAITING, "approved")))
            .where(or_(Payee.household_id.in_(households), Payee.organisation_id.in_(units)))
        ):
            owner = Owner(payee.household_id or 0, payee.organisation_id or 0)
            self._held.setdefault(owner, []).append(payee)

    def apply(self, session: Session, value: PayeeRow) -> bool:
        held = self._held.get(value.owner, ())
        collects = any(payee.for_members for payee in held if payee.state == "approved")
        wanted = replace(value.payee, for_members=collects)  # no file says whether it collects
        if any(same_payee(payee, wanted) for payee in held):
            return False
        propose_payee(session, self._actor, value.owner, wanted)
        return True


PAYEES = register(
    Importer(
        code="payees",
        title="收款账户",
        permission=PAYEE_PROPOSE,
        columns=COLUMNS,
        start=PayeeChecker,
        note="农户、合作社和企业的收款账户。导入后还要两个人核准才能用；和现在一样的不变。",
        once=("户编号",),
    )
)
