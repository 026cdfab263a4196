"""The story's money: accounts with their consents, one run that the bank has paid but for two lines."""

from datetime import datetime, timedelta

from sqlalchemy import select
from stdnum import luhn

from marketplace.core.clock import today
from marketplace.core.db import db, transaction
from marketplace.core.money import format_yuan
from marketplace.demo.bring import actor_named, bring
from marketplace.demo.telling import Story
from marketplace.demo.weighing import weigh_everything
from marketplace.fulfilment.delivering import accept_rest, set_out
from marketplace.households.models import Household
from marketplace.identity.actor import Actor
from marketplace.identity.models import Organisation
from marketplace.identity.permissions import PAYEE_CONSENT
from marketplace.orders.rounds import get_round
from marketplace.settlement.advances import decide_advance, get_advance, propose_advance
from marketplace.settlement.bank_file import bank_file
from marketplace.settlement.deciding import approve_run, get_run, record_sent
from marketplace.settlement.payee_import import PAYEES
from marketplace.settlement.payees import consent, payees
from marketplace.settlement.payout_models import PayoutLine
from marketplace.settlement.proposing import propose_run
from marketplace.settlement.result_import import RESULTS

BANK = "岚溪农商银行"


def pay_households(round_id: int, start: datetime) -> Story:
    """Delivered, proposed by finance, approved by the leader, and what the bank said of it."""
    operator, maker, leader = (actor_named(who) for who in ("yunying", "caiwu", "lingdao"))
    yield start - timedelta(days=8)
    weigh_everything(round_id)
    with transaction() as session:
        set_out(session, operator, get_round(session, round_id))
    with transaction() as session:
        accept_rest(session, operator, get_round(session, round_id))
    _accounts(operator)
    yield start - timedelta(days=7)
    for actor in (*_reviewers(), maker):
        _consent_to_all(actor)
    yield start - timedelta(days=6)
    with transaction() as session:
        number = propose_run(session, maker).number
    with transaction() as session:
        run = get_run(session, number)
        approve_run(session, leader, run, run.fen)
    with transaction() as session:
        run = get_run(session, number)
        bank_file(session, maker, run, run.lines)
        record_sent(session, maker, run)
    yield start - timedelta(days=5)
    _bank_answers(maker)
    _an_advance(maker, leader)


def _an_advance(maker: Actor, leader: Actor) -> None:
    """Not drawn on yet: some buyers have not paid, and finance may decide whether households wait."""
    with transaction() as session:
        day = today() + timedelta(days=90)
        made = propose_advance(session, maker, "县消费帮扶周转金", 50_000_00, day).id
    with transaction() as session:
        decide_advance(session, leader, get_advance(session, made), approve=True)


def _accounts(operator: Actor) -> None:
    """Of every household but the last of each village, and of the cooperatives."""
    households = db.session.scalars(select(Household).order_by(Household.id)).all()
    rows = [
        [household.household_no, "", household.head_name, account_number(at), BANK, "本人", ""]
        for at, household in enumerate(households, 1)
        if at % 6
    ]
    units = db.session.scalars(
        select(Organisation.name)
        .where(Organisation.kind.in_(("cooperative", "leading_enterprise")))
        .order_by(Organisation.id)
    )
    rows += [
        ["", name, name, account_number(900 + at), BANK, "", ""] for at, name in enumerate(units)
    ]
    headings = ("户编号", "合作社", "收款户名", "收款账号", "开户行", "与户主关系", "证明材料")
    bring(operator, PAYEES, headings, rows)


def account_number(at: int) -> str:
    """A card with a right check digit from a bank that there is not."""
    body = f"622200{at:012d}"
    return body + luhn.calc_check_digit(body)


def _reviewers() -> list[Actor]:
    return [actor_named(f"shenhe{town}" if town else "shenhe") for town in (0, 2, 3, 4, 5, 6)]


def _consent_to_all(actor: Actor) -> None:
    with transaction() as session:
        scope = actor.scope_for(PAYEE_CONSENT)
        for payee in session.scalars(payees(scope, "waiting")).all():
            consent(session, actor, payee)


def _bank_answers(maker: Actor) -> None:
    """Every line is paid but one, whose account is closed."""
    lines = db.session.scalars(
        select(PayoutLine).where(PayoutLine.state == "sent").order_by(PayoutLine.id)
    ).all()
    paid_on = today().isoformat()
    rows = [[line.number, format_yuan(line.net_fen), "成功", paid_on, ""] for line in lines[:-1]]
    rows.append([lines[-1].number, format_yuan(lines[-1].fen), "失败", paid_on, "账户已销户"])
    bring(maker, RESULTS, ("业务编号", "金额", "结果", "交易日期", "失败原因"), rows)
