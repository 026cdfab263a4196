"""The editor of a listing: words, pack, price components; the lots stand beside it (lot_choices)."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from wtforms import SelectField, TextAreaField, ValidationError

from marketplace.catalog.models import Product
from marketplace.catalog.paper_models import CERTIFICATE, PAPER_KINDS
from marketplace.catalog.paper_rules import asked_words
from marketplace.core.errors import InvalidInput
from marketplace.core.money import format_yuan, parse_yuan
from marketplace.core.quantity import BaseUnit, format_quantity, parse_quantity
from marketplace.identity.models import SELLER_KINDS, Organisation
from marketplace.orders.listings import ListingInput
from marketplace.orders.round_models import Listing
from marketplace.web.forms import Form, TrimmedField, at_most, required, whole_number

MOST_FEN = 10_000_000  # 100 000 yuan a pack: more is a slip of the finger


class ListingForm(Form):
    """`pack_base` and the prices in fen stand on the form once it was validated, 0 when unreadable."""

    title = TrimmedField("品名", required("请写品名。") + [at_most(60)])
    pack = TrimmedField("一份多少", required("请写一份多少，例如 5斤。") + [at_most(30)])
    pack_name = TrimmedField("装法", [at_most(20)])
    farmgate = TrimmedField("农户得（元）", required("请填农户每份得多少。") + [at_most(20)])
    service = TrimmedField("服务费（元）", [at_most(20)])
    freight = TrimmedField("运费（元）", [at_most(20)])
    minimum_packs = TrimmedField("食堂起订（份）", [at_most(10)])
    required_papers = TrimmedField("随货证明", [at_most(200)])
    seller_id = SelectField(
        "由谁卖",
        validate_choice=False,
        description="合同和发票归卖方。单位有代收账户的，货款付到它的账户，由它发给农户签收；没有的直接付给农户",
    )
    description = TextAreaField("说明", [at_most(400)])

    def __init__(self, product: Product, sellers: list[Organisation], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.product = product
        self.seller_id.choices = [("", "农户（平台代办）")] + [(str(s.id), s.name) for s in sellers]
        self.pack_base = self.farmgate_fen = self.service_fen = self.freight_fen = 0
        self.minimum = 1

    @property
    def base_unit(self) -> BaseUnit:
        return "g" if self.product.base_unit == "g" else "piece"

    def validate_pack(self, field: TrimmedField) -> None:
        word = "斤" if self.base_unit == "g" else self.product.piece_word or "个"
        try:
            typed = parse_quantity(field.data, base_unit=self.base_unit, default_unit=word)
        except InvalidInput as error:
            raise ValidationError(error.message) from error
        if typed.approximate:
            raise ValidationError("一份多少要写准，不能写大约。")
        self.pack_base = typed.base

    def validate_pack_name(self, field: TrimmedField) -> None:
        """`5 斤装` beside a pack of 10 斤 would cheat the buyer: a name that says a quantity must fit."""
        try:
            said = parse_quantity((field.data or "").removesuffix("装"), base_unit=self.base_unit)
        except InvalidInput:
            return  # 整只, 礼盒: no quantity
        if self.pack_base and said.base != self.pack_base:
            raise ValidationError("装法写的量和“一份多少”不一样，请改成一样的，或者不填。")

    def validate_farmgate(self, field: TrimmedField) -> None:
        self.farmgate_fen = _fen(field.data, allow_zero=False)

    def validate_service(self, field: TrimmedField) -> None:
        self.service_fen = _fen(field.data or "0", allow_zero=True)

    def validate_freight(self, field: TrimmedField) -> None:
        self.freight_fen = _fen(field.data or "0", allow_zero=True)

    def validate_minimum_packs(self, field: TrimmedField) -> None:
        self.minimum = whole_number(field.data or "1", "食堂起订", minimum=1, maximum=10_000)

    def validate_seller_id(self, field: SelectField) -> None:
        if field.data and field.data not in {value for value, _ in field.choices}:
            raise ValidationError("请重新选由谁卖。")

    def read_values(self) -> None:
        """The figures of a form that nobody has sent yet."""
        self.validate_pack(self.pack)
        self.validate_farmgate(self.farmgate)
        self.validate_service(self.service)
        self.validate_freight(self.freight)

    def given(self, grade: str) -> ListingInput:
        return ListingInput(
            product_id=self.product.id,
            title=self.title.data,
            grade=grade,
            pack_name=self.pack_name.data or usual_name(self.pack_base, self.product),
            pack_base=self.pack_base,
            farmgate_fen=self.farmgate_fen,
            service_fen=self.service_fen,
            freight_fen=self.freight_fen,
            minimum_packs=self.minimum,
            description=self.description.data or "",
            required_papers=self.required_papers.data or "",
            seller_id=int(self.seller_id.data) if self.seller_id.data else None,
        )


def _fen(text: str, *, allow_zero: bool) -> int:
    try:
        return parse_yuan(text, max_fen=MOST_FEN, allow_zero=allow_zero)
    except InvalidInput as error:
        raise ValidationError(error.message) from error


def pack_words(base: int, unit: BaseUnit, piece_word: str) -> str:
    """`5 斤`, `30 枚`: as people say a pack."""
    return format_quantity(
        base, unit, unit="斤" if unit == "g" else None, piece_word=piece_word or "个"
    )


def usual_name(base: int, product: Product) -> str:
    unit: BaseUnit = "g" if product.base_unit == "g" else "piece"
    return f"{pack_words(base, unit, product.piece_word)}装"


def sellers(session: Session) -> list[Organisation]:
    return list(
        session.scalars(
            select(Organisation)
            .where(Organisation.kind.in_(SELLER_KINDS), Organisation.active)
            .order_by(Organisation.name)
        )
    )


def values_of(listing: Listing) -> dict[str, Any]:
    """What a listing says, as a person would type it."""
    product = listing.product
    unit: BaseUnit = "g" if product.base_unit == "g" else "piece"
    return {
        "title": listing.title,
        "pack": pack_words(listing.pack_base, unit, product.piece_word),
        # A name made from the pack is left to follow it.
        "pack_name": listing.pack_name
        if listing.pack_name != usual_name(listing.pack_base, product)
        else "",
        "farmgate": format_yuan(listing.farmgate_fen),
        "service": format_yuan(listing.service_fen),
        "freight": format_yuan(listing.freight_fen),
        "minimum_packs": str(listing.minimum_packs),
        "required_papers": listing.required_papers,
        "seller_id": str(listing.seller_id or ""),
        "description": listing.description,
    }


def reference_fen(product: Product, base: int) -> int:
    """The county's reference price of so many grams or pieces, in fen, rounded up for the farmer."""
    return -(-product.reference_fen * base // product.reference_per_base)


def first_values(session: Session, product: Product) -> dict[str, Any]:
    """For a product that was never offered: a handy pack at the county's reference price, and the papers
    that its buyers ask for."""
    unit: BaseUnit = "g" if product.base_unit == "g" else "piece"
    small = product.piece_word in {"枚", "个"}
    base = 2500 if unit == "g" else 30 if small else 1
    return {
        "title": product.name,
        "pack": pack_words(base, unit, product.piece_word),
        "farmgate": format_yuan(reference_fen(product, base)),
        "service": "0.00",
        "freight": "0.00",
        "minimum_packs": "1",
        "required_papers": asked_words(session, product.id) or PAPER_KINDS[CERTIFICATE],
        "seller_id": "",
    }
