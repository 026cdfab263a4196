"""The canteen's sheet: this week's supply, what was typed into it, and what was ordered last time."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.errors import NotFound
from marketplace.identity.models import Organisation
from marketplace.identity.scope import Scope
from marketplace.orders.held_places import places_of
from marketplace.orders.hold_models import Hold
from marketplace.orders.my_order_words import changeable
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.round_models import Listing, Round, RoundPickup
from marketplace.orders.rounds import open_rounds
from marketplace.orders.shop_queries import Wish, goods

MOST_LINES = 500
"""So many kinds stand on one sheet; a form takes no more than three times as many fields."""
LOOKED_BACK = 8
"""So many of the unit's last orders are looked through for the last one and for open ones."""


@dataclass(frozen=True)
class Part:
    """One open round on the sheet: its goods and the places it delivers to."""

    round: Round
    listings: tuple[Listing, ...]
    pickups: tuple[RoundPickup, ...]
    held: dict[int, Hold]
    """What closes which of the pickup points, by id."""


@dataclass(frozen=True)
class Repeat:
    """The last order on today's sheet: packs to prefill, and what of it cannot be had as it was."""

    number: str
    packs: dict[int, int]
    missing: list[str]


def units(session: Session, scope: Scope) -> list[Organisation]:
    """The units for which this person may order: the own one, and those of principals."""
    return list(
        session.scalars(
            select(Organisation)
            .where(Organisation.id.in_(scope.organisations), Organisation.active)
            .order_by(Organisation.id)
        )
    )


def choose_unit(found: Sequence[Organisation], asked: str) -> Organisation:
    """The unit asked for, else the first; raises NotFound for one out of reach or for none."""
    if not found:
        raise NotFound("您的账号没有单位，请联系系统管理员。")
    if not asked:
        return found[0]
    for unit in found:
        if str(unit.id) == asked:
            return unit
    raise NotFound("没有这个单位。")


def supply(session: Session) -> list[Part]:
    """What canteens can order now, the next round to close first, urgent goods first."""
    rounds = [found for found in open_rounds(session) if found.open_to_canteens]
    if not rounds:
        return []
    listings = session.scalars(goods(rounds, Wish()).limit(MOST_LINES)).all()
    places, held = places_of(session, [found.id for found in rounds])
    return [
        Part(
            found,
            tuple(listing for listing in listings if listing.round_id == found.id),
            tuple(row for row in places if row.round_id == found.id),
            held,
        )
        for found in rounds
    ]


def recent_orders(session: Session, scope: Scope, unit_id: int) -> list[Order]:
    """The unit's last orders with their lines, the newest first."""
    return list(
        session.scalars(
            scope.visible(select(Order))
            .where(Order.organisation_id == unit_id)
            .options(
                joinedload(Order.round, innerjoin=True),
                joinedload(Order.lines).joinedload(OrderLine.listing, innerjoin=True),
            )
            .order_by(Order.id.desc())
            .limit(LOOKED_BACK)
        ).unique()
    )


def last_order(recent: Sequence[Order]) -> Order | None:
    """The order that 照上次订 repeats: the newest that was not given up."""
    return next((o for o in recent if o.state not in {"cancelled", "rejected"}), None)


def open_orders(recent: Sequence[Order]) -> list[Order]:
    return [order for order in recent if changeable(order)]


def repeat(order: Order, parts: Sequence[Part]) -> Repeat:
    """Same product, grade and pack count as the same; what is short or gone is said, never guessed."""
    offered = [listing for part in parts for listing in part.listings]
    packs: dict[int, int] = {}
    missing: list[str] = []
    for line in order.lines:
        was = line.listing
        alike = [o for o in offered if o.product_id == was.product_id]
        same = next(
            (o for o in alike if (o.grade, o.pack_base) == (was.grade, line.pack_base)), None
        )
        if same is None:
            other = f"，现在有{alike[0].pack_name}，要的话请自己填" if alike else ""
            missing.append(f"{was.full_title}这次没有{other}")
        elif same.left_packs < line.packs:
            left = same.left_packs
            missing.append(
                f"{was.title}上次 {line.packs:,} 份，只剩 {left:,} 份"
                if left
                else f"{was.title}已订完"
            )
            if left:
                packs[same.id] = left
        else:
            packs[same.id] = line.packs
    return Repeat(order.number, packs, missing)
