"""The next run before anybody proposes it: how much goes where, and what would have to wait."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.households.models import Household
from marketplace.identity.models import Organisation
from marketplace.regions.models import Region
from marketplace.settlement.owed import owed_items
from marketplace.settlement.payout_models import PayoutRun
from marketplace.settlement.proposing import Draft, draft_run, regions_of
from marketplace.settlement.splitting import Owner


@dataclass(frozen=True)
class Place:
    """A village, or an organisation that collects, with what goes to its accounts in fen."""

    name: str
    payments: int
    fen: int


@dataclass(frozen=True)
class Held:
    """Money that would wait, and why."""

    who: str
    fen: int
    reason: str


@dataclass(frozen=True)
class Preview:
    """`waiting_fen`: delivered, not paid by its buyers, and not in this run either."""

    places: Sequence[Place]
    held: Sequence[Held]
    fen: int
    advanced_fen: int
    waiting_fen: int
    off_fen: int
    """What is taken off because of goods that came back; `places` are without it."""

    @property
    def payments(self) -> int:
        return sum(place.payments for place in self.places)

    @property
    def paid_fen(self) -> int:
        return sum(place.fen for place in self.places)

    @property
    def held_fen(self) -> int:
        return sum(one.fen for one in self.held)


def preview_run(session: Session, room_fen: int) -> Preview:
    """What a run proposed now would be, with so much room in working capital."""
    owed = owed_items(session)
    number = (session.scalar(select(func.max(PayoutRun.number))) or 0) + 1
    draft = draft_run(session, number, owed, room_fen)
    waiting_fen = sum(one.fen for one in owed if not one.here) - draft.advanced_fen
    net = [
        (owner, fen - off) for (owner, fen), off in zip(_sums(draft), draft.off_fens, strict=True)
    ]
    goes = [(owner, fen) for owner, fen in net if not draft.accounts[owner].reason]
    waits = [(owner, fen) for owner, fen in net if draft.accounts[owner].reason]
    names = _names(session, {owner for owner, _ in waits})
    return Preview(
        _places(session, goes),
        [Held(names[owner], fen, draft.accounts[owner].reason) for owner, fen in waits],
        draft.fen,
        draft.advanced_fen,
        waiting_fen,
        sum(draft.off_fens),
    )


def _sums(draft: Draft) -> Iterator[tuple[Owner, int]]:
    yield from ((owner, one.fen) for owner, one in draft.sums.items())
    yield from ((line.owner, line.fen) for line in draft.again)


def _places(session: Session, goes: Sequence[tuple[Owner, int]]) -> list[Place]:
    villages = regions_of(session, {owner for owner, _ in goes if owner.household_id})
    units = _names(session, {owner for owner, _ in goes if owner.organisation_id})
    rows = session.execute(
        select(Region.code, Region.name).where(Region.code.in_(set(villages.values())))
    )
    called = {row.code: row.name for row in rows}
    payments: Counter[tuple[str, str]] = Counter()
    fens: Counter[tuple[str, str]] = Counter()
    for owner, fen in goes:
        code = villages.get(owner, "")
        place = (code, called[code]) if code else ("~", units[owner])
        payments[place] += 1
        fens[place] += fen
    return [Place(place[1], payments[place], fens[place]) for place in sorted(fens)]


def _names(session: Session, owners: Collection[Owner]) -> dict[Owner, str]:
    """Households masked, with their number."""
    households = session.scalars(
        select(Household).where(
            Household.id.in_([one.household_id for one in owners if one.household_id])
        )
    )
    units = session.execute(
        select(Organisation.id, Organisation.name).where(
            Organisation.id.in_([one.organisation_id for one in owners if one.organisation_id])
        )
    )
    return {Owner(one.id, 0): f"{one.masked_name} {one.household_no}" for one in households} | {
        Owner(0, unit): name for unit, name in units
    }
