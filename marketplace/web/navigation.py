"""Navigation: what stands in the side bar of desk pages and in the tabs of phone pages.

A page is added by a line here. Entries that a person may not open are left out.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from flask import current_app, request, url_for


@dataclass(frozen=True)
class Entry:
    """`permission`: one, or several parted by | of which one is enough."""

    label: str
    endpoint: str
    permission: str = ""
    icon: str = ""


@dataclass(frozen=True)
class Link:
    label: str
    href: str
    active: bool
    icon: str = ""
    badge: str = ""


@dataclass(frozen=True)
class Group:
    label: str
    links: tuple[Link, ...]


DESK: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    (
        "货源",
        (
            Entry("核实", "reports.queue", "reports.verify"),
            Entry("货源", "lots.index", "lots.view"),
            Entry("农户", "households.index", "households.view"),
            Entry("合作社", "cooperatives.index", "households.view"),
        ),
    ),
    (
        "期次",
        (
            Entry("看板", "board.index", "board.view"),
            Entry("期次", "rounds.index", "rounds.view"),
            Entry("订单", "orders.index", "orders.manage"),
            Entry("退货申请", "claims.index", "orders.manage"),
            Entry("地点", "places.index", "rounds.manage"),
            Entry("品种", "products.index", "rounds.manage"),
            Entry("商店", "shop.index", "rounds.manage"),
        ),
    ),
    (
        "备货",
        (
            Entry("备货单", "sheets.index", "sheets.view"),
            Entry("过磅", "field.weigh", "weighins.record"),
            Entry("加工", "processing.index", "processing.manage"),
            Entry("配送", "deliveries.index", "rounds.manage"),
            Entry("交货", "field.handover", "deliveries.hand_over"),
            Entry("签字原件", "originals.index", "sheets.view"),
            Entry("暂停", "holds.index", "rounds.manage"),
            Entry("召回", "recalls.index", "lots.recall"),
            Entry("消息", "notices.index", "notices.view"),
            Entry("溯源", "trace.index", "trace.view"),
        ),
    ),
    (
        "单位采购",
        (
            Entry("本周货单", "canteen.sheet", "orders.canteen"),
            Entry("单位订单", "canteen.orders", "orders.canteen"),
            Entry("进货台账", "canteen.incoming", "orders.canteen"),
            Entry("审批", "approvals.index", "orders.approve"),
            Entry("对账单", "unit_statements.index", "orders.canteen|orders.approve"),
            Entry("团购登记", "groups.index", "orders.group"),
            Entry("商店", "shop.index", "orders.group"),
        ),
    ),
    (
        "账务",
        (
            Entry("农户货款", "payouts.index", "payouts.view"),
            Entry("应收回货款", "recoveries.index", "advances.view"),
            Entry("收款账户", "payees.index", "payees.view"),
            Entry("周转金", "advances.index", "advances.view"),
            Entry("各期收支", "fees.index", "advances.view"),
            Entry("账本", "ledger.index", "ledger.view"),
            Entry("核对", "checks.index", "audit.view|advances.view"),
            Entry("支付宝收退款", "online.index", "ledger.view"),
            Entry("支付宝对账", "bills.index", "ledger.view"),
            Entry("银行流水", "transfers.index", "ledger.view"),
            Entry("对账单", "statements.index", "ledger.view"),
        ),
    ),
    ("资料", (Entry("导入", "imports.index", "imports.run"),)),
    (
        "系统",
        (
            Entry("账号", "accounts.index", "accounts.manage"),
            Entry("单位", "organisations.index", "accounts.manage"),
            Entry("设置", "county.index", "settings.manage"),
            Entry("审计记录", "audit.index", "audit.view"),
        ),
    ),
)
SHOP_TABS = (
    Entry("首页", "shop.index", icon="home"),
    Entry("本期货单", "shop.goods", icon="list"),
    Entry("购物篮", "shop.basket", icon="basket"),
    Entry("我的", "shop.mine", icon="me"),
)
FIELD_TABS = (
    Entry("今天", "field.today", "reports.submit", "today"),
    Entry("我的户", "field.households", "households.view", "people"),
    Entry("货", "field.lots", "lots.view", "goods"),
    Entry("备货", "field.sheets", "sheets.view", "sheet"),
    Entry("过磅", "field.weigh", "weighins.record", "scale"),
    Entry("交货", "field.handover", "deliveries.hand_over", "basket"),
    Entry("签收", "field.receipts", "receipts.file", "money"),
)

BADGES: dict[str, Callable[[], str]] = {}
"""Endpoint → the short text beside its link, asked at each request; a feature adds its own."""


def _link(entry: Entry) -> Link:
    here = request.endpoint == entry.endpoint
    badge = BADGES[entry.endpoint]() if entry.endpoint in BADGES else ""
    return Link(entry.label, url_for(entry.endpoint), here or _inside(entry), entry.icon, badge)


def _inside(entry: Entry) -> bool:
    """Whether the page asked for stands below a list of the desk: one account, one round."""
    blueprint, _, view = entry.endpoint.partition(".")
    return view == "index" and not entry.icon and request.blueprint == blueprint


def _links(entries: Iterable[Entry]) -> tuple[Link, ...]:
    return tuple(_link(entry) for entry in entries if entry.endpoint in current_app.view_functions)


def _any(may: Callable[[str], bool], entry: Entry) -> bool:
    return any(may(permission) for permission in entry.permission.split("|"))


def desk_navigation(may: Callable[[str], bool]) -> list[Group]:
    """Groups of links in the order of the work, for the person whose rights `may` tells."""
    groups = [Group(title, _links(e for e in entries if _any(may, e))) for title, entries in DESK]
    return [group for group in groups if group.links]


def tabs(may: Callable[[str], bool], *, field_worker: bool, reads_field: bool) -> tuple[Link, ...]:
    """The tabs of the phone page asked for: the shop, or a cadre's work, who sees them on every
    page outside the shop, a refusal included; others who may read there only on those pages."""
    at_work = reads_field if request.blueprint == "field" else field_worker
    at_work = at_work and request.blueprint != "shop"
    if not at_work:
        return _links(SHOP_TABS)
    return _links(entry for entry in FIELD_TABS if _any(may, entry))
