"""A deposit (押金) that a round asks of buyers who pay later.

It is paid through Alipay before the order counts and held apart from the price: given back when the price
is paid or the order ends without the buyer's fault, kept when delivered goods are not fetched. Nobody who
pays at once, or by his unit's monthly statement, is asked for one. Journals about it have the subject
`deposit:<order>`, so that what stands with the order itself is never mixed with it.
"""

from sqlalchemy import update
from sqlalchemy.orm import Session

from marketplace.core.errors import Conflict
from marketplace.identity import audit
from marketplace.identity.actor import SYSTEM, Actor
from marketplace.ledger.posting import credit, debit, post
from marketplace.orders.order_models import CHANNELS, COUNTED_STATES, Order
from marketplace.orders.order_money import subject_of
from marketplace.orders.round_models import Round

COLUMN = {"canteen": "deposit_canteens", "shop": "deposit_staff", "group": "deposit_groups"}
PAID_AT_ONCE = ("alipay", "account")
"""Who pays the whole price now, or has terms of his own."""


def percent_of(in_round: Round, channel: str) -> int:
    """Of the order's price, for buyers of this channel; 0 for no deposit."""
    return int(getattr(in_round, COLUMN[channel]))


def deposits_words(in_round: Round) -> str:
    """Of whom a round asks one, and how much."""
    said = [(CHANNELS[channel], percent_of(in_round, channel)) for channel in COLUMN]
    return "、".join(f"{who} {percent}%" for who, percent in said if percent)


def asked_fen(in_round: Round, channel: str, pay_how: str, total_fen: int) -> int:
    """What an order of this sum has to deposit, whole fen downwards."""
    if pay_how in PAID_AT_ONCE:
        return 0
    return total_fen * percent_of(in_round, channel) // 100


def rule_words(in_round: Round, channel: str) -> str:
    """What a buyer is told before ordering; empty where nothing is asked."""
    percent = percent_of(in_round, channel)
    if not percent:
        return ""
    who = "不是现在付清的，" if channel == "shop" else ""
    return (
        f"{who}要先用支付宝付 {percent}% 的押金，付了才算订上。货款付清就原路退回；截单前取消、货不够没有给、"
        "县里取消，也全退。货送到了不来取，押金不退，用来补这一期的损失。"
    )


def wanted_fen(order: Order, due_fen: int) -> int:
    """What of an order's deposit has to stay here, when `due_fen` is its price now."""
    if order.state not in COUNTED_STATES:
        return 0
    if order.state == "closed" and order.collected_fen >= due_fen:
        return 0
    return order.deposit_fen


def take_deposit(session: Session, order: Order, fen: int, payment: str) -> None:
    """It is here; the order's row is held by the caller."""
    _hold(session, order, fen)
    lines = [debit("alipay_clearing", fen), credit("buyer_deposit", fen, subject_of(order))]
    post(session, SYSTEM, "deposited", f"deposited:{payment}", _subject(order), lines)


def deposit_given_back(session: Session, order: Order, fen: int, refund: str) -> None:
    """Alipay has given it back; the order's row is held by the caller."""
    _hold(session, order, -fen)
    lines = [debit("buyer_deposit", fen, subject_of(order)), credit("alipay_clearing", fen)]
    key = f"deposit_back:{refund}"
    post(session, SYSTEM, "deposit_back", key, _subject(order), lines)


def keep_deposit(session: Session, actor: Actor, order: Order) -> int:
    """The buyer did not fetch what was delivered: what he deposited makes up for a part of the loss.
    Returns the fen. The order's row is held by the caller."""
    fen = min(order.deposit_fen, order.deposit_held_fen)
    if not fen:
        return 0
    _hold(session, order, -fen, kept=fen)
    of_round = f"round:{order.round.number}"
    lines = [
        debit("buyer_deposit", fen, subject_of(order)),
        credit("aftersale_loss", fen, of_round),
    ]
    key = f"deposit_kept:{order.number}"
    post(session, actor, "deposit_kept", key, _subject(order), lines)
    audit.record(session, actor, "deposit_kept", "order", order.number, fen=fen)
    return fen


def _hold(session: Session, order: Order, more: int, kept: int = 0) -> None:
    hit = session.execute(
        update(Order)
        .where(Order.id == order.id, Order.deposit_held_fen + more >= 0)
        .values(
            deposit_held_fen=Order.deposit_held_fen + more,
            deposit_kept_fen=Order.deposit_kept_fen + kept,
        )
        .execution_options(synchronize_session=False)
    )
    if hit.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict("这个订单的押金刚刚变了，请刷新再看。", code="changed")
    session.refresh(order)


def _subject(order: Order) -> str:
    return f"deposit:{order.number}"
