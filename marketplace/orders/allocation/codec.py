"""The stored text of problems and outcomes: canonical JSON of integers and strings.

Sorted keys, no spaces, UTF-8, rows sorted by id: equal values have equal text and so equal hash.
`FORMAT` also stands for the steps that have no version of their own (cutting, matching, lots of
one household): changing what they do means a new format number and keeping the old steps.
"""

import json
from collections.abc import Sequence
from dataclasses import fields
from hashlib import sha256
from typing import Any, TypeVar

from marketplace.orders.allocation.refusals import AllocationRefused
from marketplace.orders.allocation.types import (
    Cell,
    ClaimantTotal,
    Cut,
    DemandLine,
    Outcome,
    Pin,
    Problem,
    Supply,
)
from marketplace.orders.allocation.validation import checked

FORMAT = 1

_PROBLEM_TABLES: dict[str, type[Any]] = {"lines": DemandLine, "supplies": Supply, "pins": Pin}
_OUTCOME_TABLES: dict[str, type[Any]] = {"cells": Cell, "cuts": Cut, "totals": ClaimantTotal}

T = TypeVar("T", Problem, Outcome)
_HEAD = ("kind", "format")


def encode_problem(problem: Problem) -> str:
    """The problem's one text; raises AllocationRefused for a problem without meaning."""
    return _encode("problem", checked(problem), _PROBLEM_TABLES)


def encode_outcome(outcome: Outcome) -> str:
    """The outcome's one text."""
    return _encode("outcome", outcome, _OUTCOME_TABLES)


def decode_problem(text: str) -> Problem:
    """The problem back from its text; raises AllocationRefused `unreadable_text`."""
    return _decode("problem", text, Problem, _PROBLEM_TABLES)


def decode_outcome(text: str) -> Outcome:
    """The outcome back from its text; raises AllocationRefused `unreadable_text`."""
    return _decode("outcome", text, Outcome, _OUTCOME_TABLES)


def digest(text: str) -> str:
    """SHA-256 of a text in lower-case hexadecimal."""
    return sha256(text.encode()).hexdigest()


def _encode(kind: str, value: Problem | Outcome, tables: dict[str, type[Any]]) -> str:
    body: dict[str, object] = {"format": FORMAT, "kind": kind}
    for field in fields(value):
        held = getattr(value, field.name)
        body[field.name] = _table(tables[field.name], held) if field.name in tables else held
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _table(row_type: type[Any], rows: Sequence[Any]) -> dict[str, object]:
    """Column names once, then plain rows: half the size of a dictionary per row."""
    names = [field.name for field in fields(row_type)]
    plain = [[_plain(getattr(row, name)) for name in names] for row in rows]
    return {"columns": names, "rows": plain}


def _plain(value: object) -> object:
    return int(value) if isinstance(value, bool) else value


def _decode(kind: str, text: str, type_: type[T], tables: dict[str, type[Any]]) -> T:
    try:
        body = json.loads(text)
        _expect({"kind": kind, "format": FORMAT}, {key: body.pop(key) for key in _HEAD})
        kinds = {field.name: field.type for field in fields(type_)}
        values: dict[str, Any] = {
            name: _rows(tables[name], held) if name in tables else _value(kinds[name], held)
            for name, held in body.items()
        }
        return type_(**values)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AllocationRefused("unreadable_text", kind=kind, cause=str(error)) from error


def _rows(row_type: type[Any], table: dict[str, Any]) -> tuple[Any, ...]:
    kinds = {field.name: field.type for field in fields(row_type)}
    _expect(list(kinds), table["columns"])
    return tuple(
        row_type(**{name: _value(kinds[name], held) for name, held in zip(kinds, row, strict=True)})
        for row in table["rows"]
    )


def _value(kind: object, held: object) -> object:
    """One value of the declared kind; a number with a point or a truth value is not an integer."""
    if kind is bool and type(held) is int and held in {0, 1}:
        return bool(held)
    if isinstance(held, list):
        return tuple((_value(str, name), _value(int, number)) for name, number in held)
    _expect(kind, type(held))
    return held


def _expect(wanted: object, found: object) -> None:
    if wanted != found:
        raise ValueError(f"expected {wanted}, found {found}")
