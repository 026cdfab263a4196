"""What a household asks: fen for so many base units of the product, from a price for any unit."""

import re

from marketplace.catalog.models import Product
from marketplace.catalog.words import piece_word
from marketplace.core.errors import InvalidInput
from marketplace.core.money import parse_yuan, value_fen
from marketplace.core.quantity import CONTAINER_WORDS, GRAMS_PER_JIN, MASS_UNITS, PIECE_UNITS

MAX_PRICE_FEN = 10_000_000  # for one unit: a hundred thousand yuan
_UNITS = sorted({*MASS_UNITS, *PIECE_UNITS, *CONTAINER_WORDS, "羽"}, key=len, reverse=True)
_PER = re.compile(rf"(?P<price>.+?)\s*(?:元|块)?\s*(?:/|每|一)\s*(?P<unit>{'|'.join(_UNITS)})$")


def read_price(text: str, unit: str, product: Product, field: str = "price") -> tuple[int, int]:
    """What was typed for one `unit`; `1.5元/斤` says its own. Raises InvalidInput."""
    if said := _PER.fullmatch(text.strip()):
        text, unit = said["price"], said["unit"]
    return asked_price(parse_yuan(text, max_fen=MAX_PRICE_FEN), unit, product, field)


def asked_price(fen: int, unit: str, product: Product, field: str = "price") -> tuple[int, int]:
    """`fen` for one `unit` (empty: the product's usual one) as fen and the base units they are for.

    A price per 斤 of goods that are counted (and the other way round) needs their declared mass.
    """
    counted = product.base_unit == "piece"
    if unit and unit not in MASS_UNITS and unit not in PIECE_UNITS | {product.piece_word, "羽"}:
        raise _refusal(product, unit, field)
    if not unit:
        return fen, 1 if counted else GRAMS_PER_JIN
    grams = MASS_UNITS.get(unit)
    if counted == (grams is None):
        if grams is not None and grams < GRAMS_PER_JIN:  # 两: said per 斤, exactly
            return fen * (GRAMS_PER_JIN // grams), GRAMS_PER_JIN
        return fen, grams or 1
    if product.piece_mass_g is None:
        raise _refusal(product, unit, field)
    if grams is not None:
        return value_fen(fen, product.piece_mass_g, grams), 1
    return fen, product.piece_mass_g


def _refusal(product: Product, unit: str, field: str) -> InvalidInput:
    usual = piece_word(product) if product.base_unit == "piece" else "斤"
    return InvalidInput(
        f"{product.name}按{usual}算价，不按{unit}。请写每{usual}多少元。",
        code="price_unit",
        field=field,
    )
