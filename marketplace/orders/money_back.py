"""What a buyer is told of money that is his again: how it comes back, and that it did."""

from sqlalchemy.orm import Session

from marketplace.core.money import format_yuan
from marketplace.notices.outbox import Message, enqueue
from marketplace.orders.money_steps import money_steps
from marketplace.orders.order_models import COUNTED_STATES, Order

COMES_BACK = {
    "alipay": "正在原路退回支付宝，一般当天到账。",
    "unit": "单位代收的，平台退给您单位的经手人，由他退给您。退了给您发消息。",
    "pickup": "取货时付的，由平台和提货点当面退给您。退了给您发消息。",
    "transfer": "银行转账付的，由县里财务抵单位的别的订单，或者退到付款的账户。",
}
"""By whom and how what was paid too much goes back to the buyer."""
HANDED = {
    "单位代收": "退给您单位的经手人了（单位代收的），请向他要",
    "取货时付": "当面退给您了（取货时付的）",
}


def due_fen(order: Order) -> int:
    """What the buyer owes: packs cut for want of goods cost nothing, an ended order costs nothing."""
    if order.state not in COUNTED_STATES:
        return 0
    return sum(line.due_fen for line in order.lines)


def how_it_comes_back(order: Order) -> str:
    return COMES_BACK.get(order.collected_how, "由平台退给您。")


def money_left(order: Order) -> str:
    """What a return means for the buyer: money that comes back, or what is still to be paid."""
    over = order.collected_fen - due_fen(order)
    if over > 0:
        return f"要退您 {format_yuan(over)} 元：{how_it_comes_back(order)}"
    return f"还要付 {format_yuan(-over)} 元。" if over else "不用再付钱。"


def tell_returned(session: Session, order: Order, packs: int, fen: int, words: str) -> None:
    """The county has taken packs off a delivered order: its buyer hears why, and what becomes of the money."""
    before = sum(line.returned_packs for line in order.lines)
    enqueue(
        session,
        Message(
            provider_key=f"returned:{order.number}:{before}",
            kind="order_returned",
            subject=f"order:{order.id}",
            title=f"订单 {order.number} 退了 {packs} 份，少付 {format_yuan(fen)} 元",
            body=f"{words.strip()}。{money_left(order)}",
            to_user_id=order.buyer_id,
        ),
    )


def tell_given_back(session: Session, order: Order, fen: int) -> None:
    """Money that was collected by hand was handed back."""
    back = [step for step in money_steps(session, order) if step.fen < 0]
    enqueue(
        session,
        Message(
            provider_key=f"given_back:{order.number}:{len(back)}",
            kind="order_given_back",
            subject=f"order:{order.id}",
            title=f"订单 {order.number} 退了 {format_yuan(fen)} 元",
            body=f"多收的 {format_yuan(fen)} 元{HANDED[back[-1].way]}。没有拿到，请打服务电话。",
            to_user_id=order.buyer_id,
        ),
    )
