"""Refuses input that has no meaning and puts the rest in one order, so that row order cannot matter."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from marketplace.orders.allocation.refusals import AllocationRefused
from marketplace.orders.allocation.shortage import CLASSES
from marketplace.orders.allocation.types import CHANNELS, Pin, Problem


def checked(problem: Problem) -> Problem:
    """The same problem, valid and sorted by id; raises AllocationRefused."""
    if problem.shortage_rule not in CLASSES:
        raise AllocationRefused("unknown_shortage_rule", rule=problem.shortage_rule)
    _check_date(problem.spoils_before)
    _check_lines(problem)
    _check_supplies(problem)
    _check_pins(problem)
    return replace(
        problem,
        lines=tuple(sorted(problem.lines, key=lambda line: line.line_id)),
        supplies=tuple(sorted(problem.supplies, key=lambda supply: supply.commitment_id)),
        pins=tuple(sorted(problem.pins, key=lambda pin: (pin.claimant, pin.commitment_id))),
    )


def _check_lines(problem: Problem) -> None:
    _refuse_twice("line_twice", (line.line_id for line in problem.lines))
    for line in problem.lines:
        if line.packs < 1:
            raise AllocationRefused("line_without_packs", line=line.line_id, packs=line.packs)
        if line.channel not in CHANNELS:
            raise AllocationRefused("unknown_channel", line=line.line_id, channel=line.channel)


def _check_supplies(problem: Problem) -> None:
    _refuse_twice("commitment_twice", (supply.commitment_id for supply in problem.supplies))
    for supply in problem.supplies:
        if supply.commitment_id < 1 or not supply.claimant:
            raise AllocationRefused("supply_without_owner", commitment=supply.commitment_id)
        if min(supply.packs, supply.weight, supply.households) < 0:
            raise AllocationRefused("supply_below_zero", commitment=supply.commitment_id)
    for day in {supply.best_before for supply in problem.supplies}:
        _check_date(day)


def _check_pins(problem: Problem) -> None:
    _refuse_twice("pin_twice", (pin.claimant or pin.commitment_id for pin in problem.pins))
    claimants = {supply.claimant for supply in problem.supplies}
    commitments = {supply.commitment_id for supply in problem.supplies}
    for pin in problem.pins:
        one_target = bool(pin.claimant) != bool(pin.commitment_id)
        known = pin.claimant in claimants or pin.commitment_id in commitments
        if not one_target or not known:
            raise AllocationRefused("pin_unknown", target=_target(pin))
        if pin.packs < 0 or not pin.reason.strip():
            raise AllocationRefused("pin_incomplete", target=_target(pin), packs=pin.packs)


def _target(pin: Pin) -> str:
    return pin.claimant or f"c:{pin.commitment_id}"


def _refuse_twice(code: str, keys: Iterable[int | str]) -> None:
    seen: set[int | str] = set()
    for key in keys:
        if key in seen:
            raise AllocationRefused(code, key=key)
        seen.add(key)


def _check_date(day: str) -> None:
    """Dates are compared as text, so only the plain ten-character form may pass."""
    if not day:
        return
    try:
        same = date.fromisoformat(day).isoformat() == day
    except ValueError:
        same = False
    if not same:
        raise AllocationRefused("bad_date", date=day)
