"""The board as page, A4, xlsx and text; and the rows behind each number."""

from flask import Blueprint, render_template, request, url_for
from werkzeug import Response

from marketplace.core.clock import format_when, shanghai_date
from marketplace.core.db import db
from marketplace.core.errors import NotFound
from marketplace.identity.access import current_actor, requires
from marketplace.identity.county_reach import works_for_county
from marketplace.identity.permissions import BOARD_VIEW, PAYOUT_APPROVE, ROUND_MANAGE
from marketplace.imports.sheets import write_xlsx
from marketplace.orders.order_models import CHANNELS
from marketplace.orders.round_models import Round
from marketplace.reporting import board as boards
from marketplace.reporting.board_rows import counted_base, rows_behind
from marketplace.reporting.board_stages import STAGES
from marketplace.reporting.desk import Task, money_to_approve, tasks_of, waiting_on_desk
from marketplace.web.downloads import send_xlsx
from marketplace.web.paging import paginate

bp = Blueprint("board", __name__)
NOW_AT = {
    "allocated": "allocated",
    "collecting": "weighed",
    "delivering": "accepted",
    "settled": "paid",
}
"""State of the round → the stage that goods are in; before, they are being ordered."""


@bp.get("/board")
@requires(BOARD_VIEW)
def index() -> str:
    rounds = boards.ranked_rounds(db.session)
    if not rounds:
        return render_template("reporting/board_empty.html", tasks=_tasks())
    return _page(rounds[0], rounds)


@bp.get("/board/<int:round_id>")
@requires(BOARD_VIEW)
def show(round_id: int) -> str:
    return _page(boards.get_round(db.session, round_id), boards.ranked_rounds(db.session))


def _page(found: Round, rounds: list[Round]) -> str:
    board = boards.board_of(db.session, found)
    return render_template(
        "reporting/board.html",
        board=board,
        round=found,
        rounds=sorted((one for one in rounds if one.id != found.id), key=lambda one: -one.number),
        stages=STAGES,
        chain=_chain(board),
        channels=CHANNELS,
        text=boards.text_of(board, format_when(board.as_of)),
        tasks=_tasks(),
    )


def _tasks() -> list[Task]:
    """Those who run the rounds, or sign for the money, begin their day here; everybody else reads the
    figures."""
    actor = current_actor()
    if actor.may(ROUND_MANAGE):
        return waiting_on_desk(db.session) + tasks_of(db.session)
    return money_to_approve(db.session) if works_for_county(actor, PAYOUT_APPROVE) else []


def _chain(board: boards.Board) -> list[dict[str, str]]:
    """How many products stand at each stage: kinds of goods add up, kilograms and hens do not."""
    order = list(STAGES)
    here = order.index(NOW_AT.get(board.round.state, "ordered"))
    if board.all_paid:
        here = len(order)
    stages = []
    for at, (stage, (words, _)) in enumerate(STAGES.items()):
        kinds = sum(1 for line in board.products if line.figures.get(stage))
        stages.append(
            {
                "label": words,
                "value": f"{kinds} 种" if kinds else "",
                "state": "done" if at < here else "now" if at == here else "todo",
                "href": url_for("board.rows", round_id=board.round.id, stage=stage)
                if kinds
                else "",
            }
        )
    return stages


@bp.get("/board/<int:round_id>/paper")
@requires(BOARD_VIEW)
def paper(round_id: int) -> str:
    board = boards.board_of(db.session, boards.get_round(db.session, round_id))
    return render_template(
        "reporting/board_paper.html",
        board=board,
        headings=boards.HEADINGS,
        table=boards.table_of(board),
        stages=STAGES,
        channels=CHANNELS,
    )


@bp.get("/board/<int:round_id>/board.xlsx")
@requires(BOARD_VIEW)
def sheet(round_id: int) -> Response:
    board = boards.board_of(db.session, boards.get_round(db.session, round_id))
    content = write_xlsx(boards.SHEET_HEADINGS, boards.sheet_of(board), f"第{board.round.number}期")
    name = f"第{board.round.number}期看板_{shanghai_date(board.as_of):%Y%m%d}.xlsx"
    return send_xlsx(content, name)


@bp.get("/board/<int:round_id>/rows/<stage>")
@requires(BOARD_VIEW)
def rows(round_id: int, stage: str) -> str:
    found = boards.get_round(db.session, round_id)
    product = request.args.get("product", "")
    town = request.args.get("town", "")
    if (product and not product.isdecimal()) or (town and not town.isdecimal()):
        raise NotFound("没有这一步的明细。")
    statement = rows_behind(found, stage, int(product[:12]) if product else None, town[:12])
    page = paginate(db.session, statement, 50)
    return render_template(
        "reporting/board_rows.html",
        round=found,
        stage=stage,
        page=page,
        words=STAGES[stage],
        counted=counted_base(db.session, stage, page.items),
    )
