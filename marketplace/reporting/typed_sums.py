"""Orders that were ticked, each with the sum typed beside it."""

from flask import request

from marketplace.core.errors import InvalidInput
from marketplace.core.money import parse_yuan

MOST = 500


def picked_sums() -> dict[str, int]:
    """Order number → fen of the form that was sent; raises InvalidInput, naming the order."""
    return {number: _typed(number) for number in request.form.getlist("pick")[:MOST]}


def _typed(number: str) -> int:
    try:
        return parse_yuan(request.form.get(f"fen-{number}", ""), field="parts")
    except InvalidInput as error:
        words = f"订单 {number[:20]}：{error.message}"
        raise InvalidInput(words, code=error.code, field="parts") from error
