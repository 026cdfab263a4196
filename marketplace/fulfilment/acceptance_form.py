"""What a page asks of whoever receives goods: of each part how much came, and why the rest was not taken."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask_wtf.file import FileField
from wtforms import HiddenField, SelectChoice, SelectField

from marketplace.catalog.uploads import kept_photo, photo_ticket
from marketplace.core.errors import InvalidInput, MarketplaceError
from marketplace.core.spoken_number import read_count
from marketplace.fulfilment.acceptance import NotTaken, Signed, field_of
from marketplace.orders.return_models import BORNE_BY, REASONS
from marketplace.orders.returning import Part
from marketplace.web.forms import Form, TrimmedField, at_most, required

WHY = [
    SelectChoice("", "没有问题"),
    *(
        SelectChoice(code, reason.words, {"data-note": f"{BORNE_BY[reason.fault]}承担"})
        for code, reason in REASONS.items()
    ),
]


class PartForm(Form):
    """One part of an order. `kept`: the photo of an earlier try."""

    got = TrimmedField("实收", [*required("请写实收几份。"), at_most(10)])
    reason = SelectField("没收的，为什么", choices=WHY, default="")
    words = TrimmedField("怎么回事", [at_most(100)])
    photo = FileField("照片")
    kept = HiddenField()


class SignForm(Form):
    inspector = TrimmedField("验收人", [at_most(20)])
    second = TrimmedField("第二位验收人", [at_most(20)])


@dataclass
class Asked:
    """The forms of a page: one for each part, and who signs."""

    parts: Sequence[Part]
    forms: dict[str, PartForm]
    sign: SignForm

    @classmethod
    def of(cls, parts: Sequence[Part], who: str, *, filled: bool) -> "Asked":
        """`filled`: with what was typed; else everything came, and `who` looks at it."""
        if filled:
            forms = {field_of(p.place): PartForm(prefix=field_of(p.place)) for p in parts}
            return cls(parts, forms, SignForm())
        forms = {
            field_of(part.place): PartForm(
                formdata=None, prefix=field_of(part.place), got=str(part.packs)
            )
            for part in parts
        }
        return cls(parts, forms, SignForm(formdata=None, inspector=who))

    def read(self) -> tuple[list[NotTaken], Signed] | None:
        """What was typed; None when something cannot be, which then stands beside its field."""
        good = self.sign.validate()
        not_taken = []
        for part in self.parts:
            form = self.forms[field_of(part.place)]
            if not form.validate():
                good = False
                continue
            try:
                one = _read(part, form)
            except MarketplaceError as error:
                form.refuse(error)
                good = False
            else:
                not_taken += [one] if one else []
        signed = Signed(str(self.sign.inspector.data or ""), str(self.sign.second.data or ""))
        return (not_taken, signed) if good else None

    def refuse(self, error: MarketplaceError) -> None:
        """Beside the part or the signature that it is about."""
        form = self.forms.get(error.field or "")
        if form is None:
            self.sign.refuse(error)
        else:
            form.refuse(InvalidInput(error.message, code=error.code, field=_about(error)))


def _about(error: MarketplaceError) -> str:
    return {"missing": "reason", "photo_missing": "photo"}.get(error.code, "got")


def _read(part: Part, form: PartForm) -> NotTaken | None:
    try:
        photo = kept_photo(form.photo.data, str(form.kept.data or ""))
    except MarketplaceError as error:
        raise InvalidInput(error.message, code=error.code, field="photo") from error
    form.kept.data = photo_ticket(photo)
    got = read_count(str(form.got.data), "实收", least=0, most=part.packs, field="got")
    if got == part.packs:
        if form.reason.data:
            raise InvalidInput("选了没收的原因，请写实收几份。", code="got", field="got")
        return None
    reason, words = str(form.reason.data or ""), str(form.words.data or "")
    return NotTaken(part.place, part.packs - got, reason, words, photo)
