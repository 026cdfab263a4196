"""Numbers of rows in addresses and forms: what cannot be one is nobody's, before any database is asked."""

import re
from typing import Any

from flask import Flask
from werkzeug.routing import IntegerConverter, Map

LARGEST_ID = 2**63 - 1


class RowNumber(IntegerConverter):
    """`<int:…>` up to the largest key a 64-bit column holds; drivers raise on anything above."""

    def __init__(self, url_map: Map, *args: Any, **options: Any) -> None:
        super().__init__(url_map, *args, **({"max": LARGEST_ID} | options))


def row_number(text: str) -> int:
    """The number that an address or a form gives as text; 0, which no row has, for nonsense."""
    plain = text.isascii() and text.isdecimal() and len(text) <= len(str(LARGEST_ID))
    return int(text) if plain and int(text) <= LARGEST_ID else 0


def division_code(text: str) -> str:
    """The 12-digit code that an address gives as text; empty for nonsense, which narrows nothing."""
    return text if re.fullmatch(r"[1-9][0-9]{11}", text) else ""


def init_addresses(app: Flask) -> None:
    app.url_map.converters["int"] = RowNumber
