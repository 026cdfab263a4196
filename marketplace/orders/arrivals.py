"""Whose goods have reached the place where they are fetched or accepted. Deliveries know (fulfilment)."""

from collections.abc import Callable, Collection, Iterable

from sqlalchemy.orm import Session

from marketplace.orders.order_models import Order

Check = Callable[[Session, Collection[int]], Collection[int]]
_checks: list[Check] = []


def arrival_check(check: Check) -> Check:
    """Decorator: `check` tells of orders, by id, which of them are there."""
    _checks.append(check)
    return check


def on_its_way(order: Order) -> bool:
    """Whether its goods have set out and wait for the buyer's word."""
    return order.state == "allocated" and order.round.state == "delivering"


def arrived(session: Session, orders: Iterable[Order]) -> set[int]:
    """The orders, by id, whose goods are there and wait; asks nothing where none has set out."""
    waiting = [order.id for order in orders if on_its_way(order)]
    return {one for check in _checks for one in check(session, waiting)} if waiting else set()
