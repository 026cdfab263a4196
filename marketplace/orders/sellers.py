"""Who sells what is in an order, for its paper: whose contract it is, who writes the invoice, and into
which account the buyer pays.

A listing names its seller of record: the households, for whom the county's platform acts as agent, or a
cooperative or company by itself. Buyers pay into the platform's account, so that one transfer can pay for
goods of several sellers; payout runs pay on into each seller's own receiving account
(docs/decisions/0013-receiving-accounts.md).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from marketplace.identity.models import Organisation
from marketplace.orders.order_models import OrderLine
from marketplace.orders.receiving import accounts_of_sellers
from marketplace.orders.round_models import Listing


@dataclass(frozen=True)
class Sale:
    """What one seller sells in an order: `fen` is what is due for its `lines`."""

    seller: Organisation | None
    platform: str
    lines: tuple[OrderLine, ...]
    account: str = ""
    """The seller's own receiving account; without one the households are paid themselves."""

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
        return f"{self.platform}代收，{paid_on_to(self.seller, self.account)}"

    @property
    def fen(self) -> int:
        return sum(line.due_fen for line in self.lines)


def paid_on_to(seller: Organisation | None, account: str) -> str:
    if seller is None:
        return "付到每一户的账户（合作社代收的付到合作社，由它发给社员签收）"
    if not account:
        return f"按{seller.name}的委托直接付给农户"
    return f"付到{seller.name}的账户（{account}），由它发给农户签收"


def money_way(session: Session, listing: Listing) -> str:
    """Who gets the money for a listing's goods, in words."""
    sellers = [listing.seller_id] if listing.seller_id else []
    accounts = accounts_of_sellers(session, sellers)
    return paid_on_to(listing.seller, accounts.get(listing.seller_id or 0, ""))


def sales_of(session: Session, lines: Iterable[OrderLine], platform: str) -> list[Sale]:
    """The lines by seller of record, the households first. Lines of which nothing is left are no sale."""
    by_seller: dict[int, list[OrderLine]] = {}
    for line in lines:
        if line.due_packs:
            by_seller.setdefault(line.listing.seller_id or 0, []).append(line)
    accounts = accounts_of_sellers(session, [key for key in by_seller if key])
    return [
        Sale(
            by_seller[key][0].listing.seller,
            platform,
            tuple(by_seller[key]),
            accounts.get(key, ""),
        )
        for key in sorted(by_seller)
    ]
