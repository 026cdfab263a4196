"""A gateway of the test's own, on the loopback interface, and an application that is paid through it."""

from threading import Thread

import pytest

from marketplace.alipay_simulator.books import Books
from marketplace.alipay_simulator.gateway import APP_ID, SELLER_ID, Gateway
from marketplace.alipay_simulator.server import make_gateway_server
from marketplace.alipay_simulator.signing import Keys
from marketplace.core.clock import use_clock
from marketplace.core.settings import AlipaySettings
from tests.payments.paying import Paying
from tests.support.app import dispose, make_app, settings_for

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
    server = make_gateway_server(gateway)
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield AlipaySettings(
        APP_ID,
        SELLER_ID,
        KEYS.merchant_private,
        KEYS.own_public,
        f"http://127.0.0.1:{server.socket.getsockname()[1]}/gateway.do",
    )
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def app(database_url, tmp_path, alipay_settings):
    made = make_app(
        settings_for(database_url, tmp_path, alipay=alipay_settings, site="http://localhost")
    )
    made.config["WTF_CSRF_ENABLED"] = False
    made.config["PROPAGATE_UNKNOWN"] = True
    yield made
    dispose(made)


@pytest.fixture
def paying(world, gateway):
    """Somebody who pays online, at a clock of the test's own."""
    made = Paying(world, gateway)
    with use_clock(made.clock):
        yield made
