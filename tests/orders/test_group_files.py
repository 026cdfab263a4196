"""What the organiser brings as a file, takes away as one, and prints."""

import io
import json
import re

import pytest
from sqlalchemy import select

from marketplace.fulfilment.acceptance import accept, parts_of
from marketplace.fulfilment.delivering import set_out
from marketplace.fulfilment.issuing import issue_sheets
from marketplace.fulfilment.said_received import Scaled, Signed
from marketplace.identity.actor import SYSTEM
from marketplace.identity.audit import AuditRow
from marketplace.imports.sheets import read_table
from marketplace.orders.collecting import due_fen
from marketplace.orders.group_registrations import (
    EntryInput,
    GroupInput,
    create_group,
    save_entry,
)
from marketplace.orders.group_shares import own_portions
from marketplace.orders.group_sheet import COLUMNS, HEADINGS, rows
from marketplace.orders.lowering import lower_lot
from marketplace.orders.order_models import GroupEntry, GroupRegistration, Order
from marketplace.orders.returning import record_return
from marketplace.orders.round_allocation import allocate_round
from marketplace.orders.round_models import Commitment
from marketplace.orders.rounds import close_round, get_round
from tests.fulfilment.arriving import BY_WEIGHT, HENS
from tests.orders.grouping import PHONE, Group, text_of


@pytest.fixture
def group(world):
    return Group(world)


def test_a_file_in_the_countys_columns_is_checked_row_by_row_and_taken_once(group):
    place = "南门提货点"
    name = group.first.title
    good = ["教务处", "赵一", name, "5 斤装", "2", place, PHONE]
    preview = group.upload(
        good,
        ["教务处", "赵一", "冬瓜", "", "1", place, PHONE],
        ["后勤处", "", "西瓜", "", "三", "北门", "12"],
        ["后勤处", "钱二", name, "", "-1", place, PHONE],
    )
    page = text_of(preview)
    assert preview.status_code == 200
    for words in (
        "请填姓名",
        "这一期没有这种产品",
        "请填取货点",
        "手机号应当是 11 位",
        "份数要填整数",
        "第 4 行",
        "第 5 行",
    ):
        assert words in page
    assert PHONE.replace("-", "").replace(" ", "") not in page
    assert group.all(GroupEntry) == []
    assert group.take(preview).status_code == 303
    assert (
        group.take(
            group.upload(good, ["教务处", "赵一", "冬瓜", "", "1", place, PHONE])
        ).status_code
        == 303
    )
    (entry,) = group.all(GroupEntry)
    assert (entry.name, entry.department) == ("赵一", "教务处")


def test_the_countys_form_with_its_two_columns_of_one_name_is_read(group):
    lines = [
        "期次,单位,部门,姓名,产品,规格,单位,单价,数量,金额,资金来源,取货点,电话,签收",
        f"1,第一小学,教务处,孙三,{group.first.title},5 斤装,份,12.30,2,24.60,个人自付,南门提货点,{PHONE},",
    ]
    file = (io.BytesIO("\n".join(lines).encode()), "表.csv")
    preview = group.browser.post(f"/groups/{group.id}/import", data={"file": file})
    assert group.take(preview).status_code == 303
    assert group.all(GroupEntry)[0].name == "孙三"


@pytest.mark.parametrize("sealed", ["", "x", "gAAAAABn"])
def test_rows_that_were_not_checked_here_are_not_taken(group, sealed):
    answer = group.browser.post(f"/groups/{group.id}/import/take", data={"people": sealed})
    assert answer.status_code == 422
    assert group.all(GroupEntry) == []


def test_a_file_that_is_no_table_is_refused_in_words(group):
    file = (io.BytesIO(b"PK\x03\x04nonsense"), "x.xlsx")
    answer = group.browser.post(f"/groups/{group.id}/import", data={"file": file})
    assert (answer.status_code, "打不开" in text_of(answer)) == (422, True)


def test_exports_and_papers_show_masks_only_and_equal_the_screen(group):
    group.enter(name="=cmd", packs={group.first.id: 2, group.second.id: 3})
    group.submit()
    answer = group.browser.get(f"/groups/{group.id}/export.xlsx")
    table = read_table(answer.data, COLUMNS)
    assert table.headings == HEADINGS
    assert [row[8] for _, row in table.rows] == ["2", "3"]
    assert {row[12] for _, row in table.rows} == {"000****5678"}
    assert {row[3] for _, row in table.rows} == {"'=cmd"}
    paper = text_of(group.browser.get(f"/groups/{group.id}/lists"))
    assert "000****5678" in paper
    assert "00012345678" not in paper + text_of(group.browser.get(f"/groups/{group.id}"))
    assert group.all(Order)[0].number in paper
    assert "教务处" in paper


def test_the_organiser_prints_telephones_for_a_reason_that_stays_in_the_trail(world, group):
    group.enter()
    path = f"/groups/{group.id}/lists"
    assert group.browser.post(path, data={"reason": "x"}).status_code == 422
    stranger = world.sign_in(world.user("organiser", unit=group.unit))
    assert stranger.post(path, data={"reason": "call"}).status_code == 404
    printed = group.browser.post(path, data={"reason": "call"})
    assert "00012345678" in text_of(printed)
    assert "00012345678" not in text_of(group.browser.get(path))
    with world.transaction() as session:
        (row,) = session.scalars(
            select(AuditRow).where(AuditRow.action == "personal_revealed")
        ).all()
        assert (row.actor_id, row.subject, row.subject_id) == (
            group.organiser.id,
            "group",
            str(group.id),
        )
        assert "到货了打电话通知" in json.loads(row.detail).values()
        assert "1234" not in row.detail


def test_a_list_that_goes_in_once_asks_first_and_enter_in_a_field_does_not_send_it(group):
    group.enter()
    page = text_of(group.browser.get(f"/groups/{group.id}"))
    form = page.partition('id="submit-group"')[2].partition("</form>")[0]
    first, confirmed = re.findall(r'<button type="submit"([^>]*)>', form)
    assert "disabled" in first
    assert 'form="submit-group"' in confirmed
    assert form.index("data-confirm") < form.index(confirmed)
    assert "不能再交一次" in form


def fall_short(world, group):
    """Hand the list in; half of the ten packs are lost before the round closes."""
    group.submit()
    with world.transaction() as session:
        lot = session.scalars(select(Commitment.lot_id).order_by(Commitment.id)).first()
        lower_lot(session, SYSTEM, lot, 5 * 2500, "died")
    for step in (close_round, allocate_round):
        with world.transaction() as session:
            step(session, SYSTEM, get_round(session, group.round.id))


def own_page(group, name):
    (entry,) = [entry for entry in group.all(GroupEntry) if entry.name == name]
    return text_of(group.guest.get(f"/g/{group.token}/{entry.edit_code}"))


def test_what_falls_short_is_taken_off_the_only_one_who_registered_it(world):
    group = Group(world, packs=10)
    group.enter(packs={group.first.id: 8})
    fall_short(world, group)
    page = text_of(group.browser.get(f"/groups/{group.id}"))
    assert "货不够减了 3 份，实到 5 份" in page
    assert "现在应付 ¥61.50" in page
    paper = text_of(group.browser.get(f"/groups/{group.id}/lists"))
    assert "登记了 8 份，货不够" in paper
    assert "货不够：登记 8 份，到 5 份。" in paper
    own = own_page(group, "张小明")
    assert "只到 5 份" in own
    for seen in (page.partition("要多少货")[2], paper, own):
        assert "61.50" in seen  # five packs at 12.30 yuan
        assert "98.40" not in seen, "nobody pays for eight"


def test_what_falls_short_among_several_is_for_the_organiser_to_divide(world):
    group = Group(world, packs=10)
    group.enter(packs={group.first.id: 4})
    group.enter(packs={group.first.id: 3, group.second.id: 1}, name="李二", key="entry-key-2")
    fall_short(world, group)
    said = "货不够：登记 7 份，到 5 份，各分多少由组织的人定"
    page = text_of(group.browser.get(f"/groups/{group.id}")).partition("要多少货")[2]
    paper = text_of(group.browser.get(f"/groups/{group.id}/lists"))
    own = own_page(group, "张小明") + own_page(group, "李二")
    assert said in page
    assert said in paper
    assert own.count("由组织的同事定") == 2
    assert "7 份" not in own, "nobody reads what the others wanted"
    for seen in (page, paper, own):
        assert "49.20" not in seen, "four packs are not what is due"
        assert "36.90" not in seen
    table = read_table(group.browser.get(f"/groups/{group.id}/export.xlsx").data, COLUMNS)
    (cut,) = [row for _, row in table.rows if row[8] == "-2"]
    assert (cut[3], cut[-1]) == ("", "货不够，少给")


def test_colleagues_pay_together_what_hens_weigh_and_at_most_the_heaviest_before(world):
    group = Group(world, goods=HENS, listing=BY_WEIGHT, pack=1)
    group.enter(packs={group.first.id: 2})
    group.enter(packs={group.first.id: 1}, name="李二", key="entry-key-2")
    group.submit()
    clerk = world.actor(world.operator())
    for step in (close_round, allocate_round, issue_sheets, set_out):
        with world.transaction() as session:
            step(session, SYSTEM, get_round(session, group.round.id))
    for seen in (own_page(group, "张小明"), own_page(group, "李二"), *_papers(group)):
        assert "最多" in seen
    with world.transaction() as session:
        order = session.scalars(select(Order)).one()
        (part,) = parts_of(session, order)
        accept(session, clerk, order, [], Signed(), {part.place: Scaled(3 * 1500 + 7)})
    total = _together(world)
    page, paper = _papers(group)
    assert f"{total // 100}.{total % 100:02d}" in page
    assert f"{total // 100}.{total % 100:02d}" in paper
    for seen in (own_page(group, "李二"), page.partition("要多少货")[2], paper):
        assert "最多" not in seen
    with world.transaction() as session:
        order = session.scalars(select(Order)).one()
        record_return(session, clerk, order, {order.lines[0].id: 1}, "goodwill", "坏了")
    assert _together(world) < total
    assert "退了、没有收 1 份" in _papers(group)[1]


def _papers(group):
    there = f"/groups/{group.id}"
    return [text_of(group.browser.get(address)) for address in (there, f"{there}/lists")]


def _together(world):
    """What an accepted order owes, its colleagues pay and its spreadsheet adds up to."""
    with world.transaction() as session:
        order = session.scalars(select(Order)).one()
        owed = due_fen(session, order)
        entries = session.scalars(select(GroupEntry)).all()
        asked = [own_portions(session, entry).due_fen for entry in entries]
        assert sum(asked) == owed
        assert asked[0] - 2 * asked[1] in {-2, -1, 0, 1, 2}, "by packs"
        group = session.scalars(select(GroupRegistration)).one()
        written = sum(round(float(row[9]) * 100) for row in rows(group, entries, [order], ""))
        assert written == owed
    return owed


def test_pages_cost_the_same_statements_for_few_and_for_many(world, group, statements):
    actor = world.actor(group.organiser)

    def fill(first, last):
        with world.transaction() as session:
            for number in range(first, last):
                given = EntryInput(
                    f"人{number}",
                    PHONE,
                    f"科{number % 3}",
                    group.places[number % 2],
                    {group.first.id: 1, group.second.id: 1},
                )
                save_entry(session, group.id, f"filled-{number}", given, actor)

    pages = ("/groups/", f"/groups/{group.id}", f"/groups/{group.id}/lists", f"/g/{group.token}")
    fill(0, 2)
    few = [statements(lambda page=page: group.browser.get(page)) for page in pages]
    fill(2, 9)
    with world.transaction() as session:
        create_group(
            session,
            actor,
            GroupInput(group.round.id, group.unit.id, "又一次", group.round.closes_at),
        )
    many = [statements(lambda page=page: group.browser.get(page)) for page in pages]
    assert many == few
    assert max(many) <= 8
    group.submit()
    assert statements(lambda: group.browser.get(f"/groups/{group.id}")) <= 10
