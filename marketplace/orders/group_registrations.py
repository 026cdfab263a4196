"""Group registrations: an organiser's list that colleagues fill without an account."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from marketplace.core.clock import now, shanghai_time
from marketplace.core.codes import random_code
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.identifiers import normalise_phone
from marketplace.core.states import move
from marketplace.identity import audit
from marketplace.identity.actor import SYSTEM, Actor
from marketplace.identity.scope import Scope
from marketplace.orders.held_places import refuse_held
from marketplace.orders.order_models import GroupEntry, GroupEntryLine, GroupRegistration
from marketplace.orders.round_models import Listing, Round, RoundPickup

MOST_ENTRIES = 500
"""So many entries one registration takes, removed ones counted: what a flood of robots can do."""
TO_CHECK = timedelta(hours=3)
MOST_PACKS = 200  # of one product for one colleague
CHANGED = "这份团购登记刚刚变了，请刷新再看。"


@dataclass(frozen=True)
class GroupInput:
    round_id: int
    organisation_id: int
    title: str
    closes_at: datetime


@dataclass(frozen=True)
class EntryInput:
    """`packs` is listing id → packs. An empty phone keeps the one an entry already has."""

    name: str
    phone: str
    department: str
    pickup_point_id: int
    packs: Mapping[int, int]


def closing_before(round_closes: datetime, moment: datetime) -> datetime:
    """When a registration should close, so that the organiser can check and hand in before the round
    closes: the last six in the evening that leaves `TO_CHECK`, or as late as the time left allows."""
    latest = round_closes - TO_CHECK
    evening = shanghai_time(latest).replace(hour=18, minute=0, second=0, microsecond=0)
    if evening > latest:
        evening -= timedelta(days=1)
    return next((at for at in (evening, latest) if at > moment), round_closes)


def create_group(session: Session, actor: Actor, given: GroupInput) -> GroupRegistration:
    """A registration in a round that takes groups; it closes no later than the round."""
    in_round = session.get(Round, given.round_id)
    if in_round is None or in_round.state != "open" or in_round.closes_at <= now():
        raise Conflict("这一期已经截单，请选别的期次。", code="round_closed")
    if not in_round.open_to_groups:
        raise Conflict("这一期不接团购。", code="other_audience")
    if given.closes_at > in_round.closes_at:
        raise InvalidInput("登记截止不能晚于这一期的截单时间。", code="too_late", field="closes_on")
    if given.closes_at <= now():
        raise InvalidInput("登记截止要在现在之后。", code="past", field="closes_on")
    group = GroupRegistration(
        token=random_code(20),
        round_id=in_round.id,
        organiser_id=actor.user_id,
        organisation_id=given.organisation_id,
        title=given.title.strip(),
        closes_at=given.closes_at,
        created_at=now(),
    )
    session.add(group)
    session.flush()
    audit.record(session, actor, "group_created", "group", group.id)
    return group


def get_group(session: Session, scope: Scope, group_id: int) -> GroupRegistration:
    """With its round and unit; raises NotFound outside the scope."""
    group = session.scalar(
        scope.visible(select(GroupRegistration).where(GroupRegistration.id == group_id)).options(
            joinedload(GroupRegistration.round, innerjoin=True),
            joinedload(GroupRegistration.organisation, innerjoin=True),
        )
    )
    if group is None:
        raise NotFound("没有这份团购登记。")
    return group


def group_of_link(session: Session, token: str) -> GroupRegistration:
    group = session.scalar(
        select(GroupRegistration)
        .where(GroupRegistration.token == token)
        .options(
            joinedload(GroupRegistration.round, innerjoin=True),
            joinedload(GroupRegistration.organisation, innerjoin=True),
        )
    )
    if group is None:
        raise NotFound("没有这份登记，请向组织的同事要新的链接。")
    return group


def entries_of(session: Session, group_id: int) -> list[GroupEntry]:
    """Every entry, removed ones too, with lines and places: bounded by MOST_ENTRIES."""
    return list(
        session.scalars(
            select(GroupEntry)
            .where(GroupEntry.group_id == group_id)
            .options(
                joinedload(GroupEntry.pickup_point, innerjoin=True),
                selectinload(GroupEntry.lines)
                .joinedload(GroupEntryLine.listing, innerjoin=True)
                .joinedload(Listing.product, innerjoin=True),
            )
            .order_by(GroupEntry.department, GroupEntry.id)
        )
    )


def get_entry(session: Session, group: GroupRegistration, entry_id: int) -> GroupEntry:
    entry = session.scalar(
        select(GroupEntry).where(GroupEntry.id == entry_id, GroupEntry.group_id == group.id)
    )
    if entry is None:
        raise NotFound("没有这条登记。")
    return entry


def entry_of_code(session: Session, group: GroupRegistration, edit_code: str) -> GroupEntry:
    """A colleague's own entry, by the code that only the colleague was given."""
    entry = session.scalar(
        select(GroupEntry)
        .where(GroupEntry.group_id == group.id, GroupEntry.edit_code == edit_code)
        .options(
            joinedload(GroupEntry.pickup_point, innerjoin=True),
            selectinload(GroupEntry.lines).joinedload(GroupEntryLine.listing, innerjoin=True),
        )
    )
    if entry is None:
        raise NotFound("没有这条登记，请看登记后给您的链接。")
    return entry


def beyond_supply(session: Session, entry: GroupEntry) -> list[Listing]:
    """Of what the entry wants, the goods of which its group registered more than can be had now."""
    sums = session.execute(
        select(GroupEntryLine.listing_id, func.sum(GroupEntryLine.packs))
        .join(GroupEntry, GroupEntry.id == GroupEntryLine.entry_id)
        .where(GroupEntry.group_id == entry.group_id, GroupEntry.removed_at.is_(None))
        .group_by(GroupEntryLine.listing_id)
    )
    registered = {listing_id: int(packs) for listing_id, packs in sums}
    wanted = [line.listing for line in entry.lines]
    return [one for one in wanted if registered.get(one.id, 0) > one.packs_on_sale]


def why_closed(group: GroupRegistration, *, organiser: bool = False) -> str:
    """Why nothing can be entered or corrected now; empty when it can. The organiser may correct
    until the list is submitted or the round closes."""
    if group.state == "submitted":
        return "名单已经交了，不能再改。要改请找组织的同事。"
    if group.state == "cancelled":
        return "这次团购登记取消了。"
    if group.round.state != "open" or group.round.closes_at <= now():
        return "这一期已经截单，不能再登记，也不能再交单。"
    if not organiser and group.closes_at <= now():
        return "登记已经截止。还想订，请找组织的同事。"
    return ""


def save_entry(
    session: Session,
    group_id: int,
    entry_key: str,
    given: EntryInput,
    organiser: Actor | None = None,
) -> GroupEntry:
    """Enter or correct: the same key is the same entry, however often it is sent.

    `organiser` is who enters for a colleague; none: the colleague. Raises Conflict when the
    registration is closed, full or the entry was removed, InvalidInput for what cannot be taken.
    """
    group = _lock(session, group_id, organiser=organiser is not None)
    if not 8 <= len(entry_key) <= 40:
        raise InvalidInput("页面放久了，请刷新再填。", code="bad_key")
    entry = session.scalar(
        select(GroupEntry).where(GroupEntry.group_id == group.id, GroupEntry.entry_key == entry_key)
    )
    if entry is None:
        _check_room(session, group.id)
        entry = GroupEntry(
            group_id=group.id,
            entry_key=entry_key,
            edit_code=random_code(16),
            created_at=now(),
            phone="",
        )
    elif entry.removed_at is not None:
        raise Conflict("这条登记已经撤回，要订请重新登记。", code="removed")
    _fill(session, group, entry, given)
    if organiser is not None:
        audit.record(session, organiser, "group_entry_saved", "group_entry", entry.id)
    return entry


def remove_entry(
    session: Session, group_id: int, entry_id: int, organiser: Actor | None = None
) -> None:
    """Flag an entry as removed; the trail says by whom."""
    group = _lock(session, group_id, organiser=organiser is not None)
    entry = get_entry(session, group, entry_id)
    if entry.removed_at is None:
        entry.removed_at = now()
        audit.record(
            session,
            organiser or SYSTEM,
            "group_entry_removed",
            "group_entry",
            entry.id,
            what="组织员删除" if organiser else "本人撤回",
        )


def cancel_group(session: Session, actor: Actor, group: GroupRegistration) -> None:
    move(session, group, "cancelled", because=CHANGED)
    audit.record(session, actor, "group_cancelled", "group", group.id)


def _lock(session: Session, group_id: int, *, organiser: bool) -> GroupRegistration:
    """Entries and the submission wait for each other here: nothing is entered into a submitted list."""
    group = session.scalars(
        select(GroupRegistration)
        .where(GroupRegistration.id == group_id)
        .with_for_update(of=GroupRegistration)
        .execution_options(populate_existing=True)
    ).one()
    if closed := why_closed(group, organiser=organiser):
        raise Conflict(closed, code="closed")
    return group


def _check_room(session: Session, group_id: int) -> None:
    held = session.scalar(
        select(func.count()).select_from(GroupEntry).where(GroupEntry.group_id == group_id)
    )
    if (held or 0) >= MOST_ENTRIES:
        raise Conflict(f"这份登记满 {MOST_ENTRIES} 条了，请找组织的同事另开一份。", code="full")


def _fill(session: Session, group: GroupRegistration, entry: GroupEntry, given: EntryInput) -> None:
    if not given.name.strip():
        raise InvalidInput("请填姓名。", code="missing", field="name")
    if given.phone.strip() or not entry.phone:
        if not given.phone.strip():
            raise InvalidInput("请填手机号，到货了好通知您。", code="missing", field="phone")
        entry.phone = normalise_phone(given.phone)
    here = select(RoundPickup.id).where(
        RoundPickup.round_id == group.round_id,
        RoundPickup.pickup_point_id == given.pickup_point_id,
    )
    if session.scalar(here) is None:
        raise InvalidInput("请选取货点。", code="unknown_pickup", field="pickup_point_id")
    refuse_held(session, given.pickup_point_id, "请选别的取货点。")
    _check_packs(session, group, given.packs, {line.listing_id for line in entry.lines})
    entry.name = given.name.strip()
    entry.department = given.department.strip()
    entry.pickup_point_id = given.pickup_point_id
    session.add(entry)
    held = {line.listing_id: line for line in entry.lines}
    for listing_id, line in held.items():
        if listing_id not in given.packs:
            entry.lines.remove(line)
    for listing_id, packs in sorted(given.packs.items()):
        if listing_id in held:
            held[listing_id].packs = packs
        else:
            entry.lines.append(GroupEntryLine(listing_id=listing_id, packs=packs))
    session.flush()


def _check_packs(
    session: Session, group: GroupRegistration, packs: Mapping[int, int], held: set[int]
) -> None:
    """What is on sale in the round, and what the entry already holds, in sensible numbers."""
    if not packs:
        raise InvalidInput("还没有选产品。", code="empty", field="packs")
    if any(not 0 < count <= MOST_PACKS for count in packs.values()):
        raise InvalidInput(f"一种最多填 {MOST_PACKS} 份。", code="packs", field="packs")
    known = session.scalars(
        select(Listing.id).where(
            Listing.round_id == group.round_id,
            Listing.id.in_(packs),
            (Listing.state == "on_sale") | Listing.id.in_(held),
        )
    )
    if set(known) != set(packs):
        raise InvalidInput("有产品已经停售，请去掉再提交。", code="unknown_listing", field="packs")
