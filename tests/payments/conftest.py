"""A gateway of the test's own, on the loopback interface."""

from threading import Thread

import pytest
from werkzeug.serving import make_server

from marketplace.alipay_simulator.books import Books
from marketplace.alipay_simulator.gateway import APP_ID, SELLER_ID, Gateway
from marketplace.alipay_simulator.server import make_gateway_app
from marketplace.alipay_simulator.signing import Keys
from marketplace.core.settings import AlipaySettings

KEYS = Keys.make()


@pytest.fixture
def gateway():
    """Brings no notice by itself: the test says when (`deliver_due`)."""
    made = Gateway(KEYS, Books())
    yield made
    made.books.close()


@pytest.fixture
def alipay_settings(gateway):
    """Of the merchant whom the gateway knows; the gateway answers as long as the test runs."""
    server = make_server("127.0.0.1", 0, make_gateway_app(gateway), threaded=True)
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield AlipaySettings(
        APP_ID,
        SELLER_ID,
        KEYS.merchant_private,
        KEYS.own_public,
        f"http://127.0.0.1:{server.server_port}/gateway.do",
    )
    server.shutdown()
    thread.join()
    server.server_close()
