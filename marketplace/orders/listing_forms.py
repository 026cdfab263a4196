"""The editor of a listing: words, pack, price components; the lots stand beside it (lot_choices)."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from wtforms import RadioField, SelectChoice, SelectField, TextAreaField, ValidationError

from marketplace.catalog.models import Product
from marketplace.catalog.paper_models import CERTIFICATE, PAPER_KINDS
from marketplace.catalog.paper_rules import asked_words
from marketplace.core.errors import InvalidInput
from marketplace.core.money import format_yuan, parse_yuan, value_fen
from marketplace.core.quantity import BaseUnit, format_quantity, parse_quantity
from marketplace.identity.models import SELLER_KINDS, Organisation
from marketplace.orders.listings import ListingInput
from marketplace.orders.round_models import Listing, usual_fen
from marketplace.web.forms import Form, TrimmedField, at_most, required, whole_number

PACK_KINDS = {"fixed": "按份，每份一样", "by_weight": "按实重，收货时称了算"}
MOST_GRAMS = 500_000  # half a ton
MOST_FEN = 10_000_000  # 100 000 yuan a pack: more is a slip of the finger


class ListingForm(Form):
    """`pack_base`, the band in grams and the prices of a pack in fen (of the heaviest, where the real weight is
    paid) stand on the form once it was validated, 0 when unreadable."""

    title = TrimmedField("品名", required("请写品名。") + [at_most(60)])
    pack_kind = RadioField(
        "怎么算钱",
        choices=[SelectChoice(code, words) for code, words in PACK_KINDS.items()],
        default="fixed",
        validate_choice=False,
    )
    lightest = TrimmedField("每份最轻（斤）", [at_most(20)])
    heaviest = TrimmedField("每份最重（斤）", [at_most(20)])
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
        self.low_g = self.high_g = 0
        self.minimum = 1

    @property
    def by_weight(self) -> bool:
        return bool(self.pack_kind.data == "by_weight")

    @property
    def usual_farmgate_fen(self) -> int:
        if not self.high_g:
            return self.farmgate_fen
        return usual_fen(self.farmgate_fen, self.low_g, self.high_g)

    def validate_pack_kind(self, field: RadioField) -> None:
        if field.data not in PACK_KINDS:
            raise ValidationError("请选怎么算钱。")

    def validate_lightest(self, field: TrimmedField) -> None:
        self.low_g = _grams(field.data, "最轻") if self.by_weight else 0

    def validate_heaviest(self, field: TrimmedField) -> None:
        self.high_g = _grams(field.data, "最重") if self.by_weight else 0
        if self.high_g < self.low_g:
            raise ValidationError("最重的比最轻的还轻，请核对。")

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
        if self.by_weight and self.base_unit == "g" and self.high_g:
            if not self.low_g <= typed.base <= self.high_g:
                raise ValidationError("一份多少要在最轻和最重之间。")
            self.pack_base = self.high_g  # so much is kept for a pack
        else:
            self.pack_base = typed.base

    def validate_pack_name(self, field: TrimmedField) -> None:
        """`5 斤装` beside a pack of 10 斤 would cheat the buyer: a name that says a quantity must fit."""
        try:
            said = parse_quantity((field.data or "").removesuffix("装"), base_unit=self.base_unit)
        except InvalidInput:
            return  # 整只, 礼盒: no quantity
        if self.by_weight and self.base_unit == "g":
            return  # 约 20 斤装: the band says more
        if self.pack_base and said.base != self.pack_base:
            raise ValidationError("装法写的量和“一份多少”不一样，请改成一样的，或者不填。")

    def validate_farmgate(self, field: TrimmedField) -> None:
        self.farmgate_fen = self._of_pack(_fen(field.data, allow_zero=False))

    def validate_service(self, field: TrimmedField) -> None:
        self.service_fen = self._of_pack(_fen(field.data or "0", allow_zero=True))

    def validate_freight(self, field: TrimmedField) -> None:
        self.freight_fen = self._of_pack(_fen(field.data or "0", allow_zero=True))

    def _of_pack(self, fen: int) -> int:
        """By weight a 斤 is priced; so that a buyer's own sum is ours, the heaviest pack costs whole fen."""
        if not self.by_weight or not self.high_g:
            return fen
        if fen * self.high_g % 500:
            raise ValidationError(
                f"每斤 {format_yuan(fen)} 元，最重的一份算下来不是整分。单价写到角，或把最重改一下。"
            )
        return fen * self.high_g // 500

    def validate_minimum_packs(self, field: TrimmedField) -> None:
        self.minimum = whole_number(field.data or "1", "食堂起订", minimum=1, maximum=10_000)

    def validate_seller_id(self, field: SelectField) -> None:
        if field.data and field.data not in {value for value, _ in field.choices}:
            raise ValidationError("请重新选由谁卖。")

    def read_values(self) -> None:
        """The figures of a form that nobody has sent yet."""
        self.validate_lightest(self.lightest)
        self.validate_heaviest(self.heaviest)
        self.validate_pack(self.pack)
        self.validate_farmgate(self.farmgate)
        self.validate_service(self.service)
        self.validate_freight(self.freight)

    @property
    def usual_name(self) -> str:
        if self.by_weight and self.base_unit == "g":
            return f"约 {pack_words((self.low_g + self.high_g) // 2, 'g', '')}装"
        return usual_name(self.pack_base, self.product)

    def given(self, grade: str) -> ListingInput:
        return ListingInput(
            product_id=self.product.id,
            title=self.title.data,
            grade=grade,
            pack_name=self.pack_name.data or self.usual_name,
            pack_kind=self.pack_kind.data or "fixed",
            band_low_base=self.low_g or None,
            band_high_base=self.high_g or None,
            pack_base=self.pack_base,
            farmgate_fen=self.farmgate_fen,
            service_fen=self.service_fen,
            freight_fen=self.freight_fen,
            minimum_packs=self.minimum,
            description=self.description.data or "",
            required_papers=self.required_papers.data or "",
            seller_id=int(self.seller_id.data) if self.seller_id.data else None,
        )


def _grams(text: str, which: str) -> int:
    try:
        typed = parse_quantity(text or "", base_unit="g", default_unit="斤")
    except InvalidInput as error:
        raise ValidationError(f"按实重卖的，请写每份{which}多少斤。") from error
    if typed.base > MOST_GRAMS:
        raise ValidationError("一份太重了，请核对单位。")
    return typed.base


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
    low, high = listing.band_low_base or 0, listing.band_high_base or 0
    per = [listing.farmgate_fen, listing.service_fen, listing.freight_fen]
    farmgate, service, freight = [value_fen(fen, 500, high) if high else fen for fen in per]
    return {
        "title": listing.title,
        "pack_kind": listing.pack_kind,
        "lightest": pack_words(low, "g", "") if low else "",
        "heaviest": pack_words(high, "g", "") if high else "",
        "pack": pack_words(listing.pack_base, unit, product.piece_word),
        # A name made from the pack is left to follow it.
        "pack_name": listing.pack_name
        if listing.pack_name != usual_name(listing.pack_base, product)
        else "",
        "farmgate": format_yuan(farmgate),
        "service": format_yuan(service),
        "freight": format_yuan(freight),
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
