"""What is done without anybody asking. Every job finds its work in the database."""

from datetime import timedelta

from marketplace.catalog.lots import expire_lots
from marketplace.core.clock import today
from marketplace.core.db import transaction
from marketplace.fulfilment.delivering import settle_finished_rounds
from marketplace.fulfilment.reminding import remind_unanswered
from marketplace.identity.actor import SYSTEM
from marketplace.imports.taking import run_due_batches
from marketplace.jobs.registry import Job
from marketplace.notices.delivery import deliver_due
from marketplace.orders.due import close_due_rounds, reopen_due_rounds
from marketplace.payments.asking import ask_payments, expire_unpaid_orders
from marketplace.payments.merchant import current_alipay, online
from marketplace.payments.reconciling import reconcile_due
from marketplace.payments.refunding import find_excess, send_refunds
from marketplace.payments.statement_reminders import remind_units
from marketplace.payments.statements import issue_due
from marketplace.payments.transfers import match_new
from marketplace.reporting.checking import LEASE, check_due
from marketplace.trace.sealing import seal_due

MINUTE = timedelta(minutes=1)


def _expire_lots() -> None:
    with transaction() as session:
        expire_lots(session, SYSTEM, today())


def pay_jobs() -> None:
    """Everything about money at Alipay, in the order in which one thing leads to the next."""
    if online():
        ask_payments(current_alipay())
    expire_unpaid_orders()
    find_excess()
    if online():
        send_refunds(current_alipay())


def _compare_bills() -> None:
    if online():
        reconcile_due(current_alipay())


JOBS = (
    Job("close_rounds", MINUTE, close_due_rounds),
    Job("reopen_rounds", MINUTE, reopen_due_rounds),
    Job("payments", MINUTE, pay_jobs),
    Job("send_notices", MINUTE, deliver_due, on_wake=True),
    Job("imports", MINUTE, run_due_batches, on_wake=True),
    Job("match_transfers", MINUTE, match_new, on_wake=True),
    Job("issue_statements", timedelta(hours=1), issue_due),
    Job("remind_units", timedelta(hours=1), remind_units),
    Job("compare_bills", timedelta(minutes=30), _compare_bills),
    Job("remind_unanswered", timedelta(minutes=15), remind_unanswered),
    Job("seal", MINUTE, seal_due, on_wake=True),
    Job("settle_rounds", MINUTE, settle_finished_rounds, on_wake=True),
    Job("expire_lots", timedelta(hours=1), _expire_lots),
    Job("check_books", MINUTE, check_due, on_wake=True, lease=LEASE),  # last: it may take long
)
