"""How the books are said in Chinese: journals, and who stands behind a sub-account."""

from collections.abc import Iterable

from flask import url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.households.models import Household
from marketplace.identity.models import Organisation
from marketplace.orders.collecting import UNDO_REASONS
from marketplace.orders.round_models import PickupPoint

KINDS = {
    "collected": "收款",
    "paid": "支付宝付款",
    "refunded": "原路退款",
    "owed_again": "收款撤销后转为应收",
    "delivered": "送到，记应付",
    "payout_approved": "批准付给农户",
    "paid_out": "货款到账",
    "bounced": "货款被银行退回",
    "member_received": "社员签收",
    "advance_drawn": "用周转金",
    "advance_repaid": "归还周转金",
}
REASONS = {"": "", **UNDO_REASONS}
_WORDS = {
    "order": "订单 {}",
    "lot": "批次 {}",
    "round": "第 {} 期",
    "payout": "货款 {}",
    "advance": "周转金 {}",
}


class Parties:
    """Words and addresses of sub-accounts (order:D…, lot:L…, round:3, unit:12, point:4, household:7),
    named once for a page. A name that is nothing of this reads as it is."""

    def __init__(self, session: Session, named: Iterable[str]) -> None:
        ids: dict[str, set[int]] = {"unit": set(), "point": set(), "household": set()}
        for party in named:
            kind, _, number = party.partition(":")
            if kind in ids and number.isdecimal():
                ids[kind].add(int(number[:18]))
        units = select(Organisation.id, Organisation.name).where(Organisation.id.in_(ids["unit"]))
        points = select(PickupPoint.id, PickupPoint.name).where(PickupPoint.id.in_(ids["point"]))
        self._names = {f"unit:{i}": name for i, name in session.execute(units)}
        self._names |= {f"point:{i}": name for i, name in session.execute(points)}
        households = select(Household.id, Household.household_no).where(
            Household.id.in_(ids["household"])
        )
        self._names |= {f"household:{i}": f"户 {no}" for i, no in session.execute(households)}

    def name(self, party: str) -> str:
        kind, _, number = party.partition(":")
        if kind in _WORDS:
            return _WORDS[kind].format(number)
        return self._names.get(party, party) or "–"

    def href(self, party: str) -> str:
        """Where its receipts are; empty when there is nothing more to see."""
        kind, _, number = party.partition(":")
        return url_for("trace.index", q=number) if kind in {"order", "lot"} else ""
