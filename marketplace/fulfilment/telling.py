"""Messages about sheets: to those who look after a household, and to buyers who get less."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.catalog.models import MADE_HERE, Lot, LotShare, SupplyReport
from marketplace.core.bulk import in_batches
from marketplace.core.clock import today
from marketplace.core.money import format_yuan
from marketplace.core.validity import in_force
from marketplace.fulfilment.portions import Supplier
from marketplace.households.models import CadreAssignment
from marketplace.identity.actor import Actor
from marketplace.identity.models import RoleGrant
from marketplace.notices.outbox import Message, enqueue_all
from marketplace.orders.order_models import OrderLine
from marketplace.orders.return_models import RECALLED, RECOVERY, GoodsReturn
from marketplace.orders.returning import hears_of_returns
from marketplace.orders.round_models import Round
from marketplace.orders.worth import returned_farmgate_fen


def keepers_of(session: Session, suppliers: Collection[Supplier]) -> dict[Supplier, set[int]]:
    """Who looks after each supplier today: the household's cadre, the cooperative's managers."""
    found: defaultdict[Supplier, set[int]] = defaultdict(set)
    households = [one.household_id for one in suppliers if one.household_id]
    organisations = [one.organisation_id for one in suppliers if one.organisation_id]
    if households:
        for row in session.execute(
            select(CadreAssignment.household_id, CadreAssignment.user_id).where(
                CadreAssignment.household_id.in_(households), in_force(CadreAssignment, today())
            )
        ):
            found[Supplier(row.household_id, 0)].add(row.user_id)
    if organisations:
        for grant in session.execute(
            select(RoleGrant.organisation_id, RoleGrant.user_id).where(
                RoleGrant.role == "cooperative",
                RoleGrant.organisation_id.in_(organisations),
                in_force(RoleGrant, today()),
            )
        ):
            found[Supplier(0, grant.organisation_id or 0)].add(grant.user_id)
    return found


def owners_of(session: Session, lots: Collection[Lot]) -> dict[int, set[Supplier]]:
    """Lot id → its supplier, and of what was pooled or processed every household whose goods are in it."""
    found = {lot.id: {Supplier(lot.household_id or 0, lot.organisation_id or 0)} for lot in lots}
    if not found:
        return found
    for lot_id, household_id in session.execute(
        select(LotShare.lot_id, LotShare.household_id)
        .join(Lot, Lot.id == LotShare.lot_id)
        .join(SupplyReport, SupplyReport.id == Lot.report_id)
        .where(LotShare.lot_id.in_(found), LotShare.household_id.is_not(None))
        .where(SupplyReport.channel.in_(MADE_HERE))
    ):
        found[lot_id].add(Supplier(household_id or 0, 0))
    return found


def kept_by(session: Session, suppliers: Collection[Supplier]) -> Counter[int]:
    """How many of the suppliers each account looks after today."""
    return Counter(user for users in keepers_of(session, suppliers).values() for user in users)


def tell_issued(session: Session, in_round: Round, suppliers: Collection[Supplier]) -> None:
    """One message for each person, however many households."""
    enqueue_all(
        session,
        [
            Message(
                provider_key=f"round:{in_round.id}:sheets:{user_id}",
                kind="sheets_issued",
                subject=f"round:{in_round.id}",
                title=f"第 {in_round.number} 期备货单出来了，您有 {count} 张要通知",
                body="请在“备货”里看每户备什么、何时送到哪里，通知到户后记下回音。",
                to_user_id=user_id,
            )
            for user_id, count in sorted(kept_by(session, suppliers).items())
        ],
    )


def tell_changed(
    session: Session, actor: Actor, in_round: Round, made: Mapping[Supplier, int], *, own: Supplier
) -> None:
    """New versions: to whoever looks after them, but not to the person who just answered for `own`."""
    enqueue_all(
        session,
        [
            Message(
                provider_key=f"sheet:{made[supplier]}:{user_id}",
                kind="sheet_changed",
                subject=f"sheet:{made[supplier]}",
                title=f"第 {in_round.number} 期有一张备货单改了",
                body="份数变了，请在“备货”里看新的一版，再通知这一户。",
                to_user_id=user_id,
            )
            for supplier, keepers in sorted(keepers_of(session, list(made)).items())
            for user_id in sorted(keepers)
            if not (supplier == own and user_id == actor.user_id)
        ],
    )


def tell_cut(session: Session, in_round: Round, cut: Mapping[int, int], answer_id: int) -> None:
    """Buyers whose lines lost packs (order line id → packs), one message for each order."""
    orders = _by_order(session, cut)
    enqueue_all(
        session,
        [
            Message(
                provider_key=f"order:{order_id}:cut:{answer_id}",
                kind="order_cut",
                subject=f"order:{order_id}",
                title=f"订单 {lines[0].order.number} 少了 {sum(cut[x.id] for x in lines)} 份",
                body=f"第 {in_round.number} 期有农户备不齐，订单里"
                + "、".join(f"{x.listing.full_title}少 {cut[x.id]} 份" for x in lines)
                + "。少的不收钱。",
                to_user_id=lines[0].order.buyer_id,
            )
            for order_id, lines in sorted(orders.items())
        ],
    )


def tell_more(
    session: Session, in_round: Round, more: Mapping[int, int], act: str, because: str
) -> None:
    """Buyers who get packs after all; `act` names what led to it, `because` says it."""
    enqueue_all(
        session,
        [
            Message(
                provider_key=f"order:{order_id}:more:{act}",
                kind="order_more",
                subject=f"order:{order_id}",
                title=f"订单 {lines[0].order.number} 补上了 {sum(more[x.id] for x in lines)} 份",
                body=f"第 {in_round.number} 期{because}，您订的"
                + "、".join(f"{x.listing.full_title}补上 {more[x.id]} 份" for x in lines)
                + "。",
                to_user_id=lines[0].order.buyer_id,
            )
            for order_id, lines in sorted(_by_order(session, more).items())
        ],
    )


def _by_order(session: Session, lines: Mapping[int, int]) -> dict[int, list[OrderLine]]:
    orders: defaultdict[int, list[OrderLine]] = defaultdict(list)
    for some in in_batches(lines):
        for line in session.scalars(
            select(OrderLine)
            .where(OrderLine.id.in_(some))
            .options(joinedload(OrderLine.order), joinedload(OrderLine.listing))
            .order_by(OrderLine.id)
        ):
            orders[line.order_id].append(line)
    return orders


def _what_it_costs(session: Session, row: GoodsReturn) -> str:
    """Of what is sold by weight and was turned away, nobody knows it to the fen: the heaviest would cost this."""
    fen = format_yuan(returned_farmgate_fen(session, row))
    if row.line.heaviest_g and row.stage == "acceptance":
        fen = f"最多 {fen}"
    if row.fault == RECOVERY:
        return (
            f"{row.words}。这些货的货款 {fen} 元已经付了，要收回。请和这一户说清楚：本人签字同意，"
            "才从以后的货款里扣；不同意就不扣。"
        )
    return f"{row.words}。这些不付货款，一共少 {fen} 元，请告诉这一户；照片在订单里。"


@hears_of_returns
def tell_returned(session: Session, returned: Sequence[GoodsReturn]) -> None:
    """What a buyer did not keep for its quality: to those who look after the households that bear it. Of a
    recall they have heard."""
    borne = ("farm", RECOVERY)
    rows = [row for row in returned if row.fault in borne and row.reason != RECALLED]
    owners = owners_of(session, [row.lot for row in rows])
    keepers = keepers_of(session, {one for some in owners.values() for one in some})
    enqueue_all(
        session,
        [
            Message(
                provider_key=f"rejected:{row.id}:{user_id}",
                kind="goods_rejected",
                subject=f"lot:{row.lot_id}",
                title=f"批次 {row.lot.code} 有 {row.packs} 份"
                + ("验收没有收" if row.stage == "acceptance" else "退了回来"),
                body=_what_it_costs(session, row),
                to_user_id=user_id,
            )
            for row in rows
            for user_id in sorted({user for one in owners[row.lot_id] for user in keepers[one]})
        ],
    )
