"""Every door of the product, read from the application itself: new pages are covered by being there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from flask import Flask
from werkzeug.routing import AnyConverter, IntegerConverter, Rule

from marketplace.core.clock import today
from marketplace.identity.actor import SYSTEM
from marketplace.identity.models import User
from marketplace.identity.permissions import REGION_ROLES, ROLES, UNIT_ROLES
from marketplace.payments.aliases import remember
from marketplace.payments.bank_rows import BankFacts, keep_row
from marketplace.payments.placing import place
from tests.support.world import COUNTY, World

STATIC = {"static", "bootstrap.static"}
NOBODY_ANSWERS = {"HEAD", "OPTIONS"}  # HEAD is GET without the page; OPTIONS runs no view


@dataclass(frozen=True)
class Door:
    """One method of one address, and who may use it as the view declares."""

    endpoint: str
    method: str
    path: str
    access: str

    @property
    def public(self) -> bool:
        return self.access == "public"

    def opens_to(self, role: str) -> bool:
        held = ROLES[role][1]
        everybody = self.access in {"public", "signed_in"}
        return everybody or any(part in held for part in self.access.split("|"))

    def __str__(self) -> str:
        return f"{self.method} {self.path} ({self.endpoint}, {self.access})"


def doors(app: Flask, samples: Mapping[str, object] | None = None) -> list[Door]:
    """All doors in a fixed order; `samples` gives values of address parts by their name."""
    found = []
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.endpoint, rule.rule)):
        if rule.endpoint in STATIC:
            continue
        access = getattr(app.view_functions[rule.endpoint], "access", "undeclared")
        methods = sorted((rule.methods or set()) - NOBODY_ANSWERS)
        for path in _paths(app, rule, samples or {}):
            found += [Door(rule.endpoint, method, path, access) for method in methods]
    return found


def _paths(app: Flask, rule: Rule, samples: Mapping[str, object]) -> Iterator[str]:
    """One path, or one for each word where an address takes one of several."""
    names = sorted(rule.arguments - set(rule.defaults or {}))
    for values in product(*(_samples(rule, name, samples) for name in names)):
        named = dict(zip(names, values, strict=True))
        yield app.url_map.bind("localhost").build(rule.endpoint, named)


def _samples(rule: Rule, name: str, samples: Mapping[str, object]) -> list[object]:
    converter = rule._converters[name]
    if isinstance(converter, AnyConverter):
        return sorted(converter.items)
    return [samples.get(name, 1 if isinstance(converter, IntegerConverter) else "1")]


def filled(world: World) -> dict[str, object]:
    """Something of everything, so that pages have rows to show; returns names of real things."""
    unit = world.unit(has_canteen=True)
    buyer = world.user("buyer", unit=unit)
    in_round, listing = world.shop()
    with world.transaction() as session:
        paid = BankFacts(today(), "1", "in", 500, "国库集中支付中心", "0000000011", "货款")
        keep_row(session, SYSTEM, paid)
        remember(session, SYSTEM, "国库集中支付中心", unit.id)
        place(session, SYSTEM, 1, {}, credit_unit=unit.id, credit_fen=100)
    return {
        "number": world.order(buyer, in_round, {listing.id: 2}),
        "round_id": in_round.id,
        "listing_id": listing.id,
        "user_id": buyer.id,
        "session_id": 999_999,  # nobody signs himself out on the way
    }


def one_of_each_role(world: World) -> Iterator[tuple[str, User]]:
    for role in ROLES:
        region = COUNTY if role in REGION_ROLES else None
        yield (
            role,
            world.user(role, region=region, unit=world.unit() if role in UNIT_ROLES else None),
        )
