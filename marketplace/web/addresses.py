"""Parts of addresses: what cannot be the number of a row is not found, before any database is asked."""

from typing import Any

from flask import Flask
from werkzeug.routing import IntegerConverter, Map

LARGEST_ID = 2**63 - 1


class RowNumber(IntegerConverter):
    """`<int:…>` up to the largest key a 64-bit column holds; drivers raise on anything above."""

    def __init__(self, url_map: Map, *args: Any, **options: Any) -> None:
        super().__init__(url_map, *args, **({"max": LARGEST_ID} | options))


def init_addresses(app: Flask) -> None:
    app.url_map.converters["int"] = RowNumber
