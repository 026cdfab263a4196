"""Loads the demo county: every row comes from an import or a service, at its own moment in the story."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import select

from marketplace.catalog.paper_rules import set_rules
from marketplace.catalog.products import save_product
from marketplace.core.clock import now, today
from marketplace.core.county_settings import set_county_setting
from marketplace.core.db import transaction
from marketplace.demo import county
from marketplace.demo.bring import actor_named, bring
from marketplace.demo.on_account import on_account
from marketplace.demo.people import phone
from marketplace.demo.reports import reports_of_the_story
from marketplace.demo.rounds import rounds_of_the_story
from marketplace.demo.telling import Story, happen
from marketplace.households.household_import import HOUSEHOLDS
from marketplace.households.member_import import MEMBERS
from marketplace.households.models import Household
from marketplace.households.service import give_consent
from marketplace.identity.accounts import NewGrant, create_user, grant_role, issue_activation
from marketplace.identity.accounts import activate as activate_account
from marketplace.identity.actor import SYSTEM, Actor
from marketplace.identity.models import Organisation, User
from marketplace.identity.passwords import DEMO_PASSWORD, passwords
from marketplace.imports.account_import import ACCOUNTS, ROLE_WORDS
from marketplace.imports.region_import import REGIONS
from marketplace.imports.unit_import import UNITS
from marketplace.orders.places import PlaceInput, save_place


def load_demo(
    moment: datetime | None = None, say: Callable[[str], None] = lambda _words: None
) -> None:
    """Fill an empty, migrated database, telling `say` how far it is. Needs an application context."""
    start = moment or now()
    happen(
        _beginning(start, say),
        reports_of_the_story(start),
        *rounds_of_the_story(start),
        on_account(start),
    )


def _beginning(start: datetime, say: Callable[[str], None]) -> Story:
    yield start - timedelta(days=30)
    say(f"正在准备演示县{county.COUNTY_NAME}（只有第一次需要，约一分钟）：区划、单位、账号、农户 …")
    _administrator()
    _files_of_the_county()
    _places_and_produce()
    say("上个月的一期、对账单和银行流水 …")
    yield start - timedelta(days=12)
    say("滞销登记和核实 …")
    yield start - timedelta(days=11)
    say("期次、订购、分配、备货单 …")


def _administrator() -> None:
    with transaction() as session:
        admin = create_user(
            session, SYSTEM, login_name="guanli", display_name="金守", phone=phone(900), demo=True
        )
        grant_role(session, SYSTEM, admin, NewGrant("administrator"))


def _files_of_the_county() -> None:
    admin = actor_named("guanli")
    bring(admin, REGIONS, ("区划代码", "名称", "启用日期", "停用日期"), county.regions())
    bring(
        admin,
        UNITS,
        ("单位名称", "类型", "区划代码", "有无食堂", "审批限额", "地址", "月结", "账期(天)"),
        county.units(),
    )
    _shown_accounts(admin)
    rows = [
        [account.login, account.name, phone(910 + i), account.unit, account.role, account.region]
        for i, account in enumerate(county.accounts())
    ]
    bring(admin, ACCOUNTS, ("账号", "姓名", "手机", "单位", "角色", "区划代码"), rows)
    operator = actor_named("yunying")
    bring(operator, HOUSEHOLDS, county.HOUSEHOLD_HEADINGS, county.households())
    bring(operator, MEMBERS, ("合作社", "户编号", "入社日期"), _members())
    with transaction() as session:
        for number in range(0, 144, 4):
            household = session.scalars(
                select(Household).where(Household.household_no == f"LX{number + 1:04d}")
            ).one()
            give_consent(session, operator, household, "上门签字")


def _members() -> list[list[str]]:
    since = today().isoformat()
    rows = []
    for unit, town in (
        ("青石马蹄专业合作社", 0),
        ("云岭禽业合作社", 1),
        ("天堂姜业合作社", 2),
        ("岚溪粮油有限公司", 3),
    ):
        rows += [[unit, f"LX{town * 24 + n:04d}", since] for n in range(1, 13)]
    return rows


def _shown_accounts(admin: Actor) -> None:
    """Those that the sign-in page offers: made one by one, activated with the demo's password."""
    hashed = passwords.hash(DEMO_PASSWORD)
    with transaction() as session:
        for i, account in enumerate(county.SHOWN):
            user = session.scalar(select(User).where(User.login_name == account.login))
            unit = session.scalar(select(Organisation).where(Organisation.name == account.unit))
            if user is None:
                user = create_user(
                    session,
                    admin,
                    login_name=account.login,
                    display_name=account.name,
                    phone=phone(800 + i),
                    organisation_id=unit.id if unit else None,
                    demo=True,
                )
                role = ROLE_WORDS[account.role]
                grant_role(
                    session,
                    admin,
                    user,
                    NewGrant(role, account.region or None, unit.id if unit else None),
                )
            activate_account(session, account.login, issue_activation(session, admin, user), hashed)


def _places_and_produce() -> None:
    operator = actor_named("yunying")
    with transaction() as session:
        set_county_setting(session, "county_name", county.COUNTY_NAME)
        set_county_setting(session, "service_phone", "000-0000 8888")
        set_county_setting(session, "bank_account_name", "岚溪县乡村产业服务中心")
        set_county_setting(session, "bank_name", "岚溪农村商业银行营业部")
        set_county_setting(session, "bank_account", "0000 0000 0000 0001")
        for product in county.PRODUCTS:
            saved = save_product(session, operator, None, product)
            set_rules(session, operator, saved, county.PAPERS.get(saved.name, {}))
        for name, address, way in (
            ("县政府大院", "城关镇人民路 1 号东门", "东门岗亭旁的绿棚子"),
            ("县人民医院", "城关镇健康路 8 号", "住院楼一楼大厅"),
            ("城南生活广场", "城关镇南街 66 号", "超市门口"),
            ("一中食堂", "城关镇学府路 2 号", "食堂后门卸货口"),
        ):
            save_place(session, operator, "pickup", PlaceInput(name, address, county.COUNTY, way))
        for t, town in enumerate(county.TOWNS):
            save_place(
                session,
                operator,
                "collection",
                PlaceInput(f"{town}集货点", f"{town}政府旁", county.town_code(t)),
            )
