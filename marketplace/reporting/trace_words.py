"""What the events of a lot's stream say in plain words, for the public page."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from marketplace.catalog.models import Lot
from marketplace.catalog.paper_models import PAPER_KINDS
from marketplace.catalog.words import amount_words
from marketplace.orders.hold_models import CAUSES
from marketplace.trace.check import title


@dataclass(frozen=True)
class Told:
    """`undone`: what became of it, where it holds no more. Nothing that was told is left out for that."""

    moment: datetime
    title: str
    words: str
    undone: str = ""


@dataclass(frozen=True)
class _Standing:
    """What the last allocation of a listing gave orders, and where it is told."""

    at: int
    packs: int


Goods = Mapping[int, tuple[int, str]]
"""Listing id → number of its round, what it sells."""


def recorded(lot: Lot, events: Iterable[Mapping[str, Any]], goods: Goods) -> list[Told]:
    """What the lot's stream says of allocation, delivery and money: when and how many packs, never a sum."""
    found, held, standing = list[Told](), set[str](), dict[int, _Standing]()
    for event in events:
        kind, data = event["kind"], event["data"]
        moment = datetime.fromtimestamp(event["at"], UTC)
        if kind in {"allocated", "allocation_undone"}:
            _share(found, standing, goods, data, moment)
            continue
        words = _shifted(lot, kind, data) or _stopped(kind, data, held) or _told(kind, data)
        if words:
            found.append(Told(moment, title(dict(event)), words))
    return found


def _share(
    found: list[Told],
    standing: dict[int, _Standing],
    goods: Goods,
    data: Mapping[str, Any],
    moment: datetime,
) -> None:
    """Each event says all that a listing gives: it replaces what was told of that before."""
    listing, packs = data["listing"], sum(row[1] for row in data.get("packs", ()))
    number, what = goods.get(listing, (0, ""))
    of_round = f"第 {number} 期" if number else "一期"
    before = standing.pop(listing, None)
    if before and before.packs == packs:
        standing[listing] = before
        return
    if before:
        undone = f"后来改成 {packs} 份" if packs else "后来撤回了"
        found[before.at] = replace(found[before.at], undone=undone)
    if packs:
        standing[listing] = _Standing(len(found), packs)
        words = f"{of_round}的订单{'改为' if before else ''}分到 {packs} 份{what}"
        found.append(Told(moment, "分配", words))
    elif before:
        words = f"{of_round}分给订单的 {before.packs} 份{what}撤回了"
        found.append(Told(moment, "撤回分配", words))


def _stopped(kind: str, data: dict[str, Any], held: set[str]) -> str:
    """`held`: codes of the holds that keep the lot, up to this event."""
    if kind == "held":
        held.add(data["hold"])
        return f"县里让这批货先停一停：{CAUSES[data['cause']]}"
    if kind == "hold_lifted":
        held.discard(data["hold"])
        return "停的一个原因没有了，还有别的，先不卖" if held else "停的原因没有了"
    if kind == "recalled":
        whose = "它用的货来自一批召回的货，一起收回" if data.get("lot") else "县里收回这批货"
        return f"{whose}：没有卖的不卖了，卖出的退钱"
    return ""


def _shifted(lot: Lot, kind: str, data: dict[str, Any]) -> str:
    """Goods that went into another lot, or came from one."""
    if kind not in {"regraded", "pooled_into", "pooled_from"}:
        return ""
    much = amount_words(abs(data["base"]), lot.product)
    if kind == "pooled_into":
        return f"{much}和邻居的拼成一批"
    if kind == "pooled_from":
        return f"一户拼进来 {much}"
    if data["base"] < 0:
        return f"{much}按{data['grade']}卖，另成一批"
    return f"过磅时定为{data['grade']}，{much}"


_WITH_PACKS = {"accepted": "到了买家手里", "rejected": "验收时没有收", "returned": "退了回来"}
_TOLD = {
    "paper_set_aside": "一张证明作废了",
    "weighed": "在集货点过了磅",
    "paid": "货款打到了农户的账户",
    "came_back": "货款没有到账，改好账户再付",
    "received": "农户签收了货款",
}


def _told(kind: str, data: dict[str, Any]) -> str:
    if kind in _WITH_PACKS:
        return f"{sum(row[1] for row in data['packs'])} 份{_WITH_PACKS[kind]}"
    if kind == "paid" and data["collected"]:
        return "货款付到了代收的单位，等农户签收"
    if kind == "certified":
        return f"有了{PAPER_KINDS.get(data['kind'], '证明')}"
    return _TOLD.get(kind, "")
