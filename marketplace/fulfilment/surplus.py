"""Whole packs beyond what the sheet asks for: they go home, or the household sells them too. Then they go to
orders of the round that were cut; the rest is free in its lot, and the county offers it on."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session, contains_eager, joinedload

from marketplace.catalog.lot_shifts import add_surplus, part_of_shares, take_free
from marketplace.catalog.lots import lock_lots
from marketplace.catalog.models import Lot
from marketplace.catalog.words import amount_words
from marketplace.core.clock import now
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.fulfilment import telling
from marketplace.fulfilment.answering import cuts_of, settle
from marketplace.fulfilment.issuing import reissue
from marketplace.fulfilment.models import PreparationSheet
from marketplace.fulfilment.portions import Supplier
from marketplace.fulfilment.receipts import refuse_closed
from marketplace.fulfilment.weighing_models import FAR_MORE, WeighIn, WeighSurplus
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.scope import Scope
from marketplace.orders.listings import commit_lot, get_listing, lock_listings
from marketplace.orders.round_models import Commitment, Listing, Round
from marketplace.orders.round_refill import give_more


class MuchMore(InvalidInput):
    """Nothing is stored: whoever weighed looks again. `base` is the figure in question."""

    default_code = "much_more"

    def __init__(self, row: WeighIn, base: int) -> None:
        product = row.listing.product
        asked = amount_words(row.asked_packs * row.listing.pack_base, product)
        super().__init__(
            f"备货单上才 {asked}，多出来的有 {amount_words(base, product)}。毛重写对了吗？不对请回去重新过；"
            "对的话再点一次，就记成可以卖的货。"
        )
        self.base = base


@dataclass(frozen=True)
class Offerable:
    """Surplus that waits, and the listings of open rounds that can take it."""

    row: WeighSurplus
    listings: list[Listing] = field(default_factory=list)


def extra_base(row: WeighIn) -> int:
    """What whole packs beyond the sheet come to; nothing of another grade."""
    if row.grade != row.lot.grade:
        return 0
    pack = row.listing.pack_base
    return max(0, row.net_base // pack - row.asked_packs) * pack


def surplus_of(session: Session, row: WeighIn) -> WeighSurplus | None:
    return session.scalar(select(WeighSurplus).where(WeighSurplus.weigh_in_id == row.id))


def keep_surplus(session: Session, actor: Actor, row: WeighIn, sure_base: int = 0) -> WeighSurplus:
    """The household sells what is more, too; `row` must come from hold_weigh_in. Raises MuchMore when that is
    far more than the sheet, unless `sure_base` is that very figure.

    What its lot still has free is now here, and nothing is new; only what is more than that is a surplus
    of the lot. What a weighing that was set aside added, and nobody could take back because it was offered on,
    is part of what lies on the scales now.
    """
    refuse_closed(row)
    lock_listings(session, [row.listing_id])
    if surplus_of(session, row) is not None:
        raise Conflict("多出来的已经记上了。", code="already")
    base = extra_base(row)
    if not base:
        raise Conflict("没有多出整份的，零头让农户带回。", code="no_surplus")
    asked = row.asked_packs * row.listing.pack_base
    if row.net_base > asked * FAR_MORE and sure_base != base:
        raise MuchMore(row, base)
    lot = lock_lots(session, [row.lot_id])[row.lot_id]
    there = _still_in_it(session, row) + max(0, lot.free - _waiting_base(session, lot.id))
    added = max(0, base - there)
    if added:
        add_surplus(session, actor, lot, added, row.number)
    made = WeighSurplus(
        weigh_in_id=row.id, base=base, added_base=added, at=now(), by_id=actor.user_id
    )
    session.add(made)
    session.flush()
    audit.record(session, actor, "surplus_kept", "weigh_in", row.number, base=base)
    _refill(session, actor, row, made)
    return made


def _refill(session: Session, actor: Actor, row: WeighIn, made: WeighSurplus) -> None:
    """Orders of this round that went short get it first; the household's sheet asks for it from now on."""
    here = (Commitment.listing_id == row.listing_id, Commitment.lot_id == row.lot_id)
    commitment = session.scalars(select(Commitment).where(*here)).one()
    in_round, cut = row.sheet.round, cuts_of(session, [row.listing_id])
    done = give_more(session, actor, in_round, commitment, made.base // row.listing.pack_base)
    packs = done.after.get(commitment.id, 0) - done.before.get(commitment.id, 0)
    if not packs:
        return
    made.refilled_base = packs * row.listing.pack_base
    left = cuts_of(session, [row.listing_id])
    own = Supplier(row.lot.household_id or 0, row.lot.organisation_id or 0)
    sheets = reissue(session, actor, in_round, {own})
    settle(session, actor, sheets[own], "过磅多的补给了订单")
    telling.tell_changed(session, actor, in_round, sheets, own=own)
    more = {line: count - left.get(line, 0) for line, count in cut.items()}
    gained = {line: count for line, count in more.items() if count > 0}
    telling.tell_more(session, in_round, gained, f"weigh:{made.id}", "有农户多备了")


def _waiting_base(session: Session, lot_id: int) -> int:
    """Surplus of a lot that is kept and not offered on: part of what is free."""
    return int(
        session.scalar(
            select(func.coalesce(func.sum(WeighSurplus.base - WeighSurplus.refilled_base), 0))
            .join(WeighIn, WeighIn.id == WeighSurplus.weigh_in_id)
            .where(WeighIn.lot_id == lot_id, *_WAITS)
        )
        or 0
    )


def _still_in_it(session: Session, row: WeighIn) -> int:
    """Base units that weighings of this line that count no more left in the lot: what of them was offered on,
    and what they added and nobody could take back. What went to the sheet is asked for there."""
    rows = session.scalars(
        select(WeighSurplus)
        .join(WeighIn, WeighIn.id == WeighSurplus.weigh_in_id)
        .where(WeighIn.lot_id == row.lot_id, WeighIn.listing_id == row.listing_id)
        .where(WeighIn.void_at.is_not(None))
    )
    left = (
        (one.left_base if one.listing_id else one.added_base - one.refilled_base, one)
        for one in rows
    )
    return sum(max(0, base - one.back_base) for base, one in left)


_WAITS = (
    WeighSurplus.listing_id.is_(None),
    WeighSurplus.base > WeighSurplus.refilled_base,
    WeighIn.void_at.is_(None),
)


def take_back_surplus(session: Session, actor: Actor, row: WeighIn) -> None:
    """A weighing is set aside: what it added to its lot leaves it, as far as nobody has taken it up. The lot
    must be locked."""
    kept = surplus_of(session, row)
    if kept is None:
        return
    lot = lock_lots(session, [row.lot_id])[row.lot_id]
    base = min(kept.added_base, kept.left_base, lot.free)
    if base:
        take_free(session, actor, lot, part_of_shares(session, lot, base), row.number)
        kept.back_base = base
        audit.record(session, actor, "surplus_taken_back", "weigh_in", row.number, base=base)


def waiting_surplus(session: Session, scope: Scope, round_id: int) -> list[Offerable]:
    """What is still to be offered on of a round, with what can take it; two statements, one when there is
    nothing."""
    rows = session.scalars(
        _surplus(scope).where(
            PreparationSheet.round_id == round_id, *_WAITS, Lot.state == "open", Lot.free > 0
        )
    ).all()
    listings = _takers(session, rows)
    return [
        Offerable(
            row,
            [
                one
                for one in listings
                if (one.product_id, one.grade) == (row.weigh_in.lot.product_id, row.weigh_in.grade)
            ],
        )
        for row in rows
    ]


def waiting_counts(session: Session, scope: Scope, rounds: Sequence[int]) -> dict[int, int]:
    """How much of them there is, by round: one statement."""
    rows = session.execute(
        select(PreparationSheet.round_id, func.count())
        .select_from(WeighSurplus)
        .join(WeighSurplus.weigh_in)
        .join(WeighIn.lot)
        .join(WeighIn.sheet)
        .where(PreparationSheet.within(scope), PreparationSheet.round_id.in_(rounds))
        .where(*_WAITS, Lot.state == "open", Lot.free > 0)
        .group_by(PreparationSheet.round_id)
    )
    return {round_id: count for round_id, count in rows}  # noqa: C416  # rows are no pairs to mypy


def _surplus(scope: Scope) -> Select[WeighSurplus]:
    return (
        select(WeighSurplus)
        .join(WeighSurplus.weigh_in)
        .join(WeighIn.lot)
        .join(WeighIn.sheet)
        .where(PreparationSheet.within(scope))
        .options(
            contains_eager(WeighSurplus.weigh_in).options(
                joinedload(WeighIn.listing),
                contains_eager(WeighIn.sheet).options(
                    joinedload(PreparationSheet.household),
                    joinedload(PreparationSheet.organisation),
                    joinedload(PreparationSheet.region),
                ),
                contains_eager(WeighIn.lot).joinedload(Lot.product),
            )
        )
        .order_by(WeighSurplus.id)
    )


def _takers(session: Session, rows: Sequence[WeighSurplus]) -> Sequence[Listing]:
    if not rows:
        return []
    return session.scalars(
        select(Listing)
        .join(Listing.round)
        .where(Listing.product_id.in_({row.weigh_in.lot.product_id for row in rows}))
        .where(Round.state == "open", Round.closes_at > now(), Listing.state != "closed")
        .options(contains_eager(Listing.round))
        .order_by(Round.delivers_on, Listing.id)
    ).all()


def offer_surplus(
    session: Session, actor: Actor, scope: Scope, surplus_id: int, listing_id: int, note: str
) -> WeighSurplus:
    """Commit a surplus to a listing of an open round. `note`: who agreed, when it pays less than the lot
    asks (see commit_lots, which refuses what does not fit)."""
    found = session.scalar(_surplus(scope).where(WeighSurplus.id == surplus_id))
    if found is None:
        raise NotFound("没有这批多出来的货。")
    listing = get_listing(session, listing_id)
    if listing.round.state != "open":
        raise InvalidInput("请选开着的一期里的产品。", code="wrong_state", field="listing_id")
    hit = session.execute(
        update(WeighSurplus)
        .where(WeighSurplus.id == surplus_id, WeighSurplus.listing_id.is_(None))
        .where(WeighSurplus.base > WeighSurplus.refilled_base)
        .values(listing_id=listing.id, offered_at=now(), offered_by_id=actor.user_id)
        .execution_options(synchronize_session=False)
    )
    if hit.rowcount != 1 or found.weigh_in.void_at is not None:  # type: ignore[attr-defined]
        raise Conflict("这批多出来的货刚刚已经处理了，请刷新再看。", code="already")
    lot = found.weigh_in.lot
    commit_lot(session, actor, listing, lot.id, min(found.left_base, lot.free), note)
    audit.record(
        session, actor, "surplus_offered", "listing", listing.id, lot=lot.id, base=found.left_base
    )
    session.refresh(found)
    return found
