"""Whose a run's money is: plain data in and out, every fen placed once."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from marketplace.core.money import split_by_largest_remainder

OWN = 0
"""Stands for no household: the part of a lot that is its cooperative's own."""


@dataclass(frozen=True)
class Item:
    """What an order brought a lot, in fen; `accepted_on` is the day its goods were delivered."""

    order_id: int
    lot_id: int
    fen: int
    accepted_on: date
    advanced: bool = False


@dataclass(frozen=True)
class Whose:
    """A lot's supplier (`organisation_id` 0: a household) and how much of it is whose."""

    organisation_id: int
    shares: Mapping[int, int]


@dataclass(frozen=True, order=True)
class Owner:
    """Who is paid: a household, or an organisation; the other is 0."""

    household_id: int
    organisation_id: int


@dataclass(frozen=True)
class Part:
    """`household_id` is whose it is, OWN for the cooperative itself."""

    lot_id: int
    household_id: int
    fen: int


@dataclass(frozen=True)
class Sum:
    """All that one owner gets; `accepted_on` is when the first of his goods was delivered."""

    parts: tuple[Part, ...]
    accepted_on: date

    @property
    def fen(self) -> int:
        return sum(part.fen for part in self.parts)

    def own_fen(self, owner: Owner) -> int:
        """Without what `owner`, an organisation, collects for its members."""
        return sum(part.fen for part in self.parts if part.household_id == owner.household_id)


def split_run(
    salt: str, items: Sequence[Item], lots: Mapping[int, Whose], collectors: Mapping[int, int]
) -> dict[Owner, Sum]:
    """Each lot's sum is split once over its shares, by largest remainder; who gets the odd fen turns
    with `salt`. Households are paid themselves, unless an organisation collects for the lot:
    `collectors` is lot → organisation."""
    totals: defaultdict[int, int] = defaultdict(int)
    first: dict[int, date] = {}
    for item in items:
        totals[item.lot_id] += item.fen
        first[item.lot_id] = min(first.get(item.lot_id, item.accepted_on), item.accepted_on)
    owned: defaultdict[Owner, list[Part]] = defaultdict(list)
    for lot_id in sorted(totals):
        whose = lots[lot_id]
        for part in _parts(salt, lot_id, totals[lot_id], whose.shares):
            owned[_paid(whose, part, collectors.get(lot_id, 0))].append(part)
    return {
        owner: Sum(tuple(parts), min(first[part.lot_id] for part in parts))
        for owner, parts in sorted(owned.items())
    }


def _parts(salt: str, lot_id: int, fen: int, shares: Mapping[int, int]) -> list[Part]:
    households = sorted(shares)
    sums = split_by_largest_remainder(
        fen,
        [shares[household] for household in households],
        tie_keys=[str(household) for household in households],
        salt=f"{salt}:{lot_id}",
    )
    return [
        Part(lot_id, household, part)
        for household, part in zip(households, sums, strict=True)
        if part
    ]


def _paid(whose: Whose, part: Part, collector: int) -> Owner:
    """What is a cooperative's own goes to itself, whoever collects for the households."""
    if part.household_id == OWN:
        return Owner(0, whose.organisation_id)
    return Owner(0, collector) if collector else Owner(part.household_id, 0)
