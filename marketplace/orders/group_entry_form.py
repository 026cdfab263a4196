"""The form of one entry of a group registration, the same for a colleague and for the organiser."""

import secrets
from collections.abc import Sequence

from flask import request
from sqlalchemy.orm import Session
from wtforms import HiddenField, RadioField

from marketplace.core.errors import MarketplaceError
from marketplace.orders.basket import read_sheet, typed_packs
from marketplace.orders.group_registrations import EntryInput
from marketplace.orders.held_places import choose_place, place_choices, places_of
from marketplace.orders.hold_models import Hold
from marketplace.orders.order_models import GroupEntry, GroupRegistration
from marketplace.orders.round_models import Listing
from marketplace.orders.shop_queries import Wish, goods
from marketplace.web.addresses import row_number
from marketplace.web.forms import Form, TrimmedField, at_most, required

MOST_GOODS = 100


class EntryForm(Form):
    key = HiddenField()
    name = TrimmedField("姓名", required("请填姓名。") + [at_most(30)])
    phone = TrimmedField("手机号", [at_most(30)])
    department = TrimmedField("部门", [at_most(60)])
    pickup_point_id = RadioField(
        "在哪里取货", required("请选取货点。"), validate_choice=False, coerce=str
    )


class NewEntryForm(EntryForm):
    phone = TrimmedField("手机号", required("请填手机号，到货了好通知您。") + [at_most(30)])


class EntryPage:
    """The form with its goods and places, what was typed into it, and what is wrong with that."""

    def __init__(
        self, session: Session, group: GroupRegistration, entry: GroupEntry | None = None
    ) -> None:
        self.session, self.group, self.entry = session, group, entry
        self.form = NewEntryForm() if entry is None else EntryForm()
        self.goods = _goods(session, group, entry)
        held = self._offer_places()
        self.typed: dict[int, str] = {}
        self.wrong: dict[int, str] = {}
        if request.method == "POST":
            self.typed = typed_packs(request.form)
        elif entry is not None:
            self._show(entry)
        else:
            self.form.key.data = secrets.token_urlsafe(16)
            choose_place(self.form.pickup_point_id, self.places, held)

    def _show(self, entry: GroupEntry) -> None:
        self.form.name.data, self.form.department.data = entry.name, entry.department
        self.form.pickup_point_id.data = str(entry.pickup_point_id)
        self.typed = {line.listing_id: str(line.packs) for line in entry.lines}

    def read(self) -> EntryInput | None:
        """What was typed; None when something of it cannot be read."""
        packs, self.wrong = read_sheet(self.typed)
        fine = self.form.validate()
        if self.wrong or not fine:
            return None
        return EntryInput(
            name=str(self.form.name.data),
            phone=str(self.form.phone.data or ""),
            department=str(self.form.department.data or ""),
            pickup_point_id=row_number(str(self.form.pickup_point_id.data)),
            packs=packs,
        )

    def refuse(self, error: MarketplaceError) -> None:
        """Show why it was not taken, beside what is left now."""
        self.form.refuse(error)
        self.goods = _goods(self.session, self.group, self.entry)
        self._offer_places()

    def _offer_places(self) -> dict[int, Hold]:
        """What closes which of them now."""
        self.places, held = places_of(self.session, [self.group.round_id])
        self.form.pickup_point_id.choices = place_choices(self.places, held)
        return held

    @property
    def total_fen(self) -> int:
        packs, _ = read_sheet(self.typed)
        return sum(packs.get(listing.id, 0) * listing.price_fen for listing in self.goods)


def _goods(
    session: Session, group: GroupRegistration, entry: GroupEntry | None
) -> Sequence[Listing]:
    """What is on sale, and what the entry holds already."""
    offered = list(session.scalars(goods([group.round], Wish()).limit(MOST_GOODS)))
    held = [line.listing for line in entry.lines] if entry is not None else []
    return offered + [listing for listing in held if listing not in offered]
