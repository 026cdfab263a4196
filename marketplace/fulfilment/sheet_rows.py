"""Lists of sheets: what each says and where it stands, a page at a time."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from marketplace.catalog.models import Product
from marketplace.core.quantity import BaseUnit
from marketplace.fulfilment.models import PreparationSheet, SheetLine
from marketplace.fulfilment.standing import (
    Filters,
    cadre_of_sheet,
    is_answered,
    is_told,
    latest_answer,
    narrowed,
    overdue_where,
)
from marketplace.fulfilment.wording import Prepared
from marketplace.identity.models import User
from marketplace.identity.scope import Scope
from marketplace.orders.round_models import Listing, RoundCollection
from marketplace.regions.models import Region


@dataclass(frozen=True)
class Row:
    """A sheet as lists show it: nobody's full name."""

    sheet: PreparationSheet
    lines: list[Prepared]
    told: bool
    answer: str  # '', yes, less, no
    overdue: bool
    cadre: str

    @property
    def who(self) -> str:
        if self.sheet.household is not None:
            return self.sheet.household.masked_name
        return self.sheet.organisation.name if self.sheet.organisation else ""

    @property
    def stand(self) -> tuple[str, str]:
        """The one word that matters most, with its tone."""
        if not self.lines:
            return "不用备货", "plain"
        if self.answer:
            return ("能备齐", "leaf") if self.answer == "yes" else ("备不齐", "ripe")
        if self.overdue:
            return "到期没回音", "bad"
        return ("等回音", "sky") if self.told else ("没通知", "ripe")


def sheet_rows(
    session: Session,
    scope: Scope,
    filters: Filters,
    limit: datetime,
    *,
    size: int,
    offset: int = 0,
    open_first: bool = False,
) -> list[Row]:
    """Sheets with what they say, by hand-over and village; two statements, however many."""
    statement = narrowed(
        scope.visible(select(PreparationSheet))
        .add_columns(
            is_told(),
            latest_answer(),
            overdue_where(limit),
            select(User.display_name)
            .where(User.id == cadre_of_sheet())
            .correlate(PreparationSheet)
            .scalar_subquery(),
        )
        .join(PreparationSheet.collection)
        .join(PreparationSheet.region)
        .options(
            contains_eager(PreparationSheet.collection).joinedload(RoundCollection.point),
            contains_eager(PreparationSheet.region).joinedload(Region.parent),
            joinedload(PreparationSheet.round),
            joinedload(PreparationSheet.household),
            joinedload(PreparationSheet.organisation),
        ),
        filters,
        limit,
    )
    if open_first:
        statement = statement.order_by(is_answered() | (PreparationSheet.amount_fen == 0))
    statement = statement.order_by(
        RoundCollection.from_at, PreparationSheet.region_code, PreparationSheet.id
    )
    found = session.execute(statement.limit(size).offset(offset)).all()
    lines = lines_of(session, [row[0].id for row in found])
    return [
        Row(
            row[0], lines.get(row[0].id, []), bool(row[1]), row[2] or "", bool(row[3]), row[4] or ""
        )
        for row in found
    ]


def lines_of(session: Session, sheet_ids: Sequence[int]) -> dict[int, list[Prepared]]:
    """What each sheet says, one line for each listing; one statement."""
    if not sheet_ids:
        return {}
    by = (
        SheetLine.sheet_id,
        SheetLine.listing_id,
        Listing.title,
        Listing.pack_name,
        Listing.pack_kind,
        Product.base_unit,
        Product.piece_word,
    )
    found: defaultdict[int, list[Prepared]] = defaultdict(list)
    for row in session.execute(
        select(
            *by,
            func.sum(SheetLine.packs).label("packs"),
            func.sum(SheetLine.quantity_base).label("base"),
            func.max(SheetLine.farmgate_fen).label("farmgate"),
            func.sum(SheetLine.amount_fen).label("amount"),
        )
        .join(Listing, Listing.id == SheetLine.listing_id)
        .join(Product, Product.id == Listing.product_id)
        .where(SheetLine.sheet_id.in_(sheet_ids))
        .group_by(*by)
        .order_by(SheetLine.sheet_id, SheetLine.listing_id)
    ):
        found[row.sheet_id].append(
            Prepared(
                row.listing_id,
                row.title,
                row.pack_name,
                cast("BaseUnit", row.base_unit),
                row.piece_word,
                row.pack_kind == "by_weight",
                int(row.packs),
                int(row.base),
                row.farmgate,
                int(row.amount),
            )
        )
    return dict(found)
