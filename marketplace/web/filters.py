"""How pages write money, quantities and time. The same words on list, detail, receipt and export."""

from datetime import datetime

from flask import Flask

from marketplace.core.clock import format_day, format_deadline, format_span, format_when, now
from marketplace.core.money import amount_in_words, format_yuan, per_jin_fen
from marketplace.core.quantity import format_quantity, format_quantity_short


def countdown(deadline: datetime) -> str:
    """Time left in words: 1 天 06:24, 06:24, 24 分钟, or 已截止."""
    seconds = int((deadline - now()).total_seconds())
    if seconds <= 0:
        return "已截止"
    if seconds < 3600:
        return f"{seconds // 60} 分钟"
    days, rest = divmod(seconds, 86400)
    clock = f"{rest // 3600:02d}:{rest % 3600 // 60:02d}"
    return f"{days} 天 {clock}" if days else clock


def init_filters(app: Flask) -> None:
    app.jinja_env.filters.update(
        yuan=format_yuan,
        per_jin=lambda fen, grams: format_yuan(per_jin_fen(fen, grams)),
        amount_in_words=amount_in_words,
        qty=lambda base, unit, word="": format_quantity(base, unit, piece_word=word or "个"),
        qty_short=lambda base, unit, word="": format_quantity_short(
            base, unit, piece_word=word or "个"
        ),
        when=format_when,
        deadline=format_deadline,
        day=format_day,
        countdown=countdown,
    )
    app.jinja_env.globals.update(span=format_span, now=now)
