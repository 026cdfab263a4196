"""The one door through which every channel reserves goods. Nothing can be oversold here.

Listings are locked in id order, then a conditional UPDATE takes each line; all are taken or none. The CHECK
`not_oversold` of the table stands behind it.
"""

from collections.abc import Mapping
from typing import cast

from sqlalchemy import Table, bindparam, case, update
from sqlalchemy.orm import Session

from marketplace.core.clock import now
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.orders.listings import lock_listings
from marketplace.orders.round_models import Listing, Round

MOST_PACKS = 100_000


class SoldOut(Conflict):
    """Some lines cannot be had; `lines` are (title, asked, left)."""

    default_code = "sold_out"

    def __init__(self, lines: list[tuple[int, str, int, int]]) -> None:
        self.lines = lines
        words = "；".join(
            f"{title}只剩 {left:,} 份，您要 {asked:,} 份" if left else f"{title}已订完"
            for _, title, asked, left in lines
        )
        super().__init__(f"{words}。请改数量后再提交。")


def reserve(session: Session, in_round: Round, wanted: Mapping[int, int]) -> dict[int, Listing]:
    """Take `wanted` (listing id → packs, positive) in the running transaction.

    Raises SoldOut naming each short line with what is left, Conflict("round_closed") when the round
    no longer takes orders, InvalidInput for packs that are no sensible number.
    """
    _check_open(in_round)
    for packs in wanted.values():
        if not 0 < packs <= MOST_PACKS:
            raise InvalidInput(f"份数要在 1 到 {MOST_PACKS} 之间。", code="packs", field="packs")
    listings = lock_listings(session, list(wanted))
    unknown = [i for i in wanted if i not in listings or listings[i].round_id != in_round.id]
    if unknown:
        raise InvalidInput("有产品已不在这一期，请刷新再选。", code="unknown_listing")
    refuse_short(listings, wanted)
    add_reserved(session, wanted)
    return listings


def refuse_short(listings: Mapping[int, Listing], wanted: Mapping[int, int]) -> None:
    """Raises SoldOut naming each of the locked listings of which more is wanted than can be had."""
    short = [
        (i, listings[i].full_title, wanted[i], listings[i].packs_on_sale)
        for i in sorted(wanted)
        if wanted[i] > listings[i].packs_on_sale
    ]
    if short:
        raise SoldOut(short)


_table = cast("Table", Listing.__table__)
_TAKE = (
    update(_table)
    .where(
        _table.c.id == bindparam("of"),
        _table.c.state == "on_sale",
        _table.c.shortfall_packs == 0,
        _table.c.reserved_packs + bindparam("more") <= _table.c.capacity_packs,
    )
    .values(reserved_packs=_table.c.reserved_packs + bindparam("more"))
)


def add_reserved(session: Session, wanted: Mapping[int, int]) -> None:
    rows = [{"of": listing_id, "more": packs} for listing_id, packs in sorted(wanted.items())]
    hit = session.connection().execute(_TAKE, rows)
    if hit.rowcount != len(wanted):
        raise Conflict("货刚刚被订走了，请刷新再选。", code="sold_out")


def give_back(session: Session, held: Mapping[int, int]) -> None:
    """Return reserved packs (listing id → packs) when an order is cancelled, rejected or expires.

    What comes back first mends a shortfall; the rest can be ordered again.
    """
    lock_listings(session, list(held))
    packs = case(dict(held), value=Listing.id)
    left = Listing.reserved_packs - packs
    hit = session.execute(
        update(Listing)
        .where(Listing.id.in_(held), Listing.reserved_packs >= packs)
        .values(
            reserved_packs=left,
            shortfall_packs=case(
                (left > Listing.capacity_packs, left - Listing.capacity_packs), else_=0
            ),
        )
        .execution_options(synchronize_session=False)
    )
    assert hit.rowcount == len(held), "an order gave back more than it held"  # type: ignore[attr-defined]


def _check_open(in_round: Round) -> None:
    moment = now()
    if in_round.state != "open" or in_round.closes_at <= moment:
        raise Conflict("这一期已经截单，请看下一期。", code="round_closed")
    if in_round.opens_at > moment:
        raise Conflict("这一期还没有开放。", code="round_not_open")
