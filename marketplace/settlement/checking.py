"""Names and accounts are tested by the bank before money depends on them.

The file holds everybody's account in full: one person asks for it, another lets it go, and that it was
taken stands in the trail. What the bank says comes back as an import.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.clock import now, today
from marketplace.core.errors import Conflict, NotFound
from marketplace.core.secret_text import keyring
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.permissions import PAYOUT_PROPOSE
from marketplace.imports.importer import Cells, Column, Importer, RowReader, register
from marketplace.imports.sheets import write_xlsx
from marketplace.settlement.payee_models import Payee, PayeeCheck
from marketplace.settlement.payees import parse_account_no
from marketplace.settlement.paying import without_numbers
from marketplace.settlement.two_people import refuse_own

VALID = timedelta(days=7)
"""So long after its release the file may be taken."""
AGREES = {"一致": True, "相符": True, "通过": True, "不一致": False, "不符": False, "不通过": False}


def open_check(session: Session) -> PayeeCheck | None:
    """The latest one that waits or may still be taken."""
    latest = session.scalar(
        select(PayeeCheck)
        .options(joinedload(PayeeCheck.asked_by), joinedload(PayeeCheck.released_by))
        .order_by(PayeeCheck.id.desc())
        .limit(1)
    )
    if latest and latest.released_at and latest.released_at < now() - VALID:
        return None
    return latest


def ask_for_check(session: Session, actor: Actor) -> PayeeCheck:
    """Raises Conflict while one waits."""
    latest = open_check(session)
    if latest is not None and latest.released_at is None:
        raise Conflict("已经有一个核验文件等着放行。", code="check_waiting")
    made = PayeeCheck(asked_by_id=actor.user_id, asked_at=now())
    session.add(made)
    session.flush()
    audit.record(session, actor, "payee_check_asked", "payee_check", made.id)
    return made


def release_check(session: Session, actor: Actor, check_id: int) -> None:
    """Raises Conflict for who asked, or acts for him, and when it is released already."""
    found = session.get(PayeeCheck, check_id, with_for_update=True)
    if found is None:
        raise NotFound("没有这个核验文件。")
    if found.released_at is not None:
        raise Conflict("已经放行了。", code="released")
    refuse_own(session, actor, found.asked_by_id, found.asked_at)
    found.released_by_id, found.released_at = actor.user_id, now()
    audit.record(session, actor, "payee_check_released", "payee_check", found.id)


def check_file(session: Session, actor: Actor) -> bytes:
    """The xlsx of all accounts in force. Raises Conflict unless somebody let it go in these days."""
    found = open_check(session)
    if found is None or found.released_at is None:
        raise Conflict("核验文件里有全名和账号，要另一个人先放行。", code="not_released")
    payees = session.scalars(
        select(Payee).where(Payee.state == "approved").order_by(Payee.id)
    ).all()
    rows = [
        [str(at), one.account_no, one.holder_name, one.bank_name]
        for at, one in enumerate(payees, 1)
    ]
    found.taken_at = now()
    audit.record(
        session, actor, "personal_exported", "payee_check", found.id, rows=len(rows), what="account"
    )
    return write_xlsx(("序号", "收款账号", "收款户名", "开户行"), rows, "核验")


@dataclass(frozen=True)
class CheckedRow:
    payee_id: int
    mismatch: str


class CheckedChecker:
    """Rows name an account; households that share one are all marked."""

    def __init__(self, session: Session, actor: Actor) -> None:
        self._actor = actor
        self._payees: dict[str, list[int]] = {}
        rows = session.execute(
            select(Payee.account_hash, Payee.id).where(Payee.state == "approved")
        )
        for account_hash, payee_id in rows:
            self._payees.setdefault(account_hash, []).append(payee_id)
        self._held: dict[int, Payee] = {}

    def check(self, cells: Cells) -> list[CheckedRow]:
        reader = RowReader(cells)
        account = reader.read("收款账号", parse_account_no)
        found = self._payees.get(keyring.lookup(account), []) if account else []
        if not cells["收款账号"]:
            reader.problem("收款账号", "请填收款账号。")
        elif account and not found:
            reader.problem("收款账号", "没有正在用的这个账号，请核对。")
        agrees = reader.choice("结果", AGREES, default=True)
        if not cells["结果"]:
            reader.problem("结果", "请填一致或不一致。")
        why = reader.text("原因", longest=80) or "户名和账号不一致"
        reader.finish()
        words = "" if agrees else without_numbers(why)
        return [CheckedRow(payee_id, words) for payee_id in found]

    def prepare(self, session: Session, values: Sequence[list[CheckedRow]]) -> None:
        ids = [row.payee_id for rows in values for row in rows]
        found = session.scalars(select(Payee).where(Payee.id.in_(ids)).order_by(Payee.id))
        self._held = {payee.id: payee for payee in found}

    def apply(self, session: Session, value: list[CheckedRow]) -> bool:
        changed = False
        for row in value:
            payee = self._held[row.payee_id]
            if payee.mismatch != row.mismatch or payee.checked_on is None:
                payee.mismatch, payee.checked_on, changed = row.mismatch, today(), True
                audit.record(session, self._actor, "payee_tested", "payee", payee.id)
        return changed


CHECKED = register(
    Importer(
        code="payee_checks",
        title="户名账号核验结果",
        permission=PAYOUT_PROPOSE,
        columns=(
            Column("收款账号", required=True, aliases=("账号",)),
            Column("结果", required=True, hint="一致或不一致", example="一致"),
            Column("原因", hint="不一致的写银行给的原因"),
        ),
        start=CheckedChecker,
        note="银行核验户名和账号的结果。不一致的先不付，换了账户再付。",
        once=("收款账号",),
        county=True,
    )
)
