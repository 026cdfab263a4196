"""The bank's statement as a file: preview, cures, and a second import that changes nothing."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date

from sqlalchemy.orm import Session

from marketplace.core.clock import today
from marketplace.core.errors import InvalidInput
from marketplace.core.money import parse_yuan
from marketplace.identity.actor import Actor
from marketplace.identity.permissions import TRANSFER_MANAGE
from marketplace.imports.cell_values import read_day
from marketplace.imports.importer import Cells, Column, Importer, RowReader, register
from marketplace.payments.bank_rows import OTHERWISE, BankFacts, keep_row, known_rows

COLUMNS = (
    Column(
        "交易日期", required=True, aliases=("日期", "记账日期", "入账日期"), example="2026-11-20"
    ),
    Column(
        "交易流水号",
        aliases=("流水号", "凭证号", "交易序号"),
        hint="银行给的号；没有可以空着，按日期、户名、金额、附言认",
    ),
    Column("对方户名", required=True, aliases=("付款人", "对方名称"), example="清源县第一小学"),
    Column("对方账号", aliases=("付款账号",), hint="加密保存，页面上只露后四位"),
    Column(
        "收入金额", required=True, aliases=("贷方发生额", "收入", "贷方金额"), example="5320.00"
    ),
    Column(
        "支出金额", aliases=("借方发生额", "支出", "借方金额"), hint="转出的只存下来，不认到订单"
    ),
    Column("摘要", aliases=("用途",)),
    Column(
        "附言", aliases=("备注", "摘要/附言", "交易附言"), hint="里面的对账单号、订单号会自己认"
    ),
)


class BankChecker:
    """Reads rows; remembers what serial numbers and repeated rows it has met in this file."""

    def __init__(self, session: Session, actor: Actor) -> None:
        self._actor = actor
        self._repeats: Counter[str] = Counter()
        self._said = known_rows(session)

    def check(self, cells: Cells) -> BankFacts:
        reader = RowReader(cells)
        reader.text("交易日期", required="请填交易日期。")
        day = reader.read("交易日期", _day)
        if day and day > today():
            reader.problem("交易日期", "日期还没有到，请核对。")
        serial = reader.text("交易流水号", longest=64)
        payer = reader.text("对方户名", required="请填对方户名。", longest=120)
        account = reader.text("对方账号", longest=60)
        income = reader.read("收入金额", _sum) or 0
        expense = reader.read("支出金额", _sum) or 0
        broken = any(problem.column.endswith("金额") for problem in reader.problems)
        if not broken and bool(income) == bool(expense):
            words = "收入和支出只能填一个。" if income else "请填收入金额；转出的填支出金额。"
            reader.problem("收入金额", words)
        remark = " ".join(filter(None, (cells["摘要"], cells["附言"])))
        if len(remark) > 400:
            reader.problem("附言", "最多 400 个字，请写短些。")
        if day is None:
            reader.finish()
        assert day is not None
        direction = "in" if income else "out"
        facts = BankFacts(day, serial, direction, income or expense, payer, account, remark)
        if serial and self._known(facts) != facts.facts_hash:
            reader.problem("交易流水号", OTHERWISE)
        reader.finish()
        return facts if serial else self._counted(facts)

    def _known(self, facts: BankFacts) -> str:
        """The facts that the serial number stands for, in the books or further up in the file."""
        return self._said.setdefault(facts.key_hash, facts.facts_hash)

    def _counted(self, facts: BankFacts) -> BankFacts:
        self._repeats[facts.facts_hash] += 1
        return BankFacts(**(vars(facts) | {"repeat": self._repeats[facts.facts_hash]}))

    def prepare(self, session: Session, values: Sequence[BankFacts]) -> None:
        """Nothing is looked up for many rows at once: each is one insert."""

    def apply(self, session: Session, value: BankFacts) -> bool:
        return keep_row(session, self._actor, value)


def _day(text: str) -> date:
    """The day of a cell that may have the time beside it."""
    return read_day(re.split(r"(?<=\d)[ T]", text, maxsplit=1)[0])


def _sum(text: str) -> int:
    """Fen of a cell; banks write 0.00 or - into the column that does not apply. A file that was given back
    to be mended has a ' before what a spreadsheet would take for a formula."""
    bare = text.replace(",", "").replace("，", "").strip().removeprefix("'")
    if bare in {"-", "--", "/"}:
        return 0
    if bare.startswith("-"):
        raise InvalidInput(f"金额不能是负数：{text[:20]}。", code="money_not_positive")
    return parse_yuan(bare, field=None, allow_zero=True)


BANK_ROWS = register(
    Importer(
        code="bank",
        title="银行流水",
        permission=TRANSFER_MANAGE,
        columns=COLUMNS,
        start=BankChecker,
        note="网上银行导出的明细。同一行导两次只记一次；附言里有对账单号或订单号的自己认到订单。",
        county=True,
    )
)
