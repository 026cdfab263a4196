"""An application that is paid through the test's own gateway."""

import pytest

from marketplace.core.clock import use_clock
from tests.payments.paying import Paying
from tests.support.app import dispose, make_app, settings_for


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
