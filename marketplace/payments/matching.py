"""Which orders a bank transfer pays: numbers in its remark first, then who pays and how much.

Pure: plain data in and out, sums in fen. What is not certain is never placed; it is proposed.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from marketplace.core.codes import ALPHABET

_BETWEEN = r"[\s\W_]{0,4}"
_NUMBER = re.compile(rf"(?=([DS]){_BETWEEN}(\d{{6}}){_BETWEEN}([{ALPHABET}]{{6}}))")


@dataclass(frozen=True)
class OpenOrder:
    """An order that money may be meant for. `takes`: it may be given money now (it counts, and nobody
    pays it elsewhere); `open_fen` is what is owed of it, 0 when it is paid."""

    number: str
    unit: int | None
    open_fen: int
    due: date
    takes: bool = True
    delivered: bool = True


@dataclass(frozen=True)
class OpenStatement:
    number: str
    unit: int
    due: date
    orders: tuple[str, ...]


@dataclass(frozen=True)
class Book:
    """What a row may be about: orders and statements by number, and the units this payer pays for."""

    orders: Mapping[str, OpenOrder]
    statements: Mapping[str, OpenStatement]
    payer_units: frozenset[int]


@dataclass(frozen=True)
class Verdict:
    """`state`: matched, wrong_amount or unmatched. `parts` are (order number, fen): to be placed when
    matched, proposed otherwise. `unit` is whose money it is, when that is known."""

    state: str
    parts: tuple[tuple[str, int], ...]
    unit: int | None
    why: str

    @property
    def placed_fen(self) -> int:
        return sum(fen for _, fen in self.parts)


def numbers_in(remark: str) -> list[str]:
    """Numbers of orders and statements, however they are written: full-width, split, run together."""
    plain = unicodedata.normalize("NFKC", remark).upper()
    found = [f"{m[1]}{m[2]}-{m[3]}" for m in _NUMBER.finditer(plain)]
    return list(dict.fromkeys(found))


def match(fen: int, remark: str, book: Book) -> Verdict:
    """What to do with `fen` that came in with these words."""
    wanted = numbers_in(remark)
    known = [n for n in wanted if n in book.orders or n in book.statements]
    if known:
        return _by_numbers(fen, known, book)
    why = "附言里的单号查不到" if wanted else ""
    return _by_payer(fen, book, why)


def split(fen: int, orders: Iterable[OpenOrder]) -> tuple[tuple[str, int], ...]:
    """`fen` over orders, the oldest due first, none above what is open."""
    parts, left = [], fen
    for order in sorted(orders, key=lambda one: (one.due, one.number)):
        part = min(left, order.open_fen)
        if part > 0 and order.takes:
            parts.append((order.number, part))
            left -= part
    return tuple(parts)


def _by_numbers(fen: int, known: Iterable[str], book: Book) -> Verdict:
    orders = _named(known, book)
    units = {order.unit for order in orders}
    unit = units.pop() if len(units) == 1 else None
    if not all(order.takes for order in orders):
        ended = next(order.number for order in orders if not order.takes)
        return Verdict("unmatched", (), unit, f"订单 {ended} 现在不能收转账，要人看")
    open_fen = sum(order.open_fen for order in orders)
    parts = split(fen, orders)
    if open_fen == fen:
        return Verdict("matched", parts, unit, "附言里的单号，金额相等")
    if not open_fen:
        return Verdict("wrong_amount", (), unit, "附言里的单号早已付清")
    words = "多" if fen > open_fen else "少"
    return Verdict("wrong_amount", parts, unit, f"附言里有单号，金额比没付的{words}")


def _named(known: Iterable[str], book: Book) -> list[OpenOrder]:
    """Each order once, also when it is named beside the statement that holds it."""
    numbers: dict[str, None] = {}
    for number in known:
        if number in book.statements:
            numbers |= dict.fromkeys(book.statements[number].orders)
        else:
            numbers[number] = None
    return [book.orders[number] for number in numbers if number in book.orders]


def _by_payer(fen: int, book: Book, why: str) -> Verdict:
    units = sorted(book.payer_units)
    if not units:
        return Verdict("unmatched", (), None, why or "没有单号，也不知道是哪个单位付的")
    fitting = [(unit, found) for unit in units if (found := _fitting(fen, unit, book))]
    if len(fitting) == 1:
        unit, orders = fitting[0]
        return Verdict("matched", split(fen, orders), unit, "按付款户名，金额相等")
    if len(units) > 1:
        words = "几个单位都有这个数" if fitting else "这个户名替几个单位付款，金额都对不上"
        return Verdict("unmatched", (), None, why or words)
    proposed = split(fen, _of_unit(units[0], book))
    return Verdict("unmatched", proposed, units[0], why or "知道是哪个单位，金额对不上")


def _of_unit(unit: int, book: Book) -> list[OpenOrder]:
    mine = [order for order in book.orders.values() if order.unit == unit]
    return [order for order in mine if order.takes and order.open_fen > 0]


def _fitting(fen: int, unit: int, book: Book) -> list[OpenOrder]:
    """The orders of the oldest statement of this sum, else all that were delivered, else all."""
    statements = [one for one in book.statements.values() if one.unit == unit]
    for statement in sorted(statements, key=lambda one: (one.due, one.number)):
        orders = [book.orders[number] for number in statement.orders if number in book.orders]
        if all(one.takes for one in orders) and sum(one.open_fen for one in orders) == fen:
            return orders
    mine = _of_unit(unit, book)
    for orders in ([one for one in mine if one.delivered], mine):
        if orders and sum(one.open_fen for one in orders) == fen:
            return orders
    return []
