"""Why an allocation was refused, with the figures a person needs to put it right."""

from collections.abc import Sequence

from marketplace.core.errors import Conflict

SENTENCES = {
    "unknown_policy": "没有「{policy}」第 {version} 版这种分法。",
    "unknown_shortage_rule": "没有「{rule}」这种缺货规则。",
    "unknown_channel": "订单行 {line} 的渠道「{channel}」不认识。",
    "line_twice": "订单行 {key} 出现了两次。",
    "line_without_packs": "订单行 {line} 的份数是 {packs}，至少要 1 份。",
    "commitment_twice": "上架记录 {key} 出现了两次。",
    "supply_without_owner": "上架记录 {commitment} 没写清是谁家的货。",
    "supply_below_zero": "上架记录 {commitment} 的份数、权重或户数小于 0。",
    "bad_date": "日期「{date}」写法不对，要写成 2026-11-05 这样。",
    "pin_twice": "「{key}」被人工定了两次，只留一个。",
    "pin_unknown": "人工指定的「{target}」不在这个商品里。",
    "pin_incomplete": "人工指定「{target}」要写份数（不小于 0）和理由，现在是 {packs} 份。",
    "pin_beyond_supply": "「{target}」最多能出 {supply} 份，不能定为 {pinned} 份。",
    "pin_beyond_demand": "能满足的订单一共 {demand} 份，人工指定合计 {pinned} 份，超出了，请减少。",
    "pins_disagree": "「{target}」定为 {pinned} 份，可是它的各批已经定了 {inside} 份，对不上。",
    "unreadable_text": "存下来的分配数据读不出来（{kind}）：{cause}",
}


class AllocationRefused(Conflict):
    """The input cannot be allocated as it stands; nothing was changed.

    `code` is stable and meant for programs, `figures` holds the numbers and names behind it, and
    `message` says both in Chinese with claimants by their keys.
    """

    def __init__(self, code: str, **figures: int | str) -> None:
        super().__init__(SENTENCES[code].format(**figures), code=code)
        self.figures = figures


class OutcomeBroken(Exception):
    """An outcome contradicts its problem; every contradiction found is listed in `faults`."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults[:20]))
        self.faults = tuple(faults)
