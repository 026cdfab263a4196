"""What the bank says of a run, from its file: paid, or back with a reason, also days later."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.clock import today
from marketplace.core.money import format_yuan, parse_yuan
from marketplace.identity.actor import Actor
from marketplace.identity.permissions import PAYOUT_PROPOSE
from marketplace.imports.cell_values import read_day
from marketplace.imports.importer import Cells, Column, Importer, RowReader, register
from marketplace.settlement.paying import record_bounced, record_paid
from marketplace.settlement.payout_models import PayoutLine, PayoutRun

OUTCOMES = {
    word: paid
    for paid, words in (
        (True, ("成功", "已入账", "交易成功", "付款成功")),
        (False, ("失败", "退回", "退票", "交易失败", "付款失败")),
    )
    for word in words
}
COLUMNS = (
    Column("业务编号", required=True, hint="银行文件里的编号，例如 P3-0001", example="P3-0001"),
    Column("收款账号", aliases=("账号",), hint="用来核对，可以只有后四位", example="0015"),
    Column("金额", required=True, aliases=("交易金额",), hint="元", example="1440.00"),
    Column("结果", required=True, aliases=("状态", "交易状态"), hint="成功或失败", example="成功"),
    Column("交易日期", aliases=("日期",), hint="不写当作今天", example="2026-11-20"),
    Column("失败原因", aliases=("原因", "备注"), hint="失败的要写", example=""),
)


@dataclass(frozen=True)
class ResultRow:
    number: str
    paid: bool
    day: date | None
    reason: str


class ResultChecker:
    def __init__(self, session: Session, actor: Actor) -> None:
        self._actor = actor
        self._session = session
        self._lines: dict[str, PayoutLine] = {}
        self._runs: dict[str, dict[str, PayoutLine]] = {}

    def _line(self, reader: RowReader) -> PayoutLine | None:
        number = reader.text("业务编号", required="请填业务编号。", longest=20).upper()
        found = self._of_run(number.partition("-")[0]).get(number)
        if number and found is None:
            reader.problem("业务编号", f"没有编号是 {number} 的货款，请核对银行文件。")
        elif found and found.state in {"proposed", "approved", "rejected", "held"}:
            reader.problem("业务编号", "这笔没有交给银行，不会有结果。请核对编号。")
        return found

    def _of_run(self, name: str) -> dict[str, PayoutLine]:
        """The lines of P3, read once: a file names the lines of one run, or of a few."""
        if name not in self._runs:
            number = int(name[1:10]) if name[1:].isdecimal() else 0
            found = select(PayoutLine).join(PayoutLine.run).where(PayoutRun.number == number)
            self._runs[name] = _named(self._session, found)
        return self._runs[name]

    def check(self, cells: Cells) -> ResultRow:
        reader = RowReader(cells)
        line = self._line(reader)
        fen = reader.read("金额", parse_yuan)
        if line and fen is not None and fen != line.net_fen:
            reader.problem("金额", f"这笔是 {format_yuan(line.net_fen)} 元，请核对。")
        if not cells["金额"]:
            reader.problem("金额", "请填金额。")
        tail = cells["收款账号"].strip()[-4:]
        if line and line.payee and tail and tail != line.payee.account_tail:
            reader.problem("收款账号", f"这笔付到尾号 {line.payee.account_tail}，请核对。")
        paid = reader.choice("结果", OUTCOMES, default=False)
        if not cells["结果"]:
            reader.problem("结果", "请填成功或失败。")
        reason = reader.text("失败原因", longest=80)
        if cells["结果"] and not paid and not reason:
            reader.problem("失败原因", "失败的请写银行给的原因，好和农户核对。")
        day = reader.read("交易日期", read_day)
        if day and day > today():
            reader.problem("交易日期", "日期在今天以后，请核对。")
        elif line and day and day < line.accepted_on:
            reader.problem("交易日期", "日期早于送货，请核对。")
        reader.finish()
        assert line is not None
        return ResultRow(line.number, bool(paid), day, reason)

    def prepare(self, session: Session, values: Sequence[ResultRow]) -> None:
        numbers = [value.number for value in values]
        self._lines = _named(session, select(PayoutLine).where(PayoutLine.number.in_(numbers)))

    def apply(self, session: Session, value: ResultRow) -> bool:
        line = self._lines[value.number]
        if value.paid and line.state == "paid" and value.day is None:
            return False  # the same file on a later day, which names none
        if value.paid:
            return record_paid(session, self._actor, line, value.day or today())
        return record_bounced(session, self._actor, line, value.reason)


def _named(session: Session, statement: Select[PayoutLine]) -> dict[str, PayoutLine]:
    rows = session.scalars(
        statement.options(
            joinedload(PayoutLine.run),
            joinedload(PayoutLine.payee),
            joinedload(PayoutLine.household),
            joinedload(PayoutLine.organisation),
        )
    )
    return {line.number: line for line in rows}


RESULTS = register(
    Importer(
        code="payout_results",
        title="银行代发结果",
        permission=PAYOUT_PROPOSE,
        columns=COLUMNS,
        start=ResultChecker,
        note="银行批量代发以后的回盘文件。到账的记付款，退回的写原因；过几天才退回的也从这里导入。",
        once=("业务编号",),
        county=True,
    )
)
