"""A statement as a page, on paper and as a file: the same sums, for finance and for the unit."""

from typing import Any

from flask import render_template
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session
from werkzeug import Response

from marketplace.core.clock import now, today
from marketplace.core.money import FEN_PER_YUAN, amount_in_words, per_jin_fen
from marketplace.core.quantity import GRAMS_PER_JIN
from marketplace.imports.sheets import write_xlsx
from marketplace.orders.order_models import OrderLine
from marketplace.payments.statement_models import Statement
from marketplace.payments.statements import Paper, standings
from marketplace.web.downloads import send_xlsx
from marketplace.web.paging import Page, page_number

PAGE_SIZE = 30
HEADINGS = (
    "订单",
    "期次",
    "送到日期",
    "产品",
    "规格",
    "份数",
    "实重（斤）",
    "单价（元）",
    "金额（元）",
)


def standings_page(session: Session, found: Select[Statement, int]) -> Page:
    """A page of statements, each with what is open of it. Two statements."""
    total = session.scalar(select(func.count()).select_from(found.order_by(None).subquery())) or 0
    number = min(page_number(), max(1, -(-total // PAGE_SIZE)))
    rows = standings(session, found.limit(PAGE_SIZE).offset((number - 1) * PAGE_SIZE))
    return Page(rows, number, total, PAGE_SIZE)


def page(paper: Paper, **more: Any) -> str:
    late = paper.open_fen > 0 and paper.statement.due_on < today()
    return render_template(
        "reporting/statements/show.html", paper=paper, overdue=late, as_of=now(), **more
    )


def on_paper(paper: Paper, back_url: str) -> str:
    return render_template(
        "reporting/statements/paper.html",
        paper=paper,
        in_words=amount_in_words(paper.open_fen),
        back_url=back_url,
        as_of=now(),
    )


def as_file(paper: Paper) -> Response:
    """One row for each product of each order, then the sums."""
    rows: list[list[str | float]] = []
    for billed in paper.orders:
        order = billed.order
        day = billed.delivered_on.isoformat() if billed.delivered_on else ""
        for line in order.lines:
            listing = line.listing
            rows.append(
                [
                    order.number,
                    f"第 {order.round.number} 期",
                    day,
                    listing.title,
                    listing.pack_name,
                    line.due_packs,
                    line.due_g / GRAMS_PER_JIN if line.due_g else "",
                    _unit_fen(line) / FEN_PER_YUAN,
                    line.due_fen / FEN_PER_YUAN,
                ]
            )
    for words, fen in (
        ("本单合计", paper.statement.total_fen),
        ("已付、已减", paper.paid_fen),
        ("还没付", paper.open_fen),
    ):
        rows.append([words, "", "", "", "", "", "", "", fen / FEN_PER_YUAN])
    name = f"对账单_{paper.statement.number}.xlsx"
    return send_xlsx(write_xlsx(HEADINGS, rows, paper.statement.number), name)


def _unit_fen(line: OrderLine) -> int:
    """Of a pack, or of a 斤 where the weight is paid."""
    return per_jin_fen(line.price_fen, line.heaviest_g) if line.heaviest_g else line.price_fen
