"""The demo's processors: hens that went in and came out, and more that are there; sweet potatoes that nobody
has sent to the dryer yet."""

import io

from flask import current_app
from PIL import Image
from sqlalchemy import select

from marketplace.catalog.lot_papers import Brought
from marketplace.catalog.models import Product
from marketplace.catalog.pictures import evidence_folder, keep_picture, read_picture
from marketplace.core.clock import today
from marketplace.core.db import transaction
from marketplace.demo.bring import actor_named
from marketplace.demo.county import JIN
from marketplace.fulfilment.processing import Plan, hold_order, lots_for, plan, start
from marketplace.fulfilment.processing_finish import Finished, finish
from marketplace.fulfilment.processing_lines import LineInput, save_line
from marketplace.fulfilment.processing_models import ProcessingOrder
from marketplace.identity.models import Organisation
from marketplace.identity.permissions import PROCESS_MANAGE

SLAUGHTERHOUSE = "岚溪县定点屠宰场"
DAILY = 300
"""Hens a day."""
DRYER = "岚溪粮油有限公司"
DRIED_A_DAY = 4000 * JIN


def processing_of_the_story() -> None:
    """Of the two most urgent lots that can go, one is back already."""
    operator = actor_named("yunying")
    photo = _empty_slip()
    scope = operator.scope_for(PROCESS_MANAGE)
    with transaction() as session:
        unit = session.scalars(
            select(Organisation).where(Organisation.name == SLAUGHTERHOUSE)
        ).one()
        named = select(Product.id).where(Product.name.in_(("雪毛鸡", "白条鸡")))
        hen, dressed = session.scalars(named.order_by(Product.id)).all()
        given = LineInput(unit.id, "slaughter", hen, dressed, 990, 970, 1000, 300, 1, DAILY)
        line = save_line(session, operator, scope, given)
        for lot, free in lots_for(session, scope, line)[:2]:
            parts = {lot.id: min(free, DAILY // 2)}
            order = plan(session, operator, scope, Plan(line.id, today(), parts))
            start(session, operator, hold_order(session, scope, order.id))
        first = session.scalars(select(ProcessingOrder).order_by(ProcessingOrder.id)).first()
        assert first is not None, "the demo has hens that nobody has ordered"
        slip = Brought("inspection", "动检演示 9001", today(), None, "岚溪县畜牧站", sha256=photo)
        out = first.input_base * 99 // 100
        finish(session, operator, first, Finished(out, first.inputs[0].lot.grade, slip, sure=True))


def dryer_of_the_story() -> None:
    """Four 斤 of sweet potatoes become one; every lot of them is free to be tried."""
    operator = actor_named("yunying")
    with transaction() as session:
        unit = session.scalars(select(Organisation).where(Organisation.name == DRYER)).one()
        fresh, dried = (
            session.scalars(select(Product.id).where(Product.name == name)).one()
            for name in ("红薯", "红薯干")
        )
        given = LineInput(
            unit.id, "drying", fresh, dried, 250, 220, 300, 20, JIN, DRIED_A_DAY
        )  # fmt: skip
        save_line(session, operator, operator.scope_for(PROCESS_MANAGE), given)


def _empty_slip() -> str:
    """A white sheet where a county would photograph the slip; its hash."""
    sheet = io.BytesIO()
    Image.new("RGB", (480, 640), "white").save(sheet, "JPEG")
    picture = read_picture(sheet.getvalue())
    keep_picture(evidence_folder(current_app.extensions["settings"].folder), picture)
    return picture.sha256
