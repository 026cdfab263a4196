"""The demo county is whole: made by imports and services, in balance, with something for everybody."""

import json
from itertools import groupby
from operator import itemgetter

import pytest
from sqlalchemy import func, select

from marketplace.catalog.models import SupplyReport
from marketplace.core.db import db
from marketplace.demo.bring import actor_named
from marketplace.demo.load import load_demo
from marketplace.demo.rounds import ensure_open_round
from marketplace.fulfilment.delivery_models import Delivery
from marketplace.fulfilment.models import PreparationSheet
from marketplace.fulfilment.processing import lots_for
from marketplace.fulfilment.processing_models import ProcessingLine
from marketplace.households.models import Household
from marketplace.identity.models import User
from marketplace.identity.permissions import PROCESS_MANAGE
from marketplace.orders.order_models import GroupRegistration, Order, OrderLine
from marketplace.orders.round_models import Round
from marketplace.payments.bank_models import Transfer
from marketplace.payments.statements import listed, standings
from marketplace.reporting.verify import verify
from marketplace.settlement.payout_models import PayoutLine
from marketplace.trace.models import TraceEvent
from tests.support.app import dispose, make_app, settings_for


@pytest.fixture
def demo(sqlite_url, tmp_path):
    app = make_app(settings_for(sqlite_url, tmp_path, mode="test"))
    with app.app_context():
        load_demo()
        yield db.session
        db.session.close()
    dispose(app)


def test_the_demo_county_is_loaded_and_in_balance(demo):
    assert verify(demo) == []
    assert demo.scalar(select(func.count(Household.id))) == 144
    assert [r.state for r in demo.scalars(select(Round).order_by(Round.id))] == [
        "settled",
        "settled",
        "delivering",
        "collecting",
        "open",
        "draft",
    ]
    assert set(demo.scalars(select(Delivery.state))) == {"accepted", "loaded", "handed_over"}
    lines = set(demo.scalars(select(PayoutLine.state)))
    assert lines == {"paid", "bounced", "held"}
    assert demo.scalar(select(func.count(PreparationSheet.id))) > 80
    states = set(demo.scalars(select(SupplyReport.state)))
    assert states == {"verified", "submitted", "returned"}
    assert demo.scalar(select(func.count(User.id)).where(User.demo)) == 13
    groups = demo.scalars(select(GroupRegistration.state).order_by(GroupRegistration.id)).all()
    assert groups == ["submitted", "submitted", "open", "open"]
    assert demo.scalar(select(func.sum(OrderLine.cut_packs))) > 0, "a shortage is shown"
    assert demo.scalar(select(func.sum(Order.collected_fen))) > 0
    (late,) = standings(demo, listed("overdue"))
    assert 0 < late.open_fen < late.statement.total_fen, "a statement is paid in part, and late"
    found = demo.scalars(select(Transfer.state).order_by(Transfer.id)).all()
    assert found[:5] == ["matched", "placed", "unmatched", "unmatched", "wrong_amount"]
    assert set(found[5:]) == {"outgoing"}
    _time_goes_on(demo)
    dryer = demo.scalars(select(ProcessingLine).where(ProcessingLine.kind == "drying")).one()
    reach = actor_named("yunying").scope_for(PROCESS_MANAGE)
    assert len(lots_for(demo, reach, dryer)) == 8, "a new processing order can be tried"
    ensure_open_round()
    assert demo.scalar(select(func.count(Round.id))) == 6, "a round is open: none is added"


def _time_goes_on(demo):
    """Whoever reads a stream from its first event to its last reads it in the order of time."""
    rows = demo.execute(
        select(TraceEvent.stream_id, TraceEvent.text).order_by(TraceEvent.stream_id, TraceEvent.seq)
    ).all()
    assert len(rows) > 500
    for stream, events in groupby(rows, key=itemgetter(0)):
        moments = [json.loads(text)["at"] for _, text in events]
        assert moments == sorted(moments), stream
