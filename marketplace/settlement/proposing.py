"""Finance proposes a run: what is paid, from which money, to whom, and what has to wait."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
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
from marketplace.settlement.deductions import Offsets, agreed_to, offsets, store
from marketplace.settlement.owed import Owed, owed_items, shares_of
from marketplace.settlement.payees import Account, accounts_of
from marketplace.settlement.paying import members_fen
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


@dataclass(frozen=True)
class Draft:
    """What a run would pay: what of which order, split to whom; lines that are tried once more; and where
    each owner's money goes, or why it has to wait."""

    items: Sequence[Item]
    sums: Mapping[Owner, Sum]
    again: Sequence[PayoutLine]
    accounts: Mapping[Owner, Account]
    taken_off: Sequence[Offsets]
    """What is taken off each payment: those of `sums` first, then those of `again`."""

    @property
    def fen(self) -> int:
        return sum(item.fen for item in self.items) + sum(line.fen for line in self.again)

    @property
    def off_fens(self) -> list[int]:
        return [sum(fen for _, fen in offs) for offs in self.taken_off]

    @property
    def advanced_fen(self) -> int:
        return sum(item.fen for item in self.items if item.advanced)


def draft_run(
    session: Session, number: int, owed: Sequence[Owed], room_fen: int, *, for_update: bool = False
) -> Draft:
    """Run `number` as it would be now, with so much room in working capital; `for_update`: nobody changes
    meanwhile what may be taken off."""
    chosen = chosen_items(owed, room_fen)
    lots = shares_of(session, sorted({item.lot_id for item in chosen}))
    items, collectors = with_one_collector(session, chosen, lots)
    sums = split_run(f"payout:{number}", items, lots, collectors)
    waiting = _lines_waiting(session)
    accounts = accounts_of(session, {*sums, *(line.owner for line in waiting)})
    again = [line for line in waiting if _payable_again(line, accounts[line.owner])]
    most = _most_off(session, sums, again, accounts)
    agreed = agreed_to(session, {owner for owner, _ in most}, for_update=for_update)
    return Draft(items, sums, again, accounts, offsets(most, agreed))


def _most_off(
    session: Session,
    sums: Mapping[Owner, Sum],
    again: Sequence[PayoutLine],
    accounts: Mapping[Owner, Account],
) -> list[tuple[Owner, int]]:
    """Each payment's owner with what may be taken off it: what is his own, and nothing of what waits."""
    fresh = [
        (owner, 0 if accounts[owner].reason else one.own_fen(owner)) for owner, one in sums.items()
    ]
    return fresh + [(line.owner, line.fen - members_fen(session, line)) for line in again]


def propose_run(session: Session, actor: Actor, advance_id: int | None = None) -> PayoutRun:
    """Everything that can be paid now, as one run that waits for somebody else's approval.

    Raises Conflict while another run waits, or when there is nothing to pay.
    """
    number = next_number(session, "payout_run")  # two proposals in one moment queue for it
    if session.scalar(select(PayoutRun.number).where(PayoutRun.state == "proposed")):
        raise Conflict("还有一批货款等着审批，批完再提下一批。", code="run_waiting")
    advance = _advance(session, advance_id)
    room_fen = available_fen(session, advance) if advance else 0
    draft = draft_run(session, number, owed_items(session), room_fen, for_update=True)
    if not draft.items and not draft.again:
        raise Conflict(NOTHING, code="nothing_owed")
    run = PayoutRun(
        number=number,
        advance_id=advance.id if advance else None,
        fen=draft.fen,
        advanced_fen=draft.advanced_fen,
        proposed_by_id=actor.user_id,
        proposed_at=now(),
    )
    session.add(run)
    session.flush()
    _store_items(session, run, draft.items)
    _store_lines(session, run, draft)
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


def _lines_waiting(session: Session) -> Sequence[PayoutLine]:
    """Lines that were not paid, and that no other has replaced."""
    later = aliased(PayoutLine)
    followed = select(later.id).where(later.replaces_id == PayoutLine.id, later.state != "rejected")
    return session.scalars(
        select(PayoutLine)
        .join(PayoutRun, PayoutRun.id == PayoutLine.run_id)
        .where(PayoutLine.state.in_(OPEN_LINES), PayoutRun.state != "proposed")
        .where(~followed.exists())
        .order_by(PayoutLine.id)
    ).all()


def _payable_again(line: PayoutLine, account: Account) -> bool:
    """What held it is gone, or the account is another."""
    if account.reason:
        return False
    return line.state == "held" or line.retry or line.payee_id != account.payee_id


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


def _store_lines(session: Session, run: PayoutRun, draft: Draft) -> None:
    regions = regions_of(session, draft.sums)
    fresh = [
        _line(run, owner, one.fen, one.accepted_on, draft.accounts[owner], regions[owner])
        for owner, one in draft.sums.items()
    ]
    repeated = [_repeated(run, line, draft.accounts[line.owner]) for line in draft.again]
    lines = [*fresh, *repeated]
    for at, (line, off_fen) in enumerate(zip(lines, draft.off_fens, strict=True), 1):
        line.number, line.deducted_fen = f"P{run.number}-{at:04d}", off_fen
    session.add_all(lines)
    session.flush()
    store(session, lines, draft.taken_off)
    parts = [
        {
            "line_id": line.id,
            "lot_id": part.lot_id,
            "household_id": part.household_id or None,
            "fen": part.fen,
            "receipt": "",
        }
        for line, one in zip(fresh, draft.sums.values(), strict=True)
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
    made = _line(run, line.owner, line.fen, line.accepted_on, account, line.region_code)
    made.replaces_id, made.origin_id = line.id, line.origin_id or line.id
    return made


def regions_of(session: Session, owners: Collection[Owner]) -> dict[Owner, str]:
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
