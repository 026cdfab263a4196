"""After sheets are out: a household brings less, or a buyer's packs come free. Keep what fits,
take from what is ready, cut the rest by the round's rule."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from marketplace.catalog.lots import lock_lots, record_movements, withdraw_free
from marketplace.core.clock import now
from marketplace.core.errors import Conflict
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.orders.allocation import (
    Outcome,
    Problem,
    decode_outcome,
    digest,
    encode_outcome,
    encode_problem,
    refill,
)
from marketplace.orders.allocation_input import problems_of
from marketplace.orders.allocation_models import Allocation, AllocationRun
from marketplace.orders.order_models import OrderLine
from marketplace.orders.round_allocation import runs_in_force, shift_committed
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
) -> Refilled:
    """Reduce what commitments of a listing give to `can_bring` (commitment id → packs).

    The missing goods leave the lot as withdrawn with `reason` (a key of WITHDRAW_REASONS). Raises
    Conflict when the listing has no allocation in force.
    """
    run = runs_in_force(session, [listing_id]).get(listing_id)
    if run is None or in_round.state not in {"collecting", "delivering"}:
        raise Conflict("这一期还没有发备货单，不能这样改。", code="wrong_state")
    previous = decode_outcome(run.outcome_text)
    problem = _problem_now(session, in_round, listing_id, previous, can_bring)
    outcome = refill(problem, previous)
    before, after = _by_commitment(previous), _by_commitment(outcome)
    _store(session, actor, run, problem, outcome)
    cut = _book_lines(session, problem, outcome)
    _book_lots(session, actor, listing_id, before, after, can_bring, reason)
    audit.record(session, actor, "listing_refilled", "listing", listing_id, cut=cut)
    return Refilled(before, after, cut)


def _problem_now(
    session: Session,
    in_round: Round,
    listing_id: int,
    previous: Outcome,
    can_bring: Mapping[int, int],
) -> Problem:
    """Today's problem: a commitment gives what it was told, or, when ready, what its lot still has."""
    problem = problems_of(session, in_round, states=("allocated",))[listing_id]
    told = _by_commitment(previous)
    lots = lock_lots(session, [supply.lot_id for supply in problem.supplies])
    pack_base = session.get_one(Listing, listing_id).pack_base
    supplies = []
    for supply in problem.supplies:
        had = told.get(supply.commitment_id, 0)
        more = (
            min(supply.packs - had, lots[supply.lot_id].free // pack_base)
            if supply.refill_ready
            else 0
        )
        packs = min(can_bring.get(supply.commitment_id, had + more), had + more)
        ready = supply.refill_ready and supply.commitment_id not in can_bring
        supplies.append(replace(supply, packs=packs, refill_ready=ready))
    return replace(problem, supplies=tuple(supplies))


def _by_commitment(outcome: Outcome) -> dict[int, int]:
    packs: defaultdict[int, int] = defaultdict(int)
    for cell in outcome.cells:
        packs[cell.commitment_id] += cell.packs
    return dict(packs)


def _store(
    session: Session, actor: Actor, run: AllocationRun, problem: Problem, outcome: Outcome
) -> None:
    """A new run of the listing; its rows replace those of the run before."""
    text = encode_outcome(outcome)
    new = AllocationRun(
        round_id=run.round_id,
        listing_id=run.listing_id,
        policy=outcome.policy,
        policy_version=outcome.policy_version,
        input_text=encode_problem(problem),
        outcome_text=text,
        outcome_hash=digest(text),
        created_at=now(),
        created_by_id=actor.user_id,
    )
    session.add(new)
    session.flush()
    old = select(AllocationRun.id).where(AllocationRun.listing_id == run.listing_id)
    session.execute(delete(Allocation).where(Allocation.run_id.in_(old)))
    lots = {supply.commitment_id: supply.lot_id for supply in problem.supplies}
    if outcome.cells:
        session.execute(
            insert(Allocation),
            [
                {
                    "run_id": new.id,
                    "order_line_id": cell.line_id,
                    "commitment_id": cell.commitment_id,
                    "lot_id": lots[cell.commitment_id],
                    "packs": cell.packs,
                    "reason": cell.reason,
                }
                for cell in outcome.cells
            ],
        )


def _book_lines(session: Session, problem: Problem, outcome: Outcome) -> int:
    """Allocated and cut of every line of the listing; returns how many packs are cut in all."""
    cut: defaultdict[int, int] = defaultdict(int)
    reason: dict[int, str] = {}
    for entry in outcome.cuts:
        cut[entry.line_id] += entry.packs
        reason[entry.line_id] = entry.reason
    table = OrderLine.__table__
    session.connection().execute(
        update(table)  # type: ignore[arg-type]
        .where(table.c.id == bindparam("line"))
        .values(
            allocated_packs=table.c.packs - bindparam("cut"),
            cut_packs=bindparam("cut"),
            cut_reason=bindparam("why"),
        ),
        [
            {"line": line.line_id, "cut": cut[line.line_id], "why": reason.get(line.line_id, "")}
            for line in problem.lines
        ],
    )
    session.expire_all()
    return sum(cut.values())


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
        if row.id in can_bring:
            gone[row.lot_id] += max(0, before.get(row.id, 0) - can_bring[row.id]) * pack_base
    for lot_id, lot in lock_lots(session, sorted(gone)).items():
        if gone[lot_id]:
            withdraw_free(session, actor, lot, min(gone[lot_id], lot.free), reason)
