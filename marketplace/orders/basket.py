"""The basket: listing → packs, kept in the signed cookie, so it needs no account and no row."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flask import session as cookie
from sqlalchemy import select
from sqlalchemy.orm import Session, defer, joinedload

from marketplace.core.errors import InvalidInput
from marketplace.core.spoken_number import read_count
from marketplace.orders.reserve import MOST_PACKS
from marketplace.orders.round_models import Listing, Round
from marketplace.orders.shop_queries import why_not
from marketplace.web.addresses import row_number

KEY = "basket"
MOST_LINES = 60  # a cookie holds 4 kB
PREFIX = "packs-"


@dataclass(frozen=True)
class Line:
    """`trouble` says why these packs cannot be ordered as they are; empty when they can."""

    listing: Listing
    packs: int
    trouble: str

    @property
    def amount_fen(self) -> int:
        return self.packs * self.listing.price_fen

    @property
    def gone(self) -> bool:
        """Nothing of it can be had any more."""
        return bool(why_not(self.listing))


@dataclass(frozen=True)
class Group:
    """The lines of one round: they are ordered and fetched together."""

    round: Round
    lines: tuple[Line, ...]

    @property
    def ready(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if not line.trouble)

    @property
    def troubled(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.trouble)

    @property
    def total_fen(self) -> int:
        """What is charged when the lines without trouble are ordered."""
        return sum(line.amount_fen for line in self.ready)


def parse_packs(typed: str, field: str = "packs", *, least: int = 1) -> int:
    """A whole number of packs (`3`, `三十`, `30份`); raises InvalidInput with the cure."""
    words = typed.strip().removesuffix("份")
    return read_count(words, "份数", least=least, most=MOST_PACKS, field=field)


def typed_packs(form: Mapping[str, str]) -> dict[int, str]:
    """What stands in the fields packs-12 … of a form, as typed."""
    found = {}
    for name, typed in form.items():
        listing_id = row_number(name.removeprefix(PREFIX))
        if name.startswith(PREFIX) and listing_id:
            found[listing_id] = typed
    return found


def read_packs(typed: Mapping[int, str]) -> tuple[dict[int, int], dict[int, str]]:
    """Listing id → packs (0 is a quantity too), and listing id → what is wrong there."""
    packs: dict[int, int] = {}
    wrong: dict[int, str] = {}
    for listing_id, text in typed.items():
        try:
            packs[listing_id] = parse_packs(text, least=0)
        except InvalidInput as error:
            wrong[listing_id] = error.message
    return packs, wrong


def read_sheet(typed: Mapping[int, str]) -> tuple[dict[int, int], dict[int, str]]:
    """`read_packs` of a list of all goods: empty and 0 mean none of it."""
    packs, wrong = read_packs({i: text for i, text in typed.items() if text.strip()})
    return {i: count for i, count in packs.items() if count}, wrong


def read() -> dict[int, int]:
    return {int(listing_id): packs for listing_id, packs in cookie.get(KEY, {}).items()}


def write(packs: Mapping[int, int]) -> None:
    """Replace the basket; raises InvalidInput when it holds more kinds than fit."""
    if len(packs) > MOST_LINES:
        raise InvalidInput(f"购物篮最多放 {MOST_LINES} 种，请先结算。", code="basket_full")
    if packs:
        cookie[KEY] = {str(listing_id): count for listing_id, count in packs.items()}
    else:
        cookie.pop(KEY, None)


def put(listing: Listing, more: int) -> str:
    """Add packs of a listing, never more than are left; returns what to tell the buyer.

    Raises InvalidInput when there is none to be had.
    """
    if trouble := why_not(listing):
        raise InvalidInput(f"{listing.title}{trouble}。", code="not_on_sale")
    held = read()
    wanted = held.get(listing.id, 0) + more
    packs = min(wanted, listing.left_packs)
    write(held | {listing.id: packs})
    if packs < wanted:
        return f"{listing.title}只剩 {packs:,} 份，已都放进购物篮。"
    return f"{listing.title}已放进购物篮，共 {packs:,} 份。"


def drop(listing_ids: Iterable[int]) -> None:
    gone = set(listing_ids)
    write({listing_id: packs for listing_id, packs in read().items() if listing_id not in gone})


def badge() -> str:
    """How many packs are in the basket, for the tab."""
    count = sum(read().values())
    return "99+" if count > 99 else str(count or "")


def groups(session: Session, packs: Mapping[int, int]) -> list[Group]:
    """The basket round by round, the next to close first; sold out and closed lines stay visible."""
    if not packs:
        return []
    found = session.scalars(
        select(Listing)
        .where(Listing.id.in_(packs))
        .options(
            joinedload(Listing.product, innerjoin=True),
            joinedload(Listing.round, innerjoin=True),
            defer(Listing.search_text),
        )
    )
    by_id = {listing.id: listing for listing in found}
    by_round: dict[int, list[Line]] = {}
    for listing_id, count in packs.items():
        if listing := by_id.get(listing_id):
            line = Line(listing, count, why_not(listing, count))
            by_round.setdefault(listing.round_id, []).append(line)
    made = [Group(lines[0].listing.round, tuple(lines)) for lines in by_round.values()]
    return sorted(made, key=lambda group: (group.round.closes_at, group.round.id))
