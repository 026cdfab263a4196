"""What the operator's allocation page shows: supply and demand, policies compared, why."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.catalog.models import Lot
from marketplace.core.clock import now
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.scope import Where
from marketplace.orders.allocation import (
    AllocationRefused,
    Outcome,
    PolicyFigures,
    Problem,
    allocate,
    compare,
    decode_outcome,
    decode_problem,
    explain,
    latest_policies,
    replay,
    replay_refill,
)
from marketplace.orders.allocation_input import problems_of
from marketplace.orders.allocation_models import AllocationPin, AllocationRun
from marketplace.orders.round_allocation import closing_runs, runs_in_force
from marketplace.orders.round_models import Commitment, Listing, Round
from marketplace.orders.rounds import lock_round

Problems = Mapping[int, Problem]
"""Listing id → problem."""
BEFORE_ALLOCATION = frozenset({"open", "closed", "on_hold"})


@dataclass(frozen=True)
class ListingNeed:
    """One listing before or after allocation, in packs."""

    listing: Listing
    ordered: int
    offered: int
    sold: int
    cut: int
    suppliers: int
    pins: int
    refusal: str = ""


def problems_in_force(session: Session, in_round: Round) -> dict[int, Problem]:
    """Before allocation what would be solved now, afterwards what was solved."""
    if in_round.state in BEFORE_ALLOCATION:
        return problems_of(session, in_round)
    ids = [listing.id for listing in in_round.listings]
    return {i: decode_problem(run.input_text) for i, run in runs_in_force(session, ids).items()}


def needs_of(session: Session, in_round: Round, problems: Problems) -> list[ListingNeed]:
    """One row for each listing of the round, those short of goods first."""
    runs = runs_in_force(session, problems)
    rows = []
    for listing in in_round.listings:
        problem = problems.get(listing.id)
        if problem is None:
            continue
        refusal, outcome = _outcome(session, in_round, problem, runs.get(listing.id))
        rows.append(
            ListingNeed(
                listing=listing,
                ordered=sum(line.packs for line in problem.lines),
                offered=sum(supply.packs for supply in problem.supplies),
                sold=sum(total.packs for total in outcome.totals) if outcome else 0,
                cut=sum(entry.packs for entry in outcome.cuts) if outcome else 0,
                suppliers=len({supply.claimant for supply in problem.supplies}),
                pins=len(problem.pins),
                refusal=refusal,
            )
        )
    return sorted(rows, key=lambda row: (not row.refusal, -row.cut, row.listing.id))


def _outcome(
    session: Session, in_round: Round, problem: Problem, run: AllocationRun | None
) -> tuple[str, Outcome | None]:
    """Why it is refused, or what was or would be decided."""
    if run is not None:
        return "", decode_outcome(run.outcome_text)
    try:
        return "", allocate(problem)
    except AllocationRefused as refused:
        return with_names(session, in_round, refused.message), None


def with_names(session: Session, in_round: Round, words: str) -> str:
    """The engine knows suppliers by their keys, people by their names."""
    keys = set(re.findall("「([ho]:[0-9]+)」", words))
    names = _names(session, Listing.round_id == in_round.id) if keys else {}
    for key in keys & names.keys():
        words = words.replace(f"「{key}」", f"「{names[key][0]}」")
    return words


def compare_policies(
    session: Session, in_round: Round, problems: Problems
) -> Sequence[PolicyFigures]:
    """The newest version of every policy on the round's own orders, as they were when it closed: what
    is brought less afterwards need not fit the pins any more."""
    if in_round.state not in BEFORE_ALLOCATION:
        runs = closing_runs(session, problems)
        problems = {i: decode_problem(run.input_text) for i, run in runs.items()}
    farmgate = {listing.id: listing.farmgate_fen for listing in in_round.listings}
    return compare([(problem, farmgate[i]) for i, problem in problems.items()])


def choose_policy(session: Session, actor: Actor, in_round: Round, policy: str) -> None:
    """The round's policy until it is allocated."""
    found = next((p for p in latest_policies() if p.name == policy), None)
    if found is None:
        raise InvalidInput("请选一种分配办法。", code="unknown_policy", field="policy")
    lock_round(session, in_round)
    if in_round.state not in {"draft", "open", "closed"}:
        raise Conflict("已经分配，要换办法请先撤销分配。", code="wrong_state")
    in_round.policy, in_round.policy_version = found.name, found.version
    audit.record(session, actor, "policy_chosen", "round", in_round.id, policy=policy)


def set_pin(
    session: Session, actor: Actor, listing: Listing, claimant: str, packs: int | None, reason: str
) -> None:
    """Fix what a supplier sells of a listing, or with None let the policy decide again, whatever
    the other pins say. Raises Conflict with the figures when a new pin cannot hold."""
    in_round = session.get_one(Round, listing.round_id)
    lock_round(session, in_round)
    if in_round.state not in {"open", "closed"}:
        raise Conflict("已经分配，要改请先撤销分配。", code="wrong_state")
    pin = session.scalar(
        select(AllocationPin).where(
            AllocationPin.listing_id == listing.id, AllocationPin.claimant == claimant
        )
    )
    if packs is None:
        if pin is not None:
            session.delete(pin)
    else:
        unsaid = "" if reason.strip() else "请写为什么要定死这个数。"
        pin = pin or AllocationPin(listing_id=listing.id, claimant=claimant)
        said = reason.strip() or "没有写"  # judged with the number, refused below, never stored
        pin.packs, pin.reason, pin.by_id, pin.at = packs, said, actor.user_id, now()
        session.add(pin)
        session.flush()
        problem = problems_of(session, in_round, only=listing.id).get(listing.id)
        try:
            if problem is not None:
                allocate(problem)
        except AllocationRefused as refused:
            raise Conflict(f"{refused.message}{unsaid}", code=refused.code) from refused
        if unsaid:
            raise InvalidInput(unsaid, code="missing", field="reason")
    audit.record(session, actor, "pin_set", "listing", listing.id, claimant=claimant, packs=packs)


@dataclass(frozen=True)
class SupplierShare:
    """What one supplier sells of a listing and why."""

    claimant: str
    name: str
    village: str
    supply: int
    packs: int
    pinned: bool
    urgent: bool
    why: list[str]


@dataclass(frozen=True)
class Shares:
    """Every supplier of a listing, whether the record replays to the byte, and why pins cannot hold:
    then the rows say what the policy would do without any."""

    rows: list[SupplierShare]
    replayed: bool
    refusal: str


def shares_of(session: Session, in_round: Round, listing: Listing) -> Shares:
    run = runs_in_force(session, [listing.id]).get(listing.id)
    problem = (
        decode_problem(run.input_text)
        if run
        else problems_of(session, in_round, only=listing.id).get(listing.id)
    )
    if problem is None:
        raise NotFound("这个产品没有人订。")
    pinned = {pin.claimant for pin in problem.pins}
    refusal, outcome = _outcome(session, in_round, problem, run)
    if outcome is None:
        problem = replace(problem, pins=())
        outcome = allocate(problem)
    names = _names(session, Listing.id == listing.id)
    rows = [
        SupplierShare(
            claimant=total.claimant,
            name=names[total.claimant][0],
            village=names[total.claimant][1],
            supply=total.supply,
            packs=total.packs,
            pinned=total.claimant in pinned,
            urgent=total.urgent > 0,
            why=explain(problem, outcome, total.claimant),
        )
        for total in outcome.totals
    ]
    rows.sort(key=lambda row: (row.village, row.claimant))  # no pin moves a row
    return Shares(rows, run is not None and replays(session, run), refusal)


def replays(session: Session, run: AllocationRun) -> bool:
    """Whether the stored input gives the stored outcome again, byte for byte."""
    outcome = decode_outcome(run.outcome_text)
    if outcome.stage == "close":
        return replay(run.input_text) == run.outcome_text
    before = session.scalar(
        select(AllocationRun.outcome_text)
        .where(
            AllocationRun.listing_id == run.listing_id,
            AllocationRun.id < run.id,
            AllocationRun.undone_at.is_(None),
        )
        .order_by(AllocationRun.id.desc())
        .limit(1)
    )
    if before is None:
        return False
    return replay_refill(run.input_text, before, outcome.stage) == run.outcome_text


def _names(session: Session, which: Where) -> dict[str, tuple[str, str]]:
    """Masked name and village of each supplier of these listings."""
    commitments = session.scalars(
        select(Commitment)
        .join(Listing, Listing.id == Commitment.listing_id)
        .where(which)
        .options(
            joinedload(Commitment.lot).options(
                joinedload(Lot.household), joinedload(Lot.organisation), joinedload(Lot.region)
            )
        )
    )
    found = {}
    for commitment in commitments:
        lot = commitment.lot
        name = (
            lot.household.masked_name
            if lot.household
            else lot.organisation.name
            if lot.organisation
            else ""
        )
        found[lot.claimant] = (name, lot.region.name)
    return found
