"""What is typed about a sheet: how a household was told, what it cannot bring."""

from collections.abc import Mapping, Sequence

from wtforms import HiddenField, RadioField, SelectChoice

from marketplace.fulfilment.models import TOLD_HOW
from marketplace.fulfilment.wording import Prepared
from marketplace.orders.lowering import WITHDRAW_REASONS
from marketplace.web.forms import Form, TrimmedField, at_most, required, whole_number

HOW = list(TOLD_HOW.items())


def _choices(words: Mapping[str, str]) -> list[SelectChoice]:
    return [SelectChoice(key, label) for key, label in words.items()]


class ToldForm(Form):
    how = RadioField(
        "怎么通知的", choices=_choices(TOLD_HOW), validators=required("请选是怎么通知的。")
    )
    note = TrimmedField("备注", validators=[at_most(200)])


class LessForm(Form):
    """The packs themselves stand in boxes named bring_<listing>, one for each line of the sheet."""

    reason = RadioField(
        "为什么", choices=_choices(WITHDRAW_REASONS), validators=required("请选原因。")
    )
    seen_cut = HiddenField()
    """Packs that orders lose by it, as the person was told before saying it again."""


def box(line: Prepared) -> str:
    return f"bring_{line.listing_id}"


def read_packs(typed: dict[str, str], lines: Sequence[Prepared]) -> dict[int, int]:
    """Packs by listing from the boxes; raises ValidationError naming the product."""
    return {
        line.listing_id: whole_number(typed.get(box(line)), line.title, maximum=line.packs)
        for line in lines
    }
