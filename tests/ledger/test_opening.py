"""Money that was noted before there was a ledger stands in it after the migration."""

from alembic import command
from sqlalchemy import select

from marketplace.core.db import db
from marketplace.core.schema import alembic_config, upgrade
from marketplace.ledger import books
from marketplace.ledger.models import Journal
from marketplace.orders.collecting import record_collected, undo_collected
from marketplace.orders.ordering import get_order
from marketplace.reporting.verify import verify


def test_the_books_open_with_every_order_whose_money_was_noted(world, app, database_url):
    in_round, listing = world.shop()
    unit = world.unit()
    numbers = [
        world.order(world.user("staff", unit=unit), in_round, {listing.id: packs})
        for packs in (1, 2, 3)
    ]
    operator = world.actor(world.operator())
    for number in numbers[:2]:
        _collect(world, operator, number)
    with app.app_context():
        db.engine.dispose()
    command.downgrade(alembic_config(database_url), "0001")
    upgrade(database_url)
    with world.transaction() as session:
        assert verify(session) == []
        assert books.balance(session, "collected") == 3 * listing.price_fen
        opened = session.scalars(select(Journal)).all()
        assert {journal.key for journal in opened} == {f"opening:{n}" for n in numbers[:2]}
        assert {journal.by_id for journal in opened} == {operator.user_id}
    with world.transaction() as session:
        order = get_order(session, operator.scope_for("orders.manage"), numbers[0])
        undo_collected(session, operator, order, "mistaken")
    _collect(world, operator, numbers[2])
    with world.transaction() as session:
        assert verify(session) == []


def _collect(world, operator, number):
    with world.transaction() as session:
        order = get_order(session, operator.scope_for("orders.manage"), number)
        record_collected(session, operator, order, "pickup", order.total_fen)
