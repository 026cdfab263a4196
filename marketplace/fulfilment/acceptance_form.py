"""What a page asks of whoever receives goods: of each part how much came, what it weighs where it is sold by
weight, and why the rest was not taken."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask_wtf.file import FileField
from wtforms import HiddenField, SelectChoice, SelectField

from marketplace.catalog.uploads import photo_of
from marketplace.core.errors import InvalidInput, MarketplaceError
from marketplace.core.quantity import parse_quantity
from marketplace.core.spoken_number import read_count
from marketplace.fulfilment.accepted_weights import TooLight, jin
from marketplace.fulfilment.said_received import NotTaken, Scaled, Signed, field_of
from marketplace.orders.return_models import BORNE_BY, REASONS
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


class SignForm(Form):
    inspector = TrimmedField("验收人", [at_most(20)])
    second = TrimmedField("第二位验收人", [at_most(20)])


def _marked(parts: Sequence[Part], forms: dict[str, PartForm]) -> dict[str, PartForm]:
    """What is sold by weight must say it."""
    for part in parts:
        forms[field_of(part.place)].weight.flags.required = bool(part.line.heaviest_g)
    return forms


@dataclass
class Asked:
    """The forms of a page: one for each part, and who signs."""

    parts: Sequence[Part]
    forms: dict[str, PartForm]
    sign: SignForm

    @classmethod
    def of(
        cls, parts: Sequence[Part], who: str, scales: Mapping[Place, int], *, filled: bool
    ) -> "Asked":
        """`filled`: with what was typed; else everything came, weighs what it weighed in (`scales`), and
        `who` looks at it."""
        if filled:
            forms = {field_of(p.place): PartForm(prefix=field_of(p.place)) for p in parts}
            return cls(parts, _marked(parts, forms), SignForm())
        forms = {
            field_of(part.place): PartForm(
                formdata=None,
                prefix=field_of(part.place),
                got=str(part.packs),
                weight=_typed(scales.get(part.place, 0)),
            )
            for part in parts
        }
        return cls(parts, _marked(parts, forms), SignForm(formdata=None, inspector=who))

    def read(self) -> tuple[list[NotTaken], Signed, dict[Place, Scaled]] | None:
        """What was typed; None when something cannot be, which then stands beside its field."""
        good = self.sign.validate()
        not_taken = []
        weights = {}
        for part in self.parts:
            form = self.forms[field_of(part.place)]
            if not form.validate():
                good = False
                continue
            try:
                one = _read(part, form)
                if part.line.heaviest_g and (one is None or one.packs < part.packs):
                    weights[part.place] = _read_weight(form)
            except MarketplaceError as error:
                form.refuse(error)
                good = False
            else:
                not_taken += [one] if one else []
        signed = Signed(str(self.sign.inspector.data or ""), str(self.sign.second.data or ""))
        return (not_taken, signed, weights) if good else None

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
    typed = parse_quantity(text, base_unit="g", default_unit="斤", field="weight")
    sure = str(form.sure.data or "")
    return Scaled(typed.base, int(sure) if sure.isdecimal() and len(sure) < 10 else 0)


def _read(part: Part, form: PartForm) -> NotTaken | None:
    photo = photo_of(form)
    got = read_count(str(form.got.data), "实收", least=0, most=part.packs, field="got")
    if got == part.packs:
        if form.reason.data:
            raise InvalidInput("选了没收的原因，请写实收几份。", code="got", field="got")
        return None
    reason, words = str(form.reason.data or ""), str(form.words.data or "")
    return NotTaken(part.place, part.packs - got, reason, words, photo)
