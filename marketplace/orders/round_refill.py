"""After sheets are out: a household brings less, or a buyer's packs come free. Keep what fits,
take from what is ready, cut the rest by the round's rule."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from marketplace.catalog.lots import lock_lots, record_movements, withdraw_free
from marketplace.catalog.models import STOPPED
from marketplace.core.errors import Conflict
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.orders.allocation import Outcome, Problem, check_outcome, decode_outcome, refill
from marketplace.orders.allocation_input import problems_of
from marketplace.orders.allocation_models import Allocation, AllocationRun
from marketplace.orders.listings import refresh_listing
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.round_allocation import (
    book_lines,
    runs_in_force,
    shift_committed,
    store_run,
)
from marketplace.orders.round_models import Commitment, Listing, Round


@dataclass(frozen=True)
class Refilled:
    """What a refill changed: whose packs by commitment, and packs cut from orders."""

    before: Mapping[int, int]
    after: Mapping[int, int]
    cut_packs: int


def bring_less(
    session: Session,
    actor: Actor,
    in_round: Round,
    listing_id: int,
    can_bring: Mapping[int, int],
    reason: str,
    *,
    settled: Collection[int] = (),
) -> Refilled:
    """Reduce what commitments of a listing give to `can_bring` (commitment id → packs).

    The missing goods leave the lot as withdrawn with `reason` (a key of WITHDRAW_REASONS), or stay in it
    without one. `settled` commitments give what they give and no more. Raises Conflict when the listing
    has no allocation in force.
    """
    run = runs_in_force(session, [listing_id]).get(listing_id)
    if run is None or in_round.state not in {"allocated", "collecting"}:
        raise Conflict("这一期不在备货，不能这样改。", code="wrong_state")
    previous = decode_outcome(run.outcome_text)
    problem = _problem_now(session, in_round, listing_id, previous, can_bring, settled)
    outcome = refill(problem, previous)
    check_outcome(problem, outcome)
    before, after = _by_commitment(previous), _by_commitment(outcome)
    _drop_cells(session, listing_id)
    store_run(session, actor, in_round.id, problem, outcome)
    book_lines(session, in_round.id, outcome)
    _book_lots(session, actor, listing_id, before, after, can_bring, reason)
    cut = sum(entry.packs for entry in outcome.cuts)
    audit.record(session, actor, "listing_refilled", "listing", listing_id, cut=cut)
    return Refilled(before, after, cut)


def share_out_anew(
    session: Session,
    actor: Actor,
    in_round: Round,
    listing_id: int,
    *,
    settled: Collection[int] = (),
) -> Refilled:
    """A buyer of the listing has left: his packs go to those whose packs were cut and who owe for what they
    get; what nobody takes goes back to its lots. Raises Conflict once the goods have set out."""
    run = runs_in_force(session, [listing_id]).get(listing_id)
    if run is None or in_round.state not in {"allocated", "collecting"}:
        raise Conflict("货已经出发，不能再取消；收的时候可以不收。", code="wrong_state")
    previous = decode_outcome(run.outcome_text)
    problem = _problem_now(session, in_round, listing_id, previous, {}, settled)
    waiting = _waiting(session, listing_id)
    cuts = tuple(entry for entry in previous.cuts if entry.line_id not in waiting)
    outcome = refill(problem, replace(previous, cuts=cuts))
    check_outcome(problem, outcome)
    before, after = _by_commitment(previous), _by_commitment(outcome)
    _drop_cells(session, listing_id)
    store_run(session, actor, in_round.id, problem, outcome)
    book_lines(session, in_round.id, outcome)
    _book_lots(session, actor, listing_id, before, after, {}, "")
    return Refilled(before, after, 0)


def give_more(
    session: Session,
    actor: Actor,
    in_round: Round,
    commitment: Commitment,
    packs: int,
) -> Refilled:
    """So many packs more than were asked for of a commitment are here, free in its lot: they go to lines that
    were cut and whose buyers owe for what they get, by the round's rule; nobody else gives anything. What
    nobody takes stays in the lot. The caller holds the round and the listing."""
    listing_id = commitment.listing_id
    run = runs_in_force(session, [listing_id]).get(listing_id)
    waiting = _waiting(session, listing_id)
    if run is None or not waiting or in_round.state != "collecting":
        return Refilled({}, {}, 0)
    previous = decode_outcome(run.outcome_text)
    others = set(session.scalars(select(Commitment.id).where(Commitment.listing_id == listing_id)))
    problem = _problem_now(
        session, in_round, listing_id, previous, {}, others, extra={commitment.id: packs}
    )
    cuts = tuple(entry for entry in previous.cuts if entry.line_id not in waiting)
    outcome = refill(problem, replace(previous, cuts=cuts))
    check_outcome(problem, outcome)
    before, after = _by_commitment(previous), _by_commitment(outcome)
    if before == after:
        return Refilled(before, after, 0)
    _make_room(session, commitment, after.get(commitment.id, 0))
    _drop_cells(session, listing_id)
    store_run(session, actor, in_round.id, problem, outcome)
    book_lines(session, in_round.id, outcome)
    _book_lots(session, actor, listing_id, before, after, {}, "")
    return Refilled(before, after, 0)


def _make_room(session: Session, commitment: Commitment, packs: int) -> None:
    """More is given than was ever promised: the commitment grows by it, first as something given back."""
    grown = max(0, packs - commitment.packs)
    base = grown * commitment.listing.pack_base
    commitment.packs += grown
    commitment.quantity_base += base
    commitment.released_base += base
    session.flush()
    refresh_listing(session, commitment.listing)


def _waiting(session: Session, listing_id: int) -> set[int]:
    """Lines that go without, whose buyers pay for what they get; who paid before has his money back."""
    return set(
        session.scalars(
            select(OrderLine.id)
            .join(Order, Order.id == OrderLine.order_id)
            .where(OrderLine.listing_id == listing_id, OrderLine.cut_packs > 0)
            .where(Order.state == "allocated", Order.collected_fen == 0)
            .where(Order.collected_how != "alipay")
        )
    )


def _problem_now(
    session: Session,
    in_round: Round,
    listing_id: int,
    previous: Outcome,
    can_bring: Mapping[int, int],
    settled: Collection[int],
    extra: Mapping[int, int] = MappingProxyType({}),
) -> Problem:
    """Today's problem: a commitment gives what it was told, or, when ready, what its lot still has. `extra`:
    packs by commitment that are here beyond that, free in its lot."""
    problem = problems_of(session, in_round, ("allocated",), only=listing_id)[listing_id]
    told = _by_commitment(previous)
    lots = lock_lots(session, [supply.lot_id for supply in problem.supplies])
    pack_base = session.get_one(Listing, listing_id).pack_base
    supplies = []
    for supply in problem.supplies:
        had = told.get(supply.commitment_id, 0)
        fixed = supply.commitment_id in settled or lots[supply.lot_id].state in STOPPED
        more = (
            min(supply.packs - had, lots[supply.lot_id].free // pack_base)
            if supply.refill_ready and not fixed
            else 0
        )
        packs = min(can_bring.get(supply.commitment_id, had + more), had + more)
        ready = supply.refill_ready and not fixed and supply.commitment_id not in can_bring
        if supply.commitment_id in extra and lots[supply.lot_id].state not in STOPPED:
            free = lots[supply.lot_id].free // pack_base
            packs, ready = had + min(extra[supply.commitment_id], free), True
        supplies.append(replace(supply, packs=packs, refill_ready=ready))
    return replace(problem, supplies=tuple(supplies))


def _by_commitment(outcome: Outcome) -> dict[int, int]:
    packs: defaultdict[int, int] = defaultdict(int)
    for cell in outcome.cells:
        packs[cell.commitment_id] += cell.packs
    return dict(packs)


def _drop_cells(session: Session, listing_id: int) -> None:
    """The rows of the run before; the run itself stays, so that the next one can be replayed."""
    runs = select(AllocationRun.id).where(AllocationRun.listing_id == listing_id)
    session.execute(delete(Allocation).where(Allocation.run_id.in_(runs)))


def _book_lots(
    session: Session,
    actor: Actor,
    listing_id: int,
    before: Mapping[int, int],
    after: Mapping[int, int],
    can_bring: Mapping[int, int],
    reason: str,
) -> None:
    """What is no longer given returns to its lot; what a household cannot bring leaves it."""
    pack_base = session.get_one(Listing, listing_id).pack_base
    changed = {
        c
        for c in {*before, *after, *can_bring}
        if before.get(c, 0) != after.get(c, 0) or c in can_bring
    }
    commitments = session.scalars(
        select(Commitment).where(Commitment.id.in_(changed)).order_by(Commitment.id)
    ).all()
    shift: defaultdict[int, int] = defaultdict(int)
    for row in commitments:
        packs = after.get(row.id, 0)
        base = (packs - before.get(row.id, 0)) * pack_base
        row.allocated_packs = packs
        row.released_base -= base
        shift[row.lot_id] += base
    session.flush()
    shift_committed(session, shift)
    reference = f"listing:{listing_id}"
    record_movements(
        session, actor, "released", {i: -n for i, n in shift.items() if n < 0}, reference=reference
    )
    record_movements(
        session, actor, "committed", {i: n for i, n in shift.items() if n > 0}, reference=reference
    )
    gone: defaultdict[int, int] = defaultdict(int)
    for row in commitments:
        if reason and row.id in can_bring:
            gone[row.lot_id] += max(0, before.get(row.id, 0) - can_bring[row.id]) * pack_base
    for lot_id, lot in lock_lots(session, sorted(gone)).items():
        if gone[lot_id]:
            withdraw_free(session, actor, lot, min(gone[lot_id], lot.free), reason)
