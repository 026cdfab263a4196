"""What a page asks of whoever receives goods: of each part how much came, what it weighs where it is sold by
weight, and why the rest was not taken."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from flask_wtf.file import FileField
from wtforms import BooleanField, HiddenField, SelectChoice, SelectField

from marketplace.catalog.uploads import photo_of
from marketplace.core.errors import InvalidInput, MarketplaceError
from marketplace.core.quantity import parse_quantity
from marketplace.core.spoken_number import read_count
from marketplace.fulfilment.acceptance import NO_CODE
from marketplace.fulfilment.accepted_weights import TooLight, jin
from marketplace.fulfilment.said_received import (
    NotTaken,
    Scaled,
    Signed,
    check_not_taken,
    check_weights,
    field_of,
    signed_problems,
)
from marketplace.orders.order_models import Order
from marketplace.orders.return_models import BORNE_BY, REASONS, RECALLED
from marketplace.orders.returning import Part
from marketplace.orders.worth import Place
from marketplace.web.forms import Form, TrimmedField, at_most, required

WHY = [
    SelectChoice("", "没有问题"),
    *(
        SelectChoice(code, reason.words, {"data-note": f"{BORNE_BY[reason.fault]}承担"})
        for code, reason in REASONS.items()
    ),
]


class PartForm(Form):
    """One part of an order. `kept`: the photo of an earlier try; `sure`: the grams that were asked about."""

    got = TrimmedField("实收", [*required("请写实收几份。"), at_most(10)])
    weight = TrimmedField("实重", [at_most(20)])
    sure = HiddenField()
    reason = SelectField("没收的，为什么", choices=WHY, default="")
    words = TrimmedField("怎么回事", [at_most(100)])
    photo = FileField("照片")
    kept = HiddenField()
    weighed = False
    """Whether the county's scales knew what it weighs."""


class SignForm(Form):
    """`code` was scanned or typed before this page."""

    inspector = TrimmedField("验收人", [at_most(20)])
    second = TrimmedField("第二位验收人", [at_most(20)])
    arrived = BooleanField("货已经到了，就在这里")
    code = TrimmedField("取货码", [at_most(10)])
    no_code = BooleanField(NO_CODE)


def _marked(
    parts: Sequence[Part], forms: dict[str, PartForm], scales: Mapping[Place, int]
) -> dict[str, PartForm]:
    """What is sold by weight must say it; the photo's hint says when there must be one."""
    for part in parts:
        form = forms[field_of(part.place)]
        form.weight.flags.required = bool(part.line.heaviest_g)
        form.photo.flags.required = True
        form.weighed = part.place in scales
    return forms


T = TypeVar("T")


@dataclass
class Asked:
    """The forms of a page: one for each part, and who signs."""

    parts: Sequence[Part]
    forms: dict[str, PartForm]
    sign: SignForm
    bad: bool = False

    @classmethod
    def of(
        cls, parts: Sequence[Part], who: str, scales: Mapping[Place, int], *, filled: bool
    ) -> "Asked":
        """`filled`: with what was typed; else everything came, weighs what it weighed in (`scales`), and
        `who` looks at it."""
        if filled:
            forms = {field_of(p.place): PartForm(prefix=field_of(p.place)) for p in parts}
            return cls(parts, _marked(parts, forms, scales), SignForm())
        forms = {
            field_of(part.place): PartForm(
                formdata=None,
                prefix=field_of(part.place),
                got=str(part.packs),
                weight=_typed(scales.get(part.place, 0)),
            )
            for part in parts
        }
        sign = SignForm(formdata=None, inspector=who)
        return cls(parts, _marked(parts, forms, scales), sign)

    def sign_for(self, order: Order) -> None:
        """Two who must sign, and a code that is asked for, are not called optional."""
        self.sign.code.flags.required = True
        for field in (self.sign.inspector, self.sign.second):
            field.flags.required = bool(order.organisation and order.organisation.two_inspectors)

    def read(self, order: Order) -> tuple[list[NotTaken], Signed, dict[Place, Scaled]] | None:
        """What was typed; None when something cannot be. All that can be said of it at once then stands beside
        its fields."""
        self.bad = not self.sign.validate()
        signed = Signed(
            str(self.sign.inspector.data or ""),
            str(self.sign.second.data or ""),
            no_code=bool(self.sign.no_code.data),
        )
        for problem in signed_problems(order, signed):
            self._note(self.sign, problem)
        not_taken: list[NotTaken] = []
        weights: dict[Place, Scaled] = {}
        for part in self.parts:
            one, scaled = self._part(part)
            not_taken += [one] if one else []
            weights |= {part.place: scaled} if scaled else {}
        return None if self.bad else (not_taken, signed, weights)

    def _part(self, part: Part) -> tuple[NotTaken | None, Scaled | None]:
        form = self.forms[field_of(part.place)]
        self.bad |= not form.validate()
        if part.lot.state == RECALLED:
            return None, None
        photo = self._try(form, lambda: photo_of(form)) or ""
        got = None if form.got.errors else self._try(form, lambda: _read_got(part, form))
        one = None
        if got is not None and got < part.packs:
            reason, words = str(form.reason.data or ""), str(form.words.data or "")
            one = NotTaken(part.place, part.packs - got, reason, words, photo)
            if not form.photo.errors:
                self._try(form, lambda: check_not_taken([part], [one]))
        return one, self._weight(part, form, got, one)

    def _weight(
        self, part: Part, form: PartForm, got: int | None, one: NotTaken | None
    ) -> Scaled | None:
        if not part.line.heaviest_g or got == 0:
            return None
        scaled = self._try(form, lambda: _read_weight(form))
        if scaled is not None and got is not None:
            said = {part.place: scaled}
            self._try(form, lambda: check_weights([part], [one] if one else [], said))
        return scaled

    def _try(self, form: PartForm, act: Callable[[], T]) -> T | None:
        try:
            return act()
        except MarketplaceError as error:
            self._note(form, error)
            return None

    def _note(self, form: Form, error: MarketplaceError) -> None:
        self.bad = True
        if error.field in self.forms:
            self.refuse(error)
        else:
            form.refuse(error)

    def refuse(self, error: MarketplaceError) -> None:
        """Beside the part or the signature that it is about."""
        form = self.forms.get(error.field or "")
        if form is None:
            self.sign.refuse(error)
        else:
            if isinstance(error, TooLight):
                form.sure.data = str(error.grams)
            form.refuse(InvalidInput(error.message, code=error.code, field=_about(error)))


ABOUT = {"missing": "reason", "photo_missing": "photo", "weight": "weight", "light": "weight"}


def _about(error: MarketplaceError) -> str:
    return ABOUT.get(error.code, "got")


def _typed(grams: int) -> str:
    """Grams as a person would type them beside 斤."""
    return jin(grams).removesuffix(" 斤").replace(",", "") if grams else ""


def _read_weight(form: PartForm) -> Scaled:
    text = str(form.weight.data or "")
    if not text:
        raise InvalidInput("请写实收多重，比如 9.6 斤。", code="weight", field="weight")
    try:
        typed = parse_quantity(text, base_unit="g", default_unit="斤", field="weight")
    except InvalidInput as error:
        if error.code != "quantity_not_positive":
            raise
        raise InvalidInput(
            "收下了，实重就不能是 0。请照秤上的写；一份都没收的，实收写 0。",
            code="weight",
            field="weight",
        ) from error
    sure = str(form.sure.data or "")
    return Scaled(typed.base, int(sure) if sure.isdecimal() and len(sure) < 10 else 0)


def _read_got(part: Part, form: PartForm) -> int:
    got = read_count(str(form.got.data), "实收", least=0, most=part.packs, field="got")
    if got == part.packs and form.reason.data:
        raise InvalidInput("选了没收的原因，请写实收几份。", code="got", field="got")
    return got
