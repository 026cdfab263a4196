"""Who was told, and what the household answered; less or no changes the round at once."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import insert, select
from sqlalchemy.orm import Session, selectinload

from marketplace.catalog.lots import lock_lots
from marketplace.core.clock import now
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.fulfilment import telling
from marketplace.fulfilment.issuing import reissue
from marketplace.fulfilment.models import (
    TOLD_HOW,
    PreparationSheet,
    SheetAnswer,
    SheetAnswerLine,
    SheetTold,
)
from marketplace.fulfilment.portions import Supplier, suppliers_of
from marketplace.fulfilment.weighing_models import WeighIn
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.scope import Scope
from marketplace.orders.lowering import WITHDRAW_REASONS
from marketplace.orders.order_models import OrderLine
from marketplace.orders.round_models import Commitment, Round
from marketplace.orders.round_refill import bring_less

CHANGED = "这张备货单已经改过，请看新的一版。"
OVER = "这一期的货已经出发，不能再改回音。"


@dataclass(frozen=True)
class Answered:
    """What an answer led to: households with a new version, and packs taken from orders."""

    changed_sheets: int
    cut_packs: int


def get_sheet(
    session: Session, scope: Scope, sheet_id: int, *, for_update: bool = False
) -> PreparationSheet:
    """The sheet if it is within reach, else NotFound.

    `for_update`: nobody else answers in this round meanwhile. An answer can change any sheet and
    lot of its round; two that lock their own sheet first wait for each other in a circle.
    """
    statement = scope.visible(select(PreparationSheet)).where(PreparationSheet.id == sheet_id)
    if for_update:
        session.execute(
            select(Round.id)
            .where(Round.id.in_(statement.with_only_columns(PreparationSheet.round_id)))
            .with_for_update(key_share=True)
        )
    sheet = session.scalar(
        statement.options(selectinload(PreparationSheet.lines)).execution_options(
            populate_existing=for_update
        )
    )
    if sheet is None:
        raise NotFound("没有这张备货单。")
    return sheet


def record_told(
    session: Session, actor: Actor, scope: Scope, sheet_ids: Collection[int], how: str, note: str
) -> int:
    """Somebody told these households, all in the same way; returns how many sheets. Sheets out of
    reach or already replaced are refused as a whole."""
    if how not in TOLD_HOW:
        raise InvalidInput("请选是怎么通知的。", code="unknown_how", field="how")
    if not sheet_ids:
        raise InvalidInput("请先勾选户。", code="nothing_chosen", field="chosen")
    found = session.scalars(
        scope.visible(select(PreparationSheet))
        .where(PreparationSheet.id.in_(sheet_ids), PreparationSheet.current)
        .order_by(PreparationSheet.id)
    ).all()
    if len(found) != len(set(sheet_ids)):
        raise NotFound("有的备货单已换了新的一版，请刷新再看。")
    moment = now()
    rows = [
        {"sheet_id": sheet.id, "by_id": actor.user_id, "at": moment, "how": how, "note": note}
        for sheet in found
    ]
    session.execute(insert(SheetTold), rows)
    audit.record(session, actor, "sheets_told", "sheet", sheet_ids_words(rows), how=how)
    return len(rows)


def sheet_ids_words(rows: list[dict[str, object]]) -> str:
    """One id, or how many: the rows themselves say which."""
    return str(rows[0]["sheet_id"]) if len(rows) == 1 else f"{len(rows)} sheets"


def answer_yes(session: Session, actor: Actor, sheet: PreparationSheet) -> None:
    """The household brings everything. Saying it twice is saying it once."""
    _check_open(sheet)
    latest = _latest(session, sheet.id)
    if latest is None or latest.answer != "yes":
        _store(session, actor, sheet, "yes", "", {})


def answer_less(
    session: Session,
    actor: Actor,
    sheet: PreparationSheet,
    bring: Mapping[int, int],
    reason: str,
) -> Answered:
    """The household brings only `bring` (listing id → packs; listings left out: nothing).

    What is missing leaves its lots and is taken from ready households or cut from orders, in this
    transaction. Every supplier whose packs changed gets a new version; buyers who lose packs are told.
    The sheet must come from get_sheet with for_update.
    """
    _check_open(sheet)
    if reason not in WITHDRAW_REASONS:
        raise InvalidInput("请选原因。", code="unknown_reason", field="reason")
    by_line = _by_line(sheet, bring)
    if all(by_line[line.id] == line.packs for line in sheet.lines):
        raise InvalidInput("和备货单一样多，请点“能备齐”。", code="not_less", field="bring")
    return lower_sheet(session, actor, sheet, by_line, reason, WITHDRAW_REASONS[reason])


def lower_sheet(
    session: Session,
    actor: Actor,
    sheet: PreparationSheet,
    by_line: Mapping[int, int],
    leaves: str,
    words: str,
) -> Answered:
    """The sheet's lines come to `by_line` (line id → packs), for the reason in `words`. What is missing
    leaves its lots for the reason `leaves` (a key of WITHDRAW_REASONS), or stays in them when it is empty.
    """
    kind = "less" if any(by_line.values()) else "no"
    answer = _store(session, actor, sheet, kind, words, by_line)
    own = Supplier(sheet.household_id or 0, sheet.organisation_id or 0)
    less: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for line in sheet.lines:
        if by_line[line.id] < line.packs:
            less[line.listing_id][line.lot_id] = by_line[line.id]
    made, cut = lower_lots(session, actor, sheet.round, less, leaves, own=own)
    if own in made and _brings_what_was_said(session, made[own], by_line, sheet):
        settle(session, actor, made[own], "照回音改的")
    telling.tell_changed(session, actor, sheet.round, made, own=own)
    telling.tell_cut(session, sheet.round, cut, answer.id)
    return Answered(len(made), sum(cut.values()))


def _check_open(sheet: PreparationSheet) -> None:
    if not sheet.current:
        raise Conflict(CHANGED, code="superseded")
    if sheet.round.state != "collecting":
        raise Conflict(OVER, code="wrong_state")
    if not sheet.lines:
        raise Conflict("这一户这一期不用备货。", code="nothing_to_bring")


def _by_line(sheet: PreparationSheet, bring: Mapping[int, int]) -> dict[int, int]:
    """Packs per line of the sheet: several lots of one listing are filled in the lines' order."""
    left = dict(bring)
    by_line = {}
    for line in sheet.lines:
        packs = min(line.packs, left.get(line.listing_id, 0))
        by_line[line.id] = packs
        left[line.listing_id] = left.get(line.listing_id, 0) - packs
    if any(rest != 0 for rest in left.values()) or any(packs < 0 for packs in bring.values()):
        raise InvalidInput("能备的份数要在 0 和备货单的份数之间。", code="packs", field="bring")
    return by_line


def _latest(session: Session, sheet_id: int) -> SheetAnswer | None:
    return session.scalar(
        select(SheetAnswer)
        .where(SheetAnswer.sheet_id == sheet_id)
        .order_by(SheetAnswer.id.desc())
        .limit(1)
    )


def _store(
    session: Session,
    actor: Actor,
    sheet: PreparationSheet,
    answer: str,
    reason: str,
    by_line: Mapping[int, int],
) -> SheetAnswer:
    row = SheetAnswer(
        sheet_id=sheet.id, answer=answer, reason=reason, by_id=actor.user_id, at=now()
    )
    session.add(row)
    session.flush()
    for line_id, packs in by_line.items():
        session.add(SheetAnswerLine(answer_id=row.id, sheet_line_id=line_id, packs=packs))
    audit.record(session, actor, f"sheet_answered_{answer}", "sheet", sheet.id)
    return row


def lower_lots(
    session: Session,
    actor: Actor,
    in_round: Round,
    less: Mapping[int, Mapping[int, int]],
    leaves: str,
    *,
    own: Supplier | None = None,
) -> tuple[dict[Supplier, int], dict[int, int]]:
    """Lots give listings only so many packs (listing id → lot id → packs); where sheets are out, whoever
    gives otherwise than before gets a new one, and `own` in any case. Returns the new sheets and packs cut
    by order line; nobody is told yet. Who has been at the scales brings no more."""
    commitments = session.scalars(
        select(Commitment).where(Commitment.listing_id.in_(less)).order_by(Commitment.id)
    ).all()
    lock_lots(session, sorted({row.lot_id for row in commitments}))
    ids = {(row.listing_id, row.lot_id): row.id for row in commitments}
    weighed = weighed_in(session, less)
    before = cuts_of(session, less)
    touched: set[int] = set()
    for listing_id in sorted(less):
        can_bring = {ids[listing_id, lot]: packs for lot, packs in less[listing_id].items()}
        here = {commitment for (one, lot), commitment in ids.items() if (one, lot) in weighed}
        done = bring_less(session, actor, in_round, listing_id, can_bring, leaves, settled=here)
        touched |= {
            commitment
            for commitment in {*done.before, *done.after}
            if done.before.get(commitment, 0) != done.after.get(commitment, 0)
        }
    after = cuts_of(session, less)
    cut = {line: packs - before.get(line, 0) for line, packs in after.items()}
    made = {}
    if in_round.state == "collecting":
        changed = suppliers_of(session, touched) | ({own} if own else set())
        made = reissue(session, actor, in_round, changed)
    return made, {line: packs for line, packs in cut.items() if packs > 0}


def weighed_in(session: Session, listing_ids: Collection[int]) -> set[tuple[int, int]]:
    """Listing and lot of what was weighed in already."""
    rows = session.execute(
        select(WeighIn.listing_id, WeighIn.lot_id).where(
            WeighIn.listing_id.in_(list(listing_ids)), WeighIn.void_at.is_(None)
        )
    )
    return {(listing_id, lot_id) for listing_id, lot_id in rows}


def cuts_of(session: Session, listing_ids: Collection[int]) -> dict[int, int]:
    """Packs cut so far, by order line of these listings."""
    return {
        row.id: row.cut_packs
        for row in session.execute(
            select(OrderLine.id, OrderLine.cut_packs).where(
                OrderLine.listing_id.in_(list(listing_ids)), OrderLine.cut_packs > 0
            )
        )
    }


def _brings_what_was_said(
    session: Session, new_id: int, by_line: Mapping[int, int], old: PreparationSheet
) -> bool:
    """Whether the new version asks exactly for what the household itself just offered."""
    said = {(line.listing_id, line.lot_id): by_line[line.id] for line in old.lines}
    new = session.get_one(PreparationSheet, new_id)
    asked = {(line.listing_id, line.lot_id): line.packs for line in new.lines}
    return asked == {place: packs for place, packs in said.items() if packs}


def settle(session: Session, actor: Actor, new_id: int, reason: str) -> None:
    """The new version repeats the household's own words or goods: nobody has to ask once more."""
    session.add(
        SheetAnswer(sheet_id=new_id, answer="yes", reason=reason, by_id=actor.user_id, at=now())
    )
    session.flush()
