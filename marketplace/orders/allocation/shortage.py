"""Who goes without when there is less than was ordered."""

from collections.abc import Iterable, Sequence

from marketplace.orders.allocation.largest_remainder import apportion
from marketplace.orders.allocation.types import (
    CANTEEN,
    CANTEENS_FIRST,
    GROUP,
    PROPORTIONAL,
    STAFF,
    STAFF_FIRST,
    DemandLine,
)

CLASSES: dict[str, tuple[tuple[str, ...], ...]] = {
    CANTEENS_FIRST: ((CANTEEN,), (STAFF, GROUP)),
    STAFF_FIRST: ((STAFF, GROUP), (CANTEEN,)),
    PROPORTIONAL: ((CANTEEN, STAFF, GROUP),),
}


def serve(lines: Iterable[DemandLine], capacity: int, rule: str) -> dict[int, int]:
    """Packs each line gets, by line id, when only `capacity` packs exist.

    Classes are served in the order of the rule. Within a class, lines that cannot be divided (one
    pack, or whole-or-nothing) and lines that can each get their proportional part of what there
    is; the former are served in the order of confirmation, the latter by largest remainder. More
    capacity never serves fewer packs.
    """
    lines = list(lines)
    served: dict[int, int] = {}
    for channels in CLASSES[rule]:
        part = _serve_class([line for line in lines if line.channel in channels], capacity)
        served.update(part)
        capacity -= sum(part.values())
    return served


def cut_reason(line: DemandLine) -> str:
    """By which rule a line that went short was cut."""
    if line.packs == 1:
        return "latest_first"
    return "whole_order" if line.whole_or_nothing else "proportional"


def by_confirmation(line: DemandLine) -> tuple[int, int]:
    """Sort key: who confirmed first is served first."""
    return line.confirmed_at, line.line_id


def _serve_class(lines: Sequence[DemandLine], capacity: int) -> dict[int, int]:
    if sum(line.packs for line in lines) <= capacity:
        return {line.line_id: line.packs for line in lines}
    ordered = sorted(lines, key=by_confirmation)
    undivided = [line for line in ordered if line.packs == 1 or line.whole_or_nothing]
    divisible = [line for line in ordered if line.packs > 1 and not line.whole_or_nothing]
    wanted = sum(line.packs for line in divisible)
    chosen = _choose_undivided(undivided, capacity, wanted)
    served = {line.line_id: line.packs if line.line_id in chosen else 0 for line in undivided}
    rest = min(capacity - sum(served.values()), wanted)
    portions = apportion(rest, [line.packs for line in divisible], range(len(divisible)))
    served.update(
        (line.line_id, portion.packs) for line, portion in zip(divisible, portions, strict=True)
    )
    return served


def _choose_undivided(lines: Sequence[DemandLine], capacity: int, divisible: int) -> set[int]:
    """Line ids served in full: within their proportional part, then into what nobody else takes.

    The second pass keeps goods from staying unsold because the next whole order is a little
    larger than the part of its kind; divisible lines give way for it.
    """
    wanted = sum(line.packs for line in lines)
    part = apportion(capacity, [wanted, divisible], (0, 1))[0].packs
    chosen: set[int] = set()
    used = 0
    for line in lines:
        if used + line.packs <= part:
            chosen.add(line.line_id)
            used += line.packs
    for line in lines:
        if capacity - used <= divisible:
            break
        if line.line_id not in chosen and used + line.packs <= capacity:
            chosen.add(line.line_id)
            used += line.packs
    return chosen
