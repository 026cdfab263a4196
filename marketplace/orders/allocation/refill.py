"""Repairs an outcome after it was told to people: a household answered less or no, a buyer left.

Nothing that still fits is touched. Missing packs come from sheets that have packs to spare, then
from goods that are ready (weighed in, or confirmed before the cut-off); what is left is cut by
the round's rule. Earlier cuts stay cut: their money is on its way back.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from marketplace.orders.allocation.claims import claims_of, pooled
from marketplace.orders.allocation.engine import spread_grants
from marketplace.orders.allocation.matching import match
from marketplace.orders.allocation.policies import get_policy
from marketplace.orders.allocation.shortage import CLASSES, by_confirmation, cut_reason, serve
from marketplace.orders.allocation.types import (
    AT_REFILL,
    AT_REFILL_V1,
    Cell,
    ClaimantTotal,
    Cut,
    DemandLine,
    Outcome,
    Problem,
)
from marketplace.orders.allocation.validation import checked

Kept = dict[tuple[int, int], int]
"""Packs by (line id, commitment id)."""


def refill(problem: Problem, previous: Outcome, stage: str = AT_REFILL) -> Outcome:
    """The outcome of `problem` as it stands now, as close to `previous` as can be.

    `problem` is the earlier one with today's packs: less on supplies, lines gone, reduced or new
    (a waiting buyer). A commitment that is not refill_ready, or is pinned, never gives more than
    it did; a pin does not stop a household from answering less. Raises AllocationRefused for
    input without meaning, never because something ran short. `stage` names the way it was done, so
    that what was stored replays.
    """
    problem = checked(problem)
    targets = _targets(problem, previous)
    kept = _still_wanted(previous, targets)
    kept = _still_there(problem, kept)
    stayed = _by_commitment(kept)
    if stage != AT_REFILL_V1:
        kept = _given_way(problem, previous, targets, kept)
    dropped = _lines_given_up(problem, previous, targets, kept)
    kept = {pair: packs for pair, packs in kept.items() if pair[0] not in dropped}
    rooms = _rooms(problem, previous, kept)
    served = _served(problem, targets, kept, dropped, sum(sum(part.values()) for part in rooms))
    used = _sources(problem, kept, rooms, sum(served.values()))
    added = match(problem, served, used)
    cells = _merged(previous, kept, added)
    return Outcome(
        listing_id=problem.listing_id,
        stage=stage,
        policy=problem.policy,
        policy_version=problem.policy_version,
        cells=cells,
        cuts=_cuts(problem, previous, targets, cells),
        totals=_totals(problem, previous, stayed, cells),
    )


def _targets(problem: Problem, previous: Outcome) -> dict[int, int]:
    """Packs each line should have: what is ordered now less what was cut before."""
    cut: defaultdict[int, int] = defaultdict(int)
    for entry in previous.cuts:
        cut[entry.line_id] += entry.packs
    return {line.line_id: max(0, line.packs - cut[line.line_id]) for line in problem.lines}


def _still_wanted(previous: Outcome, targets: Mapping[int, int]) -> Kept:
    """Drops what is no longer ordered."""
    cells = {(cell.line_id, cell.commitment_id): cell.packs for cell in previous.cells}
    return _cut_down(cells, targets)


def _still_there(problem: Problem, kept: Kept) -> Kept:
    """Takes from each commitment what it can no longer give, by the round's shortage rule."""
    lines = {line.line_id: line for line in problem.lines}
    available = {supply.commitment_id: supply.packs for supply in problem.supplies}
    used = _by_commitment(kept)
    short: defaultdict[int, list[DemandLine]] = defaultdict(list)
    for (line_id, commitment_id), packs in kept.items():
        if used[commitment_id] > available.get(commitment_id, 0):
            short[commitment_id].append(replace(lines[line_id], packs=packs))
    left = dict(kept)
    for commitment_id, parts in short.items():
        stay = _staying(parts, available.get(commitment_id, 0), problem.shortage_rule)
        left.update(((line_id, commitment_id), packs) for line_id, packs in stay.items())
    return {pair: packs for pair, packs in left.items() if packs}


def _given_way(problem: Problem, previous: Outcome, targets: Mapping[int, int], kept: Kept) -> Kept:
    """Whom the rule serves first is made whole from what later classes hold, wherever it comes from.

    A household that brings less hits whoever happens to eat from it; who goes without in the end is
    a matter of the rule, not of that chance.
    """
    had = _by_line(kept)
    favoured = CLASSES[problem.shortage_rule][0]
    first = [line for line in problem.lines if line.channel in favoured]
    holding = [
        replace(line, packs=had[line.line_id])
        for line in problem.lines
        if line.channel not in favoured and had[line.line_id]
    ]
    held = sum(line.packs for line in holding)
    room = sum(sum(part.values()) for part in _rooms(problem, previous, kept))
    given_up = _beyond_help(first, targets, had, room + held)
    room += sum(had[line_id] for line_id in given_up)
    holes = sum(
        targets[line.line_id] - had[line.line_id] for line in first if line.line_id not in given_up
    )
    if holes <= room or not holding:
        return kept
    stay = serve(holding, max(0, held - (holes - room)), problem.shortage_rule)
    return _cut_down(kept, had | stay)


def _cut_down(kept: Kept, most: Mapping[int, int]) -> Kept:
    """No line keeps more than `most`; the smallest cells of a line go first."""
    left = dict(most)
    cut: Kept = {}
    for pair, packs in sorted(kept.items(), key=lambda cell: (cell[0][0], -cell[1], cell[0][1])):
        stays = min(packs, left.get(pair[0], 0))
        left[pair[0]] = left.get(pair[0], 0) - stays
        if stays:
            cut[pair] = stays
    return cut


def _staying(parts: list[DemandLine], capacity: int, rule: str) -> dict[int, int]:
    """Packs by line that stay in one commitment: all it has.

    As few whole orders as possible lose packs, but one that does keeps the rest: other lots may
    still make it whole.
    """
    stay = serve(parts, capacity, rule)
    spare = capacity - sum(stay.values())
    for part in sorted(parts, key=by_confirmation):
        more = min(spare, part.packs - stay[part.line_id])
        stay[part.line_id] += more
        spare -= more
    return stay


def _lines_given_up(
    problem: Problem, previous: Outcome, targets: Mapping[int, int], kept: Kept
) -> set[int]:
    """Whole-or-nothing lines that cannot be made whole again. Each class of the rule first sees what
    the classes before it leave."""
    room = sum(sum(part.values()) for part in _rooms(problem, previous, kept))
    had = _by_line(kept)
    given_up: set[int] = set()
    for channels in CLASSES[problem.shortage_rule]:
        lines = [line for line in problem.lines if line.channel in channels]
        gone = _beyond_help(lines, targets, had, room)
        room += sum(had[line_id] for line_id in gone)
        rest = [line for line in lines if line.line_id not in gone]
        room -= min(room, sum(targets[line.line_id] - had[line.line_id] for line in rest))
        given_up |= gone
    return given_up


def _beyond_help(
    lines: list[DemandLine], targets: Mapping[int, int], had: Mapping[int, int], room: int
) -> set[int]:
    """Of these the whole-or-nothing lines that `room` cannot make whole, latest confirmed first; a line
    given up frees what it had for the others."""
    whole = [line for line in lines if line.whole_or_nothing]
    short = [line for line in whole if targets[line.line_id] > had[line.line_id]]
    short.sort(key=by_confirmation)
    holes = sum(targets[line.line_id] - had[line.line_id] for line in short)
    given_up: set[int] = set()
    while holes > room:
        line = short.pop()
        holes -= targets[line.line_id] - had[line.line_id]
        room += had[line.line_id]
        given_up.add(line.line_id)
    return given_up


def _served(
    problem: Problem, targets: Mapping[int, int], kept: Kept, dropped: set[int], room: int
) -> dict[int, int]:
    """Packs each line gets on top of what it kept; whole orders not given up are made whole."""
    had = _by_line(kept)
    missing = [
        replace(line, packs=targets[line.line_id] - had[line.line_id])
        for line in problem.lines
        if targets[line.line_id] > had[line.line_id] and line.line_id not in dropped
    ]
    whole = {line.line_id: line.packs for line in missing if line.whole_or_nothing}
    others = (line for line in missing if not line.whole_or_nothing)
    return whole | serve(others, room - sum(whole.values()), problem.shortage_rule)


def _rooms(
    problem: Problem, previous: Outcome, kept: Kept
) -> tuple[dict[int, int], dict[int, int]]:
    """Free packs by commitment: those its sheet asked for already, and those beyond it."""
    before = _by_commitment({(c.line_id, c.commitment_id): c.packs for c in previous.cells})
    now = _by_commitment(kept)
    pinned = {pin.claimant for pin in problem.pins if pin.claimant}
    pinned_lots = {pin.commitment_id for pin in problem.pins if pin.commitment_id}
    on_sheet: dict[int, int] = {}
    beyond: dict[int, int] = {}
    for supply in problem.supplies:
        key = supply.commitment_id
        told = min(supply.packs, before[key])
        on_sheet[key] = told - now[key]
        free = supply.refill_ready and supply.claimant not in pinned and key not in pinned_lots
        beyond[key] = supply.packs - told if free else 0
    return on_sheet, beyond


def _sources(
    problem: Problem, kept: Kept, rooms: tuple[dict[int, int], dict[int, int]], packs: int
) -> dict[int, int]:
    """Which commitments give the packs: sheets that would shrink first, then what is ready."""
    policy = get_policy(problem.policy, problem.policy_version)
    taken = dict(_by_commitment(kept))
    added: defaultdict[int, int] = defaultdict(int)
    for room in rooms:
        part = min(packs, sum(room.values()))
        claims = claims_of(problem, room, taken)
        grants = policy.share(claims, sum(taken.values()) + part)
        for commitment_id, more in spread_grants(problem, room, claims, grants).items():
            added[commitment_id] += more
            taken[commitment_id] = taken.get(commitment_id, 0) + more
        packs -= part
    return added


def _merged(previous: Outcome, kept: Kept, added: list[tuple[int, int, int]]) -> tuple[Cell, ...]:
    """Kept and added packs in one cell per pair; a cell that was there keeps its reason."""
    reasons = {(cell.line_id, cell.commitment_id): cell.reason for cell in previous.cells}
    packs: defaultdict[tuple[int, int], int] = defaultdict(int, kept)
    for line_id, commitment_id, more in added:
        packs[line_id, commitment_id] += more
    return tuple(
        Cell(*pair, count, reasons[pair] if pair in kept else "refill")
        for pair, count in sorted(packs.items())
    )


def _cuts(
    problem: Problem, previous: Outcome, targets: Mapping[int, int], cells: tuple[Cell, ...]
) -> tuple[Cut, ...]:
    """Earlier cuts as far as the line is still ordered, and the new ones."""
    had = _by_line({(cell.line_id, cell.commitment_id): cell.packs for cell in cells})
    earlier: defaultdict[int, list[Cut]] = defaultdict(list)
    for cut in sorted(previous.cuts, key=lambda cut: (cut.line_id, cut.reason)):
        earlier[cut.line_id].append(cut)
    cuts: defaultdict[tuple[int, str], int] = defaultdict(int)
    for line in problem.lines:
        left = line.packs - targets[line.line_id]
        for cut in earlier[line.line_id]:
            cuts[line.line_id, cut.reason] += min(left, cut.packs)
            left -= min(left, cut.packs)
        cuts[line.line_id, cut_reason(line)] += targets[line.line_id] - had[line.line_id]
    return tuple(
        Cut(line_id, packs, reason) for (line_id, reason), packs in sorted(cuts.items()) if packs
    )


def _totals(
    problem: Problem, previous: Outcome, stayed: Mapping[int, int], cells: tuple[Cell, ...]
) -> tuple[ClaimantTotal, ...]:
    before = {total.claimant: total.packs for total in previous.totals}
    now = _by_commitment({(cell.line_id, cell.commitment_id): cell.packs for cell in cells})
    totals = []
    for claimant, pool in pooled(problem).items():
        packs = sum(now[supply.commitment_id] for supply in pool)
        remaining = sum(
            min(stayed[supply.commitment_id], now[supply.commitment_id]) for supply in pool
        )
        facts = (
            ("before", before.get(claimant, 0)),
            ("kept", remaining),
            ("added", packs - remaining),
        )
        totals.append(
            ClaimantTotal(
                claimant=claimant,
                packs=packs,
                supply=sum(supply.packs for supply in pool),
                urgent=sum(supply.packs for supply in pool if problem.is_urgent(supply)),
                weight=max(supply.weight for supply in pool),
                basis="refill",
                facts=facts,
            )
        )
    return tuple(totals)


def _by_line(kept: Kept) -> defaultdict[int, int]:
    sums: defaultdict[int, int] = defaultdict(int)
    for (line_id, _), packs in kept.items():
        sums[line_id] += packs
    return sums


def _by_commitment(kept: Kept) -> defaultdict[int, int]:
    sums: defaultdict[int, int] = defaultdict(int)
    for (_, commitment_id), packs in kept.items():
        sums[commitment_id] += packs
    return sums
