"""Papers without which a round's goods must not leave: what its buyers ask for and its lots do not have."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, joinedload

from marketplace.catalog.models import Lot
from marketplace.catalog.paper_models import LICENCE, PAPER_KINDS, LotPaper, PaperRule
from marketplace.catalog.paper_rules import BUYERS
from marketplace.core.clock import format_day, today
from marketplace.core.errors import Conflict
from marketplace.identity.scope import Scope
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.round_models import Listing, Round

BEFORE_LEAVING = frozenset({"allocated", "collecting"})
NAMED = 100
"""So many stand on the round's page; the rest is counted."""
SAID = 3
"""So many are named in one sentence."""


@dataclass(frozen=True)
class Need:
    """Buyers of a class get goods of this lot and ask for a kind of paper. `claimant`: whose lot it is."""

    lot_id: int
    claimant: str
    kind: str
    buyers: str


@dataclass(frozen=True)
class Paper:
    lot_id: int
    claimant: str
    kind: str
    good: bool
    until: date | None


@dataclass(frozen=True)
class Missing:
    """`expired_on` is the last day of a paper that is there but will not do."""

    lot_id: int
    kind: str
    buyers: tuple[str, ...]
    expired_on: date | None = None


@dataclass(frozen=True)
class NamedMissing:
    """What people read of it, the supplier's name masked."""

    lot: Lot
    what: Missing

    @property
    def supplier(self) -> str:
        lot = self.lot
        return lot.household.masked_name if lot.household else str(lot.organisation.name)  # type: ignore[union-attr]

    @property
    def kind(self) -> str:
        return PAPER_KINDS[self.what.kind]

    @property
    def buyers(self) -> str:
        return "、".join(BUYERS[one] for one in self.what.buyers)

    @property
    def expired(self) -> str:
        day = self.what.expired_on
        return f"原来那张只管到 {format_day(day)}" if day else ""


def lacking(needs: Iterable[Need], papers: Iterable[Paper]) -> list[Missing]:
    """Each lot and kind once, with who asks. A licence is the supplier's and serves all its lots."""
    good: set[tuple[str, int | str]] = set()
    ended: dict[tuple[str, int | str], date] = {}
    for paper in papers:
        for key in _keys(paper.kind, paper.lot_id, paper.claimant):
            if paper.good:
                good.add(key)
            elif paper.until is not None:
                ended[key] = max(paper.until, ended.get(key, paper.until))
    asked: dict[tuple[int, str, str], set[str]] = {}
    for need in needs:
        asked.setdefault((need.lot_id, need.kind, need.claimant), set()).add(need.buyers)
    found = []
    for (lot_id, kind, claimant), buyers in sorted(asked.items()):
        keys = _keys(kind, lot_id, claimant)
        if not good.intersection(keys):
            days = [ended[key] for key in keys if key in ended]
            found.append(Missing(lot_id, kind, tuple(sorted(buyers)), max(days, default=None)))
    return found


def _keys(kind: str, lot_id: int, claimant: str) -> list[tuple[str, int | str]]:
    return [(kind, claimant)] if kind == LICENCE else [(kind, lot_id)]


def missing_papers(
    session: Session,
    found: Round,
    scope: Scope | None = None,
    orders: Select[int] | None = None,
) -> list[Missing]:
    """What the goods allocated in a round lack on the day they are delivered, or today if that is later;
    only lots in reach of `scope`, only what goes to these `orders` (ids), if they are given."""
    day = max(found.delivers_on, today())
    asked = _asked(found.id, orders)
    rows = session.execute(
        (asked if scope is None else asked.where(Lot.within(scope)))
        .add_columns(Lot.household_id, Lot.organisation_id, PaperRule.kind, Order.channel)
        .distinct()
    ).all()
    needs = [
        Need(lot_id, f"{household or ''}:{unit or ''}", kind, channel)
        for lot_id, household, unit, kind, channel in rows
    ]
    return lacking(needs, _papers(session, asked, day)) if needs else []


def _asked(round_id: int, orders: Select[int] | None) -> Select[int]:
    """Ids of lots whose packs go to buyers who ask for papers."""
    found = (
        select(Lot.id)
        .join(Allocation, Allocation.lot_id == Lot.id)
        .join(OrderLine, OrderLine.id == Allocation.order_line_id)
        .join(Order, Order.id == OrderLine.order_id)
        .join(Listing, Listing.id == OrderLine.listing_id)
        .join(
            PaperRule,
            (PaperRule.product_id == Listing.product_id) & (PaperRule.buyers == Order.channel),
        )
        .where(Order.round_id == round_id, Order.state == "allocated")
    )
    return found if orders is None else found.where(Order.id.in_(orders))


def _papers(session: Session, asked: Select[int], day: date) -> list[Paper]:
    whose = select(Lot.household_id, Lot.organisation_id).where(Lot.id.in_(asked)).subquery()
    rows = session.execute(
        select(LotPaper, Lot.household_id, Lot.organisation_id)
        .join(Lot, Lot.id == LotPaper.lot_id)
        .where(LotPaper.void_at.is_(None))
        .where(
            or_(
                LotPaper.lot_id.in_(asked),
                (LotPaper.kind == LICENCE)
                & or_(
                    Lot.household_id.in_(select(whose.c.household_id)),
                    Lot.organisation_id.in_(select(whose.c.organisation_id)),
                ),
            )
        )
    )
    return [
        Paper(
            paper.lot_id,
            f"{household or ''}:{unit or ''}",
            paper.kind,
            paper.good_on(day),
            paper.valid_until,
        )
        for paper, household, unit in rows
    ]


def missing_before_leaving(
    session: Session, scope: Scope, unloaded: Select[int]
) -> list[NamedMissing]:
    """What lots in reach lack, of every round whose goods have not set out, and of the orders (ids) that
    are `unloaded` in rounds that have."""
    states = {*BEFORE_LEAVING, "delivering"}
    rounds = session.scalars(select(Round).where(Round.state.in_(states)).order_by(Round.number))
    missing = [
        one
        for found in rounds
        for one in missing_papers(
            session, found, scope, unloaded if found.state == "delivering" else None
        )
    ]
    return named(session, missing) if missing else []


def named(session: Session, missing: Sequence[Missing]) -> list[NamedMissing]:
    """The first of them, with their lots and suppliers."""
    some = missing[:NAMED]
    lots = session.scalars(
        select(Lot)
        .where(Lot.id.in_([one.lot_id for one in some]))
        .options(
            joinedload(Lot.household),
            joinedload(Lot.organisation),
            joinedload(Lot.product),
            joinedload(Lot.region),
        )
    )
    by_id = {lot.id: lot for lot in lots}
    return [NamedMissing(by_id[one.lot_id], one) for one in some]


def refuse_missing(session: Session, found: Round) -> None:
    """Raises Conflict that names what is missing, whose it is and what to do."""
    missing = missing_papers(session, found)
    if not missing:
        return
    said = [
        f"批次 {one.lot.code}（{one.supplier}，{one.lot.region.name}，{one.lot.product.name}）缺{one.kind}"
        + (f"，{one.expired}" if one.expired else "")
        for one in named(session, missing[:SAID])
    ]
    more = f"；一共缺 {len(missing)} 张" if len(missing) > len(said) else ""
    raise Conflict(
        f"还不能发车：{'；'.join(said)}{more}。请在下面“还缺的证明”里补上，或请集货员、帮扶联系人补。",
        code="papers_missing",
    )
