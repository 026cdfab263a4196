"""How the books are said in Chinese: journals, and who stands behind a sub-account."""

from collections.abc import Iterable

from flask import url_for
from sqlalchemy import String, cast, literal, select, union_all
from sqlalchemy.orm import Session

from marketplace.households.models import Household
from marketplace.identity.models import Organisation
from marketplace.orders.collecting import UNDO_REASONS
from marketplace.orders.round_models import PickupPoint
from marketplace.payments.placing import WRONG_PLACING

KINDS = {
    "collected": "收款",
    "paid": "支付宝付款",
    "refunded": "原路退款",
    "owed_again": "收款撤销后转为应收",
    "delivered": "送到，记应付",
    "returned": "退货退款",
    "evened": "退货款抵应收",
    "given_back": "多收的退给买家",
    "deposited": "收押金",
    "deposit_back": "退押金",
    "deposit_kept": "没来取，押金补损失",
    "payout_approved": "批准付给农户",
    "paid_out": "货款到账",
    "fee_paid": "付服务费、运费",
    "bounced": "货款被银行退回",
    "written_off": "应收回货款核销",
    "member_received": "农户签收",
    "advance_drawn": "用周转金",
    "advance_repaid": "归还周转金",
    "received": "银行到账",
    "transferred": "银行来款认到订单",
    "credited": "银行来款记为多付",
    "credit_returned": "多付款退回",
}
REASONS = {"": "", **UNDO_REASONS, **WRONG_PLACING}
_WORDS = {
    "order": "订单 {}",
    "deposit": "订单 {} 的押金",
    "lot": "批次 {}",
    "round": "第 {} 期",
    "payout": "货款 {}",
    "recovery": "应收回货款 {}",
    "advance": "周转金 {}",
    "transfer": "银行流水 {}",
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
        said = [
            select(literal(kind + ":").concat(cast(key, String)), words).where(key.in_(ids[kind]))
            for kind, key, words in (
                ("unit", Organisation.id, Organisation.name),
                ("point", PickupPoint.id, PickupPoint.name),
                ("household", Household.id, literal("户 ").concat(Household.household_no)),
            )
        ]
        self._names = {row[0]: row[1] for row in session.execute(union_all(*said))}

    def name(self, party: str) -> str:
        kind, _, number = party.partition(":")
        if kind in _WORDS:
            return _WORDS[kind].format(number)
        return self._names.get(party, party) or "–"

    def href(self, party: str) -> str:
        """Where its receipts are; empty when there is nothing more to see."""
        kind, _, number = party.partition(":")
        if kind == "transfer":
            return url_for("transfers.show", transfer_id=int(number))
        if kind == "payout":
            return url_for("payouts.line", line_no=number)
        if kind == "recovery":
            return url_for("recoveries.show", number=number)
        return url_for("trace.index", q=number) if kind in {"order", "lot"} else ""
