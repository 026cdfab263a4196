"""Checks an outcome against its problem without using any of the code that made it."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from marketplace.orders.allocation.refusals import OutcomeBroken
from marketplace.orders.allocation.types import AT_CLOSE, Outcome, Problem


def check_outcome(problem: Problem, outcome: Outcome) -> None:
    """Ordered = allocated + cut, no lot gives more than it has, pins hold; raises OutcomeBroken."""
    faults = [
        *_identity_faults(problem, outcome),
        *_cell_faults(problem, outcome),
        *_line_faults(problem, outcome),
        *_supply_faults(problem, outcome),
        *_pin_faults(problem, outcome),
        *_total_faults(problem, outcome),
    ]
    if faults:
        raise OutcomeBroken(faults)


def _identity_faults(problem: Problem, outcome: Outcome) -> Iterator[str]:
    asked = (problem.listing_id, problem.policy, problem.policy_version)
    given = (outcome.listing_id, outcome.policy, outcome.policy_version)
    if asked != given:
        yield f"outcome of {given} for problem {asked}"


def _cell_faults(problem: Problem, outcome: Outcome) -> Iterator[str]:
    lines = {line.line_id for line in problem.lines}
    commitments = {supply.commitment_id for supply in problem.supplies}
    seen: set[tuple[int, int]] = set()
    for cell in outcome.cells:
        pair = cell.line_id, cell.commitment_id
        if pair in seen:
            yield f"line {cell.line_id} takes twice from commitment {cell.commitment_id}"
        seen.add(pair)
        if cell.packs < 1:
            yield f"line {cell.line_id} takes {cell.packs} packs from {cell.commitment_id}"
        if cell.line_id not in lines or cell.commitment_id not in commitments:
            yield f"cell {pair} names a line or a commitment that does not exist"


def _line_faults(problem: Problem, outcome: Outcome) -> Iterator[str]:
    allocated: Counter[int] = Counter()
    cut: Counter[int] = Counter()
    for cell in outcome.cells:
        allocated[cell.line_id] += cell.packs
    for entry in outcome.cuts:
        cut[entry.line_id] += entry.packs
        if entry.packs < 1:
            yield f"line {entry.line_id} is cut by {entry.packs} packs"
    for line in problem.lines:
        got, lost = allocated[line.line_id], cut.pop(line.line_id, 0)
        if got + lost != line.packs:
            yield f"line {line.line_id}: ordered {line.packs}, allocated {got}, cut {lost}"
        if line.whole_or_nothing and got not in {0, line.packs}:
            yield f"line {line.line_id} is whole or nothing and got {got} of {line.packs}"
    for line_id in cut:
        yield f"cut of line {line_id} that does not exist"


def _supply_faults(problem: Problem, outcome: Outcome) -> Iterator[str]:
    used = _used(outcome)
    for supply in problem.supplies:
        if used[supply.commitment_id] > supply.packs:
            yield (
                f"commitment {supply.commitment_id} gives {used[supply.commitment_id]}"
                f" of {supply.packs}"
            )


def _pin_faults(problem: Problem, outcome: Outcome) -> Iterator[str]:
    """A pin is exact at close; afterwards the household may have answered less."""
    used = _used(outcome)
    by_claimant = _used_by_claimant(problem, outcome)
    for pin in problem.pins:
        packs = by_claimant[pin.claimant] if pin.claimant else used[pin.commitment_id]
        if packs > pin.packs or (packs < pin.packs and outcome.stage == AT_CLOSE):
            yield f"{pin.claimant or pin.commitment_id} is pinned to {pin.packs} and has {packs}"


def _total_faults(problem: Problem, outcome: Outcome) -> Iterator[str]:
    by_claimant = _used_by_claimant(problem, outcome)
    stated = {total.claimant: total.packs for total in outcome.totals}
    if len(stated) != len(outcome.totals):
        yield "a claimant has two totals"
    for claimant in sorted(stated.keys() | by_claimant.keys()):
        if claimant not in stated or stated[claimant] != by_claimant.get(claimant):
            yield (
                f"{claimant}: total {stated.get(claimant)}, packs in cells"
                f" {by_claimant.get(claimant)}"
            )


def _used(outcome: Outcome) -> Counter[int]:
    used: Counter[int] = Counter()
    for cell in outcome.cells:
        used[cell.commitment_id] += cell.packs
    return used


def _used_by_claimant(problem: Problem, outcome: Outcome) -> dict[str, int]:
    used = _used(outcome)
    packs: defaultdict[str, int] = defaultdict(int)
    for supply in problem.supplies:
        packs[supply.claimant] += used[supply.commitment_id]
    return packs
