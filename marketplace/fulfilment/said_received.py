"""What a receiver says of goods that came: what was not accepted, what it weighed, who looked; and whether
that can be."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from marketplace.core.errors import InvalidInput
from marketplace.fulfilment.accepted_weights import by_weight, check_weight
from marketplace.orders.order_models import Order
from marketplace.orders.return_models import NEEDS_PHOTO, REASONS, RECALLED, UNFETCHED
from marketplace.orders.returning import Part
from marketplace.orders.worth import Place


@dataclass(frozen=True)
class NotTaken:
    """Packs that were not accepted; `reason` is one of SAID, `photo` the SHA-256 of a kept picture."""

    place: Place
    packs: int
    reason: str
    words: str = ""
    photo: str = ""

    @property
    def fault(self) -> str:
        if self.reason == RECALLED:
            return "farm"
        return UNFETCHED if self.reason == UNFETCHED else REASONS[self.reason].fault


@dataclass(frozen=True)
class Scaled:
    """What the packs weigh that were received of a part; `sure`: the figure that was asked about."""

    grams: int
    sure: int = 0


@dataclass(frozen=True)
class Signed:
    """Who looked at the goods, as the register of incoming goods names them."""

    inspector: str = ""
    second: str = ""
    no_code: bool = False
    """The keeper saw no pickup code and compared name and telephone."""


def signed_problems(order: Order, signed: Signed) -> list[InvalidInput]:
    """Every signature that is missing, beside its field."""
    unit = order.organisation
    if order.channel != "canteen" or unit is None or not unit.two_inspectors:
        return []
    found = []
    if not signed.inspector:
        found.append(InvalidInput("请写验收人。", code="missing", field="inspector"))
    if not signed.second or signed.second == signed.inspector:
        words = f"{unit.name}要两个人验收，请写另一位的姓名。"
        found.append(InvalidInput(words, code="missing", field="second"))
    return found


def check_signed(order: Order, signed: Signed) -> None:
    for problem in signed_problems(order, signed):
        raise problem


def field_of(place: Place) -> str:
    """The name of the field in which a page asks for what was not accepted of a part."""
    return f"p{place[0]}_{place[1]}"


def check_not_taken(parts: Sequence[Part], not_taken: Sequence[NotTaken]) -> None:
    sent = {part.place: part for part in parts}
    for one in not_taken:
        part = sent.get(one.place)
        if part is None:
            raise InvalidInput("有一行不是这个订单的，请刷新再看。", code="unknown_line")
        field = field_of(one.place)
        if not 0 < one.packs <= part.packs:
            raise InvalidInput(
                f"{part.line.listing.full_title}送来 {part.packs} 份，没收的不能是 {one.packs} 份。",
                code="too_many",
                field=field,
            )
        if one.reason not in REASONS:
            raise InvalidInput("没有收的，请选为什么。", code="missing", field=field)
        if one.reason in NEEDS_PHOTO and not one.photo:
            raise InvalidInput(
                f"“{REASONS[one.reason].words}”农户要少得钱，请拍一张照片。",
                code="photo_missing",
                field=field,
            )
    if any(count > 1 for count in Counter(one.place for one in not_taken).values()):
        raise InvalidInput("同一行填了两次，请刷新再填。", code="twice")


def check_weights(
    parts: Sequence[Part], not_taken: Sequence[NotTaken], weights: Mapping[Place, Scaled]
) -> dict[Place, int]:
    missing = Counter({one.place: one.packs for one in not_taken})
    grams = {}
    for part in by_weight(parts):
        if taken := part.packs - missing[part.place]:
            said = weights.get(part.place, Scaled(0))
            check_weight(part, taken, said.grams, said.sure, field_of(part.place))
            grams[part.place] = said.grams
    return grams
