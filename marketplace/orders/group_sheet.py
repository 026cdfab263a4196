"""A registration as a spreadsheet, in the columns of the county's 订购登记表: read with cures, written."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from unicodedata import normalize

from cryptography.fernet import InvalidToken
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.errors import InvalidInput
from marketplace.core.identifiers import mask_phone, normalise_phone
from marketplace.core.secret_text import keyring
from marketplace.identity.actor import Actor
from marketplace.imports.importer import Column, FaultyRow, RowReader
from marketplace.imports.sheets import Table
from marketplace.orders.basket import parse_packs
from marketplace.orders.group_registrations import MOST_PACKS, EntryInput, save_entry
from marketplace.orders.group_shares import lost_packs, why_lost
from marketplace.orders.order_models import GroupEntry, GroupRegistration, Order, OrderLine
from marketplace.orders.round_models import Listing, RoundPickup

COLUMNS = (
    Column("部门", aliases=("科室", "处室")),
    Column("姓名", required=True),
    Column("产品", required=True, aliases=("品名",)),
    Column("规格"),
    Column("数量", required=True, aliases=("份数",)),
    Column("取货点", aliases=("提货点",)),
    Column("电话", required=True, aliases=("手机", "手机号", "联系电话")),
)
TWICE = ("单位",)
"""The paper form says 单位 for the organisation and again for the unit of measure."""
HEADINGS = (
    "期次", "单位", "部门", "姓名", "产品", "规格", "计量单位", "单价", "数量", "金额", "资金来源", "取货点",
    "电话", "签收",
)  # fmt: skip
KEPT_SECONDS = 3600


@dataclass(frozen=True)
class Fault:
    row: int
    column: str
    what: str


@dataclass
class Person:
    """All rows of one person at one pickup point."""

    name: str
    phone: str
    department: str
    place: int
    packs: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Preview:
    people: list[Person]
    faults: list[Fault]
    rows: int


def _plain(text: str) -> str:
    return normalize("NFKC", text).replace(" ", "").casefold()


def check_table(table: Table, goods: Sequence[Listing], places: Sequence[RoundPickup]) -> Preview:
    """Read every row; a faulty one is left out with all its faults."""
    people: dict[tuple[str, str, int], Person] = {}
    faults: list[Fault] = []
    for row_no, cells in table.rows:
        given = dict(zip(table.headings, cells, strict=False))
        reader = RowReader({c.heading: given.get(c.heading, "") for c in COLUMNS})
        try:
            found, listing, packs = _read_row(reader, goods, places)
        except FaultyRow as faulty:
            faults += [Fault(row_no, p.column, p.what) for p in faulty.problems]
            continue
        person = people.setdefault((found.name, found.phone, found.place), found)
        person.department = person.department or found.department
        person.packs[listing] = person.packs.get(listing, 0) + packs
        if person.packs[listing] > MOST_PACKS:
            faults.append(Fault(row_no, "数量", f"一人一种最多 {MOST_PACKS} 份，加起来超了。"))
            person.packs[listing] -= packs
    return Preview([p for p in people.values() if any(p.packs.values())], faults, len(table.rows))


def _read_row(
    reader: RowReader, goods: Sequence[Listing], places: Sequence[RoundPickup]
) -> tuple[Person, int, int]:
    name = reader.text("姓名", required="请填姓名。", longest=30)
    reader.text("电话", required="请填电话。")
    phone = reader.read("电话", normalise_phone)
    department = reader.text("部门", longest=60)
    reader.text("产品", required="请填产品。")
    reader.text("数量", required="请填数量。")
    packs = reader.read("数量", parse_packs)
    if packs is not None and packs > MOST_PACKS:
        reader.problem("数量", f"一人一种最多 {MOST_PACKS} 份。")
    listing = _listing(reader, goods)
    place = _place(reader, places)
    reader.finish()
    assert phone is not None
    assert packs is not None
    return Person(name, phone, department, place), listing, packs


def _listing(reader: RowReader, goods: Sequence[Listing]) -> int:
    """The listing that product and pack name; 0 when a problem was noted."""
    product, pack = _plain(reader.cells["产品"]), _plain(reader.cells["规格"])
    named = [g for g in goods if _plain(g.title) == product]
    fitting = [g for g in named if not pack or _plain(g.pack_name) == pack]
    if len(fitting) == 1:
        return fitting[0].id
    if fitting or named:
        choices = "、".join(g.pack_name for g in named)
        reader.problem("规格", f"请写清规格，这一期有：{choices}。")
    elif product:
        choices = "、".join(dict.fromkeys(g.title for g in goods[:12]))
        reader.problem("产品", f"这一期没有这种产品。请对照货单写：{choices}。")
    return 0


def _place(reader: RowReader, places: Sequence[RoundPickup]) -> int:
    wanted = _plain(reader.cells["取货点"])
    found = [row for row in places if _plain(row.point.name) == wanted or not wanted]
    if len(found) == 1:
        return found[0].pickup_point_id
    choices = "、".join(row.point.name for row in places)
    reader.problem("取货点", f"请填取货点，这一期有：{choices}。")
    return 0


def seal(group_id: int, people: Sequence[Person]) -> str:
    """The checked rows for the next request to bring back: encrypted, for this registration, an hour."""
    body = {"group": group_id, "people": [vars(person) for person in people]}
    return keyring.fernet.encrypt(json.dumps(body).encode()).decode()


def unseal(group_id: int, sealed: str) -> list[Person]:
    """Raises InvalidInput for what is not ours, too old, or of another registration."""
    try:
        body = json.loads(keyring.fernet.decrypt(sealed.encode(), ttl=KEPT_SECONDS))
    except InvalidToken:
        body = {}
    if body.get("group") != group_id:
        raise InvalidInput("放得太久了，请重新选文件。", code="stale", field="file")
    return [
        Person(
            p["name"],
            p["phone"],
            p["department"],
            p["place"],
            {int(listing_id): packs for listing_id, packs in p["packs"].items()},
        )
        for p in body["people"]
    ]


def take(session: Session, actor: Actor, group_id: int, people: Sequence[Person]) -> int:
    """Enter these people; returns how many. The same file again changes nothing, and who was taken
    out stays out."""
    removed = set(
        session.scalars(
            select(GroupEntry.entry_key).where(
                GroupEntry.group_id == group_id, GroupEntry.removed_at.is_not(None)
            )
        )
    )
    taken = 0
    for person in people:
        known = f"{group_id}|{person.name}|{person.phone}|{person.place}"
        key = keyring.lookup(known)[:40]
        if key in removed:
            continue
        entry = EntryInput(person.name, person.phone, person.department, person.place, person.packs)
        save_entry(session, group_id, key, entry, actor)
        taken += 1
    return taken


def rows(
    group: GroupRegistration, entries: Sequence[GroupEntry], orders: Sequence[Order], fund: str
) -> Iterator[list[str | float]]:
    """The registration in HEADINGS, one row for each product of each person; phones are masked.

    What does not come follows as rows below zero, so that the sums are what is due.
    """
    for entry in entries:
        for line in entry.lines:
            who = (entry.department, entry.name)
            rest = (fund, entry.pickup_point.name, mask_phone(entry.phone), "")
            yield _row(group, who, line.listing, line.packs, rest)
    for order in orders:
        for ordered in order.lines:
            if lost := lost_packs(order, ordered):
                rest = (fund, order.pickup_point.name, "", f"{why_lost(order)}，少给")
                yield _row(group, ("", ""), ordered.listing, -lost, rest)
            if less := _less_fen(order, ordered):
                words = "退了、没有收" if ordered.returned_packs else "按实重少收"
                rest = (fund, order.pickup_point.name, "", words)
                back = -ordered.returned_packs
                yield _row(group, ("", ""), ordered.listing, back, rest, -less)


def _less_fen(order: Order, line: OrderLine) -> int:
    """By how much an accepted line costs less than its packs at the price of the heaviest."""
    if order.state != "closed":
        return 0
    return (line.packs - lost_packs(order, line)) * line.listing.price_fen - line.due_fen


def _row(
    group: GroupRegistration,
    who: tuple[str, str],
    listing: Listing,
    packs: int,
    rest: tuple[str, str, str, str],
    fen: int | None = None,
) -> list[str | float]:
    """`fen`: its sum where that is not the price of its packs."""
    price = listing.price_fen
    start = (f"第{group.round.number}期", group.organisation.name, *who)
    goods = (listing.title, listing.pack_name, "份")
    return [
        *start,
        *goods,
        price / 100,
        packs,
        (price * packs if fen is None else fen) / 100,
        *rest,
    ]
