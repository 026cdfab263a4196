"""The file that a bank takes: one named template; another bank's is another constant here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from marketplace.core.clock import now
from marketplace.core.money import format_yuan
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.imports.sheets import write_xlsx
from marketplace.settlement.payout_models import PayoutLine, PayoutRun

PURPOSE = "农产品货款"


@dataclass(frozen=True)
class BankTemplate:
    """Columns in the bank's order, each with how it is filled from a line and its running number."""

    code: str
    name: str
    columns: tuple[tuple[str, Callable[[int, PayoutLine], str]], ...]


def _yuan(fen: int) -> str:
    return format_yuan(fen).replace(",", "")


BATCH_V1 = BankTemplate(
    "batch_v1",
    "银行批量代发（第 1 版）",
    (
        ("序号", lambda at, line: str(at)),
        ("业务编号", lambda at, line: line.number),
        ("收款账号", lambda at, line: line.payee.account_no if line.payee else ""),
        ("收款户名", lambda at, line: line.payee.holder_name if line.payee else ""),
        ("开户行", lambda at, line: line.payee.bank_name if line.payee else ""),
        ("金额", lambda at, line: _yuan(line.net_fen)),
        ("用途", lambda at, line: PURPOSE),
    ),
)


def bank_file(session: Session, actor: Actor, run: PayoutRun, lines: Sequence[PayoutLine]) -> bytes:
    """The xlsx of a run's lines with names and accounts in full; that it was taken stands in the trail."""
    run.file_taken_at = run.file_taken_at or now()
    session.flush()
    audit.record(
        session,
        actor,
        "personal_exported",
        "payout_run",
        run.number,
        rows=len(lines),
        what="account",
    )
    headings = [heading for heading, _ in BATCH_V1.columns]
    rows = [[fill(at, line) for _, fill in BATCH_V1.columns] for at, line in enumerate(lines, 1)]
    return write_xlsx(headings, rows, "代发")
