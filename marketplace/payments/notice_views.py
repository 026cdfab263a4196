"""The door at which Alipay reports: every message is checked, taken once, and answered exactly."""

import json
from collections.abc import Mapping

import structlog
from flask import Blueprint, Response, request

from marketplace.core.clock import now
from marketplace.core.db import transaction
from marketplace.core.errors import Conflict
from marketplace.identity.access import public
from marketplace.payments.answers import Forged, Notice
from marketplace.payments.merchant import current_alipay
from marketplace.payments.models import AlipayMessage
from marketplace.payments.taking import take_money

bp = Blueprint("alipay_notice", __name__, url_prefix="/alipay")
log = structlog.get_logger("alipay")
UNDERSTOOD = frozenset({"taken", "repeat", "refund", "noted"})
"""What these say is done or known: Alipay need not tell it again."""


@bp.post("/notify")
@public
def hear() -> Response:
    """`success` for what was understood; anything else makes Alipay come again."""
    given = request.form.to_dict()
    try:
        notice = current_alipay().read_notice(given)
    except Forged as error:
        log.warning("notice_forged", why=str(error), payment=given.get("out_trade_no", "")[:64])
        return Response("failure", mimetype="text/plain")
    verdict = _taken(notice)
    _keep(notice, verdict, given)
    log.info("notice", payment=notice.trade.out_trade_no, verdict=verdict)
    return Response("success" if verdict in UNDERSTOOD else "failure", mimetype="text/plain")


def _taken(notice: Notice) -> str:
    """What became of it. Money that went back also says TRADE_SUCCESS: that is no payment."""
    trade = notice.trade
    if notice.refund:
        return "refund"
    if not trade.paid:
        return "noted"
    try:
        with transaction() as session:
            new = take_money(session, trade.out_trade_no, trade.number, trade.fen)
    except Conflict as refused:
        return refused.code
    return "taken" if new else "repeat"


def _keep(notice: Notice, verdict: str, given: Mapping[str, str]) -> None:
    with transaction() as session:
        session.add(
            AlipayMessage(
                at=now(),
                out_trade_no=notice.trade.out_trade_no[:64],
                verdict=verdict,
                body=json.dumps(dict(given), ensure_ascii=False, sort_keys=True)[:4000],
            )
        )
