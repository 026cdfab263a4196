"""What the operator's buttons on a round do, and what is said afterwards."""

from collections.abc import Callable

from sqlalchemy.orm import Session

from marketplace.core.clock import now
from marketplace.identity.actor import Actor
from marketplace.orders import interruptions, rounds
from marketplace.orders.round_models import Round


def _open(session: Session, actor: Actor, found: Round) -> str:
    empty = rounds.open_round(session, actor, found)
    words = "已开放订购。" if found.opens_at <= now() else "已排好，到开放时间就能订。"
    return words + (f"有 {empty} 个产品还没有货，没有开卖。" if empty else "")


def _start(session: Session, actor: Actor, found: Round) -> str:
    rounds.open_now(session, actor, found)
    return "已开放订购。"


def _close(session: Session, actor: Actor, found: Round) -> str:
    expired = rounds.close_round(session, actor, found)
    return "已截单。" + (f"有 {expired} 个订单还没审批，已作废。" if expired else "下一步：分配。")


def _hold(session: Session, actor: Actor, found: Round) -> str:
    interruptions.hold_round(session, actor, found)
    return "已暂停。订单都还在，恢复后接着办。"


def _resume(session: Session, actor: Actor, found: Round) -> str:
    interruptions.resume_round(session, actor, found)
    return "已恢复。"


def _reopen(session: Session, actor: Actor, found: Round) -> str:
    interruptions.reopen_round(session, actor, found)
    return "已重新开放订购。"


STEPS: dict[str, Callable[[Session, Actor, Round], str]] = {
    "open": _open,
    "start": _start,
    "close": _close,
    "hold": _hold,
    "resume": _resume,
    "reopen": _reopen,
}
