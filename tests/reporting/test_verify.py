"""`marketplace verify` sees what was altered behind the program's back."""

import pytest
from sqlalchemy import text

from marketplace.reporting.verify import verify


@pytest.fixture
def ordered(world):
    in_round, listing = world.shop(packs=20, lots=2)
    world.order(world.user("staff", unit=world.unit()), in_round, {listing.id: 3})
    return world


def test_untouched_books_have_no_fault(ordered):
    with ordered.transaction() as session:
        assert verify(session) == []


@pytest.mark.parametrize(
    ("altered", "rule"),
    [
        ("UPDATE lot SET free = free + 1, verified = verified + 1", "批次数字与流水不符"),
        ("UPDATE lot SET free = free + 1, committed = committed - 1", "批次上架占用不符"),
        ("UPDATE lot_share SET quantity_base = quantity_base - 1", "批次份额不等于总量"),
        ("UPDATE listing SET capacity_packs = capacity_packs + 1", "上架份数与货源不符"),
        ("UPDATE commitment SET packs = packs - 1", "占用份数算错"),
        ("UPDATE listing SET reserved_packs = reserved_packs - 1", "已订份数与订单不符"),
        ("UPDATE preorder SET total_fen = total_fen + 1", "订单金额不符"),
        ("UPDATE order_line SET allocated_packs = 1, cut_packs = 2", "订单行分配不符"),
        ("UPDATE commitment SET allocated_packs = 1", "货源分配不符"),
        ("UPDATE lot SET state = 'on_hold'", "停着的批次还在供货"),
        ("UPDATE lot SET state = 'recalled'", "溯源记录与账目不符"),
        ("UPDATE preorder SET collected_fen = 100", "收款与账本不符"),
    ],
)
def test_an_altered_row_is_named(ordered, altered, rule):
    with ordered.transaction() as session:
        session.execute(text(altered))
    with ordered.transaction() as session:
        faults = verify(session)
    assert rule in {fault.what for fault in faults}
    assert all(fault.where for fault in faults)
