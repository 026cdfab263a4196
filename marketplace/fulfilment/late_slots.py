"""A collection slot for a village that got none while the round was planned.

Lots may join a round late; their village may have no slot when sheets are to be issued. The round's
own dates can no longer be changed then, so this adds what is missing and nothing else.
"""

from sqlalchemy.orm import Session
from wtforms import SelectField
from wtforms.validators import InputRequired

from marketplace.core.errors import Conflict, InvalidInput
from marketplace.fulfilment.portions import regions_without_slot
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.orders.round_models import CollectionPoint, Round, RoundCollection
from marketplace.orders.rounds import Slot
from marketplace.web.addresses import row_number
from marketplace.web.forms import Form, required
from marketplace.web.time_fields import MomentField


class SlotForm(Form):
    region_code = SelectField("哪个村", validators=required("请选村。"), validate_choice=False)
    point_id = SelectField("送到", validators=required("请选集货点。"), validate_choice=False)
    from_at = MomentField("从", [InputRequired("请填从几点开始收。")])
    until_at = MomentField("到", [InputRequired("请填收到几点。")])

    def slot(self) -> Slot:
        assert self.from_at.data
        assert self.until_at.data
        return Slot(
            row_number(self.point_id.data),
            self.from_at.data,
            self.until_at.data,
            self.region_code.data,
        )


def add_slot(session: Session, actor: Actor, in_round: Round, slot: Slot) -> None:
    """Plan the slot; raises Conflict unless the round is allocated and the village has none."""
    if in_round.state != "allocated" or slot.region_code not in regions_without_slot(
        session, in_round
    ):
        raise Conflict("这个村不用补排，请刷新再看。", code="not_missing")
    if session.get(CollectionPoint, slot.point_id) is None:
        raise InvalidInput("请选集货点。", code="unknown_point", field="point_id")
    if slot.until_at <= slot.from_at:
        raise InvalidInput("收货要先开始再结束。", code="dates", field="until_at")
    session.add(
        RoundCollection(
            round_id=in_round.id,
            collection_point_id=slot.point_id,
            region_code=slot.region_code,
            from_at=slot.from_at,
            until_at=slot.until_at,
        )
    )
    audit.record(session, actor, "slot_added", "round", in_round.id, region=slot.region_code)
