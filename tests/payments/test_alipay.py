"""The official SDK against a gateway that was written without it, over real sockets."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from marketplace.alipay_simulator.gateway import API_FAULTS, APP_ID, SELLER_ID, Gateway
from marketplace.core.clock import now
from marketplace.core.settings import AlipaySettings
from marketplace.payments.alipay import Alipay
from marketplace.payments.answers import Forged, Refused, Unclear, Wanted
from tests.support.alipay import KEYS


def wanted(number="D1-1", fen=1230):
    return Wanted(number, fen, "乡帮 第 1 期", now() + timedelta(minutes=30))


@pytest.fixture
def alipay(alipay_settings):
    return Alipay(alipay_settings)


def buyer_comes(gateway: Gateway, address: str):
    """What a browser does with the signed address: the gateway opens the trade."""
    params = {key: value for key, (value,) in parse_qs(urlsplit(address).query).items()}
    return gateway.open(params)


def come(alipay, gateway, one=None, phone=True):
    one = one or wanted()
    address = alipay.pay_address(
        one, "http://127.0.0.1/notify", "http://127.0.0.1/back", phone=phone
    )
    return buyer_comes(gateway, address)


@pytest.mark.parametrize("phone", [True, False])
def test_the_signed_address_opens_the_trade_at_the_gateway(alipay, gateway, phone):
    trade = come(alipay, gateway, phone=phone)
    assert (trade.out_trade_no, trade.fen, trade.status) == ("D1-1", 1230, "WAIT_BUYER_PAY")
    assert abs(trade.expires_at - (now() + timedelta(minutes=30)).timestamp()) < 60


def test_times_are_told_in_shanghai_whatever_zone_the_machine_has(alipay, monkeypatch):
    monkeypatch.setattr(
        "marketplace.payments.alipay.now", lambda: datetime(2026, 1, 1, 20, 5, tzinfo=UTC)
    )
    address = alipay.pay_address(wanted(), "http://127.0.0.1/n", "http://127.0.0.1/b", phone=True)
    assert parse_qs(urlsplit(address).query)["timestamp"] == ["2026-01-02 04:05:00"]


def test_asking_tells_what_became_of_a_payment(alipay, gateway):
    assert alipay.ask("D1-1") is None
    trade = come(alipay, gateway)
    assert alipay.ask("D1-1").status == "WAIT_BUYER_PAY"
    assert gateway.pay(trade)
    asked = alipay.ask("D1-1")
    assert (asked.paid, asked.fen, asked.number) == (True, 1230, trade.trade_no)


def test_a_closed_payment_takes_no_money_and_a_paid_one_is_not_closed(alipay, gateway):
    trade = come(alipay, gateway)
    alipay.close("D1-1")
    alipay.close("D1-1")
    assert not gateway.pay(trade)
    assert alipay.ask("D1-1").status == "TRADE_CLOSED"
    alipay.close("never came")
    paid = come(alipay, gateway, wanted("D2-1"))
    gateway.pay(paid)
    with pytest.raises(Refused, match="STATUS_INVALID"):
        alipay.close("D2-1")


def test_money_goes_back_once_for_each_request(alipay, gateway):
    gateway.pay(come(alipay, gateway))
    for _ in range(2):
        alipay.refund("D1-1", "R1", 230, "少了一份")
    assert alipay.ask_refund("D1-1", "R1") == 230
    assert alipay.ask_refund("D1-1", "R2") is None
    assert gateway.books.trade("D1-1").refunded_fen == 230
    with pytest.raises(Refused):
        alipay.refund("D1-1", "R3", 1001, "太多")
    assert alipay.ask_refund("nobody", "R1") is None


def test_a_code_can_be_paid_from_another_phone(alipay, gateway):
    assert alipay.pay_code(wanted(), "http://127.0.0.1/n").startswith(f"{gateway.site}/qr/")
    gateway.pay(gateway.books.trade("D1-1"))
    assert alipay.ask("D1-1").paid


@pytest.mark.parametrize("fault", sorted({*API_FAULTS} - {"declined"}))
def test_whatever_goes_wrong_on_the_way_is_unclear_and_never_a_guess(alipay, gateway, fault):
    gateway.pay(come(alipay, gateway))
    gateway.fail("alipay.trade.refund", fault)
    with pytest.raises(Unclear):
        alipay.refund("D1-1", "R1", 100, "少了")
    done = alipay.ask_refund("D1-1", "R1")
    assert done == (100 if fault in {"late", "unsigned", "sha1"} else None)
    alipay.refund("D1-1", "R1", 100, "少了")
    assert gateway.books.trade("D1-1").refunded_fen == 100


def test_nobody_at_the_other_end_is_unclear(alipay_settings):
    silent = AlipaySettings(
        **(vars(alipay_settings) | {"gateway": "http://127.0.0.1:9/gateway.do"})
    )
    with pytest.raises(Unclear):
        Alipay(silent).ask("D1-1")


def test_keys_are_taken_in_every_form_that_the_key_tools_write(alipay_settings, gateway):
    bare = "".join(KEYS.merchant_private.splitlines()[1:-1])
    for text in (KEYS.merchant_private, bare, bare[:70] + "\r\n" + bare[70:]):
        one = AlipaySettings(**(vars(alipay_settings) | {"private_key": text}))
        assert Alipay(one).ask("D1-1") is None


@pytest.mark.parametrize(
    ("fault", "what"),
    [("forge", "sign"), ("sha1", "sign"), ("seller", "seller_id"), ("app", "app_id")],
)
def test_a_notice_that_alipay_did_not_sign_for_us_is_forged(alipay, gateway, fault, what):
    heard = []
    gateway.send = lambda _url, params: heard.append(params) or ""
    gateway.fail("notice", fault)
    gateway.pay(come(alipay, gateway))
    gateway.deliver_due()
    with pytest.raises(Forged, match=what):
        alipay.read_notice(heard[0])


def test_a_notice_tells_of_a_payment_and_another_of_what_went_back(alipay, gateway):
    heard = []
    gateway.send = lambda _url, params: heard.append(params) or "success"
    gateway.pay(come(alipay, gateway))
    alipay.refund("D1-1", "R1", 30, "少了")
    assert gateway.deliver_due() == 2
    paid, back = map(alipay.read_notice, heard)
    assert (paid.trade.paid, paid.trade.fen, paid.refund) == (True, 1230, False)
    assert (back.trade.status, back.refund) == ("TRADE_SUCCESS", True)


def test_a_notice_comes_eight_times_over_a_day_until_it_is_taken(alipay, gateway):
    clock = [1_800_000_000.0]
    gateway.clock = lambda: clock[0]
    heard = []
    gateway.send = lambda _url, _params: heard.append(clock[0]) or "fail"
    gateway.books.open_trade("D9-1", 100, "x", "http://127.0.0.1/n", "", clock[0] + 60)
    gateway.pay(gateway.books.trade("D9-1"))
    for _ in range(30 * 60):
        gateway.deliver_due()
        clock[0] += 60
    assert len(heard) == 8
    assert 24 * 3600 < heard[-1] - heard[0] < 26 * 3600


def test_the_merchant_is_who_it_says(gateway, alipay_settings):
    assert (alipay_settings.app_id, alipay_settings.seller_id) == (APP_ID, SELLER_ID)
    stranger = type(KEYS).make()
    other = AlipaySettings(**(vars(alipay_settings) | {"private_key": stranger.own_private}))
    with pytest.raises(Refused, match="signature"):
        Alipay(other).ask("D1-1")
