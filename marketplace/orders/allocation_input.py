"""From the round's own orders and commitments to the allocation's plain input."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from marketplace.catalog.models import Lot, LotShare
from marketplace.core.clock import today
from marketplace.core.county_settings import county_settings
from marketplace.core.validity import in_force
from marketplace.households.models import MONITOR_KINDS, SUPPORTED_KINDS, SupportStatus
from marketplace.orders.allocation import DemandLine, Pin, Problem, Supply, cooperative_weight
from marketplace.orders.allocation_models import AllocationPin
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.round_models import Commitment, Listing, LotConfirmation, Round

CHANNEL = {"shop": "staff", "canteen": "canteen", "group": "group"}
ROUNDS_APART = timedelta(days=7)
"""When no next round is planned yet."""


def problems_of(
    session: Session,
    in_round: Round,
    states: tuple[str, ...] = ("confirmed",),
    *,
    only: int | None = None,
) -> dict[int, Problem]:
    """The problem of each listing of the round that somebody ordered, by listing id.

    `states`: whose order lines count; confirmed at close, allocated afterwards. `only`: of this
    listing, without the lines of the others. The statements are few and do not grow with the round.
    """
    lines = _lines(session, in_round, states, only)
    commitments = _commitments(session, in_round)
    support = _Support(session, commitments)
    confirmed = _confirmed_lots(session, in_round)
    pins = _pins(session, in_round)
    spoils_before = _next_chance(session, in_round)
    return {
        listing_id: Problem(
            listing_id=listing_id,
            lines=tuple(listing_lines),
            supplies=tuple(
                Supply(
                    commitment_id=row.id,
                    lot_id=row.lot_id,
                    claimant=_claimant(row),
                    packs=row.packs,
                    best_before=row.available_until.isoformat(),
                    weight=support.weight(row),
                    households=support.households(row),
                    village=row.region_code,
                    refill_ready=row.refill_ready or row.lot_id in confirmed,
                    committed_at=_milliseconds(row.committed_at),
                )
                for row in commitments[listing_id]
            ),
            spoils_before=spoils_before,
            shortage_rule=in_round.shortage_rule,
            policy=in_round.policy,
            policy_version=in_round.policy_version,
            pins=tuple(pins[listing_id]),
            salt=in_round.salt,
        )
        for listing_id, listing_lines in lines.items()
    }


def _lines(
    session: Session, in_round: Round, states: tuple[str, ...], only: int | None
) -> dict[int, list[DemandLine]]:
    found: defaultdict[int, list[DemandLine]] = defaultdict(list)
    statement = (
        select(
            OrderLine.id,
            OrderLine.order_id,
            OrderLine.listing_id,
            OrderLine.packs,
            OrderLine.whole_or_nothing,
            Order.channel,
            Order.pickup_point_id,
            Order.confirmed_at,
        )
        .join(Order, Order.id == OrderLine.order_id)
        .where(Order.round_id == in_round.id, Order.state.in_(states))
        .order_by(OrderLine.id)
    )
    if only is not None:
        found[only] = []  # also when its last buyer has left
        statement = statement.where(OrderLine.listing_id == only)
    for row in session.execute(statement):
        found[row.listing_id].append(
            DemandLine(
                line_id=row.id,
                order_id=row.order_id,
                packs=row.packs,
                channel=CHANNEL[row.channel],
                drop=str(row.pickup_point_id),
                confirmed_at=_milliseconds(row.confirmed_at),
                whole_or_nothing=row.whole_or_nothing,
            )
        )
    return found


def _commitments(
    session: Session, in_round: Round
) -> defaultdict[int, list[Row[tuple[object, ...]]]]:
    rows = session.execute(
        select(
            Commitment.id,
            Commitment.listing_id,
            Commitment.lot_id,
            Commitment.packs,
            Commitment.refill_ready,
            Commitment.committed_at,
            Lot.household_id,
            Lot.organisation_id,
            Lot.region_code,
            Lot.available_until,
        )
        .join(Lot, Lot.id == Commitment.lot_id)
        .join(Listing, Listing.id == Commitment.listing_id)
        .where(Listing.round_id == in_round.id, Commitment.packs > 0)
        .order_by(Commitment.id)
    )
    found: defaultdict[int, list[Row[tuple[object, ...]]]] = defaultdict(list)
    for row in rows:
        found[row.listing_id].append(row)  # type: ignore[arg-type]
    return found


class _Support:
    """Weights of today's support status. A cooperative weighs the sum of its supported shareholders
    in all its lots of the round, so that splitting a lot gains nothing."""

    def __init__(
        self, session: Session, commitments: Mapping[int, list[Row[tuple[object, ...]]]]
    ) -> None:
        rows = [row for listing in commitments.values() for row in listing]
        settings = county_settings(session)
        self._monitored = int(settings["support_weight_monitored"])
        self._povertyexit = int(settings["support_weight_povertyexit"])
        self._other = int(settings["support_weight_other"])
        self._kinds = self._statuses(session, {row.lot_id for row in rows})
        shareholders: defaultdict[int, set[int]] = defaultdict(set)
        for lot_id, household_id in session.execute(
            select(LotShare.lot_id, LotShare.household_id).where(
                LotShare.lot_id.in_({row.lot_id for row in rows}),
                LotShare.household_id.is_not(None),
            )
        ):
            shareholders[lot_id].add(household_id)  # type: ignore[arg-type]  # NULLs are left out above
        self._members: defaultdict[str, set[int]] = defaultdict(set)
        for row in rows:
            self._members[_claimant(row)] |= shareholders[row.lot_id]

    @staticmethod
    def _statuses(session: Session, lot_ids: set[int]) -> dict[int, set[str]]:
        found: defaultdict[int, set[str]] = defaultdict(set)
        for household_id, kind in session.execute(
            select(SupportStatus.household_id, SupportStatus.kind)
            .join(LotShare, LotShare.household_id == SupportStatus.household_id)
            .where(
                LotShare.lot_id.in_(lot_ids),
                SupportStatus.kind.in_(SUPPORTED_KINDS),
                in_force(SupportStatus, today()),
            )
            .distinct()
        ):
            found[household_id].add(kind)
        return found

    def _of(self, household_id: int) -> int:
        kinds = self._kinds.get(household_id, set())
        if kinds & MONITOR_KINDS:
            return self._monitored
        return self._povertyexit if kinds else self._other

    def weight(self, row: Row[tuple[object, ...]]) -> int:
        members = self._members[_claimant(row)]
        if row.organisation_id is None:
            return self._of(row.household_id)
        supported = {str(m): self._of(m) for m in members if m in self._kinds}
        return cooperative_weight([supported]) or self._other

    def households(self, row: Row[tuple[object, ...]]) -> int:
        return sum(1 for member in self._members[_claimant(row)] if member in self._kinds)


def _confirmed_lots(session: Session, in_round: Round) -> set[int]:
    """Lots whose cadre confirmed them before the refill cut-off."""
    return set(
        session.scalars(
            select(LotConfirmation.lot_id).where(
                LotConfirmation.round_id == in_round.id,
                LotConfirmation.at <= in_round.refill_cutoff_at,
            )
        )
    )


def _pins(session: Session, in_round: Round) -> defaultdict[int, list[Pin]]:
    found: defaultdict[int, list[Pin]] = defaultdict(list)
    rows = session.scalars(
        select(AllocationPin)
        .join(Listing, Listing.id == AllocationPin.listing_id)
        .where(Listing.round_id == in_round.id)
        .order_by(AllocationPin.id)
    )
    for pin in rows:
        found[pin.listing_id].append(Pin(claimant=pin.claimant, packs=pin.packs, reason=pin.reason))
    return found


def _next_chance(session: Session, in_round: Round) -> str:
    """The next round's delivery day, as ISO date."""
    following = session.scalar(
        select(func.min(Round.delivers_on)).where(
            Round.delivers_on > in_round.delivers_on, Round.state.in_(("draft", "open"))
        )
    )
    return (following or in_round.delivers_on + ROUNDS_APART).isoformat()


def _claimant(row: Row[tuple[object, ...]]) -> str:
    return f"h:{row.household_id}" if row.household_id else f"o:{row.organisation_id}"


def _milliseconds(moment: datetime | None) -> int:
    return int(moment.timestamp() * 1000) if moment else 0
