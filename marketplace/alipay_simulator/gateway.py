"""The gateway's business: requests of the merchant, the buyer's decision, notices and the bill."""

import json
import secrets
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from marketplace.alipay_simulator.books import CLOSED, FINISHED, SUCCESS, WAITING, Books, Trade
from marketplace.alipay_simulator.signing import NOTICE, Keys, signed_text
from marketplace.alipay_simulator.wording import CHINA, fen_of, shown, yuan_of

SCHEDULE = (0, 240, 600, 600, 3600, 7200, 21600, 54000)
"""Seconds before each of the eight times that a notice is brought until `success` is answered."""
APP_ID, SELLER_ID = "2026000000000001", "2088000000000001"
API_FAULTS = (
    "timeout",
    "status 500",
    "garbage",
    "unsigned",
    "sha1",
    "late",
    "system error",
    "declined",
)
"""`late` does the thing and loses the answer; `timeout` loses the request."""
NOTICE_FAULTS = ("drop", "hold", "duplicate", "forge", "sha1", "amount", "seller", "app")
"""`drop` counts as brought, `hold` stays due: a later notice may overtake it."""
Send = Callable[[str, Mapping[str, str]], str]


class Silence(Exception):
    """The connection ends without an answer."""


class Declined(Exception):
    """A clear no, with Alipay's code for it."""

    def __init__(self, sub_code: str) -> None:
        super().__init__(sub_code)
        self.sub_code = sub_code


@dataclass
class Gateway:
    """`speed` makes waiting shorter: 240 turns four minutes into a second. `site` is where its own pages
    are. `send` brings a notice and returns what was answered."""

    keys: Keys
    books: Books
    speed: float = 1.0
    site: str = "http://127.0.0.1"
    send: Send = field(default_factory=lambda: post)
    clock: Callable[[], float] = time.time
    faults: dict[str, deque[str]] = field(default_factory=lambda: defaultdict(deque))

    def fail(self, on: str, fault: str, times: int = 1) -> None:
        """The next `times` calls of a method (alipay.trade.query), or the next notices (`notice`), fail so."""
        known = NOTICE_FAULTS if on == "notice" else API_FAULTS
        if fault not in known:
            raise ValueError(f"{fault!r} is none of {known}")
        self.faults[on].extend([fault] * times)

    def _fault(self, on: str) -> str:
        waiting = self.faults[on]
        return waiting.popleft() if waiting else ""

    # ---- requests of the merchant

    def answer(self, params: Mapping[str, str]) -> tuple[int, str]:
        """HTTP status and body. Raises Silence."""
        method = params.get("method", "")
        fault = self._fault(method)
        if fault == "timeout":
            raise Silence
        if fault == "status 500":
            return 500, "<html>busy</html>"
        if fault == "garbage":
            return 200, "<html>busy</html>"
        if fault == "system error":
            said = _no("ACQ.SYSTEM_ERROR", code="20000")
        elif fault == "declined":
            said = _no("ACQ.SELLER_BALANCE_NOT_ENOUGH")
        else:
            said = self._said(method, params)
        if fault == "late":
            raise Silence
        name = method.replace(".", "_") + "_response"
        content = json.dumps(said, ensure_ascii=False)
        signature = self.keys.sign(content.encode(), sha1=fault == "sha1")
        if fault == "unsigned":
            signature = signature[::-1]
        return 200, f'{{"{name}":{content},"sign":"{signature}"}}'

    def _said(self, method: str, params: Mapping[str, str]) -> dict[str, object]:
        if params.get("app_id") != APP_ID or not self.keys.merchant_signed(params):
            return _no("isv.invalid-signature", code="40002")
        handler = {
            "alipay.trade.query": self._query,
            "alipay.trade.close": self._close,
            "alipay.trade.refund": self._refund,
            "alipay.trade.fastpay.refund.query": self._refund_query,
            "alipay.trade.precreate": self._precreate,
            "alipay.data.dataservice.bill.downloadurl.query": self._bill_address,
        }.get(method)
        if handler is None:
            return _no("isv.invalid-method", code="40002")
        try:
            return {"code": "10000", "msg": "Success", **handler(params)}
        except Declined as no:
            return _no(no.sub_code)

    def open(self, params: Mapping[str, str]) -> Trade:
        """What a browser brings along from the merchant. Raises Declined."""
        if params.get("app_id") != APP_ID or not self.keys.merchant_signed(params):
            raise Declined("isv.invalid-signature")
        return self._opened(params)

    def _opened(self, params: Mapping[str, str]) -> Trade:
        wanted = json.loads(params["biz_content"])
        until = datetime.strptime(wanted["time_expire"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA)
        trade = self.books.open_trade(
            wanted["out_trade_no"],
            fen_of(wanted["total_amount"]),
            wanted["subject"],
            params.get("notify_url", ""),
            params.get("return_url", ""),
            until.timestamp(),
        )
        if trade is None:
            raise Declined("ACQ.CONTEXT_INCONSISTENT")
        return trade

    def _precreate(self, params: Mapping[str, str]) -> dict[str, object]:
        trade = self._opened(params)
        return {
            "out_trade_no": trade.out_trade_no,
            "qr_code": f"{self.site}/qr/{trade.trade_no}",
        }

    def _query(self, params: Mapping[str, str]) -> dict[str, object]:
        return self._facts(self._asked(params))

    def _close(self, params: Mapping[str, str]) -> dict[str, object]:
        trade = self._asked(params)
        if not self.books.close_trade(trade):
            raise Declined("ACQ.REASON_TRADE_STATUS_INVALID")
        return {"out_trade_no": trade.out_trade_no, "trade_no": trade.trade_no}

    def _refund(self, params: Mapping[str, str]) -> dict[str, object]:
        trade, wanted = self._asked(params), json.loads(params["biz_content"])
        fen = fen_of(wanted["refund_amount"])
        done = self.books.refund(trade, wanted["out_request_no"], fen, self.clock())
        if done is None:
            raise Declined("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL")
        trade = self._asked(params)
        if done:
            self._notify(trade, refunded=fen)
        return {
            "out_trade_no": trade.out_trade_no,
            "trade_no": trade.trade_no,
            "fund_change": "Y" if done else "N",
            "refund_fee": yuan_of(trade.refunded_fen),
        }

    def _refund_query(self, params: Mapping[str, str]) -> dict[str, object]:
        trade, wanted = self._asked(params), json.loads(params["biz_content"])
        fen = self.books.refunded(trade, wanted["out_request_no"])
        if fen is None:
            return {"out_trade_no": trade.out_trade_no}
        return {
            "out_trade_no": trade.out_trade_no,
            "out_request_no": wanted["out_request_no"],
            "total_amount": yuan_of(trade.fen),
            "refund_amount": yuan_of(fen),
            "refund_status": "REFUND_SUCCESS",
        }

    def _bill_address(self, params: Mapping[str, str]) -> dict[str, object]:
        day = json.loads(params["biz_content"])["bill_date"]
        if day >= self._now().strftime("%Y-%m-%d"):
            raise Declined("isp.bill_not_exist")
        return {"bill_download_url": f"{self.site}/bill/{day}.zip"}

    def _asked(self, params: Mapping[str, str]) -> Trade:
        wanted = json.loads(params["biz_content"])
        trade = self.books.trade(wanted.get("out_trade_no") or wanted.get("trade_no", ""))
        if trade is None:
            raise Declined("ACQ.TRADE_NOT_EXIST")
        return trade

    def _facts(self, trade: Trade) -> dict[str, object]:
        gone = trade.status == WAITING and trade.expires_at <= self.clock()
        return {
            "out_trade_no": trade.out_trade_no,
            "trade_no": trade.trade_no,
            "trade_status": CLOSED if gone else trade.status,
            "total_amount": yuan_of(trade.fen),
            "buyer_logon_id": "bui***@example.test",
        }

    # ---- the buyer

    def pay(self, trade: Trade) -> bool:
        """The buyer pays; the merchant will hear of it. False when it is too late."""
        if not self.books.pay(trade, self.clock()):
            return False
        paid = self.books.trade(trade.out_trade_no)
        assert paid is not None
        self._notify(paid)
        return True

    def return_address(self, trade: Trade) -> str:
        """Back to the merchant, with signed words about the trade."""
        said = {
            **self._common("alipay.trade.page.pay.return"),
            "out_trade_no": trade.out_trade_no,
            "trade_no": trade.trade_no,
            "total_amount": yuan_of(trade.fen),
        }
        said["sign"] = self.keys.sign(signed_text(said, without=NOTICE))
        return f"{trade.return_url}?{urllib.parse.urlencode(said)}"

    # ---- notices

    def _notify(self, trade: Trade, *, refunded: int = 0) -> None:
        if not trade.notify_url:
            return
        said = {
            **self._common("trade_status_sync"),
            "notify_type": "trade_status_sync",
            "notify_id": secrets.token_hex(16),
            **{key: str(value) for key, value in self._facts(trade).items()},
            "gmt_payment": shown(trade.paid_at or self.clock()),
        }
        if refunded:
            said |= {
                "refund_fee": yuan_of(trade.refunded_fen),
                "gmt_refund": shown(self.clock()),
                "out_biz_no": trade.out_trade_no,
            }
        self.books.queue(trade, said, self.clock())

    def remind_of(self, trade: Trade, *, status: str = FINISHED) -> None:
        """A late repeat, as comes when the time for refunds is over."""
        if status == FINISHED and trade.status == SUCCESS:
            self.books.finish(trade)
        again = self.books.trade(trade.out_trade_no)
        assert again is not None
        self._notify(again)

    def deliver_due(self) -> int:
        """Bring what is due; returns how many were answered with `success`."""
        accepted = 0
        for notice in self.books.due(self.clock()):
            fault = self._fault("notice")
            if fault == "hold":
                continue
            said = _broken(self.keys, notice.params, fault)
            answers = [
                "" if fault == "drop" else self.send(notice.url, said)
                for _ in range(2 if fault == "duplicate" else 1)
            ]
            done = answers[-1] == "success"
            accepted += done
            sent = notice.sent + 1
            pause = SCHEDULE[sent] / self.speed if sent < len(SCHEDULE) else 0.0
            self.books.brought(
                notice, done=done or sent >= len(SCHEDULE), next_due=self.clock() + pause
            )
        return accepted

    def _common(self, method: str) -> dict[str, str]:
        return {
            "app_id": APP_ID,
            "seller_id": SELLER_ID,
            "method": method,
            "charset": "utf-8",
            "version": "1.0",
            "sign_type": "RSA2",
            "timestamp": shown(self.clock()),
        }

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.clock(), UTC).astimezone(CHINA)


def _broken(keys: Keys, params: Mapping[str, str], fault: str) -> dict[str, str]:
    """The notice, signed; or with the fault, which a good signature may cover."""
    said = dict(params)
    if fault == "amount":
        said["total_amount"] = yuan_of(fen_of(said["total_amount"]) + 1)
    elif fault == "seller":
        said["seller_id"] = "2088000000000002"
    elif fault == "app":
        said["app_id"] = "2026000000000002"
    said["sign"] = keys.sign(signed_text(said, without=NOTICE), sha1=fault == "sha1")
    if fault == "forge":
        said["total_amount"] = yuan_of(fen_of(said["total_amount"]) - 1)
    return said


def post(url: str, params: Mapping[str, str]) -> str:
    """Bring a notice over HTTP; silence and faults are an empty answer."""
    data = urllib.parse.urlencode(params).encode()
    try:
        with urllib.request.urlopen(url, data, timeout=10) as answer:  # noqa: S310 - a merchant's address
            return str(answer.read(100).decode("utf-8", "replace"))
    except (urllib.error.URLError, OSError, ValueError):
        return ""


def _no(sub_code: str, code: str = "40004") -> dict[str, object]:
    return {"code": code, "msg": "Business Failed", "sub_code": sub_code, "sub_msg": sub_code}
