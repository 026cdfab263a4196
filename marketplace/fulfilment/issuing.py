"""Preparation sheets come into being, and later get new versions."""

from collections.abc import Collection, Mapping
from dataclasses import asdict

from sqlalchemy import ColumnElement, and_, insert, or_, select, update
from sqlalchemy.orm import Session, selectinload

from marketplace.core.clock import now
from marketplace.core.codes import random_code
from marketplace.core.errors import Conflict
from marketplace.core.states import move
from marketplace.fulfilment import telling
from marketplace.fulfilment.models import PreparationSheet, SheetLine
from marketplace.fulfilment.portions import (
    Portion,
    Supplier,
    portions_of,
    regions_of,
    slots_of,
)
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.orders.round_models import Round

CODE_LENGTH = 12


def issue_sheets(session: Session, actor: Actor, in_round: Round) -> int:
    """allocated → collecting: one sheet for each supplier that sells something; returns how many.

    From now on the allocation cannot be undone. A few statements, however many sheets. Raises
    Conflict when the round is not allocated, sold nothing, or a village has no collection slot.
    """
    move(session, in_round, "collecting", because="先分配好才能发备货单；已经发过的不用再发。")
    wanted = portions_of(session, in_round.id)
    if not wanted:
        raise Conflict("这一期没有订出去的货，不用发备货单。", code="nothing_sold")
    write_sheets(session, actor, in_round, wanted, dict.fromkeys(wanted, 1))
    telling.tell_issued(session, in_round, list(wanted))
    audit.record(session, actor, "sheets_issued", "round", in_round.id, sheets=len(wanted))
    return len(wanted)


def write_sheets(
    session: Session,
    actor: Actor,
    in_round: Round,
    wanted: Mapping[Supplier, list[Portion]],
    versions: Mapping[Supplier, int],
) -> dict[Supplier, int]:
    """Sheets with their lines as the current ones; returns their ids. No line: nothing to bring."""
    regions = regions_of(session, list(wanted))
    slots = slots_of(session, in_round, regions.values())
    moment = now()
    codes = {supplier: random_code(CODE_LENGTH) for supplier in wanted}
    rows = [
        {
            "code": codes[supplier],
            "round_id": in_round.id,
            "household_id": supplier.household_id or None,
            "organisation_id": supplier.organisation_id or None,
            "region_code": regions[supplier],
            "collection_id": slots[regions[supplier]].id,
            "version": versions[supplier],
            "current": True,
            "amount_fen": sum(portion.amount_fen for portion in portions),
            "issued_at": moment,
            "issued_by_id": actor.user_id,
        }
        for supplier, portions in wanted.items()
    ]
    ids = {
        row.code: row.id
        for row in session.execute(
            insert(PreparationSheet).returning(PreparationSheet.id, PreparationSheet.code), rows
        )
    }
    made = {supplier: ids[code] for supplier, code in codes.items()}
    _write_lines(session, made, wanted)
    return made


def _write_lines(
    session: Session, sheets: Mapping[Supplier, int], wanted: Mapping[Supplier, list[Portion]]
) -> None:
    lines = [
        {"sheet_id": sheets[supplier], **asdict(portion)}
        for supplier, portions in wanted.items()
        for portion in portions
    ]
    if lines:
        session.execute(insert(SheetLine), lines)


def reissue(
    session: Session, actor: Actor, in_round: Round, suppliers: Collection[Supplier]
) -> dict[Supplier, int]:
    """New versions for those of `suppliers` whose portions differ from their current sheet."""
    old = {
        Supplier(sheet.household_id or 0, sheet.organisation_id or 0): sheet
        for sheet in session.scalars(
            select(PreparationSheet)
            .where(
                PreparationSheet.round_id == in_round.id,
                PreparationSheet.current,
                _belongs_to(suppliers),
            )
            .options(selectinload(PreparationSheet.lines))
        )
    }
    wanted = portions_of(session, in_round.id, suppliers)
    changed = {
        supplier: wanted.get(supplier, [])
        for supplier in sorted(suppliers)
        if _packs_on(old.get(supplier)) != _packs_in(wanted.get(supplier, []))
    }
    if not changed:
        return {}
    replaced = [old[supplier].id for supplier in changed if supplier in old]
    session.execute(
        update(PreparationSheet)
        .where(PreparationSheet.id.in_(replaced))
        .values(current=False)
        .execution_options(synchronize_session="fetch")
    )
    versions = {
        supplier: old[supplier].version + 1 if supplier in old else 1 for supplier in changed
    }
    made = write_sheets(session, actor, in_round, changed, versions)
    audit.record(session, actor, "sheets_changed", "round", in_round.id, sheets=len(made))
    return made


def _belongs_to(suppliers: Collection[Supplier]) -> ColumnElement[bool]:
    return or_(
        PreparationSheet.household_id.in_([one.household_id for one in suppliers]),
        and_(
            PreparationSheet.household_id.is_(None),
            PreparationSheet.organisation_id.in_([one.organisation_id for one in suppliers]),
        ),
    )


def _packs_on(sheet: PreparationSheet | None) -> dict[tuple[int, int], int]:
    return {(line.listing_id, line.lot_id): line.packs for line in sheet.lines} if sheet else {}


def _packs_in(portions: list[Portion]) -> dict[tuple[int, int], int]:
    return {(portion.listing_id, portion.lot_id): portion.packs for portion in portions}
