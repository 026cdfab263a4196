"""A gateway of the test's own, on the loopback interface, and whoever pays through it."""

from collections.abc import Iterator
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from marketplace.alipay_simulator.books import Books, Trade
from marketplace.alipay_simulator.gateway import APP_ID, SELLER_ID, Gateway
from marketplace.alipay_simulator.server import make_gateway_server
from marketplace.alipay_simulator.signing import Keys
from marketplace.core.settings import AlipaySettings
from marketplace.jobs.due import pay_jobs
from marketplace.payments.merchant import pay_token

KEYS = Keys.make()


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """Brings no notice by itself: the test says when (`deliver_due`)."""
    made = Gateway(KEYS, Books())
    yield made
    made.books.close()


@pytest.fixture
def alipay_settings(gateway: Gateway) -> Iterator[AlipaySettings]:
    """Of the merchant whom the gateway knows; the gateway answers as long as the test runs."""
    server = make_gateway_server(gateway)
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    gateway.site = f"http://127.0.0.1:{server.socket.getsockname()[1]}"
    yield AlipaySettings(
        APP_ID,
        SELLER_ID,
        KEYS.merchant_private,
        KEYS.own_public,
        f"{gateway.site}/gateway.do",
    )
    server.shutdown()
    thread.join()
    server.server_close()


class Till:
    """How money comes: through the pay page, the gateway, its notices and the minute's job."""

    def __init__(self, app: Flask, gateway: Gateway) -> None:
        self.app, self.gateway = app, gateway
        self.guest = app.test_client()
        gateway.send = self._told

    def _told(self, url: str, params: object) -> str:
        answer = self.app.test_client().post(urlsplit(url).path, data=params)
        return answer.get_data(as_text=True)

    def address(self, number: str) -> str:
        with self.app.app_context():
            return f"/pay/{pay_token(number)}"

    def come(self, number: str) -> Trade:
        """Press the button of an order that waits for money, and arrive at the gateway."""
        answer = self.guest.post(self.address(number))
        assert answer.status_code == 303, answer.get_data(as_text=True)
        query = parse_qs(urlsplit(answer.location).query)
        return self.gateway.open({key: value for key, (value,) in query.items()})

    def pay(self, number: str) -> Trade:
        """Pay at the gateway; nobody has been told yet."""
        trade = self.come(number)
        assert self.gateway.pay(trade)
        return trade

    def jobs(self) -> None:
        with self.app.app_context():
            pay_jobs()
