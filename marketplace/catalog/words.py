"""How a product's quantities and prices are said to people."""

from typing import cast

from marketplace.catalog.models import Product
from marketplace.core.money import format_yuan, value_fen
from marketplace.core.quantity import BaseUnit, format_quantity, mass_unit

MASS_WORDS = {500: "斤", 1000: "公斤", 1_000_000: "吨"}


def piece_word(product: Product) -> str:
    return product.piece_word or "个"


def amount_words(base: int, product: Product, most: int = 0) -> str:
    """`480 斤`, `12,400 只`; beside a greatest figure `most` in the unit that fits that one."""
    unit = mass_unit(max(abs(base), most)) if product.base_unit == "g" else None
    return format_quantity(
        base, cast("BaseUnit", product.base_unit), unit=unit, piece_word=piece_word(product)
    )


def price_words(fen: int, per_base: int, product: Product) -> str:
    """`1.50 元/斤`, `90.00 元/只`: in the unit it was asked for, else in the product's usual one."""
    if product.base_unit == "piece":
        return f"{format_yuan(value_fen(fen, 1, per_base))} 元/{piece_word(product)}"
    if per_base in MASS_WORDS:
        return f"{format_yuan(fen)} 元/{MASS_WORDS[per_base]}"
    return f"{format_yuan(value_fen(fen, 500, per_base))} 元/斤"
