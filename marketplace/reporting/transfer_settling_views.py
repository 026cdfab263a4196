"""What finance does with bank transfers: place, take back, call by another name, remember who pays for whom."""

from collections.abc import Callable

from flask import flash, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug import Response

from marketplace.core.db import transaction
from marketplace.core.errors import InvalidInput, MarketplaceError
from marketplace.core.wake import wake
from marketplace.identity.access import current_actor, requires
from marketplace.identity.county_reach import whole_county
from marketplace.identity.permissions import TRANSFER_MANAGE
from marketplace.payments import aliases, transfers
from marketplace.payments.placing import place, undo_placing
from marketplace.reporting.transfer_views import bp, detail, listing, payers_page
from marketplace.reporting.typed_sums import picked_sums
from marketplace.web.addresses import row_number

Answer = Response | tuple[str, int]
MOST_DIGITS = 13


def _done(words: str, address: str) -> Response:
    flash(words, "success")
    return redirect(address, 303)


@bp.post("/<int:transfer_id>/take")
@requires(TRANSFER_MANAGE)
def take(transfer_id: int) -> Answer:
    """The proposed split, as the list showed it."""
    whole_county()
    try:
        parts = dict(_pair(text) for text in request.form.getlist("part"))
        over = _fen(request.form.get("over", "0"))
        unit = row_number(request.form.get("unit", "")) or None
        with transaction() as session:
            actor = current_actor()
            place(session, actor, transfer_id, parts, credit_unit=unit, credit_fen=over)
    except MarketplaceError as refused:
        return listing(refused, transfer_id), refused.http_status
    return _done("认好了。", url_for("transfers.index", tab=request.args.get("tab") or None))


def _pair(text: str) -> tuple[str, int]:
    number, _, fen = text.partition(":")
    return number[:20], _fen(fen)


def _fen(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > MOST_DIGITS:
        raise InvalidInput("页面上的金额不对，请刷新再试。", code="bad_sum", field="parts")
    return int(text)


@bp.post("/<int:transfer_id>/place")
@requires(TRANSFER_MANAGE)
def settle(transfer_id: int) -> Answer:
    """What was ticked, with the sums typed beside it."""
    whole_county()
    unit = row_number(request.form.get("unit", "")) or None
    try:
        parts = picked_sums()
        with transaction() as session:
            payer = _settle(session, transfer_id, parts, unit)
        if request.form.get("remember") and unit is not None:
            with transaction() as session:  # of its own: it looks at other transfers of this payer
                aliases.remember(session, current_actor(), payer, unit)
    except MarketplaceError as refused:
        return detail(transfer_id, refused), refused.http_status
    wake()
    return _done("认好了。", url_for("transfers.show", transfer_id=transfer_id))


def _settle(session: Session, transfer_id: int, parts: dict[str, int], unit: int | None) -> str:
    """Returns the payer's name."""
    actor = current_actor()
    found = transfers.get_transfer(session, transfer_id)
    payer, over = found.payer_name, 0
    if request.form.get("rest") == "credit":
        over = max(0, found.rest_fen - sum(parts.values()))
    place(session, actor, transfer_id, parts, credit_unit=unit, credit_fen=over)
    return payer


def _with_words(act: Callable[..., None], transfer_id: int, said: str) -> Answer:
    whole_county()
    try:
        with transaction() as session:
            act(session, current_actor(), transfer_id, request.form.get("how", ""))
    except MarketplaceError as refused:
        return detail(transfer_id, refused), refused.http_status
    return _done(said, url_for("transfers.index"))


@bp.post("/<int:transfer_id>/not-ours")
@requires(TRANSFER_MANAGE)
def not_ours(transfer_id: int) -> Answer:
    return _with_words(transfers.not_ours, transfer_id, "记下了，这笔留在待查款里。")


@bp.post("/<int:transfer_id>/repeated")
@requires(TRANSFER_MANAGE)
def repeated(transfer_id: int) -> Answer:
    return _with_words(transfers.repeated, transfer_id, "记下了，重复的这一行已经冲回。")


@bp.post("/<int:transfer_id>/booked")
@requires(TRANSFER_MANAGE)
def booked(transfer_id: int) -> Answer:
    return _with_words(transfers.booked, transfer_id, "记下了，这笔账本里已经有，不再记第二次。")


@bp.post("/<int:transfer_id>/reopen")
@requires(TRANSFER_MANAGE)
def reopen(transfer_id: int) -> Answer:
    whole_county()
    with transaction() as session:
        transfers.reopen(session, current_actor(), transfer_id)
    return _done("可以重新处理了。", url_for("transfers.show", transfer_id=transfer_id))


@bp.post("/placings/<int:placing_id>/undo")
@requires(TRANSFER_MANAGE)
def undo(placing_id: int) -> Answer:
    whole_county()
    with transaction() as session:
        undone = undo_placing(session, current_actor(), placing_id, request.form.get("reason", ""))
        transfer_id, unit_id = undone.transfer_id, undone.organisation_id
    if transfer_id:
        return _done("撤销了，钱回到待查款。", url_for("transfers.show", transfer_id=transfer_id))
    return _done("撤销了，钱回到多付款。", url_for("credits.show", unit_id=unit_id))


@bp.post("/payers")
@requires(TRANSFER_MANAGE)
def remember() -> Answer:
    whole_county()
    try:
        with transaction() as session:
            unit = row_number(request.form.get("unit", ""))
            name = request.form.get("name", "")
            new = aliases.remember(session, current_actor(), name, unit)
    except MarketplaceError as refused:
        return payers_page(refused), refused.http_status
    wake()
    words = "记住了，这个户名没认的来款正在重新对。" if new else "这一条早就有了。"
    return _done(words, url_for("transfers.payers"))


@bp.post("/payers/<int:alias_id>/end")
@requires(TRANSFER_MANAGE)
def end(alias_id: int) -> Answer:
    whole_county()
    with transaction() as session:
        aliases.end_alias(session, current_actor(), alias_id)
    return _done("停用了，以前认的款不变。", url_for("transfers.payers"))
