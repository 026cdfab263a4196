"""Finance proposes a run: what is paid, from which money, to whom, and what has to wait."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from sqlalchemy import insert, select
from sqlalchemy.orm import Session, aliased

from marketplace.core.clock import now
from marketplace.core.codes import next_number
from marketplace.core.errors import Conflict, NotFound
from marketplace.households.models import Household
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.models import Organisation
from marketplace.settlement.advances import available_fen
from marketplace.settlement.collectors import with_one_collector
from marketplace.settlement.owed import Owed, owed_items, shares_of
from marketplace.settlement.payees import Account, accounts_of
from marketplace.settlement.payout_models import (
    OPEN_LINES,
    Advance,
    PayoutItem,
    PayoutLine,
    PayoutPart,
    PayoutRun,
)
from marketplace.settlement.splitting import Item, Owner, Sum, split_run

NOTHING = "现在没有可以付的货款：送到的货都付了，或者买家的钱还没有到。"


def chosen_items(owed: Sequence[Owed], room_fen: int) -> list[Item]:
    """All that buyers have paid for; of the rest as much as the advance has room for, the oldest
    first. An order that does not fit is passed over, not cut."""
    items = []
    for one in owed:
        if not one.here and one.fen > room_fen:
            continue
        room_fen -= 0 if one.here else one.fen
        items.append(Item(one.order_id, one.lot_id, one.fen, one.accepted_on, not one.here))
    return items


def propose_run(session: Session, actor: Actor, advance_id: int | None = None) -> PayoutRun:
    """Everything that can be paid now, as one run that waits for somebody else's approval.

    Raises Conflict while another run waits, or when there is nothing to pay.
    """
    number = next_number(session, "payout_run")  # two proposals in one moment queue for it
    if session.scalar(select(PayoutRun.number).where(PayoutRun.state == "proposed")):
        raise Conflict("还有一批货款等着审批，批完再提下一批。", code="run_waiting")
    advance = _advance(session, advance_id)
    chosen = chosen_items(owed_items(session), available_fen(session, advance) if advance else 0)
    lots = shares_of(session, sorted({item.lot_id for item in chosen}))
    items, collectors = with_one_collector(session, chosen, lots)
    again = lines_to_repeat(session)
    if not items and not again:
        raise Conflict(NOTHING, code="nothing_owed")
    run = PayoutRun(
        number=number,
        advance_id=advance.id if advance else None,
        fen=sum(item.fen for item in items) + sum(line.fen for line in again),
        advanced_fen=sum(item.fen for item in items if item.advanced),
        proposed_by_id=actor.user_id,
        proposed_at=now(),
    )
    session.add(run)
    session.flush()
    _store_items(session, run, items)
    _store_lines(session, run, split_run(f"payout:{number}", items, lots, collectors), again)
    audit.record(session, actor, "payout_proposed", "payout_run", number, fen=run.fen)
    return run


def _advance(session: Session, advance_id: int | None) -> Advance | None:
    if advance_id is None:
        return None
    found = session.scalar(
        select(Advance)
        .where(Advance.id == advance_id, Advance.state == "approved")
        .with_for_update()
    )
    if found is None:
        raise NotFound("没有这笔周转金，或者还没有批。")
    return found


def lines_to_repeat(session: Session) -> list[PayoutLine]:
    """Lines that were not paid and could be now: what held them is gone, or the account is another."""
    later = aliased(PayoutLine)
    followed = select(later.id).where(later.replaces_id == PayoutLine.id, later.state != "rejected")
    waiting = session.scalars(
        select(PayoutLine)
        .join(PayoutRun, PayoutRun.id == PayoutLine.run_id)
        .where(PayoutLine.state.in_(OPEN_LINES), PayoutRun.state != "proposed")
        .where(~followed.exists())
        .order_by(PayoutLine.id)
    ).all()
    accounts = accounts_of(session, {_owner(line) for line in waiting})
    return [line for line in waiting if _payable_again(line, accounts[_owner(line)])]


def _payable_again(line: PayoutLine, account: Account) -> bool:
    if account.reason:
        return False
    return line.state == "held" or line.retry or line.payee_id != account.payee_id


def _owner(line: PayoutLine) -> Owner:
    return Owner(line.household_id or 0, line.organisation_id or 0)


def _store_items(session: Session, run: PayoutRun, items: Sequence[Item]) -> None:
    rows = [
        {
            "run_id": run.id,
            "order_id": item.order_id,
            "lot_id": item.lot_id,
            "fen": item.fen,
            "advanced": item.advanced,
            "dropped": False,
        }
        for item in items
    ]
    if rows:
        session.execute(insert(PayoutItem), rows)


def _store_lines(
    session: Session, run: PayoutRun, sums: Mapping[Owner, Sum], again: Sequence[PayoutLine]
) -> None:
    owners = {*sums, *(_owner(line) for line in again)}
    accounts, regions = accounts_of(session, owners), _regions(session, owners)
    fresh = [
        _line(run, owner, one.fen, one.accepted_on, accounts[owner], regions[owner])
        for owner, one in sums.items()
    ]
    repeated = [_repeated(run, line, accounts[_owner(line)]) for line in again]
    for at, line in enumerate([*fresh, *repeated], 1):
        line.number = f"P{run.number}-{at:04d}"
    session.add_all([*fresh, *repeated])
    session.flush()
    parts = [
        {
            "line_id": line.id,
            "lot_id": part.lot_id,
            "household_id": part.household_id or None,
            "fen": part.fen,
            "receipt": "",
        }
        for line, one in zip(fresh, sums.values(), strict=True)
        for part in one.parts
    ]
    if parts:
        session.execute(insert(PayoutPart), parts)


def _line(
    run: PayoutRun,
    owner: Owner,
    fen: int,
    accepted_on: date,
    account: Account,
    region_code: str,
) -> PayoutLine:
    """Held from the start where there is no account that may be paid into."""
    return PayoutLine(
        run_id=run.id,
        household_id=owner.household_id or None,
        organisation_id=owner.organisation_id or None,
        region_code=region_code,
        fen=fen,
        accepted_on=accepted_on,
        state="held" if account.reason else "proposed",
        payee_id=None if account.reason else account.payee_id,
        held_since=now() if account.reason else None,
        reason=account.reason,
    )


def _repeated(run: PayoutRun, line: PayoutLine, account: Account) -> PayoutLine:
    made = _line(run, _owner(line), line.fen, line.accepted_on, account, line.region_code)
    made.replaces_id, made.origin_id = line.id, line.origin_id or line.id
    return made


def _regions(session: Session, owners: Collection[Owner]) -> dict[Owner, str]:
    households = session.execute(
        select(Household.id, Household.region_code).where(
            Household.id.in_([owner.household_id for owner in owners if owner.household_id])
        )
    )
    units = session.execute(
        select(Organisation.id, Organisation.region_code).where(
            Organisation.id.in_(
                [owner.organisation_id for owner in owners if owner.organisation_id]
            )
        )
    )
    return {Owner(one, 0): code for one, code in households} | {
        Owner(0, one): code for one, code in units
    }
