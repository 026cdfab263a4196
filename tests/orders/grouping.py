"""An open group registration, driven as its organiser and a colleague drive it."""

import io
import re
from datetime import timedelta

from sqlalchemy import func, select

from marketplace.core.clock import now
from marketplace.imports.sheets import write_xlsx
from marketplace.orders.group_registrations import (
    GroupInput,
    create_group,
)
from marketplace.orders.round_models import Listing, RoundPickup
from marketplace.orders.rounds import get_round

PHONE = "000-1234 5678"


class Group:
    """An open registration in a round with two kinds of goods and two pickup points."""

    def __init__(self, world, packs=20, goods=None, listing=None, pack=2500):
        """`goods`, `listing`: columns of another first product and its listing, of `pack` base units."""
        self.world = world
        self.unit = world.unit("第一小学")
        self.organiser = world.user("organiser", unit=self.unit)
        self.round, self.first = self._shop(packs, goods, listing, pack)
        product = world.product("冬瓜")
        self.second = world.listing(self.round, product, [world.lot(product, packs * 2500)])
        other = world.pickup_point("南门提货点")
        with world.transaction() as session:
            slot = self.slot = get_round(session, self.round.id).pickups[0]
            slot.point.directions = "从侧门进"
            self.places = (slot.pickup_point_id, other.id)
            session.add(
                RoundPickup(
                    round_id=self.round.id,
                    pickup_point_id=other.id,
                    from_at=slot.from_at,
                    until_at=slot.until_at,
                )
            )
        actor = world.actor(self.organiser)
        with world.transaction() as session:
            made = create_group(
                session,
                actor,
                GroupInput(self.round.id, self.unit.id, "第一小学团购", now() + timedelta(days=2)),
            )
        self.id, self.token = made.id, made.token
        self.browser = world.sign_in(self.organiser)
        self.guest = world.app.test_client()

    def _shop(self, packs, goods, columns, pack):
        if goods is None:
            return self.world.shop(packs=packs)
        product, in_round = self.world.product(**goods), self.world.round()
        lots = [self.world.lot(product, packs * pack)]
        listing = self.world.listing(in_round, product, lots, pack_base=pack, **columns)
        self.world.open_round(in_round)
        return in_round, listing

    def fields(self, name="张小明", packs=None, place=0, key="entry-key-1", **changes):
        wanted = {self.first.id: 2} if packs is None else packs
        return (
            {
                "key": key,
                "name": name,
                "phone": PHONE,
                "department": "教务处",
                "pickup_point_id": str(self.places[place]),
            }
            | {f"packs-{i}": str(n) for i, n in wanted.items()}
            | changes
        )

    def enter(self, **given):
        return self.guest.post(f"/g/{self.token}", data=self.fields(**given))

    def submit(self, **changes):
        data = {"contact_name": "王组织", "contact_phone": PHONE, "fund_source": "own"} | changes
        return self.browser.post(f"/groups/{self.id}/submit", data=data)

    def all(self, model):
        with self.world.transaction() as session:
            return session.scalars(select(model).order_by(model.id)).all()

    def reserved(self):
        with self.world.transaction() as session:
            return session.scalar(select(func.sum(Listing.reserved_packs)))

    def upload(self, *rows, headings=("部门", "姓名", "产品", "规格", "数量", "取货点", "电话")):
        file = (io.BytesIO(write_xlsx(headings, rows, "表")), "表.xlsx")
        return self.browser.post(f"/groups/{self.id}/import", data={"file": file})

    def take(self, preview):
        sealed = re.search(r'name="people" value="([^"]+)"', text_of(preview))
        data = {"people": sealed[1]}
        return self.browser.post(f"/groups/{self.id}/import/take", data=data)


def text_of(answer):
    return answer.get_data(as_text=True)
