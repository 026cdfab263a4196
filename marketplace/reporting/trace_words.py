"""What the events of a lot's stream say in plain words, for the public page."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from marketplace.catalog.models import Lot
from marketplace.catalog.paper_models import CERTIFICATE, PAPER_KINDS
from marketplace.catalog.words import amount_words
from marketplace.orders.hold_models import CAUSES


def recorded(lot: Lot, events: Iterable[Mapping[str, Any]]) -> list[tuple[datetime, str, str]]:
    """What the lot's stream says of delivery and money: when and how many packs, never a sum."""
    found, held = [], set[str]()
    for event in events:
        kind, data = event["kind"], event["data"]
        told = _shifted(lot, kind, data) or _stopped(kind, data, held) or _told(kind, data)
        if told:
            found.append((datetime.fromtimestamp(event["at"], UTC), *told))
    return found


def _stopped(kind: str, data: dict[str, Any], held: set[str]) -> tuple[str, str] | None:
    """`held`: codes of the holds that keep the lot, up to this event."""
    if kind == "held":
        held.add(data["hold"])
        return "暂停", f"县里让这批货先停一停：{CAUSES[data['cause']]}"
    if kind == "hold_lifted":
        held.discard(data["hold"])
        return "恢复", "停的一个原因没有了，还有别的，先不卖" if held else "停的原因没有了"
    if kind == "recalled":
        whose = "它用的货来自一批召回的货，一起收回" if data.get("lot") else "县里收回这批货"
        return "召回", f"{whose}：没有卖的不卖了，卖出的退钱"
    return None


def _shifted(lot: Lot, kind: str, data: dict[str, Any]) -> tuple[str, str] | None:
    """Goods that went into another lot, or came from one."""
    if kind not in {"regraded", "pooled_into", "pooled_from"}:
        return None
    much = amount_words(abs(data["base"]), lot.product)
    if kind == "pooled_into":
        return "拼批", f"{much}和邻居的拼成一批"
    if kind == "pooled_from":
        return "拼批", f"一户拼进来 {much}"
    words = (
        f"{much}按{data['grade']}卖，另成一批"
        if data["base"] < 0
        else f"过磅时定为{data['grade']}，{much}"
    )
    return "改等级", words


_WITH_PACKS = {
    "accepted": ("送到", "到了买家手里"),
    "rejected": ("拒收", "验收时没有收"),
    "returned": ("退回", "退了回来"),
}


def _told(kind: str, data: dict[str, Any]) -> tuple[str, str] | None:
    if kind in _WITH_PACKS:
        title, what = _WITH_PACKS[kind]
        return title, f"{sum(row[1] for row in data['packs'])} 份{what}"
    if kind == "paid" and data["collected"]:
        return "付款", "货款付到了代收的单位，等农户签收"
    if kind == "certified":
        paper = PAPER_KINDS.get(data["kind"], "证明")
        return ("开证" if data["kind"] == CERTIFICATE else "证明"), f"有了{paper}"
    words = {
        "paper_set_aside": ("作废", "一张证明作废了"),
        "weighed": ("过磅", "在集货点过了磅"),
        "paid": ("付款", "货款打到了农户的账户"),
        "came_back": ("银行退回", "货款没有到账，改好账户再付"),
        "received": ("签收", "农户签收了货款"),
    }
    return words.get(kind)
