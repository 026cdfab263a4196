"""A county in which every text that people type is hostile, whatever table it stands in."""

import csv
import io
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Column, String, Table, Text, select, true, update

from marketplace.catalog.lot_papers import Brought, attach_paper, issue_certificate, set_aside
from marketplace.catalog.models import Lot
from marketplace.catalog.paper_models import CERTIFICATE, LotPaper
from marketplace.core.clock import today
from marketplace.core.secret_text import SecretText
from marketplace.tables import metadata
from tests.fulfilment.collecting import Collecting
from tests.fulfilment.slaughterhouse import Slaughterhouse
from tests.orders.grouping import Group
from tests.security.doors import filled, one_of_each_role
from tests.support.world import World

NEVER_CHANGED = {
    "audit_row", "bank_row", "signed_original", "journal", "ledger_entry", "lot_movement", "trace_event", "trace_seal",
    "trace_seal_leaf", "accepted_support", "household_recovery",
    "recovery_consent", "payout_deduction",
}  # fmt: skip
"""Their triggers refuse every change."""
OWN_WORDS = {
    "trace_stream.hash", "trace_stream.subject",
    "account.password_hash", "allocation.reason", "allocation_pin.claimant", "approval.decision",
    "county_setting.value", "due_job.lease_owner", "group_entry.edit_code", "group_entry.entry_key",
    "idempotency_key.key", "idempotency_key.owner", "idempotency_key.result", "import_batch.columns",
    "import_batch.take", "import_row.cells", "import_row.problems", "listing.pack_kind", "lot_paper.sha256",
    "allocation_run.input_text", "allocation_run.outcome_text", "order_change.before",
    "order_line.cut_reason", "order_round.salt", "order_round.shortage_rule",
    "order_round.unpaid_rule", "preorder.collected_how", "product.base_unit", "region.level",
    "report_photo.sha256", "report_revision.before", "sheet_answer.answer", "sheet_told.how",
    "weigh_photo.sha256",
}  # fmt: skip
"""What the program writes and reads itself: codes, rules, JSON. All other text columns are people's."""
OWN_NAMES = {"state", "kind", "channel", "policy", "number", "code", "token", "trace_code", "role"}
ONLY_WHERE = {"lot_paper.issuer": LotPaper.kind != CERTIFICATE}
"""Rows that may hold a text at all."""
LONG_ENOUGH = 16  # characters


def everything(world: World, hostile: str) -> tuple[dict[str, object], list[tuple[str, Any]]]:
    """Something of everything, and who may read it, those first whose things they are; a file and a
    chat bring `hostile` with them."""
    collecting, group = Collecting(world), Group(world)
    group.enter()
    samples = filled(world)
    unit = world.unit(kind="cooperative")
    world.member(unit, collecting.households[0])
    operator = world.operator()
    people = [
        ("operator", operator),
        ("cadre", collecting.cadres[0]),
        ("staff", collecting.buyers[0]),
        ("organiser", group.organiser),
        ("cooperative", world.user("cooperative", unit=unit)),
        *one_of_each_role(world),
    ]
    keeper = world.actor(collecting.cadres[0])
    with world.transaction() as session:
        lot = session.get_one(Lot, collecting.lots[0].id)
        brought = Brought("inspection", hostile[:60], today(), issuer=hostile[:60])
        paper = attach_paper(session, keeper, lot, brought)
        issue_certificate(session, keeper, lot, 500, "controlled")
        set_aside(session, keeper, paper, hostile)
    house = Slaughterhouse(world)
    house.cancel(house.plan({0: 1}), hostile)
    house.done({1: 2}, 2)
    processed = house.plan({0: 3})
    house.start(processed)
    table = io.StringIO()
    csv.writer(table).writerows([["户编号", "户主", hostile], [hostile] * 3])
    file = (io.BytesIO(table.getvalue().encode()), hostile.replace('"', "") + ".csv")
    browser = world.sign_in(operator)
    brought = browser.post("/imports/new/households", data={"file": file})
    assert brought.status_code == 302, brought.text
    consent = {"how": hostile}
    address = f"/households/{collecting.households[0].id}/consent"
    assert browser.post(address, data=consent).status_code == 302
    line = f"陈大山 {hostile} 马蹄 300斤 1.5元/斤"
    pasted = world.sign_in(collecting.cadres[0]).post("/imports/paste/pasted", data={"text": line})
    assert pasted.status_code == 302
    return samples | {
        "organisation_id": unit.id,
        "group_id": group.id,
        "token": group.token,
        "paste_id": 2,
        "lot_id": lot.id,
        "paper_id": paper.id + 1,
        "processing_id": processed.id,
        "processing_line_id": processed.line_id,
    }, people


def poison(world: World, hostile: Callable[[int], str]) -> int:
    """Every text that people type becomes `hostile(its place)`; how many columns that were."""
    columns = list(_typed())
    with world.transaction() as session:
        for place, column in enumerate(columns):
            keys = list(column.table.primary_key)
            if not _unique(column):
                words = {column.name: hostile(place)}
                here = ONLY_WHERE.get(f"{column.table.name}.{column.name}", true())
                session.execute(update(column.table).where(here).values(words))
                continue
            for row in session.execute(select(*keys)).all():
                mine = [key == value for key, value in zip(keys, row, strict=True)]
                words = f"{hostile(place)}{row[0]}"[: column.type.length]
                session.execute(update(column.table).where(*mine).values({column.name: words}))
    return len(columns)


def _typed() -> Iterator[Column[Any]]:
    names = {
        f"{table.name}.{column.name}" for table in metadata.sorted_tables for column in table.c
    }
    assert names >= OWN_WORDS
    for table in metadata.sorted_tables:
        for column in table.c:
            if table.name not in NEVER_CHANGED and _is_typed(table, column):
                yield column


def _is_typed(table: Table, column: Column[Any]) -> bool:
    if not isinstance(column.type, SecretText | String | Text):
        return False
    own = f"{table.name}.{column.name}" in OWN_WORDS or column.name in OWN_NAMES
    own = own or column.name.endswith(("_hash", "_uuid", "_no", "provider_key"))
    short = (getattr(column.type, "length", None) or LONG_ENOUGH) < LONG_ENOUGH
    return not (own or short or column.primary_key or column.foreign_keys)


def _unique(column: Column[Any]) -> bool:
    return bool(column.unique)
