"""What goes on paper: a sheet with its full words, the difference, and a cooperative's members."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from marketplace.catalog.models import LotShare
from marketplace.core.identifiers import mask_name
from marketplace.core.money import split_by_largest_remainder
from marketplace.fulfilment.models import PreparationSheet, SheetLine
from marketplace.fulfilment.sheet_rows import Row, lines_of
from marketplace.fulfilment.wording import (
    Change,
    Handover,
    Prepared,
    changes,
    short_message,
    total_words,
)
from marketplace.households.models import Household

OTHERS = "其他社员"


@dataclass(frozen=True)
class Share:
    """What of a cooperative's line is a member's: quantities only, money is split at payout."""

    who: str
    quantity: str


@dataclass(frozen=True)
class Paper:
    row: Row
    who: str  # the full name only after a reveal
    place: str  # town and village
    handover: Handover
    changes: list[Change]
    shares: Mapping[int, list[Share]]  # by listing; empty for households
    county: str

    @property
    def message(self) -> str:
        """As people call a household, 陈家; on a page that has just revealed the name, in full."""
        name = f"{self.who.rstrip('*')}家" if self.row.sheet.household_id else self.row.who
        return short_message(
            name,
            self.row.lines,
            self.handover,
            number=self.row.sheet.round.number,
            changed=bool(self.changes),
        )


def papers(
    session: Session, rows: Sequence[Row], settings: Mapping[str, str | int], *, names: bool = False
) -> list[Paper]:
    """Papers for rows of a list. `names`: in full; the caller has recorded why."""
    before = _lines_before(session, [row.sheet for row in rows if row.sheet.version > 1])
    shares = _shares(session, [row for row in rows if row.sheet.organisation_id], names=names)
    return [
        Paper(
            row,
            row.sheet.household.head_name if names and row.sheet.household else row.who,
            place_words(row.sheet),
            handover_of(row.sheet, str(settings["service_phone"])),
            changes(before[row.sheet.id], row.lines) if row.sheet.id in before else [],
            shares.get(row.sheet.id, {}),
            str(settings["county_name"]),
        )
        for row in rows
    ]


def place_words(sheet: PreparationSheet) -> str:
    parent = sheet.region.parent
    above = parent.name if parent is not None and parent.level == "town" else ""
    return f"{above}{sheet.region.name}"


def handover_of(sheet: PreparationSheet, phone: str) -> Handover:
    slot = sheet.collection
    return Handover(slot.from_at, slot.until_at, slot.point.name, phone)


def _lines_before(
    session: Session, sheets: Sequence[PreparationSheet]
) -> dict[int, list[Prepared]]:
    """Lines of the version before, by the id of the sheet asked for."""
    if not sheets:
        return {}
    previous = aliased(PreparationSheet)
    pairs = {
        row.old: row.new
        for row in session.execute(
            select(previous.id.label("old"), PreparationSheet.id.label("new"))
            .join(
                previous,
                (previous.round_id == PreparationSheet.round_id)
                & (previous.version == PreparationSheet.version - 1)
                & or_(
                    previous.household_id == PreparationSheet.household_id,
                    previous.organisation_id == PreparationSheet.organisation_id,
                ),
            )
            .where(PreparationSheet.id.in_([sheet.id for sheet in sheets]))
        )
    }
    lines = lines_of(session, list(pairs))
    return {new: lines.get(old, []) for old, new in pairs.items()}


FINEST_GRAMS = 50
"""A tenth of a 斤: nobody weighs a member's part finer. The parts still add up to the line."""


def _shares(
    session: Session, rows: Collection[Row], *, names: bool
) -> dict[int, dict[int, list[Share]]]:
    """For cooperatives: every line's quantity split over the lots' shares, by largest remainder."""
    heads, weights = _weights(session, rows, names=names) if rows else ({}, {})
    units = {(row.sheet.id, line.listing_id): line.base_unit for row in rows for line in row.lines}
    salts = {row.sheet.id: row.sheet.round.salt for row in rows}
    sums: defaultdict[tuple[int, int], defaultdict[str, int]] = defaultdict(
        lambda: defaultdict(int)
    )
    for (sheet_id, listing_id, lot_id, base), whose in weights.items():
        weighed = units.get((sheet_id, listing_id)) == "g" and base % FINEST_GRAMS == 0
        step = FINEST_GRAMS if weighed else 1
        parts = split_by_largest_remainder(
            base // step,
            list(whose.values()),
            tie_keys=list(whose),
            salt=f"{salts[sheet_id]}:{lot_id}",
        )
        for key, part in zip(whose, parts, strict=True):
            sums[sheet_id, listing_id][key] += part * step
    return {
        row.sheet.id: {
            line.listing_id: [
                Share(
                    heads[key],
                    total_words(part, line.base_unit, line.piece_word, line.by_weight),
                )
                for key, part in sorted(
                    sums[row.sheet.id, line.listing_id].items(),
                    key=lambda item: (-item[1], item[0]),
                )
                if part
            ]
            for line in row.lines
        }
        for row in rows
    }


Place = tuple[int, int, int, int]
"""Sheet, listing, lot, and the base units of that line."""


def _weights(
    session: Session, rows: Collection[Row], *, names: bool
) -> tuple[dict[str, str], dict[Place, dict[str, int]]]:
    """Names by member, and for each line the members' shares in its lot."""
    weights: defaultdict[Place, dict[str, int]] = defaultdict(dict)
    heads: dict[str, str] = {}
    for found in session.execute(
        select(
            SheetLine.sheet_id,
            SheetLine.listing_id,
            SheetLine.lot_id,
            SheetLine.quantity_base,
            LotShare.household_id,
            LotShare.quantity_base.label("weight"),
            Household.head_name,
        )
        .join(LotShare, LotShare.lot_id == SheetLine.lot_id)
        .outerjoin(Household, Household.id == LotShare.household_id)
        .where(SheetLine.sheet_id.in_([row.sheet.id for row in rows]))
        .order_by(SheetLine.id, LotShare.id)
    ):
        key = str(found.household_id or "others")
        place = (found.sheet_id, found.listing_id, found.lot_id, found.quantity_base)
        weights[place][key] = found.weight
        heads[key] = _head(found.head_name, names=names)
    return heads, weights


def _head(head_name: str | None, *, names: bool) -> str:
    if head_name is None:
        return OTHERS
    return head_name if names else mask_name(head_name)
