"""What a processor gives back becomes a lot of its own: whose it is follows what each household put in."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from marketplace.catalog.lot_events import subject_of
from marketplace.catalog.lot_papers import Brought, attach_paper
from marketplace.catalog.lot_processing import close_empty
from marketplace.catalog.lot_shifts import Shares, part_of_shares
from marketplace.catalog.lots import lock_lots, open_lot
from marketplace.catalog.made_reports import made_report
from marketplace.catalog.models import PROCESSED, Lot, Product
from marketplace.catalog.words import amount_words
from marketplace.core.clock import now, today
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.core.money import split_by_largest_remainder, value_fen
from marketplace.core.states import move
from marketplace.fulfilment.processing import CHANGED, parts_of
from marketplace.fulfilment.processing_models import (
    PROCESSES,
    SLAUGHTER,
    ProcessingOrder,
    permille_of,
)
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.models import Organisation
from marketplace.trace.streams import Event, append

INSPECTION = "inspection"
PAPER_NEEDED = "屠宰的要有检疫证明才能完工。请写证明上的编号。"


@dataclass(frozen=True)
class Finished:
    """What came out, in base units of the output product. `sure`: asked about an odd yield and said it
    again. `paper`: the inspection certificate, which slaughter needs."""

    output_base: int
    grade: str
    paper: Brought | None = None
    sure: bool = False


def finish(session: Session, actor: Actor, order: ProcessingOrder, given: Finished) -> Lot:
    """The output lot; `order` must come from hold_order.

    Raises InvalidInput("odd_yield") for a yield outside the line's band while nobody is sure,
    InvalidInput("paper") for slaughter without a certificate, Conflict for an order that is not at work.
    """
    if order.state != "started":
        raise Conflict(CHANGED, code="wrong_state")
    _check(order, given)
    parts = parts_of(order)
    lots = lock_lots(session, sorted(parts))
    for lot in lots.values():
        if lot.state in {"on_hold", "recalled"}:
            raise Conflict(
                f"批次 {lot.code} 停着，它的货现在不能成为新批次。请先恢复，或取消这张单。",
                code="wrong_state",
            )
    made = _open(session, actor, order, list(lots.values()), parts, given)
    move(
        session,
        order,
        "finished",
        because=CHANGED,
        ended_at=now(),
        ended_by_id=actor.user_id,
        output_base=given.output_base,
        output_lot_id=made.id,
    )
    _record(session, order, made, lots, parts)
    if given.paper is not None:
        attach_paper(session, actor, made, given.paper)
    close_empty(session, lots)
    audit.record(
        session, actor, "processing_finished", "processing_order", order.id,
        base=given.output_base, permille=order.permille,
    )  # fmt: skip
    return made


def _check(order: ProcessingOrder, given: Finished) -> None:
    line = order.line
    if given.output_base <= 0:
        raise InvalidInput("请写出来多少。", code="quantity", field="output")
    if line.both_mass and given.output_base > order.input_base:
        words = amount_words(order.input_base, line.input_product)
        raise InvalidInput(
            f"送去的才 {words}，出来的不会更重，请再称一次。", code="quantity", field="output"
        )
    counted = {line.input_product.base_unit, line.output_product.base_unit} == {"piece"}
    if line.kind == SLAUGHTER and counted and given.output_base > order.input_base:
        words = amount_words(order.input_base, line.input_product)
        raise InvalidInput(
            f"送去的才 {words}，出来的不会更多，请再数一遍。", code="quantity", field="output"
        )
    if line.kind == SLAUGHTER:
        _check_paper(given.paper)
    found = permille_of(given.output_base, order.input_base)
    if not (line.low_permille <= found <= line.high_permille or given.sure):
        low, usual, high = (
            yield_words(order, permille)
            for permille in (line.low_permille, line.yield_permille, line.high_permille)
        )
        raise InvalidInput(
            f"{yield_words(order, found)}，平常是 {usual}（{low} 到 {high}）。没写错就再点一次。",
            code="odd_yield",
            field="output",
        )


def _check_paper(paper: Brought | None) -> None:
    if paper is None or not paper.number.strip():
        raise InvalidInput(PAPER_NEEDED, code="paper", field="number")
    if not paper.sha256:
        raise InvalidInput("请拍检疫证明的照片，编号和章要看得清。", code="paper", field="photos")


def yield_words(order: ProcessingOrder, permille: int) -> str:
    """`70.5%`, or where the units differ `每只出 3.1 斤`."""
    into, out = order.line.input_product, order.line.output_product
    if into.base_unit == out.base_unit:
        return f"{permille // 10}.{permille % 10}%".replace(".0%", "%")
    per = 1 if into.base_unit == "piece" else 500
    return f"每 {amount_words(per, into)}出 {amount_words(permille * per // 1000, out)}"


def _open(
    session: Session,
    actor: Actor,
    order: ProcessingOrder,
    lots: Sequence[Lot],
    parts: Mapping[int, int],
    given: Finished,
) -> Lot:
    product, first = order.line.output_product, lots[0]
    seller = session.get_one(Organisation, order.seller_id) if order.seller_id else None
    villages = {lot.region_code for lot in lots}
    asked_fen, per_base = _asked(order, first, product, given.output_base)
    report = made_report(
        session,
        actor,
        product,
        _whose(session, order, lots, parts, given.output_base),
        until=today() + timedelta(days=product.shelf_days),
        household_id=None if seller else first.household_id,
        organisation_id=seller.id if seller else first.organisation_id,
        region_code=seller.region_code if seller and len(villages) > 1 else first.region_code,
        grade=given.grade or first.grade,
        asked_fen=asked_fen,
        asked_per_base=per_base,
        cause=f"{PROCESSES[order.line.kind]}加工 {order.number}",
        channel=PROCESSED,
    )
    return open_lot(session, actor, report)


def _whose(
    session: Session,
    order: ProcessingOrder,
    lots: Sequence[Lot],
    parts: Mapping[int, int],
    output_base: int,
) -> Shares:
    put: Counter[int | None] = Counter()
    for lot in lots:
        put.update(part_of_shares(session, lot, parts[lot.id]))
    return split_output(output_base, put, order.number)


def split_output(output_base: int, put: Shares, salt: str) -> Shares:
    """What comes out, over the households by what each put in; a part too small for a unit gets none."""
    whose = sorted(put, key=lambda household: household or 0)
    parts = split_by_largest_remainder(
        output_base,
        [put[household] for household in whose],
        tie_keys=[str(household or 0) for household in whose],
        salt=salt,
    )
    return {household: part for household, part in zip(whose, parts, strict=True) if part}


def _asked(
    order: ProcessingOrder, first: Lot, product: Product, output_base: int
) -> tuple[int, int]:
    """The households ask for what came out as much as for what they put in; the loss makes it dearer."""
    whole = value_fen(first.asked_fen, order.input_base, first.asked_per_base)
    per = 1 if product.base_unit == "piece" else 500
    return max(1, value_fen(whole, per, output_base)), per


def _record(
    session: Session,
    order: ProcessingOrder,
    made: Lot,
    lots: Mapping[int, Lot],
    parts: Mapping[int, int],
) -> None:
    """In both streams what went in; `loss`, of the whole order, where it can be said."""
    more = {"kind": order.line.kind, "yield": order.permille}
    if order.loss_base is not None:
        more["loss"] = order.loss_base
    events = []
    for lot_id, base in sorted(parts.items()):
        other = lots[lot_id]
        into = {"base": -base, "lot": made.trace_code, **more}
        events.append(Event(subject_of(lot_id), "processed_into", into))
        came = {"base": base, "lot": other.trace_code, **more}
        events.append(Event(subject_of(made.id), "processed_from", came))
    append(session, events)
