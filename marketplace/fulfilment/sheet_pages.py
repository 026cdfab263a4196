"""What several pages of sheets share: the filters in the address, a page of rows, one sheet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import request
from sqlalchemy.orm import Session

from marketplace.core.county_settings import county_settings
from marketplace.core.errors import NotFound
from marketplace.fulfilment.papers import Paper, papers
from marketplace.fulfilment.sheet_rows import Row, sheet_rows
from marketplace.fulfilment.standing import STANDS, Filters, due_before
from marketplace.fulfilment.tallies import Tally, counted, tallies
from marketplace.identity.scope import Scope
from marketplace.orders.round_models import Round
from marketplace.web.addresses import division_code, row_number
from marketplace.web.paging import Page, page_number

SIZE = 30
Settings = Mapping[str, str | int]
STACK = 100
"""So many sheets are printed or read out at once; a county prints village by village."""


@dataclass(frozen=True)
class Listed:
    """A page of a round's sheets with everything that can be counted about all of them."""

    round: Round
    filters: Filters
    tallies: list[Tally]
    page: Page
    settings: Settings

    @property
    def rows(self) -> Sequence[Row]:
        return self.page.items


def asked_filters(round_id: int | None) -> Filters:
    """The filters of this address; nonsense narrows nothing."""
    args = request.values
    stand = args.get("stand", "")
    return Filters(
        round_id,
        division_code(args.get("village", "")),
        row_number(args.get("cadre", "")) or None,
        row_number(args.get("point", "")) or None,
        stand if stand in STANDS else "",
    )


def listed(session: Session, scope: Scope, round_id: int, size: int = SIZE) -> Listed:
    """The page asked for. A round without sheets in reach does not exist."""
    found = session.get(Round, round_id)
    settings = county_settings(session)
    limit = due_before(settings)
    every = tallies(session, scope, [round_id], limit) if found else []
    if found is None or not every:
        raise NotFound("这一期还没有备货单。")
    filters = asked_filters(round_id)
    total = counted(every, filters)
    number = min(page_number(), max(1, -(-total // size)))
    rows = sheet_rows(session, scope, filters, limit, size=size, offset=(number - 1) * size)
    return Listed(found, filters, every, Page(rows, number, total, size), settings)


def one_paper(session: Session, scope: Scope, sheet_id: int, *, names: bool = False) -> Paper:
    """One sheet, whatever its version; NotFound when it is out of reach."""
    settings = county_settings(session)
    rows = sheet_rows(session, scope, Filters(sheet=sheet_id), due_before(settings), size=1)
    if not rows:
        raise NotFound("没有这张备货单。")
    return papers(session, rows, settings, names=names)[0]
