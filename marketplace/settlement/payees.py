"""Accounts that money may be paid into: proposed by one, consented to by two others."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session, joinedload
from stdnum import luhn

from marketplace.core.clock import now, today
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.secret_text import keyring
from marketplace.core.states import move
from marketplace.households.models import Household
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.models import Organisation
from marketplace.identity.scope import Scope
from marketplace.settlement.payee_models import (
    HOLD_REASONS,
    WAITING,
    Payee,
    PayoutHold,
)
from marketplace.settlement.splitting import Owner
from marketplace.settlement.two_people import is_own, refuse_own

CHANGED = "这个收款账户刚刚变了，请刷新再看。"
NO_ACCOUNT = "还没有批准的收款账户"


@dataclass(frozen=True)
class Account:
    """`payee_id` may be paid into, unless `reason` says in words why the money has to wait."""

    payee_id: int | None
    reason: str = ""


@dataclass(frozen=True)
class PayeeInput:
    """What is typed or read from a file; `account_no` already checked."""

    holder_name: str
    account_no: str
    bank_name: str
    relation: str
    proof: str = ""
    valid_until: date | None = None
    for_members: bool = False


def parse_account_no(text: str, *, field: str | None = "account_no") -> str:
    """A bank account of 12 to 30 digits; a card that begins with 62 has a check digit. Raises InvalidInput."""
    number = re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", text))
    if not re.fullmatch(r"[0-9]{12,30}", number):
        raise InvalidInput(
            f"账号应当是 12 到 30 位数字，这里是 {len(number)} 个字。请对照存折或卡重写。",
            code="account_format",
            field=field,
        )
    if number.startswith("62") and 16 <= len(number) <= 19 and not luhn.is_valid(number):
        raise InvalidInput(
            "卡号的最后一位对不上，一定有一位写错了。请对照卡逐位检查。",
            code="account_check_digit",
            field=field,
        )
    return number


def same_payee(payee: Payee, wanted: PayeeInput) -> bool:
    """Whether a payee says already what a file or a form says."""
    told = (wanted.holder_name, wanted.account_no, wanted.bank_name, wanted.relation)
    held = (payee.holder_name, payee.account_no, payee.bank_name, payee.relation)
    return told == held and payee.for_members == wanted.for_members


def propose_payee(session: Session, actor: Actor, owner: Owner, wanted: PayeeInput) -> Payee:
    """A new account for a household or cooperative; the one in force stays until this one is approved.

    Raises InvalidInput where somebody else's account lacks its proof, Conflict while another waits.
    """
    whose = _whose(session, owner)
    if wanted.relation not in {"self", "unit"} and not wanted.proof.strip():
        raise InvalidInput(
            "不是本人的账户要写凭什么能收：哪份材料、存在哪里。", code="missing", field="proof"
        )
    waiting = select(Payee.id).where(_of(owner), Payee.state.in_(WAITING))
    if session.scalar(waiting):
        raise Conflict("已经有一个新账户等着审批，批完再换。", code="payee_waiting")
    made = Payee(
        household_id=owner.household_id or None,
        organisation_id=owner.organisation_id or None,
        region_code=whose.region_code,
        holder_name=wanted.holder_name,
        account_no=wanted.account_no,
        account_hash=keyring.lookup(wanted.account_no),
        account_tail=wanted.account_no[-4:],
        bank_name=wanted.bank_name,
        relation=wanted.relation,
        proof=wanted.proof.strip(),
        for_members=wanted.for_members,
        valid_from=today(),
        valid_until=wanted.valid_until,
        proposed_by_id=actor.user_id,
        proposed_at=now(),
    )
    session.add(made)
    session.flush()
    audit.record(session, actor, "payee_proposed", "payee", made.id)
    return made


def _whose(session: Session, owner: Owner) -> Household | Organisation:
    """The household or organisation, locked: two proposals for it queue."""
    found: Household | Organisation | None
    if owner.household_id:
        found = session.get(Household, owner.household_id, with_for_update=True)
    else:
        found = session.get(Organisation, owner.organisation_id, with_for_update=True)
    if found is None:
        raise NotFound("没有这一户或这个单位。")
    return found


def _of(owner: Owner) -> ColumnElement[bool]:
    if owner.household_id:
        return Payee.household_id == owner.household_id
    return Payee.organisation_id == owner.organisation_id


def consent(session: Session, actor: Actor, payee: Payee) -> None:
    """The first consent checks, the second approves and ends the account before. Raises Conflict for
    who proposed it or has consented already."""
    session.refresh(payee, with_for_update={"of": Payee})
    refuse_own(session, actor, payee.proposed_by_id, payee.proposed_at)
    if payee.state not in WAITING:
        raise Conflict(CHANGED, code="wrong_state")
    if payee.state == "proposed":
        move(session, payee, "checked", because=CHANGED, first_by_id=actor.user_id, first_at=now())
    else:
        assert payee.first_by_id is not None
        assert payee.first_at is not None
        if is_own(session, actor, payee.first_by_id, payee.first_at):
            raise Conflict("您已经同意过，第二次要请别人。", code="own")
        _end_former(session, payee)
        move(
            session, payee, "approved", because=CHANGED, second_by_id=actor.user_id, second_at=now()
        )
    audit.record(session, actor, f"payee_{payee.state}", "payee", payee.id)


def _end_former(session: Session, payee: Payee) -> None:
    owner = Owner(payee.household_id or 0, payee.organisation_id or 0)
    former = select(Payee).where(_of(owner), Payee.state == "approved")
    for one in session.scalars(former.with_for_update()):
        move(
            session, one, "ended", because=CHANGED, valid_until=today(), ended_because="换了新账户"
        )


def refuse(session: Session, actor: Actor, payee: Payee, reason: str) -> None:
    if not reason.strip():
        raise InvalidInput("请写为什么退回。", code="missing", field="reason")
    move(session, payee, "rejected", because=CHANGED, ended_because=reason.strip()[:200])
    audit.record(session, actor, "payee_rejected", "payee", payee.id)


def take_back(session: Session, actor: Actor, payee: Payee) -> None:
    """Who proposed an account takes it back while it waits. Raises Conflict for somebody else's."""
    if payee.proposed_by_id != actor.user_id:
        raise Conflict("别人提的账户只能退回，不能收回。", code="not_own")
    move(session, payee, "rejected", because=CHANGED, ended_because="提出的人收回了")
    audit.record(session, actor, "payee_rejected", "payee", payee.id)


def accounts_of(session: Session, owners: Collection[Owner]) -> dict[Owner, Account]:
    """Where each owner's money may go today, or why it has to wait."""
    found = {owner: Account(None, NO_ACCOUNT) for owner in owners}
    for payee in session.scalars(_for(Payee, owners).where(Payee.state == "approved")):
        owner = Owner(payee.household_id or 0, payee.organisation_id or 0)
        valid = payee.valid_until is None or payee.valid_until >= today()
        reason = "" if valid else "收款账户过了有效期"
        if payee.mismatch:
            reason = f"{HOLD_REASONS['mismatch']}：{payee.mismatch}"
        found[owner] = Account(payee.id, reason)
    for hold in session.scalars(_for(PayoutHold, owners).where(PayoutHold.ended_at.is_(None))):
        owner = Owner(hold.household_id or 0, hold.organisation_id or 0)
        found[owner] = Account(found[owner].payee_id, HOLD_REASONS[hold.reason])
    return found


def _for(model: Any, owners: Collection[Owner]) -> Select[Any]:
    households = [owner.household_id for owner in owners if owner.household_id]
    units = [owner.organisation_id for owner in owners if owner.organisation_id]
    return select(model).where(
        model.household_id.in_(households) | model.organisation_id.in_(units)
    )


def payees(scope: Scope, state: str) -> Select[Payee]:
    """What a page lists: those that wait first in order, the others newest first."""
    states = WAITING if state == "waiting" else (state,)
    order = Payee.id if state == "waiting" else Payee.id.desc()
    return (
        scope.visible(select(Payee))
        .where(Payee.state.in_(states))
        .options(
            joinedload(Payee.household),
            joinedload(Payee.organisation),
            joinedload(Payee.region),
            joinedload(Payee.proposed_by),
            joinedload(Payee.first_by),
            joinedload(Payee.second_by),
        )
        .order_by(order)
    )


def get_payee(session: Session, scope: Scope, payee_id: int) -> Payee:
    found = session.scalar(scope.visible(select(Payee)).where(Payee.id == payee_id))
    if found is None:
        raise NotFound("没有这个收款账户，或不归您管。")
    return found
