"""S22, S23: names, phones and numbers of people lie nowhere in the clear and show nowhere unasked."""

import io
import zipfile
from itertools import chain

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from marketplace.cli.main import main
from marketplace.core.db import db
from marketplace.core.reencryption import secret_columns
from marketplace.core.secret_text import keyring
from marketplace.fulfilment.issuing import issue_sheets
from marketplace.households.models import Household
from marketplace.identity.permissions import ORDER_GROUP
from marketplace.orders.group_registrations import GroupInput, create_group
from marketplace.orders.round_allocation import allocate_round
from marketplace.orders.round_models import RoundPickup
from marketplace.orders.rounds import close_round, get_round
from marketplace.tables import metadata
from tests.security.doors import doors, one_of_each_role
from tests.support.app import DATA_KEY, dispose, make_app, settings_for
from tests.support.pages import form_on, pdf_pages
from tests.support.service import environment

HEAD, PHONE, IDENTITY = "欧阳铁柱", "00011112222", "439900190001010022"
BUYER, BUYER_PHONE = "司徒晚晴", "00033334444"
COLLEAGUE, COLLEAGUE_PHONE = "上官小雨", "00055556666"
HOUSEHOLD = (HEAD, PHONE, IDENTITY)
SEEDS = (*HOUSEHOLD, BUYER, BUYER_PHONE, COLLEAGUE, COLLEAGUE_PHONE)


@pytest.fixture
def sold(app, world):
    """A household, a buyer and a colleague, each known from a page's form, in one allocated round."""
    app.config["PROPAGATE_UNKNOWN"] = False
    operator = world.operator()
    desk = world.sign_in(operator)
    recorded = {
        "household_no": "H-7", "region_code": "990101101201", "head_name": HEAD, "phone": PHONE,
        "identity_no": IDENTITY, "persons": "4", "kind": "povertyexit", "valid_from": "2020-12-31",
    }  # fmt: skip
    assert desk.post("/households/new", data=recorded).status_code == 302
    with world.transaction() as session:
        household = session.scalars(select(Household)).one()
    product = world.product()
    in_round = world.round()
    listing = world.listing(in_round, product, [world.lot(product, 250_000, household=household)])
    world.open_round(in_round)
    _buy(world, in_round, listing)
    _register(world, in_round, listing)
    actor = world.actor(operator)
    for step in (close_round, allocate_round, issue_sheets):
        with world.transaction() as session:
            step(session, actor, get_round(session, in_round.id))
    return household


def _buy(world, in_round, listing):
    browser = world.sign_in(world.user("staff", unit=world.unit("清源一中")))
    browser.post(f"/shop/basket/add/{listing.id}", data={"packs": 2})
    page = browser.get(f"/shop/checkout?round={in_round.id}").text
    contact = {"contact_name": BUYER, "contact_phone": BUYER_PHONE}
    answer = browser.post("/shop/checkout", data=form_on(page, "/shop/checkout") | contact)
    assert answer.status_code == 303


def _register(world, in_round, listing):
    unit = world.unit("清源县医院")
    organiser = world.actor(world.user("organiser", unit=unit))
    assert organiser.may(ORDER_GROUP)
    with world.transaction() as session:
        given = GroupInput(in_round.id, unit.id, "医院团购", in_round.closes_at)
        token = create_group(session, organiser, given).token
        place = session.scalars(select(RoundPickup.pickup_point_id)).first()
    entry = {
        "key": "entry-key-1", "name": COLLEAGUE, "phone": COLLEAGUE_PHONE, "department": "内科",
        "pickup_point_id": str(place), f"packs-{listing.id}": "2",
    }  # fmt: skip
    assert world.app.test_client().post(f"/g/{token}", data=entry).status_code == 303


def _plain(text: str) -> str:
    return text.replace("-", "").replace(" ", "")


def test_nothing_of_a_person_lies_in_the_database_the_folder_or_the_logs(
    capfd, app, world, sold, tmp_path
):
    app.config["PROPAGATE_UNKNOWN"] = False
    world.sign_in(world.operator()).get(f"/households?q={PHONE}")
    with app.app_context():
        cells = [
            f"{table.name}: {cell}"
            for table in metadata.sorted_tables
            for row in db.session.connection().exec_driver_sql(f'SELECT * FROM "{table.name}"')
            for cell in row
        ]
    logs = "".join(capfd.readouterr())
    assert "households.create" in logs
    assert any("H-7" in cell for cell in cells), "what is not personal is found"
    kept = [path.read_bytes().decode("latin-1") for path in tmp_path.rglob("*") if path.is_file()]
    found = {
        seed: place[:80]
        for place in chain(cells, kept, logs.splitlines())
        for seed in SEEDS
        if seed in _plain(place)
    }
    assert found == {}


def test_what_was_written_with_an_older_key_is_read_after_a_rotation(app, world, sold):
    newer = Fernet.generate_key().decode()
    settings = app.extensions["settings"]
    rotated = make_app(
        settings_for(settings.database_url, settings.folder, data_keys=(newer, DATA_KEY))
    )
    try:
        with rotated.app_context():
            household = db.session.get_one(Household, sold.id)
            assert (household.head_name, household.phone, household.identity_no) == HOUSEHOLD
    finally:
        dispose(rotated)
        keyring.configure(settings.data_keys, settings.lookup_key)


def test_after_encrypting_again_the_old_key_may_be_thrown_away(
    app, world, sold, capsys, monkeypatch
):
    settings, newer = app.extensions["settings"], Fernet.generate_key().decode()
    for name, value in environment(settings.database_url, settings.folder).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MARKETPLACE_DATA_KEYS", f"{newer},{DATA_KEY}")
    try:
        assert (main(["db", "reencrypt"]), main(["db", "reencrypt"])) == (0, 0)
        first, second = (int(line.split()[0]) for line in capsys.readouterr().out.splitlines())
        assert (first > 10, second) == (True, 0)
        rotated = make_app(settings_for(settings.database_url, settings.folder, data_keys=(newer,)))
        with rotated.app_context():
            household = db.session.get_one(Household, sold.id)
            assert (household.head_name, household.phone, household.identity_no) == HOUSEHOLD
            secret = secret_columns()
            assert len({column.table.name for column in secret}) >= 5
            for column in secret:
                db.session.execute(select(column)).all()  # an old token would raise
        dispose(rotated)
    finally:
        keyring.configure(settings.data_keys, settings.lookup_key)


def _readable(answer) -> str:
    """The text of a page or file, of every sheet in a workbook."""
    if answer.data.startswith(b"%PDF"):
        return "".join(pdf_pages(answer.data))
    if not answer.data.startswith(b"PK"):
        return answer.get_data(as_text=True)
    with zipfile.ZipFile(io.BytesIO(answer.data)) as book:
        return "".join(book.read(name).decode() for name in book.namelist())


def test_no_page_and_no_file_shows_a_household_to_whoever_just_looks(app, world, sold, thin):
    """Full names are shown by POST alone; what leaves by GET is masked, for every role."""
    samples = {"household_id": sold.id, "session_id": 999_999}
    wrong = []
    seen = 0
    for role, user in one_of_each_role(world):
        browser = world.sign_in(user)
        mine = [
            door for door in doors(app, samples) if door.method == "GET" and door.opens_to(role)
        ]
        for door in thin(mine):
            text = _plain(_readable(browser.get(door.path)))
            seen += "欧阳**" in text
            wrong += [f"{role} {door}: {seed}" for seed in HOUSEHOLD if seed in text]
    assert wrong == []
    assert seen > len(thin([1] * 40)) // 4, "the household stands on many pages, masked"


def test_revealing_needs_a_reason_and_leaves_one_row(world, sold):
    reviewer = world.user("reviewer", region="990101101000")
    browser = world.sign_in(reviewer)
    address = f"/households/{sold.id}/reveal"
    assert HEAD not in browser.post(address, data={"reason": ""}).text
    assert HEAD not in browser.get(address, follow_redirects=True).text
    shown = browser.post(address, data={"reason": "核对身份证"}).text
    assert HEAD in shown
    trail = world.sign_in(world.user("auditor", region="990101000000")).get("/audit?view=personal")
    assert trail.text.count("核对身份证") == 1
