"""Who is asked for how much of what came back after a run had paid it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.core.errors import Conflict
from marketplace.core.money import split_by_largest_remainder
from marketplace.orders.order_models import OrderLine
from marketplace.orders.return_models import GoodsReturn
from marketplace.settlement.payout_models import PayoutItem, PayoutLine, PayoutPart, PayoutRun
from marketplace.settlement.recovery_models import Recovery
from marketplace.settlement.splitting import Owner


@dataclass
class Left:
    """What a run paid for a lot, and what of it is not asked back, by owner."""

    salt: str
    paid: dict[Owner, int]
    left: dict[Owner, int]

    def take(self, fen: int) -> dict[Owner, int]:
        owners = sorted(self.paid)
        weights = self.left if sum(self.left.values()) >= fen else self.paid
        sums = split_by_largest_remainder(
            fen,
            [weights[owner] for owner in owners],
            tie_keys=[str(owner.household_id) for owner in owners],
            salt=self.salt,
        )
        taken = {owner: part for owner, part in zip(owners, sums, strict=True) if part}
        for owner, part in taken.items():
            self.left[owner] = max(0, self.left[owner] - part)
        return taken


def owners_of_returned(
    session: Session, order_id: int, wanted: Sequence[tuple[int, int]]
) -> list[dict[Owner, int]]:
    """Whose the fen of each (lot id, fen) are: over what each was paid in the run and is not asked for yet, so
    that however many returns there are nobody is asked for more than he got."""
    left: dict[int, Left] = {}
    found = []
    for lot_id, fen in wanted:
        if lot_id not in left:
            left[lot_id] = _left_of(session, order_id, lot_id)
        found.append(left[lot_id].take(fen))
    return found


def _left_of(session: Session, order_id: int, lot_id: int) -> Left:
    """The run's row is locked: two returns of one lot at once would both ask for the same fen."""
    found = session.execute(
        select(PayoutItem.run_id, PayoutRun.number, PayoutRun.state)
        .join(PayoutRun, PayoutRun.id == PayoutItem.run_id)
        .where(PayoutItem.order_id == order_id, PayoutItem.lot_id == lot_id)
        .where(~PayoutItem.dropped)
        .with_for_update(of=PayoutRun)
    ).one()
    if found.state == "proposed":
        raise Conflict(
            "这批货款已经在付给农户，正等审批。批了以后再办，就向农户收回；现在要办，请选运输中坏了或平台承担。",
            code="being_paid",
        )
    parts = session.execute(
        select(PayoutPart.household_id, PayoutLine.organisation_id, func.sum(PayoutPart.fen))
        .join(PayoutLine, PayoutLine.id == PayoutPart.line_id)
        .where(PayoutLine.run_id == found.run_id, PayoutPart.lot_id == lot_id)
        .group_by(PayoutPart.household_id, PayoutLine.organisation_id)
    )
    paid = {_owner(household, unit): int(part) for household, unit, part in parts}
    asked = session.execute(
        select(Recovery.household_id, Recovery.organisation_id, func.sum(Recovery.fen))
        .join(GoodsReturn, GoodsReturn.id == Recovery.return_id)
        .join(OrderLine, OrderLine.id == GoodsReturn.order_line_id)
        .join(PayoutItem, PayoutItem.order_id == OrderLine.order_id)
        .where(PayoutItem.lot_id == GoodsReturn.lot_id, ~PayoutItem.dropped)
        .where(PayoutItem.run_id == found.run_id, GoodsReturn.lot_id == lot_id)
        .group_by(Recovery.household_id, Recovery.organisation_id)
    )
    left = dict(paid)
    for household, unit, fen in asked:
        owner = _owner(household, unit)
        left[owner] = max(0, left.get(owner, 0) - int(fen))
    return Left(f"payout:{found.number}:{lot_id}", paid, left)


def _owner(household: int | None, unit: int | None) -> Owner:
    return Owner(household or 0, 0 if household else unit or 0)
