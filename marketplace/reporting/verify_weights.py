"""The checks of `marketplace verify` on what packs sold by weight are worth to the households."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, and_, cast, func, or_, select

from marketplace.orders.order_models import OrderLine
from marketplace.orders.return_models import GoodsReturn
from marketplace.orders.weight_models import AcceptedWeight
from marketplace.reporting.verify_money import named

Query = Select[str]


def _worth(grams: ColumnElement[Any]) -> ColumnElement[Any]:
    """Rounded half up, as core.money.value_fen does."""
    twice = 2 * OrderLine.heaviest_g
    return (2 * OrderLine.farmgate_fen * grams + OrderLine.heaviest_g) // twice


def weights_worth() -> Query:
    """What was accepted, and what others pay for, is worth its grams, and that much less than the heaviest."""
    heaviest = AcceptedWeight.packs * OrderLine.farmgate_fen
    return (
        select(named("订单行 ", OrderLine.id))
        .join(AcceptedWeight, AcceptedWeight.order_line_id == OrderLine.id)
        .where(
            AcceptedWeight.packs > 0,
            or_(
                OrderLine.heaviest_g.is_(None),
                AcceptedWeight.farmgate_fen != _worth(AcceptedWeight.grams.expression),
                AcceptedWeight.farmgate_off_fen != heaviest - AcceptedWeight.farmgate_fen,
            ),
        )
        .distinct()
    )


def weights_left() -> Query:
    """Piece by piece, what came back leaves what the rest is worth."""
    theirs = or_(AcceptedWeight.goods_return_id.is_(None), AcceptedWeight.packs < 0)
    grams = cast(func.sum(AcceptedWeight.grams), BigInteger)  # PostgreSQL sums to a decimal
    return (
        select(named("订单行 ", OrderLine.id))
        .join(AcceptedWeight, and_(AcceptedWeight.order_line_id == OrderLine.id, theirs))
        .group_by(OrderLine.id, AcceptedWeight.lot_id)
        .having(func.sum(AcceptedWeight.farmgate_fen) != _worth(grams))
    )


def weights_of_returns() -> Query:
    """Grams that are not a buyer's are of packs that he did not take, or brought back, of that line and lot."""
    same = and_(
        GoodsReturn.order_line_id == AcceptedWeight.order_line_id,
        GoodsReturn.lot_id == AcceptedWeight.lot_id,
        or_(
            and_(GoodsReturn.stage == "later", AcceptedWeight.packs == -GoodsReturn.packs),
            and_(
                GoodsReturn.stage == "acceptance",
                GoodsReturn.fault != "farm",
                AcceptedWeight.packs == GoodsReturn.packs,
                AcceptedWeight.off_fen == 0,
            ),
        ),
    )
    return (
        select(named("退货 ", GoodsReturn.id))
        .join(AcceptedWeight, AcceptedWeight.goods_return_id == GoodsReturn.id)
        .where(~same)
    )


def returns_weighed() -> Query:
    """Whoever bears packs sold by weight, it is known what they weigh; but what a lot bears itself when they
    come needs no weight."""
    weight = select(AcceptedWeight.id).where(AcceptedWeight.goods_return_id == GoodsReturn.id)
    return (
        select(named("退货 ", GoodsReturn.id))
        .join(OrderLine, OrderLine.id == GoodsReturn.order_line_id)
        .where(
            OrderLine.heaviest_g.is_not(None),
            or_(GoodsReturn.stage == "later", GoodsReturn.fault != "farm"),
            ~weight.exists(),
        )
    )


WEIGHT_CHECKS = (
    ("实重和农户的钱不符", weights_worth),
    ("退货以后的实重和农户的钱不符", weights_left),
    ("实重和退货不符", weights_of_returns),
    ("退货没有实重", returns_weighed),
)
