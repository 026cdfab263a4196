"""Buyers who order over HTTP from servers that may die under them, and never give up an order.

An order that was begun is sent again under its own key until it is answered: taken or refused.
"""

import http.client
import random
import re
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from threading import Event
from urllib.parse import urlencode

from tests.support.service import PATIENCE
from tests.support.world import PASSWORD


@dataclass(frozen=True)
class Answer:
    status: int
    location: str
    page: str


@dataclass(frozen=True)
class Offer:
    """What every buyer chooses from: listing → price of a pack in fen."""

    round_id: int
    pickup_point_id: int
    prices: Mapping[int, int]


@dataclass
class Order:
    """What was asked for, and what the shop answered in the end: a number, or that it was sold out."""

    buyer: str
    key: str
    packs: dict[int, int]
    total_fen: int
    number: str | None = None
    cancelled: bool = False


@dataclass
class Buyer:
    """One person with one browser. `statuses` holds every answer, `cut` counts the missing ones."""

    port: int
    name: str
    seed: int
    offer: Offer
    orders: list[Order] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    cut: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self._cookie = ""
        self._token = ""

    def sign_in(self) -> None:
        self._token = self._token_on("/sign-in")
        given = {"login_name": self.name, "password": PASSWORD, "csrf_token": self._token}
        signed = self.insist("POST", "/sign-in", given)
        assert signed.status in {302, 303}, signed.page[:2000]
        self._token = self._token_on("/shop/goods")

    def _token_on(self, path: str) -> str:
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.insist("GET", path).page)
        assert found, f"{path} has a form"
        return found[1]

    def shop_until(self, enough: Event, most: int = 1000) -> None:
        """One order after the other; every fifth is cancelled again."""
        for number in range(most):
            if enough.is_set():
                return
            order = self.wish(f"{self.name}-{self.seed}-{number}")
            self.place(order)
            if order.number and self.chance.random() < 0.2:
                self.cancel(order)

    def wish(self, key: str) -> Order:
        chosen = self.chance.sample(sorted(self.offer.prices), 4)
        packs = {listing: self.chance.randint(1, 3) for listing in chosen}
        total = sum(self.offer.prices[listing] * count for listing, count in packs.items())
        order = Order(self.name, f"order-{key}", packs, total)
        self.orders.append(order)
        return order

    def place(self, order: Order) -> Answer:
        """Send until answered; now and then hang up before the answer comes, and send again."""
        body = self.body(order)
        if self.chance.random() < 0.1:
            self.hang_up("/shop/checkout", body)
        answer = self.insist("POST", "/shop/checkout", body)
        if answer.status == 303:
            order.number = answer.location.rpartition("/")[2]
        return answer

    def body(self, order: Order) -> dict[str, str]:
        fields = {f"packs-{listing}": str(count) for listing, count in order.packs.items()}
        return fields | {
            "csrf_token": self._token,
            "round_id": str(self.offer.round_id),
            "key": order.key,
            "shown": str(order.total_fen),
            "pickup_point_id": str(self.offer.pickup_point_id),
            "contact_name": self.name,
            "contact_phone": "000-0000 0009",
            "pay_how": "pickup",
        }

    def cancel(self, order: Order) -> None:
        """A cancellation whose answer was lost is asked for again and then refused: it is done."""
        path = f"/shop/orders/{order.number}/cancel"
        answer = self.insist("POST", path, {"csrf_token": self._token})
        assert answer.status in {303, 409}
        order.cancelled = True

    def insist(self, method: str, path: str, form: Mapping[str, str] | None = None) -> Answer:
        """Ask until there is an answer that says more than "wait"."""
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = self.ask(method, path, form)
            if answer is not None and not (answer.status == 409 and "正在处理" in answer.page):
                return answer
            assert time.monotonic() < deadline, f"no answer from {path}"
            time.sleep(0.02)

    def ask(self, method: str, path: str, form: Mapping[str, str] | None = None) -> Answer | None:
        """One request on a connection of its own; None when the connection broke."""
        with closing(
            http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        ) as caller:
            try:
                caller.request(method, path, urlencode(form) if form else None, self._headers(form))
                heard = caller.getresponse()
                page = heard.read().decode()
            except (OSError, http.client.HTTPException):
                self.cut += 1
                return None
        self.statuses.append(heard.status)
        if given := heard.getheader("Set-Cookie"):
            self._cookie = given.partition(";")[0]
        return Answer(heard.status, heard.getheader("Location", ""), page)

    def hang_up(self, path: str, form: Mapping[str, str]) -> None:
        """Send all of a request and close the connection before anything can come back."""
        with closing(
            http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        ) as caller:
            try:
                caller.request("POST", path, urlencode(form), self._headers(form))
            except OSError:
                self.cut += 1

    def _headers(self, form: Mapping[str, str] | None) -> dict[str, str]:
        headers = {"Cookie": self._cookie} if self._cookie else {}
        return headers | ({"Content-Type": "application/x-www-form-urlencoded"} if form else {})
