"""Messages about money: to who looks after a household, in words that can be read out to it."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.catalog.models import Lot, Product
from marketplace.core.clock import format_day, today
from marketplace.core.money import format_yuan
from marketplace.core.validity import in_force
from marketplace.households.models import CadreAssignment
from marketplace.identity.models import RoleGrant
from marketplace.notices.outbox import Message
from marketplace.settlement.deductions import deductions_of
from marketplace.settlement.payout_models import PayoutLine, PayoutPart
from marketplace.settlement.recovery_models import SIGNERS, PayoutDeduction


def keepers(session: Session, line: PayoutLine) -> list[int]:
    """The household's cadre, or the cooperative's managers."""
    if line.household_id:
        found = select(CadreAssignment.user_id).where(
            CadreAssignment.household_id == line.household_id, in_force(CadreAssignment, today())
        )
    else:
        found = select(RoleGrant.user_id).where(
            RoleGrant.role == "cooperative",
            RoleGrant.organisation_id == line.organisation_id,
            in_force(RoleGrant, today()),
        )
    return sorted(set(session.scalars(found)))


def _whose(line: PayoutLine) -> str:
    if line.household:
        return f"{line.household.masked_name}（{line.household.household_no}）"
    return line.organisation.name if line.organisation else ""


def _goods(session: Session, line: PayoutLine) -> str:
    """Each product with what the owner gets for it."""
    rows = session.execute(
        select(Product.name, func.sum(PayoutPart.fen))
        .join(Lot, Lot.product_id == Product.id)
        .join(PayoutPart, PayoutPart.lot_id == Lot.id)
        .where(PayoutPart.line_id == line.parts_line_id)
        .group_by(Product.name)
        .order_by(Product.name)
    )
    return "、".join(f"{name} {format_yuan(int(fen))}" for name, fen in rows)


def off_words(row: PayoutDeduction) -> str:
    """Why so much is taken off, and who signed for it when: read out to the household, and on its paper."""
    goods, consent = row.recovery.returned, row.recovery.consent
    signed = (
        f"{SIGNERS[consent.signed_by]}{format_day(consent.signed_on)}签字同意" if consent else ""
    )
    return f"批次 {goods.lot.code} 有 {goods.packs} 份退了回来（{goods.words}），{signed}"


def paid_messages(session: Session, line: PayoutLine) -> list[Message]:
    """The statement as a message, one to each keeper: how much for which goods, what was taken off and why,
    where and when. No name stands in full, and of the account only its last four digits."""
    assert line.payee is not None
    assert line.paid_on is not None
    off = deductions_of(session, [line])[line.id]
    gross = f"{_whose(line)} 的货款 {format_yuan(line.fen)} 元（{_goods(session, line)}）"
    less = "；".join(f"扣 {format_yuan(row.fen)} 元：{off_words(row)}" for row in off)
    where = f"{format_day(line.paid_on)}打到尾号 {line.payee.account_tail} 的账户"
    if not line.net_fen:
        title = f"有一笔货款抵了应收回的 {format_yuan(line.off_fen)} 元"
        body = f"{gross}，{less}。这次没有钱打到账户，请和这一户说清楚。"
    elif off:
        title = f"有一笔货款到账：{format_yuan(line.net_fen)} 元"
        body = f"{gross}，{less}；实付 {format_yuan(line.net_fen)} 元，{where}，请告诉这一户查收。"
    else:
        title = f"有一笔货款到账：{format_yuan(line.fen)} 元"
        body = f"{gross}{where}，没有扣钱，请告诉这一户查收。"
    return [
        Message(
            provider_key=f"payout:{line.number}:paid:{user_id}",
            kind="payout_paid",
            subject=f"payout:{line.number}",
            title=title,
            body=body,
            to_user_id=user_id,
        )
        for user_id in keepers(session, line)
    ]


def returned_messages(session: Session, line: PayoutLine) -> list[Message]:
    return [
        Message(
            provider_key=f"payout:{line.number}:bounced:{user_id}",
            kind="payout_bounced",
            subject=f"payout:{line.number}",
            title=f"有一笔货款被银行退回：{format_yuan(line.fen - line.deducted_fen)} 元",
            body=f"{_whose(line)} 的货款没有到账，银行说：{line.reason}。"
            "请和这一户核对收款账户，报给平台换账户或再付一次。",
            to_user_id=user_id,
        )
        for user_id in keepers(session, line)
    ]
