"""Neighbours' remainders, each less than a pack, become one lot: of one product, grade, price and village,
weighed per household, sold by the village's or their own cooperative, paid by what each put in."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ScalarSelect, func, or_, select
from sqlalchemy.orm import Session, joinedload

from marketplace.catalog.lot_events import record_shifted
from marketplace.catalog.lot_shifts import take_free
from marketplace.catalog.lots import lock_lots, open_lot
from marketplace.catalog.made_reports import made_report
from marketplace.catalog.models import POOLED, Lot, Product, SupplyReport
from marketplace.catalog.words import amount_words
from marketplace.core.clock import now, today
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.identifiers import smallest_division
from marketplace.core.validity import in_force
from marketplace.fulfilment.shift_models import OF_HOUSEHOLDS, LotShift
from marketplace.households.models import CooperativeMember
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.models import SUPPLIER_KINDS, Organisation
from marketplace.identity.scope import Scope, Where
from marketplace.orders.round_models import Listing
from marketplace.regions.models import Region

GROUPS_SHOWN = 60


@dataclass(frozen=True)
class Neighbours:
    """Remainders that can become one lot; `lot_id` is that of the first and names the group."""

    lot_id: int
    village: str
    product: Product
    grade: str
    asked: tuple[int, int]  # fen for so many base units
    lots: int
    base: int
    pack_base: int


@dataclass(frozen=True)
class Part:
    """What a household puts in, in base units, and who of it agreed how."""

    base: int
    consent: str


def _pack_base() -> ScalarSelect[int]:
    """The smallest pack in which that product and grade was offered: less than that is a remainder."""
    return (
        select(func.min(Listing.pack_base))
        .where(Listing.product_id == Lot.product_id, Listing.grade == Lot.grade)
        .correlate(Lot)
        .scalar_subquery()
    )


_KEY = (Lot.region_code, Lot.product_id, Lot.grade, Lot.asked_fen, Lot.asked_per_base)


def _remainders(scope: Scope) -> list[Where]:
    return [
        Lot.within(scope),
        Lot.household_id.is_not(None),
        Lot.state == "open",
        Lot.available_until >= today(),
        Lot.free > 0,
        Lot.free < _pack_base(),
    ]


def groups(session: Session, scope: Scope) -> list[Neighbours]:
    """Villages where two households and more have a remainder of the same; two statements."""
    rows = session.execute(
        select(
            func.min(Lot.id),
            func.count(),
            func.sum(Lot.free),
            func.max(_pack_base()),
            Region.name,
            *_KEY,
        )
        .join(Region, Region.code == Lot.region_code)
        .where(*_remainders(scope))
        .group_by(Region.name, *_KEY)
        .having(func.count(Lot.household_id.distinct()) > 1)
        .order_by(Lot.region_code, func.min(Lot.id))
        .limit(GROUPS_SHOWN)
    ).all()
    wanted = select(Product).where(Product.id.in_({row.product_id for row in rows}))
    products = {product.id: product for product in session.scalars(wanted)}
    return [
        Neighbours(
            row[0], row[4], products[row.product_id], row.grade,
            (row.asked_fen, row.asked_per_base), row[1], int(row[2]), row[3],
        )
        for row in rows
    ]  # fmt: skip


def neighbours_of(session: Session, scope: Scope, lot_id: int) -> Sequence[Lot]:
    """All remainders of the group that a lot stands in; NotFound when it is in none."""
    first = session.scalar(scope.visible(select(Lot)).where(Lot.id == lot_id))
    if first is None:
        raise NotFound("没有这批货，或不归您管。")
    same = [column == getattr(first, column.key) for column in _KEY]
    found = session.scalars(
        select(Lot)
        .where(*_remainders(scope), *same)
        .options(joinedload(Lot.household), joinedload(Lot.product), joinedload(Lot.region))
        .order_by(Lot.id)
    ).all()
    if not found:
        raise NotFound("这些零头已经拼过或卖掉了。")
    return found


def sellers_of(session: Session, lots: Collection[Lot]) -> Sequence[Organisation]:
    """Who can sell what these households pool: an organisation of their village (of the smallest division that
    covers all their villages), or of which they all are members."""
    households = {lot.household_id for lot in lots}
    member = (
        select(CooperativeMember.organisation_id)
        .where(CooperativeMember.household_id.in_(households), in_force(CooperativeMember, today()))
        .group_by(CooperativeMember.organisation_id)
        .having(func.count(CooperativeMember.household_id.distinct()) == len(households))
    )
    return session.scalars(
        select(Organisation)
        .where(Organisation.active, Organisation.kind.in_(SUPPLIER_KINDS))
        .where(
            or_(
                Organisation.region_code == smallest_division({lot.region_code for lot in lots}),
                Organisation.id.in_(member),
            )
        )
        .order_by(Organisation.id)
    ).all()


class PartErrors(InvalidInput):
    """What is wrong with households' parts: words by the name of the field they stand at."""

    default_code = "parts"

    def __init__(self, words: Mapping[str, str]) -> None:
        first, message = next(iter(words.items()))
        super().__init__(message, field=first)
        self.words = words


def quantity_field(lot: Lot) -> str:
    """The name of the field in which a page asks how much a lot gives."""
    return f"q{lot.id}"


def consent_field(lot: Lot) -> str:
    return f"c{lot.id}"


def pool(
    session: Session,
    actor: Actor,
    scope: Scope,
    organisation_id: int,
    parts: Mapping[int, Part],
) -> Lot:
    """Put `parts` (lot id → part) into one lot that the organisation sells.

    Raises InvalidInput for what cannot go together, while somebody has not agreed, and when nobody can
    sell it; Conflict("not_enough") with the figure when a lot has less than was weighed.
    """
    lots = _lots_of(session, scope, parts)
    _check(session, lots, organisation_id, parts)
    made = open_lot(session, actor, _report(session, actor, organisation_id, lots, parts))
    first = lots[0]
    for lot in lots:
        part = parts[lot.id]
        take_free(session, actor, lot, {lot.household_id: part.base}, made.code)
        session.add(
            LotShift(
                kind="pooled",
                from_lot_id=lot.id,
                to_lot_id=made.id,
                base=part.base,
                fen=first.asked_fen,
                per_base=first.asked_per_base,
                consent=part.consent,
                at=now(),
                by_id=actor.user_id,
            )
        )
        kinds = ("pooled_into", "pooled_from")
        record_shifted(session, kinds, lot, made, part.base, consent=part.consent)
    session.flush()
    audit.record(session, actor, "lots_pooled", "lot", made.id, lots=len(lots), base=made.verified)
    return made


def _lots_of(session: Session, scope: Scope, parts: Mapping[int, Part]) -> list[Lot]:
    """In id order, locked; out of reach they do not exist."""
    seen = set(session.scalars(scope.visible(select(Lot.id)).where(Lot.id.in_(parts))))
    if len(parts) < 2 or seen != set(parts):
        raise InvalidInput("至少要两户各写上称了多少，才能拼成一批。", code="too_few")
    return list(lock_lots(session, sorted(parts)).values())


def _check(
    session: Session, lots: Sequence[Lot], organisation_id: int, parts: Mapping[int, Part]
) -> None:
    first = lots[0]
    for column in _KEY:
        if any(getattr(lot, column.key) != getattr(first, column.key) for lot in lots):
            raise InvalidInput("只能拼同村、同品种、同等级、同价钱的货。", code="unlike")
    households = {lot.household_id for lot in lots}
    if None in households or len(households) < 2:
        raise InvalidInput("要两户以上的货才能拼。", code="too_few")
    if words := _wrong_parts(lots, parts):
        raise PartErrors(words)
    for lot in lots:
        if lot.available_until < today():
            raise Conflict(f"批次 {lot.code} 已过最晚可售日。", code="expired")
    if organisation_id not in {one.id for one in sellers_of(session, lots)}:
        raise InvalidInput(
            "拼成的一批要有村集体或合作社出面卖。请选一个；没有的，先请县里在“单位”里添上本村的。",
            code="no_seller",
            field="seller",
        )


def _wrong_parts(lots: Sequence[Lot], parts: Mapping[int, Part]) -> dict[str, str]:
    found = {}
    for lot in lots:
        who, part = whose_lot(lot), parts[lot.id]
        if part.base <= 0:
            found[quantity_field(lot)] = f"{who}：请写称了多少。"
        if part.consent not in OF_HOUSEHOLDS:
            words = "还没选谁同意的。不同意的把数清空，货让他留着。"
            found[consent_field(lot)] = f"{who}：{words}"
    return found


def wrong_parts(lots: Sequence[Lot], parts: Mapping[int, Part]) -> dict[str, str]:
    """What a page can say at once of what was typed, before anything is locked."""
    put = [lot for lot in lots if lot.id in parts]
    too_much = {
        quantity_field(
            lot
        ): f"{whose_lot(lot)}：手上只有 {amount_words(lot.free, lot.product)}，请改少一些。"
        for lot in put
        if parts[lot.id].base > lot.free
    }
    return too_much | _wrong_parts(put, parts)


def whose_lot(lot: Lot) -> str:
    """Household and lot, as the clerk's page names them."""
    return f"{lot.household.masked_name if lot.household else ''} 批次 {lot.code}".strip()


def _report(
    session: Session,
    actor: Actor,
    organisation_id: int,
    lots: Sequence[Lot],
    parts: Mapping[int, Part],
) -> SupplyReport:
    first = lots[0]
    put: Counter[int | None] = Counter()
    for lot in lots:
        put[lot.household_id] += parts[lot.id].base
    return made_report(
        session,
        actor,
        first.product,
        put,
        until=min(lot.available_until for lot in lots),
        organisation_id=organisation_id,
        region_code=first.region_code,
        grade=first.grade,
        asked_fen=first.asked_fen,
        asked_per_base=first.asked_per_base,
        cause="几户的零头拼成一批",
        channel=POOLED,
    )
