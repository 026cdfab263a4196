"""Files people bring: preview with row, column and cure; whole or by good rows; twice changes nothing."""

import io
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from marketplace.catalog.models import SupplyReport
from marketplace.catalog.report_import import REPORTS
from marketplace.core.clock import use_clock
from marketplace.core.db import db
from marketplace.households.household_import import HOUSEHOLDS
from marketplace.households.member_import import MEMBERS
from marketplace.households.models import CadreAssignment, Household, SupportStatus
from marketplace.identity.models import User
from marketplace.imports.account_import import ACCOUNTS
from marketplace.imports.batches import store_batch
from marketplace.imports.models import ImportBatch, ImportRow
from marketplace.imports.region_import import REGIONS
from marketplace.imports.repeats import Repeats
from marketplace.imports.sheets import read_table, write_xlsx
from marketplace.imports.taking import LEASE, claim, run_due_batches, take_table
from marketplace.imports.unit_import import UNITS
from marketplace.imports.views import start_work

HEADINGS = [
    "户编号",
    "乡镇",
    "村",
    "户主",
    "电话",
    "人口",
    "是否脱贫户",
    "监测对象类别",
    "识别监测时间",
    "帮扶人",
]
GOOD = ["H100", "青石镇", "三岔村", "陈大山", "00012345678", "4", "是", "", "", ""]


def xlsx(*rows, headings=HEADINGS):
    return write_xlsx(headings, rows, "农户")


def upload(client, content, kind="households"):
    return client.post(
        f"/imports/new/{kind}",
        data={"file": (io.BytesIO(content), "户.xlsx")},
        follow_redirects=True,
    )


def take(client, world, take="all"):
    with world.transaction() as session:
        batch = session.scalars(select(ImportBatch).order_by(ImportBatch.id.desc())).first()
    return client.post(f"/imports/{batch.id}/take", data={"take": take}, follow_redirects=True)


def count(world, model):
    with world.transaction() as session:
        return session.scalar(select(func.count()).select_from(model))


@pytest.fixture
def operator(world):
    return world.sign_in(world.operator())


def test_a_faultless_file_is_taken_whole_and_the_second_time_changes_nothing(world, operator):
    cadre = world.user("cadre", name="liu.ganbu")
    rows = [
        GOOD,
        [
            "H101",
            "青石镇",
            "柳湾村",
            "李桂香",
            "",
            "3",
            "",
            "边缘易致贫户",
            "2024-03-01",
            "liu.ganbu",
        ],
    ]
    assert "每一行都没问题" in upload(operator, xlsx(*rows)).text
    assert "导入了 2 行" in take(operator, world).text
    assert (count(world, Household), count(world, SupportStatus)) == (2, 2)
    with world.transaction() as session:
        assert session.scalars(select(CadreAssignment)).one().user_id == cadre.id
    upload(operator, xlsx(*rows))
    assert "导入了 0 行，2 行原来就是这样" in take(operator, world).text
    assert (
        count(world, Household),
        count(world, SupportStatus),
        count(world, CadreAssignment),
    ) == (2, 2, 1)


def test_a_cadre_is_known_by_the_name_people_know_when_only_one_has_it(world, operator):
    cadres = [world.user("cadre") for _ in range(3)]
    with world.transaction() as session:
        for cadre, name in zip(cadres, ("刘青", "王琴", "王琴"), strict=True):
            session.get_one(User, cadre.id).display_name = name
    rows = [["H200", *GOOD[1:-1], "刘青"], ["H201", *GOOD[1:-1], "王琴"]]
    assert "有 2 位帮扶联系人叫「王琴」，请写账号" in upload(operator, xlsx(*rows)).text
    take(operator, world, "good")
    with world.transaction() as session:
        assert session.scalars(select(CadreAssignment)).one().user_id == cadres[0].id


def test_each_fault_names_row_column_and_cure_and_good_rows_can_go_first(world, operator):
    page = upload(
        operator,
        xlsx(
            GOOD,
            ["", "青石镇", "无名村", "", "12", "x", "可能", "贫困户", "", "nobody"],
            ["H103", "云岭镇", "松坪村", "王福来", "", "2", "否", "突发严重困难户", "去年", ""],
        ),
    ).text
    for words in (
        "请填户编号",
        "没有「无名村」这个村",
        "请填户主姓名",
        "「可能」不认识",
        "没有账号或姓名是「nobody」",
        "看不懂，请写成 2026-11-20",
    ):
        assert words in page, words
    assert "导入没问题的 1 行" in page
    assert operator.post("/imports/1/take", data={"take": "all"}).status_code == 409
    assert "导入了 1 行" in take(operator, world, "good").text
    back = operator.get("/imports/1/faulty.xlsx").data
    table = read_table(back, HOUSEHOLDS.columns)
    assert [row[1][3] for row in table.rows] == ["", "王福来"]
    assert "看不懂" in table.rows[1][1][-1]


def test_a_mended_file_of_the_faulty_rows_can_be_sent_again(world, operator):
    upload(operator, xlsx(GOOD, ["H104", "", "松坪村", "", "", "", "", "", "", ""]))
    take(operator, world, "good")
    back = operator.get("/imports/1/faulty.xlsx").data
    (_, cells), *_ = read_table(back, HOUSEHOLDS.columns).rows
    cells[HEADINGS.index("户主")] = "孙有田"
    again = upload(operator, xlsx(cells, headings=[*HEADINGS, "问题"]))
    assert "每一行都没问题" in again.text
    take(operator, world)
    assert count(world, Household) == 2


def test_a_household_that_stands_twice_in_a_file_is_asked_about(world, operator):
    other = [GOOD[0], *GOOD[1:3], "李桂香", *GOOD[4:]]
    page = upload(operator, xlsx(GOOD, ["H101", *GOOD[1:]], other)).text
    assert "和第 2 行的户编号一样。请改户编号，或只留一行。" in page
    assert "导入没问题的 2 行" in page
    take(operator, world, "good")
    with world.transaction() as session:
        heads = {h.household_no: h.head_name for h in session.scalars(select(Household))}
    assert heads == {"H100": "陈大山", "H101": "陈大山"}


@pytest.mark.parametrize(
    ("kind", "first", "second", "words"),
    [
        ("reports", {"登记编号": "7"}, {"登记编号": "7"}, "登记编号一样。请改登记编号"),
        ("reports", {"登记编号": ""}, {"登记编号": ""}, ""),
        ("units", {"单位名称": "县医院"}, {"单位名称": "县医院"}, "单位名称一样"),
        ("regions", {"区划代码": "1"}, {"区划代码": "1"}, "区划代码一样"),
        ("members", {"合作社": "甲", "户编号": "1"}, {"合作社": "甲", "户编号": "2"}, ""),
        ("members", {"合作社": "甲", "户编号": "1"}, {"合作社": "甲", "户编号": "1"}, "户编号一样"),
        ("accounts", {"账号": "li", "角色": "职工"}, {"账号": "Li", "角色": "组织员"}, ""),
        ("accounts", {"账号": "li", "姓名": "李"}, {"账号": "li", "姓名": "王"}, "姓名却不同"),
    ],
)
def test_what_may_stand_once_in_a_file(kind, first, second, words):
    kinds = {one.code: one for one in (REPORTS, UNITS, REGIONS, MEMBERS, ACCOUNTS)}
    importer = kinds[kind]
    empty = dict.fromkeys((column.heading for column in importer.columns), "")
    repeats = Repeats(importer)
    assert repeats.problems(2, empty | first) == []
    told = "".join(problem.what for problem in repeats.problems(5, empty | second))
    assert words in told
    assert bool(told) == bool(words)


def test_what_two_rows_cannot_both_be_is_said_before_anything_is_taken(world, operator):
    """Each row alone is right: one code of two units, one member by the unit's name and code."""
    code = "51439900MJX0000017"
    headings = ["单位名称", "类型", "统一社会信用代码", "区划代码"]
    units = [[name, "合作社", code, "990101101000"] for name in ("甲社", "乙社")]
    admin = world.sign_in(world.user("administrator"))
    page = upload(admin, write_xlsx(headings, units, "单位"), "units").text
    assert "这个代码已是「甲社」的" in page
    assert "导入了 1 行" in take(admin, world, "good").text
    number = world.household().household_no
    rows = [[unit, number, "2026-01-01"] for unit in ("甲社", code)]
    headings = ["合作社", "户编号", "入社日期"]
    page = upload(operator, write_xlsx(headings, rows, "成员"), "members").text
    assert "这一户在前面的行里已经是这个合作社的" in page
    assert "导入了 1 行" in take(operator, world, "good").text


def test_personal_data_of_a_file_is_not_readable_in_the_database(world, operator):
    upload(operator, xlsx(GOOD))
    with world.transaction() as session:
        raw = session.connection().exec_driver_sql("SELECT cells FROM import_row").scalars().all()
    assert raw
    assert not any("陈大山" in cells or "00012345678" in cells for cells in raw)


def test_someone_elses_import_does_not_exist(world, operator):
    upload(operator, xlsx(GOOD))
    other = world.sign_in(world.operator())
    assert other.get("/imports/1").status_code == 404
    assert other.get("/imports/1/faulty.xlsx").status_code == 404
    assert other.post("/imports/1/take").status_code == 404
    assert world.sign_in(world.user("staff", unit=world.unit())).get("/imports").status_code == 404


def test_a_reviewer_imports_only_into_villages_of_the_own_town(world):
    reviewer = world.sign_in(world.user("reviewer", region="990101102000"))
    assert "不归您管" in upload(reviewer, xlsx(GOOD)).text


def test_supply_reports_from_a_file_become_reports_once(world):
    cadre = world.user("cadre")
    household = world.household(cadre=cadre)
    world.product("鸡蛋", "piece", piece_word="枚", reference_fen=100)
    world.product("马蹄")
    client = world.sign_in(cadre)
    headings = ["户编号", "品种", "数量", "单位", "到户价", "成因"]
    rows = [
        [household.household_no, "马蹄", "2000", "斤", "1.5", "没有客商"],
        [household.household_no, "鸡蛋", "1.5千", "枚", "0.9", ""],
    ]
    content = write_xlsx(headings, rows, "登记")
    upload(client, content, "reports")
    assert "导入了 2 行" in take(client, world).text
    upload(client, content, "reports")
    assert "导入了 0 行" in take(client, world).text
    with world.transaction() as session:
        found = session.scalars(select(SupplyReport).order_by(SupplyReport.id)).all()
    assert [(r.quantity_base, r.asked_fen, r.channel) for r in found] == [
        (1_000_000, 150, "import"),
        (1500, 90, "import"),
    ]


def test_one_batch_is_worked_on_by_one_process_at_a_time(app, world):
    """A person waits for a small file while the worker looks for files too."""
    actor = world.actor(world.operator())
    with world.transaction() as session:
        table = read_table(xlsx(GOOD), HOUSEHOLDS.columns)
        batch_id = store_batch(session, actor, "households", "户.xlsx", table).id
    with app.test_request_context():
        assert claim() == batch_id
        start_work(batch_id, 1)
        assert run_due_batches() == 0
        assert db.session.get_one(ImportBatch, batch_id).state == "reading"
        with use_clock(lambda: datetime.now(UTC) + LEASE + timedelta(seconds=1)):
            assert run_due_batches() == 1
        assert db.session.get_one(ImportBatch, batch_id).state == "previewed"


def test_ten_thousand_rows_with_one_per_cent_faulty(world):
    rows = [
        [
            f"K{number:05d}",
            "青石镇",
            "三岔村",
            "陈大山",
            "",
            "3",
            "是",
            "",
            "",
            "" if number % 100 else "nobody",
        ]
        for number in range(10_000)
    ]
    operator = world.actor(world.operator())
    with world.app.app_context():
        batch = take_table(
            operator, "households", "万行.xlsx", read_table(xlsx(*rows), HOUSEHOLDS.columns)
        )
        assert (batch.state, batch.applied, batch.faulty, batch.checked) == (
            "done",
            9900,
            100,
            10_000,
        )
    assert count(world, Household) == 9900
    with world.transaction() as session:
        faulty = session.scalars(
            select(ImportRow.row_no).where(ImportRow.state == "faulty").order_by(ImportRow.row_no)
        )
        assert list(faulty)[:3] == [2, 102, 202]
