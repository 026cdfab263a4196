"""The checks of `marketplace verify` that concern the bank: rows, what was placed of them, statements."""

from sqlalchemy import ColumnElement, Select, String, and_, case, cast, func, literal, or_, select

from marketplace.ledger.models import Journal, LedgerEntry
from marketplace.orders.order_models import Order
from marketplace.payments.bank_models import COUNTED_ELSEWHERE, BankRow, Placing, Transfer
from marketplace.payments.statement_models import Statement, StatementLine

Query = Select[str]


def _row(column: ColumnElement[int]) -> ColumnElement[str]:
    return literal("银行流水 ").concat(cast(column, String))


def _subject() -> ColumnElement[str]:
    return literal("transfer:").concat(cast(BankRow.id, String))


def rows_posted_once() -> Query:
    """Money that came in stands under bank once; a row that was only repeated, or that went out, does not."""
    at_bank = (
        select(func.coalesce(func.sum(LedgerEntry.fen), 0))
        .join(Journal, Journal.number == LedgerEntry.journal_number)
        .where(Journal.subject == _subject(), LedgerEntry.account == "bank")
        .correlate(BankRow)
        .scalar_subquery()
    )
    counts = and_(BankRow.direction == "in", Transfer.state.not_in(COUNTED_ELSEWHERE))
    return (
        select(_row(BankRow.id.expression))
        .outerjoin(Transfer, Transfer.id == BankRow.id)
        .where(or_(Transfer.id.is_(None), at_bank != case((counts, BankRow.fen), else_=0)))
    )


def rows_placed() -> Query:
    """What a row says is placed are its placings in force, never more than came; settled ones whole."""
    placed = (
        select(func.coalesce(func.sum(Placing.fen), 0))
        .where(Placing.transfer_id == Transfer.id, Placing.undone_at.is_(None))
        .correlate(Transfer)
        .scalar_subquery()
    )
    whole = Transfer.state.in_(("matched", "placed"))
    return (
        select(_row(Transfer.id.expression))
        .join(BankRow, BankRow.id == Transfer.id)
        .where(
            or_(
                Transfer.placed_fen != placed,
                Transfer.placed_fen > BankRow.fen,
                whole != (Transfer.placed_fen == BankRow.fen),
            )
        )
    )


def placings_posted() -> Query:
    """A placing is one journal of its sum, reversed exactly when the placing was taken back."""
    moved = (
        select(func.coalesce(func.sum(LedgerEntry.fen), 0))
        .where(LedgerEntry.journal_number == Placing.journal_number, LedgerEntry.fen > 0)
        .correlate(Placing)
        .scalar_subquery()
    )
    reversed_ = select(Journal.number).where(Journal.reverses == Placing.journal_number).exists()
    return select(literal("认款 ").concat(cast(Placing.id, String))).where(
        or_(moved != Placing.fen, reversed_ != Placing.undone_at.is_not(None))
    )


def credits_hold() -> Query:
    """No unit has used more of what it paid too much than there was."""
    return (
        select(literal("多付款 ").concat(LedgerEntry.party))
        .where(LedgerEntry.account == "buyer_credit")
        .group_by(LedgerEntry.party)
        .having(func.sum(LedgerEntry.fen) > 0)
    )


def suspense_holds() -> Query:
    """What is in suspense are the rests of the rows, and nothing else."""
    rests = (
        select(func.coalesce(func.sum(BankRow.fen - Transfer.placed_fen), 0))
        .join(Transfer, Transfer.id == BankRow.id)
        .where(BankRow.direction == "in", Transfer.state.not_in(COUNTED_ELSEWHERE))
        .scalar_subquery()
    )
    held = (
        select(func.coalesce(-func.sum(LedgerEntry.fen), 0))
        .where(LedgerEntry.account == "suspense")
        .scalar_subquery()
    )
    return select(literal("待查款")).where(rests != held)


def statements_agree() -> Query:
    """A statement is the sum of its orders, all of its unit and delivered."""
    lines = (
        select(func.coalesce(func.sum(StatementLine.fen), 0))
        .where(StatementLine.statement_id == Statement.id)
        .correlate(Statement)
        .scalar_subquery()
    )
    strange = (
        select(StatementLine.id)
        .join(Order, Order.id == StatementLine.order_id)
        .where(
            StatementLine.statement_id == Statement.id,
            or_(
                Order.organisation_id.is_(None),
                Order.organisation_id != Statement.organisation_id,
                Order.state != "closed",
            ),
        )
        .correlate(Statement)
        .exists()
    )
    return select(literal("对账单 ").concat(Statement.number)).where(
        or_(Statement.total_fen != lines, strange)
    )


TRANSFER_CHECKS = (
    ("银行来款没有正好记一次", rows_posted_once),
    ("银行来款认的数不对", rows_placed),
    ("认款与凭证不符", placings_posted),
    ("多付款用超了", credits_hold),
    ("待查款与银行流水不符", suspense_holds),
    ("对账单与订单不符", statements_agree),
)
