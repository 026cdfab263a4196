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
from marketplace.settlement.payout_models import PayoutLine, PayoutPart


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


def paid_messages(session: Session, line: PayoutLine) -> list[Message]:
    """The statement as a message, one to each keeper: how much for which goods, where and when. No name
    stands in full, and of the account only its last four digits."""
    assert line.payee is not None
    assert line.paid_on is not None
    goods = _goods(session, line)
    return [
        Message(
            provider_key=f"payout:{line.number}:paid:{user_id}",
            kind="payout_paid",
            subject=f"payout:{line.number}",
            title=f"有一笔货款到账：{format_yuan(line.fen)} 元",
            body=f"{_whose(line)} 的货款 {format_yuan(line.fen)} 元（{goods}）{format_day(line.paid_on)}"
            f"打到尾号 {line.payee.account_tail} 的账户，没有扣钱，请告诉这一户查收。",
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
            title=f"有一笔货款被银行退回：{format_yuan(line.fen)} 元",
            body=f"{_whose(line)} 的货款没有到账，银行说：{line.reason}。"
            "请和这一户核对收款账户，报给平台换账户或再付一次。",
            to_user_id=user_id,
        )
        for user_id in keepers(session, line)
    ]
