"""Proposing the next run: first what it would pay and what would wait, then the button."""

from collections.abc import Sequence

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy import select

from marketplace.core.clock import now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, MarketplaceError
from marketplace.core.money import format_yuan
from marketplace.core.spoken_number import read_count
from marketplace.identity.access import current_actor, requires
from marketplace.identity.county_reach import whole_county
from marketplace.identity.permissions import PAYOUT_PROPOSE
from marketplace.settlement import advances
from marketplace.settlement.payout_models import Advance, PayoutRun
from marketplace.settlement.payout_views import Answer, bp
from marketplace.settlement.preview import preview_run
from marketplace.settlement.proposing import propose_run


@bp.get("/new")
@requires(PAYOUT_PROPOSE)
def new() -> str:
    whole_county()
    return _new(request.args.get("advance", ""))


def _new(chosen: str, refused: MarketplaceError | None = None) -> str:
    found = db.session.scalars(
        select(Advance).where(Advance.state == "approved").order_by(Advance.number)
    ).all()
    standings = advances.standings(db.session, found)
    rooms = [(one, advances.room_fen(one, standings[one.id])) for one in found]
    advance, room_fen = next((pair for pair in rooms if str(pair[0].id) == chosen), (None, 0))
    return render_template(
        "settlement/propose.html",
        preview=preview_run(db.session, room_fen),
        choices=_choices(rooms, advance),
        advance=advance,
        run_waits=db.session.scalar(select(PayoutRun.number).where(PayoutRun.state == "proposed")),
        refused=refused,
        as_of=now(),
    )


def _choices(
    rooms: Sequence[tuple[Advance, int]], chosen: Advance | None
) -> list[dict[str, object]]:
    """Paying what buyers have paid for only, or one of the advances with its room."""
    none: dict[str, object] = {"label": "不垫", "href": url_for(".new"), "active": not chosen}
    return [none] + [
        {
            "label": f"{one.name}（还能用 {format_yuan(room_fen)} 元）",
            "href": url_for(".new", advance=one.id),
            "active": one is chosen,
        }
        for one, room_fen in rooms
    ]


@bp.post("/new")
@requires(PAYOUT_PROPOSE)
def propose() -> Answer:
    """Propose what the page showed, and nothing else."""
    whole_county()
    chosen = request.form.get("advance", "")
    try:
        advance_id = read_count(chosen, "周转金", least=1, most=10**12) if chosen else None
        fen = read_count(request.form.get("fen", ""), "金额", least=0, most=10**15)
        with transaction() as session:
            run = propose_run(session, current_actor(), advance_id)
            if run.fen != fen:
                raise Conflict("总数和您看到的不一样，请看过新的再提。", code="changed")
            number = run.number
    except MarketplaceError as error:
        return _new(chosen, error), error.http_status
    flash("提出来了，请另一个人审批。", "success")
    return redirect(url_for(".run", run_no=number), 303)
