"""Builders and random problems for the allocation's tests."""

from dataclasses import replace

from hypothesis import strategies as st

from marketplace.orders.allocation import DemandLine, Outcome, Pin, Problem, Supply
from marketplace.orders.allocation.policies import POLICIES
from marketplace.orders.allocation.shortage import CLASSES
from marketplace.orders.allocation.types import CHANNELS

NEXT_ROUND = "2026-11-12"
BEST_BEFORE = ("", "2026-11-08", "2026-11-11", "2026-11-12", "2026-12-01")
CLAIMANTS = ("h:1", "h:2", "h:3", "h:4", "h:5", "o:7")


def line(line_id: int, packs: int, **changes: object) -> DemandLine:
    plain = DemandLine(
        line_id=line_id,
        order_id=line_id + 1000,
        packs=packs,
        channel="staff",
        drop="dock",
        confirmed_at=line_id,
    )
    return replace(plain, **changes)


def supply(commitment_id: int, claimant: str, packs: int, **changes: object) -> Supply:
    plain = Supply(
        commitment_id=commitment_id,
        lot_id=commitment_id + 500,
        claimant=claimant,
        packs=packs,
        village="520100000001",
        committed_at=commitment_id,
    )
    return replace(plain, **changes)


def problem(
    lines: list[DemandLine], supplies: list[Supply], *pins: Pin, **changes: object
) -> Problem:
    plain = Problem(
        listing_id=9,
        lines=tuple(lines),
        supplies=tuple(supplies),
        spoils_before=NEXT_ROUND,
        pins=pins,
        salt="round-3",
    )
    return replace(plain, **changes)


def totals(outcome: Outcome) -> dict[str, int]:
    return {total.claimant: total.packs for total in outcome.totals}


def allocated(outcome: Outcome) -> dict[int, int]:
    packs: dict[int, int] = {}
    for cell in outcome.cells:
        packs[cell.line_id] = packs.get(cell.line_id, 0) + cell.packs
    return packs


@st.composite
def demand_lines(draw: st.DrawFn, *, max_size: int = 12, whole: bool = True) -> list[DemandLine]:
    count = draw(st.integers(0, max_size))
    return [
        line(
            line_id,
            draw(st.integers(1, 20)),
            channel=draw(st.sampled_from(CHANNELS)),
            drop=draw(st.sampled_from(("dock", "gate", "hall"))),
            confirmed_at=draw(st.integers(0, 4)),
            whole_or_nothing=whole and draw(st.booleans()),
        )
        for line_id in range(1, count + 1)
    ]


@st.composite
def supplies_of_households(draw: st.DrawFn, *, max_size: int = 9) -> list[Supply]:
    weights = {claimant: draw(st.integers(0, 4)) for claimant in CLAIMANTS}
    owners = draw(st.lists(st.sampled_from(CLAIMANTS), max_size=max_size))
    return [
        supply(
            at,
            claimant,
            draw(st.integers(0, 25)),
            best_before=draw(st.sampled_from(BEST_BEFORE)),
            weight=weights[claimant],
            village=draw(st.sampled_from(("v1", "v2", "v3"))),
            committed_at=draw(st.integers(0, 4)),
            refill_ready=draw(st.booleans()),
        )
        for at, claimant in enumerate(owners, start=1)
    ]


@st.composite
def problems(draw: st.DrawFn, *, whole: bool = True, policies: str = "") -> Problem:
    """Of every policy, or only of those that are called `policies`."""
    known = [one for one in sorted(POLICIES) if policies in {"", one[0]}]
    policy, version = draw(st.sampled_from(known))
    return problem(
        draw(demand_lines(whole=whole)),
        draw(supplies_of_households()),
        shortage_rule=draw(st.sampled_from(sorted(CLASSES))),
        policy=policy,
        policy_version=version,
        salt=draw(st.sampled_from(("a", "b", "c"))),
    )


@st.composite
def pinned_problems(draw: st.DrawFn) -> Problem:
    """Problems with pins that supply can bear; demand may still refuse them."""
    plain = draw(problems())
    pins = []
    for each in plain.supplies:
        if draw(st.integers(0, 3)) == 0:
            packs = draw(st.integers(0, each.packs))
            pins.append(Pin(commitment_id=each.commitment_id, packs=packs, reason="路不通"))
    for claimant in sorted({each.claimant for each in plain.supplies}):
        own = sum(each.packs for each in plain.supplies if each.claimant == claimant)
        if draw(st.integers(0, 3)) == 0:
            packs = draw(st.integers(0, own))
            pins.append(Pin(claimant=claimant, packs=packs, reason="人手不够"))
    return replace(plain, pins=tuple(pins))
