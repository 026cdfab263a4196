"""Over HTTP, on PostgreSQL, two processes: the product beside bare Flask, in turns, in one run."""

import http.client
import re
import statistics
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from flask import Flask
from itsdangerous import URLSafeTimedSerializer

from bench.clients import CLIENTS, per_second
from bench.servers import environment, new_database, served
from marketplace.app import create_app
from marketplace.core.settings import from_environment
from marketplace.identity.models import User
from marketplace.identity.sessions import open_session
from tests.support.app import dispose
from tests.support.runs import Run
from tests.support.world import World

TURNS = 5
ORDERS = 240
PAGES = 300
FORM = "application/x-www-form-urlencoded"


class Market:
    """A shop of 24 listings with goods for every order, and a signed-in buyer for each client."""

    def __init__(self, app: Flask) -> None:
        world = World(app)
        self.round = world.round()
        self.listings = []
        for number in range(24):
            product = world.product(f"蔬菜{number}")
            lot = world.lot(product, 1_000_000 * 2500)
            self.listings.append(world.listing(self.round, product, [lot], title=f"蔬菜{number}"))
        world.open_round(self.round)
        unit = world.unit()
        self.cookies = [
            self._cookie(app, world, world.user("staff", unit=unit)) for _ in range(CLIENTS)
        ]
        with world.transaction() as session:
            self.point = session.get_one(type(self.round), self.round.id).pickups[0].pickup_point_id

    def _cookie(self, app: Flask, world: World, user: User) -> str:
        with world.transaction() as session:
            token = open_session(session, session.get_one(User, user.id), "bench")
        serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
        assert isinstance(serializer, URLSafeTimedSerializer)
        return f"session={serializer.dumps({'_user_id': token, 'basket': {}})}"

    def body(self, client: int, turn: int, token: str) -> str:
        chosen = [self.listings[(client * 5 + turn + k) % len(self.listings)] for k in range(3)]
        fields = {f"packs-{listing.id}": "1" for listing in chosen}
        total = sum(listing.price_fen for listing in chosen)
        return urlencode(
            fields
            | {
                "csrf_token": token,
                "round_id": self.round.id,
                "key": f"bench-{client}-{turn}-{id(self)}-{next(_KEYS)}",
                "shown": total,
                "pickup_point_id": self.point,
                "contact_name": "周小满",
                "contact_phone": "000-0000 0009",
                "pay_how": "pickup",
            }
        )


_KEYS = iter(range(10**9))


def _tokens(port: int, market: Market) -> tuple[list[str], list[str]]:
    """A CSRF token and the cookie that carries it, for each client."""
    tokens, cookies = [], []
    for cookie in market.cookies:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/shop/goods", headers={"Cookie": cookie})
        answer = connection.getresponse()
        page = answer.read().decode()
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert found, "the goods page has a form with a token"
        tokens.append(found[1])
        fresh = answer.headers.get("Set-Cookie", cookie).split(";")[0]
        cookies.append(fresh)
        connection.close()
    return tokens, cookies


def orders(run: Run) -> Iterator[str]:
    """Placing a pre-order of three lines."""
    yield from _beside(run, "orders", "order placed", "the least correct SQL", 0.6, ORDERS)


def shop_page(run: Run) -> Iterator[str]:
    """The shop page with 24 listings, for a visitor."""
    yield from _beside(run, "shop", "shop page", "one query and a template", 0.8, PAGES)


def _beside(run: Run, kind: str, name: str, limit: str, aim: float, requests: int) -> Iterator[str]:
    url = new_database(run, f"bench_{kind}")
    folder = Path(run.folder, f"bench_{kind}")
    folder.mkdir()
    environ = environment(url, folder)
    app = create_app(from_environment(environ))
    market = Market(app)
    dispose(app)
    ratios, speeds = [], []
    with served("marketplace.wsgi:app", environ) as ours, served("bench.bare:app", environ) as bare:
        tokens, cookies = _tokens(ours, market)

        def order(connection: http.client.HTTPConnection, client: int, turn: int) -> int:
            headers = {
                "Content-Type": FORM,
                "Cookie": cookies[client],
                "Referer": f"http://127.0.0.1:{ours}/",
            }
            connection.request(
                "POST", "/shop/checkout", market.body(client, turn, tokens[client]), headers
            )
            answer = connection.getresponse()
            answer.read()
            return 500 if answer.status == 200 else answer.status

        def bare_order(connection: http.client.HTTPConnection, client: int, turn: int) -> int:
            connection.request(
                "POST", "/order", market.body(client, turn, ""), {"Content-Type": FORM}
            )
            answer = connection.getresponse()
            answer.read()
            return answer.status

        def page(connection: http.client.HTTPConnection, _client: int, _turn: int) -> int:
            connection.request("GET", "/shop/goods")
            answer = connection.getresponse()
            answer.read()
            return answer.status

        mine, theirs = (order, bare_order) if kind == "orders" else (page, page)
        for _ in range(TURNS):
            own = per_second(ours, mine, requests)
            least = per_second(bare, theirs, requests)
            ratios.append(own / least)
            speeds.append((own, least))
    own, least = (statistics.median(column) for column in zip(*speeds, strict=True))
    ratio = statistics.median(ratios)
    yield f"{name}: {own:.0f}/s beside {least:.0f}/s of {limit}: ratio {ratio:.2f} (aim ≥ {aim})"
