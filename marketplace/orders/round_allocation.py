"""Allocating a round: each listing's outcome is computed, checked, stored and booked to the lots."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from sqlalchemy import Select, delete, null, select, update
from sqlalchemy.orm import Session

from marketplace.catalog.lots import lock_lots, record_movements
from marketplace.catalog.models import STOPPED, Lot
from marketplace.core.bulk import change_many, insert_many
from marketplace.core.clock import now
from marketplace.core.errors import Conflict
from marketplace.core.states import move, move_many
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.orders.allocation import (
    Outcome,
    Problem,
    allocate,
    check_outcome,
    digest,
    encode_outcome,
    encode_problem,
)
from marketplace.orders.allocation_input import problems_of
from marketplace.orders.allocation_models import Allocation, AllocationRun
from marketplace.orders.listings import lock_listings, refresh_listing
from marketplace.orders.lot_events import record_allocated, record_undone
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.paying import refuse_while_waiting
from marketplace.orders.round_models import Commitment, Listing, Round
from marketplace.orders.stopping import take_out

CHANGED = "这一期刚刚变了，请刷新再看。"


def allocate_round(session: Session, actor: Actor, in_round: Round) -> None:
    """closed → allocated. Every ordered pack gets one lot or is cut with a reason; what nobody
    ordered returns to its lot. Raises Conflict with the refusal in Chinese when a pin cannot hold."""
    refuse_while_waiting(session, in_round)
    move(session, in_round, "allocated", because="先截单才能分配，或这一期已经分配过。")
    _hold_still(session, in_round)
    for _, problem in sorted(problems_of(session, in_round).items()):
        outcome = solve(problem)
        store_run(session, actor, in_round.id, problem, outcome)
        book_lines(session, in_round.id, outcome)
    _book_commitments(session, actor, in_round)
    move_many(session, Order, Order.round_id == in_round.id, "confirmed", "allocated")
    audit.record(session, actor, "round_allocated", "round", in_round.id, policy=in_round.policy)


def _hold_still(session: Session, in_round: Round) -> None:
    """No order ends and no lot is lowered while its packs are shared out. Orders before listings, each
    in id order, as every door locks them."""
    confirmed = select(Order.id).where(Order.round_id == in_round.id, Order.state == "confirmed")
    session.execute(confirmed.order_by(Order.id).with_for_update()).all()
    listings = select(Listing.id).where(Listing.round_id == in_round.id)
    lock_listings(session, list(session.scalars(listings)))


def solve(problem: Problem) -> Outcome:
    """The outcome, checked independently. Raises AllocationRefused, a Conflict in plain words."""
    outcome = allocate(problem)
    check_outcome(problem, outcome)
    return outcome


def store_run(
    session: Session, actor: Actor, round_id: int, problem: Problem, outcome: Outcome
) -> None:
    """Keep input and outcome as text, and one row for each cell."""
    text = encode_outcome(outcome)
    run = AllocationRun(
        round_id=round_id,
        listing_id=problem.listing_id,
        policy=outcome.policy,
        policy_version=outcome.policy_version,
        input_text=encode_problem(problem),
        outcome_text=text,
        outcome_hash=digest(text),
        created_at=now(),
        created_by_id=actor.user_id,
    )
    session.add(run)
    session.flush()
    lots = {supply.commitment_id: supply.lot_id for supply in problem.supplies}
    rows = [
        {
            "run_id": run.id,
            "order_line_id": cell.line_id,
            "commitment_id": cell.commitment_id,
            "lot_id": lots[cell.commitment_id],
            "packs": cell.packs,
            "reason": cell.reason,
        }
        for cell in outcome.cells
    ]
    insert_many(session, Allocation, rows)
    record_allocated(session, problem, outcome, run.outcome_hash)


def book_lines(session: Session, round_id: int, outcome: Outcome) -> None:
    """Allocated and cut packs of the listing's lines: all in full, then the cut ones."""
    of_listing = (
        select(OrderLine.id)
        .join(Order, Order.id == OrderLine.order_id)
        .where(
            OrderLine.listing_id == outcome.listing_id,
            Order.round_id == round_id,
            Order.state.in_(("confirmed", "allocated")),
        )
    )
    session.execute(
        update(OrderLine)
        .where(OrderLine.id.in_(of_listing))
        .values(allocated_packs=OrderLine.packs, cut_packs=0, cut_reason="")
        .execution_options(synchronize_session=False)
    )
    cut: defaultdict[int, int] = defaultdict(int)
    reason: dict[int, str] = {}
    for entry in outcome.cuts:
        cut[entry.line_id] += entry.packs
        reason[entry.line_id] = entry.reason
    change_many(
        session,
        OrderLine,
        [{"of": line, "cut": packs, "why": reason[line]} for line, packs in sorted(cut.items())],
        lambda given: {
            "allocated_packs": OrderLine.packs - given("cut"),
            "cut_packs": given("cut"),
            "cut_reason": given("why"),
        },
    )
    session.expire_all()


def _book_commitments(session: Session, actor: Actor, in_round: Round) -> None:
    """Note what each commitment gives, and return the rest of it to its lot."""
    allocated = packs_by_commitment(session, in_round.id)
    rows = session.execute(
        select(Commitment.id, Commitment.lot_id, Commitment.quantity_base, Listing.pack_base)
        .join(Listing, Listing.id == Commitment.listing_id)
        .where(Listing.round_id == in_round.id)
        .order_by(Commitment.id)
    ).all()
    if not rows:
        return
    returned: defaultdict[int, int] = defaultdict(int)
    changes = []
    for row in rows:
        packs = allocated.get(row.id, 0)
        rest = row.quantity_base - packs * row.pack_base
        returned[row.lot_id] += rest
        changes.append({"of": row.id, "gives": packs, "rest": rest})
    change_many(
        session,
        Commitment,
        changes,
        lambda given: {"allocated_packs": given("gives"), "released_base": given("rest")},
    )
    shift_committed(session, {lot: -base for lot, base in returned.items()})
    record_movements(session, actor, "released", returned, reference=f"round:{in_round.id}")


def packs_by_commitment(session: Session, round_id: int) -> dict[int, int]:
    """Packs that each commitment of the round gives, by the allocation in force."""
    found: defaultdict[int, int] = defaultdict(int)
    for commitment_id, packs in session.execute(
        select(Allocation.commitment_id, Allocation.packs)
        .join(AllocationRun, AllocationRun.id == Allocation.run_id)
        .where(AllocationRun.round_id == round_id)
    ):
        found[commitment_id] += packs
    return found


def shift_committed(session: Session, changes: Mapping[int, int]) -> None:
    """Move base units between free and committed (positive: free → committed), lots in id order.

    The table's CHECKs refuse what a lot does not have; ask before when that can happen.
    """
    rows = [{"of": lot, "base": base} for lot, base in sorted(changes.items()) if base]
    if not rows:
        return
    session.execute(
        select(Lot.id)
        .where(Lot.id.in_([row["of"] for row in rows]))
        .order_by(Lot.id)
        .with_for_update()
    )
    change_many(
        session,
        Lot,
        rows,
        lambda given: {
            "free": Lot.free - given("base"),
            "committed": Lot.committed + given("base"),
        },
    )
    session.expire_all()


def undo_allocation(session: Session, actor: Actor, in_round: Round) -> None:
    """allocated → closed, until sheets are out. The runs stay as history, their rows go.

    Of a lot that is recalled or on hold now nothing comes back. Raises Conflict when another lot has
    meanwhile promised its rest elsewhere.
    """
    move(session, in_round, "closed", because="备货单已发出或这一期已变，不能撤销分配。")
    stopped = _leave_stopped(session, in_round)
    if short := promised_elsewhere(session, in_round):
        raise Conflict(
            f"批次 {'、'.join(short[:5])} 退回的货已用到别处，不能撤销分配。", code="used_elsewhere"
        )
    back = _given_back(session, in_round)
    shift_committed(session, back)
    record_movements(session, actor, "committed", back, reference=f"round:{in_round.id}")
    record_undone(session, in_round.id)
    session.execute(
        update(Commitment)
        .where(Commitment.listing_id.in_(_listings(in_round)))
        .values(allocated_packs=null(), released_base=0)
    )
    take_out(session, actor, stopped)
    runs = select(AllocationRun.id).where(AllocationRun.round_id == in_round.id)
    session.execute(delete(Allocation).where(Allocation.run_id.in_(runs)))
    session.execute(
        update(AllocationRun)
        .where(AllocationRun.round_id == in_round.id, AllocationRun.undone_at.is_(None))
        .values(undone_at=now())
    )
    orders = select(Order.id).where(Order.round_id == in_round.id, Order.state == "allocated")
    session.execute(
        update(OrderLine)
        .where(OrderLine.order_id.in_(orders))
        .values(allocated_packs=null(), cut_packs=null(), cut_reason="")
        .execution_options(synchronize_session=False)
    )
    move_many(session, Order, Order.round_id == in_round.id, "allocated", "confirmed")
    audit.record(session, actor, "allocation_undone", "round", in_round.id)


def _listings(in_round: Round) -> Select[int]:
    return select(Listing.id).where(Listing.round_id == in_round.id)


def _given_back(session: Session, in_round: Round) -> dict[int, int]:
    """Lot id → base units that the allocation gave back to it."""
    back: defaultdict[int, int] = defaultdict(int)
    for lot_id, base in session.execute(
        select(Commitment.lot_id, Commitment.released_base).where(
            Commitment.listing_id.in_(_listings(in_round))
        )
    ):
        back[lot_id] += base
    return back


def _leave_stopped(session: Session, in_round: Round) -> set[int]:
    """Of a stopped lot a listing holds only what it gives out; the rest is no longer its own. Returns the
    lots."""
    rows = session.scalars(
        select(Commitment)
        .join(Lot, Lot.id == Commitment.lot_id)
        .where(Commitment.listing_id.in_(_listings(in_round)), Lot.state.in_(STOPPED))
        .order_by(Commitment.id)
    ).all()
    lock_listings(session, [row.listing_id for row in rows])
    for row in rows:
        row.quantity_base -= row.released_base
        row.packs = row.quantity_base // row.listing.pack_base
        row.released_base = 0
    session.flush()
    for listing in {row.listing_id: row.listing for row in rows}.values():
        refresh_listing(session, listing)
    return {row.lot_id for row in rows}


def promised_elsewhere(session: Session, in_round: Round) -> list[str]:
    """Codes of lots that no longer have free what they gave back: the allocation cannot be undone."""
    wanted = _given_back(session, in_round)
    lots = lock_lots(session, list(wanted)).values()
    return [lot.code for lot in lots if lot.state not in STOPPED and lot.free < wanted[lot.id]]


def runs_in_force(session: Session, listing_ids: Iterable[int]) -> dict[int, AllocationRun]:
    """The latest run of each listing that was not undone: a refill, if somebody brought less."""
    return {run.listing_id: run for run in _standing(session, listing_ids)}


def closing_runs(session: Session, listing_ids: Iterable[int]) -> dict[int, AllocationRun]:
    """How each listing was shared out after closing, before anybody brought less."""
    found: dict[int, AllocationRun] = {}
    for run in _standing(session, listing_ids):
        found.setdefault(run.listing_id, run)
    return found


def _standing(session: Session, listing_ids: Iterable[int]) -> Iterable[AllocationRun]:
    return session.scalars(
        select(AllocationRun)
        .where(AllocationRun.listing_id.in_(list(listing_ids)), AllocationRun.undone_at.is_(None))
        .order_by(AllocationRun.id)
    )
