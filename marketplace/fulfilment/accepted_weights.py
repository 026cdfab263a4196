"""Packs sold by weight when they are accepted: what they weigh, and by how much less they cost."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select, tuple_, update
from sqlalchemy.orm import Session

from marketplace.catalog.lots import deliver_committed
from marketplace.core.clock import now
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.core.quantity import format_quantity
from marketplace.fulfilment.weighing_models import WeighIn
from marketplace.identity.actor import Actor
from marketplace.orders.order_models import OrderLine
from marketplace.orders.order_money import Goods
from marketplace.orders.return_models import GoodsReturn
from marketplace.orders.returning import Part
from marketplace.orders.round_models import Commitment
from marketplace.orders.weight_models import AcceptedWeight
from marketplace.orders.worth import Place, Worth, worth

LEAST_PART = 10
"""Packs that weigh less than this part of the lightest were not received: it is a slip of the finger."""


@dataclass(frozen=True)
class Weighed:
    """Grams by place, where goods are sold by weight: of the packs that were accepted, and of the others."""

    accepted: Mapping[Place, int] = field(default_factory=dict)
    rejected: Mapping[Place, int] = field(default_factory=dict)


class TooLight(InvalidInput):
    """Lighter than was promised: whoever accepts looks again. `grams`: the figure in question."""

    default_code = "light"

    def __init__(self, words: str, grams: int, field: str) -> None:
        super().__init__(words, field=field)
        self.grams = grams


def jin(grams: int) -> str:
    return format_quantity(grams, "g", unit="斤")


def by_weight(parts: Sequence[Part]) -> list[Part]:
    return [part for part in parts if part.line.heaviest_g]


def at_the_scales(session: Session, parts: Sequence[Part]) -> dict[Place, int]:
    """Grams of all packs of each by-weight part, as its lot was weighed in; none where it was not."""
    wanted = by_weight(parts)
    if not wanted:
        return {}
    rows = session.scalars(
        select(WeighIn)
        .where(WeighIn.void_at.is_(None))
        .where(
            tuple_(WeighIn.listing_id, WeighIn.lot_id).in_(
                [(part.line.listing_id, part.lot.id) for part in wanted]
            )
        )
    )
    found = {(row.listing_id, row.lot_id): row for row in rows}
    grams = {}
    for part in wanted:
        row = found.get((part.line.listing_id, part.lot.id))
        if row is not None and row.packs and row.mass_g:
            grams[part.place] = _share(row, part)
    return grams


def _share(row: WeighIn, part: Part) -> int:
    """What the part's packs weigh of all that lay on the scales; never more than is paid for."""
    heaviest = part.packs * (part.line.heaviest_g or 0)
    counted = part.lot.product.base_unit == "piece"
    brought = row.net_base if counted else row.packs * part.line.pack_base
    return min(heaviest, (row.mass_g or 0) * part.base // brought)


def weigh_parts(
    session: Session,
    parts: Sequence[Part],
    missing: Mapping[Place, int],
    said: Mapping[Place, int] | None,
) -> Weighed:
    """`said`: grams of what was accepted, by place; None: as they were weighed in. What was not accepted
    weighs what the scales said, else as much as what was, else the middle of what was promised. Raises
    Conflict where nobody knows."""
    scales = at_the_scales(session, parts)
    accepted, rejected = {}, {}
    for part in by_weight(parts):
        place, out = part.place, missing.get(part.place, 0)
        taken, known = part.packs - out, scales.get(place)
        if taken and said is not None:
            accepted[place] = said[place]
        elif taken and known is not None:
            accepted[place] = max(1, known * taken // part.packs)
        elif taken:
            raise Conflict(
                f"{part.line.listing.full_title}按重量卖，过磅时没有称，要逐单验收，写上实重。",
                code="weight",
            )
        if out and known is not None:
            rejected[place] = max(1, known * out // part.packs)
        elif out:
            like = accepted[place] * out // taken if taken else _middle(part) * out
            rejected[place] = max(1, like)
    return Weighed(accepted, rejected)


def _middle(part: Part) -> int:
    return ((part.line.listing.band_low_base or 0) + (part.line.heaviest_g or 0)) // 2


def check_weight(part: Part, taken: int, grams: int | None, sure: int, field: str) -> None:
    """Whether `taken` packs can weigh that; raises InvalidInput, TooLight unless asked about (`sure`)."""
    heaviest, listing = part.line.heaviest_g or 0, part.line.listing
    lightest = listing.band_low_base or 0
    if not grams:
        raise InvalidInput(f"请写{listing.title}实收多重。", code="weight", field=field)
    if grams * LEAST_PART < taken * lightest:
        raise InvalidInput(
            f"说好每份至少 {jin(lightest)}，{taken} 份只有 {jin(grams)}不会对。"
            "请再称一次；货没有到的，改实收份数。",
            code="weight",
            field=field,
        )
    if grams > taken * heaviest:
        most = jin(taken * heaviest)
        raise InvalidInput(
            f"每份最重按 {jin(heaviest)}算，{taken} 份最多 {most}。更重的不多收钱，请写 {most}。",
            code="weight",
            field=field,
        )
    if grams < taken * lightest and grams != sure:
        raise TooLight(
            f"说好每份至少 {jin(lightest)}，{taken} 份至少 {jin(taken * lightest)}，这里只有 {jin(grams)}。"
            "没写错就再点一次，按实重付；太轻不要的，改实收份数。",
            grams,
            field,
        )


def goods_of(
    parts: Sequence[Part], out: Mapping[Place, tuple[int, str]], weighed: Weighed
) -> list[Goods]:
    """What each part comes to; `out`: packs that were not accepted, and whose fault it is."""
    goods = []
    for part in parts:
        packs, fault = out.get(part.place, (0, ""))
        taken = worth(part.line, part.packs - packs, weighed.accepted.get(part.place))
        if packs < part.packs:
            goods.append(Goods(part.lot.code, taken))
        if packs:
            lost = worth(part.line, packs, weighed.rejected.get(part.place))
            goods.append(Goods(part.lot.code, lost, fault))
    return goods


def keep_weights(
    session: Session,
    actor: Actor,
    parts: Sequence[Part],
    rows: Sequence[GoodsReturn],
    weighed: Weighed,
) -> None:
    """A row for what was accepted of a part, and one for what others than its lot pay of the rest."""
    not_taken = {(row.order_line_id, row.lot_id): row for row in rows}
    off, grams = Counter[int](), Counter[int]()
    for part in by_weight(parts):
        row = not_taken.get(part.place)
        taken = part.packs - (row.packs if row else 0)
        if taken:
            weight = weighed.accepted[part.place]
            less = _less(part, taken, weight)
            _keep(session, actor, part, taken, weight, less, less.fen)
            off[part.line.id] += less.fen
            grams[part.line.id] += weight
        if row and row.fault != "farm":
            weight = weighed.rejected[part.place]
            less = _less(part, row.packs, weight)
            _keep(session, actor, part, row.packs, weight, less, 0, row.id)
    for line_id in grams:
        session.execute(
            update(OrderLine)
            .where(OrderLine.id == line_id)
            .values(
                due_g=OrderLine.due_g + grams[line_id], off_fen=OrderLine.off_fen + off[line_id]
            )
        )
    session.flush()


def _less(part: Part, packs: int, grams: int) -> Worth:
    """By how much less packs cost than the heaviest would."""
    return worth(part.line, packs) - worth(part.line, packs, grams)


def _keep(
    session: Session,
    actor: Actor,
    part: Part,
    packs: int,
    grams: int,
    less: Worth,
    off_fen: int,
    return_id: int | None = None,
) -> None:
    session.add(
        AcceptedWeight(
            order_line_id=part.line.id,
            lot_id=part.lot.id,
            goods_return_id=return_id,
            packs=packs,
            grams=grams,
            farmgate_fen=packs * part.line.farmgate_fen - less.farmgate,
            off_fen=off_fen,
            farmgate_off_fen=less.farmgate,
            at=now(),
            by_id=actor.user_id or None,
        )
    )


def leave_lots(
    session: Session,
    actor: Actor,
    parts: Sequence[Part],
    missing: Mapping[Place, int],
    weighed: Weighed,
    reference: str,
) -> None:
    """What was taken is sold, the rest is lost to its lot, whoever bears it. What goods in grams weigh less
    than was kept for them is free again."""
    sold, lost, again = Counter[int](), Counter[int](), Counter[int]()
    for part in parts:
        gone = missing.get(part.place, 0) * part.line.pack_base
        gave = part.base - gone
        if part.line.heaviest_g and part.lot.product.base_unit == "g":
            gone, gave = weighed.rejected.get(part.place, 0), weighed.accepted.get(part.place, 0)
            _release(session, part, part.base - gone - gave)
            again[part.lot.id] += part.base - gone - gave
        sold[part.lot.id] += gave
        lost[part.lot.id] += gone
    deliver_committed(session, actor, sold, lost, reference, again)


def _release(session: Session, part: Part, base: int) -> None:
    session.execute(
        update(Commitment)
        .where(
            Commitment.listing_id == part.line.listing_id,
            Commitment.lot_id == part.lot.id,
        )
        .values(released_base=Commitment.released_base + base)
    )
