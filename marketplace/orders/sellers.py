"""Who sells what is in an order, for its paper: whose contract it is, who writes the invoice, and into
which account the buyer pays.

A listing names its seller of record: the households, for whom the county's platform acts as agent, or a
cooperative or company by itself. The money comes into the platform's account in either case and is paid
on by payout runs, so that one transfer can pay for goods of several sellers.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from marketplace.identity.models import Organisation
from marketplace.orders.order_models import OrderLine


@dataclass(frozen=True)
class Sale:
    """What one seller sells in an order: `fen` is what is due for its `lines`."""

    seller: Organisation | None
    platform: str
    lines: tuple[OrderLine, ...]

    @property
    def name(self) -> str:
        return self.seller.name if self.seller else "农户"

    @property
    def contract(self) -> str:
        if self.seller is None:
            return f"农户委托{self.platform}代销，每一份来自哪一户可以溯源"
        return f"{self.seller.name}自己卖，{self.platform}代收代送"

    @property
    def invoice(self) -> str:
        return f"{self.seller.name}开" if self.seller else f"{self.platform}代农户办理"

    @property
    def receives(self) -> str:
        return f"{self.platform}代收，再付给{'农户' if self.seller is None else self.seller.name}"

    @property
    def fen(self) -> int:
        return sum(line.due_packs * line.price_fen for line in self.lines)


def sales_of(lines: Iterable[OrderLine], platform: str) -> list[Sale]:
    """The lines by seller of record, the households first. Lines of which nothing is left are no sale."""
    by_seller: dict[int, list[OrderLine]] = {}
    for line in lines:
        if line.due_packs:
            by_seller.setdefault(line.listing.seller_id or 0, []).append(line)
    return [
        Sale(by_seller[key][0].listing.seller, platform, tuple(by_seller[key]))
        for key in sorted(by_seller)
    ]
