"""Alipay through its official SDK. No other module knows the SDK; this one knows no order.

An answer is either clear or it is not: `Unclear` means that nobody knows what happened, so the caller
asks again (`ask`, `ask_refund`) and never guesses. `Refused` is a clear no, with Alipay's own code.
"""

import http.client
import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from alipay.aop.api import DefaultAlipayClient as sdk  # noqa: N813 - a module
from alipay.aop.api.AlipayClientConfig import AlipayClientConfig
from alipay.aop.api.domain.AlipayDataDataserviceBillDownloadurlQueryModel import (
    AlipayDataDataserviceBillDownloadurlQueryModel,
)
from alipay.aop.api.domain.AlipayTradeCloseModel import AlipayTradeCloseModel
from alipay.aop.api.domain.AlipayTradeFastpayRefundQueryModel import (
    AlipayTradeFastpayRefundQueryModel,
)
from alipay.aop.api.domain.AlipayTradePagePayModel import AlipayTradePagePayModel
from alipay.aop.api.domain.AlipayTradePrecreateModel import AlipayTradePrecreateModel
from alipay.aop.api.domain.AlipayTradeQueryModel import AlipayTradeQueryModel
from alipay.aop.api.domain.AlipayTradeRefundModel import AlipayTradeRefundModel
from alipay.aop.api.domain.AlipayTradeWapPayModel import AlipayTradeWapPayModel
from alipay.aop.api.request.AlipayDataDataserviceBillDownloadurlQueryRequest import (
    AlipayDataDataserviceBillDownloadurlQueryRequest,
)
from alipay.aop.api.request.AlipayTradeCloseRequest import AlipayTradeCloseRequest
from alipay.aop.api.request.AlipayTradeFastpayRefundQueryRequest import (
    AlipayTradeFastpayRefundQueryRequest,
)
from alipay.aop.api.request.AlipayTradePagePayRequest import AlipayTradePagePayRequest
from alipay.aop.api.request.AlipayTradePrecreateRequest import AlipayTradePrecreateRequest
from alipay.aop.api.request.AlipayTradeQueryRequest import AlipayTradeQueryRequest
from alipay.aop.api.request.AlipayTradeRefundRequest import AlipayTradeRefundRequest
from alipay.aop.api.request.AlipayTradeWapPayRequest import AlipayTradeWapPayRequest
from alipay.aop.api.util.SignatureUtils import get_sign_content
from alipay.aop.api.util.WebUtils import url_encode

from marketplace.core.clock import SHANGHAI, now
from marketplace.core.rsa_keys import private_text, public_text, verifies
from marketplace.core.settings import AlipaySettings
from marketplace.payments.answers import Forged, Notice, Refused, Trade, Unclear, Wanted

SECONDS_TO_WAIT = 10
OK, UNAVAILABLE = "10000", "20000"
NO_SUCH_TRADE = "ACQ.TRADE_NOT_EXIST"
NOT_SURE = frozenset(
    {"ACQ.SYSTEM_ERROR", "SYSTEM_ERROR", "isp.unknow-error", "aop.ACQ.SYSTEM_ERROR"}
)


class Alipay:
    """One connection's worth of settings; cheap to keep, safe to share between threads."""

    def __init__(self, settings: AlipaySettings) -> None:
        self._settings = settings
        config = AlipayClientConfig()
        config.server_url = settings.gateway
        config.app_id = settings.app_id
        config.app_private_key = private_text(settings.private_key)
        config.alipay_public_key = public_text(settings.public_key)
        self._client = _Client(config, settings)

    def pay_address(self, wanted: Wanted, notify_url: str, return_url: str, *, phone: bool) -> str:
        """Where the buyer's browser goes to pay: a signed address, nothing is sent yet."""
        if phone:
            model = _filled(AlipayTradeWapPayModel(), wanted, "QUICK_WAP_WAY")
            model.quit_url = return_url
            request = AlipayTradeWapPayRequest(biz_model=model)
        else:
            model = _filled(AlipayTradePagePayModel(), wanted, "FAST_INSTANT_TRADE_PAY")
            request = AlipayTradePagePayRequest(biz_model=model)
        request.notify_url, request.return_url = notify_url, return_url
        return str(self._client.page_execute(request, "GET"))

    def pay_code(self, wanted: Wanted, notify_url: str) -> str:
        """What a QR code holds that anybody's phone can pay. Raises Unclear, Refused."""
        model = _filled(AlipayTradePrecreateModel(), wanted, "")
        request = AlipayTradePrecreateRequest(biz_model=model)
        request.notify_url = notify_url
        return str(self._client.call(request)["qr_code"])

    def ask(self, out_trade_no: str) -> Trade | None:
        """What became of a payment; None when the buyer never came to Alipay. Raises Unclear, Refused."""
        model = AlipayTradeQueryModel()
        model.out_trade_no = out_trade_no
        try:
            said = self._client.call(AlipayTradeQueryRequest(biz_model=model))
        except Refused as refused:
            if refused.code == NO_SUCH_TRADE:
                return None
            raise
        if said.get("out_trade_no") != out_trade_no:
            raise Unclear("the answer is about another payment")
        return _trade(said)

    def close(self, out_trade_no: str) -> None:
        """Nobody can pay it any more. Raises Unclear, Refused (it was paid meanwhile)."""
        model = AlipayTradeCloseModel()
        model.out_trade_no = out_trade_no
        try:
            self._client.call(AlipayTradeCloseRequest(biz_model=model))
        except Refused as refused:
            if refused.code != NO_SUCH_TRADE:
                raise

    def refund(self, out_trade_no: str, request_no: str, fen: int, reason: str) -> None:
        """Give back `fen`; the same `request_no` again gives nothing back twice. Raises Unclear, Refused."""
        model = AlipayTradeRefundModel()
        model.out_trade_no, model.out_request_no = out_trade_no, request_no
        model.refund_amount, model.refund_reason = _yuan(fen), reason
        self._client.call(AlipayTradeRefundRequest(biz_model=model))

    def ask_refund(self, out_trade_no: str, request_no: str) -> int | None:
        """The fen that this request gave back, None when it did not. Raises Unclear, Refused."""
        model = AlipayTradeFastpayRefundQueryModel()
        model.out_trade_no, model.out_request_no = out_trade_no, request_no
        try:
            said = self._client.call(AlipayTradeFastpayRefundQueryRequest(biz_model=model))
        except Refused as refused:
            if refused.code == NO_SUCH_TRADE:
                return None
            raise
        if said.get("refund_status") != "REFUND_SUCCESS":
            return None
        return _fen(str(said.get("refund_amount", "")))

    def bill_address(self, day: date) -> str:
        """Where the bill of a past day can be fetched for half a minute. Raises Unclear, Refused."""
        model = AlipayDataDataserviceBillDownloadurlQueryModel()
        model.bill_type, model.bill_date = "trade", day.isoformat()
        request = AlipayDataDataserviceBillDownloadurlQueryRequest(biz_model=model)
        return str(self._client.call(request)["bill_download_url"])

    def read_notice(self, given: Mapping[str, str]) -> Notice:
        """A message that came to our door. Raises Forged unless Alipay signed it for this merchant."""
        signed = {k: v for k, v in given.items() if k not in {"sign", "sign_type"}}
        content = get_sign_content(signed).encode()
        if given.get("sign_type") != "RSA2":
            raise Forged("sign_type")
        if not verifies(self._settings.public_key, content, given.get("sign", "")):
            raise Forged("sign")
        if given.get("app_id") != self._settings.app_id:
            raise Forged("app_id")
        if given.get("seller_id") != self._settings.seller_id:
            raise Forged("seller_id")
        try:
            trade = _trade(given)
        except Unclear as error:
            raise Forged(str(error)) from error
        refund = bool(given.get("refund_fee") or given.get("gmt_refund"))
        return Notice(trade, refund)


class _Client(sdk.DefaultAlipayClient):
    """The SDK with a socket of our own (its own loses ports and leaks faults), and strict about hashes."""

    def __init__(self, config: AlipayClientConfig, settings: AlipaySettings) -> None:
        super().__init__(config)
        self._settings = settings
        sdk.THREAD_LOCAL.uuid = ""

    def call(self, request: Any) -> dict[str, Any]:
        """The answer's content when Alipay says 10000. Raises Unclear, Refused."""
        sdk.THREAD_LOCAL.uuid = ""
        query, params = self._DefaultAlipayClient__prepare_request(request)
        text = self._sent(query, url_encode(params, "utf-8"))
        said = json.loads(self._checked(text))
        code, sub_code = str(said.get("code", "")), str(said.get("sub_code", ""))
        if code == OK:
            return dict(said)
        if code == UNAVAILABLE or sub_code in NOT_SURE or not code:
            raise Unclear(f"{code} {sub_code}")
        raise Refused(sub_code or code, str(said.get("sub_msg") or said.get("msg") or ""))

    def _sent(self, query: str, body: str) -> str:
        place = urlsplit(self._settings.gateway)
        kind = (
            http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
        )
        connection = kind(place.hostname or "", place.port, timeout=SECONDS_TO_WAIT)
        headers = {"Content-Type": "application/x-www-form-urlencoded;charset=utf-8"}
        try:
            connection.request("POST", f"{place.path}?{query}", body=body, headers=headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unclear(type(error).__name__) from error
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise Unclear(f"status {answer.status}")
        return text.decode("utf-8", "replace")

    def _checked(self, text: str) -> str:
        """The signed part of the answer, as it was sent. Raises Unclear for what Alipay did not sign."""
        begin = re.match(r'\s*\{\s*"[a-z_]+_response"\s*:\s*', text)
        if begin is None:
            raise Unclear("not an answer")
        try:
            _, end = json.JSONDecoder().raw_decode(text, begin.end())
            signature = str(json.loads(text).get("sign", ""))
        except ValueError as error:
            raise Unclear("not an answer") from error
        content = text[begin.end() : end]
        if not verifies(self._settings.public_key, content.encode(), signature):
            raise Unclear("not signed")
        return content


def _filled(model: Any, wanted: Wanted, product_code: str) -> Any:
    model.out_trade_no, model.subject = wanted.out_trade_no, wanted.subject
    model.total_amount = _yuan(wanted.fen)
    model.time_expire = wanted.expires_at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
    if product_code:
        model.product_code = product_code
    return model


def _trade(said: Mapping[str, Any]) -> Trade:
    return Trade(
        out_trade_no=str(said.get("out_trade_no", "")),
        number=str(said.get("trade_no", "")),
        status=str(said.get("trade_status", "")),
        fen=_fen(str(said.get("total_amount", ""))),
    )


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _fen(text: str) -> int:
    """Raises Unclear for what is no sum in yuan."""
    found = re.fullmatch(r"(\d{1,9})(?:\.(\d{1,2}))?", text)
    if found is None:
        raise Unclear(f"no sum: {text[:20]!r}")
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


class _InShanghai:
    """Stands where the SDK asks for the time: it writes naive local time, of whatever zone the machine has."""

    @staticmethod
    def now() -> datetime:
        return now().astimezone(SHANGHAI).replace(tzinfo=None)


sdk.datetime = SimpleNamespace(datetime=_InShanghai)


@lru_cache(maxsize=4)
def alipay_of(settings: AlipaySettings) -> Alipay:
    return Alipay(settings)
