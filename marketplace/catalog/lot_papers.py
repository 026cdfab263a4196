"""Issuing a certificate for a lot, keeping a paper somebody brought, and setting a wrong one aside.

The facts of a certificate are those of its lot; only quantity and basis are said by who issues it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.catalog.lot_events import record_certified, record_paper_set_aside
from marketplace.catalog.lots import lock_lots
from marketplace.catalog.models import Lot
from marketplace.catalog.paper_models import BASES, CERTIFICATE, PAPER_KINDS, LotPaper
from marketplace.core.clock import now, today
from marketplace.core.codes import dated_code, random_code
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.scope import Scope

PERSONAL_NUMBER = re.compile(r"\d(?:[\s\-]?\d){6}")
"""Seven digits in a row are somebody's phone or identity."""
LONGEST = timedelta(days=3660)
"""A paper that is good for longer than ten years is a slip of the year."""


@dataclass(frozen=True)
class Brought:
    """What stands on a paper that somebody brought; `sha256` names the kept photo, if there is one."""

    kind: str
    number: str
    issued_on: date | None
    valid_until: date | None = None
    issuer: str = ""
    basis: str = ""
    sha256: str = ""


def issue_certificate(
    session: Session, actor: Actor, lot: Lot, quantity_base: int, basis: str
) -> LotPaper:
    """The supplier's 承诺达标合格证 for so many grams or pieces of the lot, dated today."""
    if basis not in BASES:
        raise InvalidInput("请选凭什么承诺合格。", code="missing", field="basis")
    whole = lot.verified + lot.surplus + lot.adjusted
    if not 0 < quantity_base <= whole:
        raise InvalidInput(
            "合格证上的数量要大于零，也不能比这批货还多，请核对。",
            code="quantity",
            field="quantity",
        )
    _refuse_second(
        session,
        lot,
        LotPaper.issued_here,
        LotPaper.issued_on == today(),
        LotPaper.quantity_base == quantity_base,
        LotPaper.basis == basis,
    )
    paper = LotPaper(
        number=dated_code("C", now()),
        kind=CERTIFICATE,
        issued_here=True,
        basis=basis,
        quantity_base=quantity_base,
        issued_on=today(),
    )
    return _keep(session, actor, lot, paper, "certificate_issued")


def attach_paper(session: Session, actor: Actor, lot: Lot, given: Brought) -> LotPaper:
    """Keep what somebody else issued; its photo is kept already (see pictures)."""
    if given.kind not in PAPER_KINDS:
        raise InvalidInput("请选是哪种证明。", code="missing", field="kind")
    if given.basis and (given.basis not in BASES or given.kind != CERTIFICATE):
        raise InvalidInput("只有合格证写承诺依据。", code="basis", field="basis")
    if not given.number.strip():
        raise InvalidInput("请写证明上的编号。", code="missing", field="number")
    if given.issued_on is None or not today() - LONGEST <= given.issued_on <= today():
        raise InvalidInput("请写开具的日期，不能是今天以后。", code="date", field="issued_on")
    issuer = given.issuer.strip()[:60]
    _check_issuer(lot, given.kind, issuer)
    until = given.valid_until
    if until is not None and not given.issued_on <= until <= given.issued_on + LONGEST:
        raise InvalidInput(
            "有效期要在开具日期以后，请对着证明核对。", code="date", field="valid_until"
        )
    number = given.number.strip()[:60]
    _refuse_second(session, lot, LotPaper.kind == given.kind, LotPaper.number == number)
    paper = LotPaper(
        number=number,
        kind=given.kind,
        issued_here=False,
        basis=given.basis,
        issuer=issuer,
        issued_on=given.issued_on,
        valid_until=until,
        sha256=given.sha256,
    )
    return _keep(session, actor, lot, paper, "paper_attached")


def _check_issuer(lot: Lot, kind: str, issuer: str) -> None:
    """Anybody may read it, so it names an authority and no person."""
    if not issuer:
        return
    if kind == CERTIFICATE:
        words = "合格证是供货人自己开的，这一栏空着：名字不公开，批次上有。"
    elif PERSONAL_NUMBER.search(issuer) or (lot.household and lot.household.head_name in issuer):
        words = "请只写开证的单位，不写人名、电话和证件号：扫码的人看得到。"
    else:
        return
    raise InvalidInput(words, code="issuer", field="issuer")


def _refuse_second(session: Session, lot: Lot, *same: object) -> None:
    """The lot's row is held, so that two taps at once meet here."""
    lock_lots(session, [lot.id])
    twin = session.scalars(
        select(LotPaper.number)
        .where(LotPaper.lot_id == lot.id, LotPaper.void_at.is_(None), *same)  # type: ignore[arg-type]
        .limit(1)
    ).first()
    if twin is not None:
        raise Conflict(f"这批货已经有一样的，编号 {twin}，不用再存。", code="twin")


def _keep(session: Session, actor: Actor, lot: Lot, paper: LotPaper, action: str) -> LotPaper:
    paper.code = random_code(12)
    paper.lot_id, paper.product_name = lot.id, lot.product.name
    paper.at, paper.by_id = now(), actor.user_id
    session.add(paper)
    session.flush()
    record_certified(session, paper)
    audit.record(session, actor, action, "lot_paper", paper.code, kind=paper.kind)
    return paper


def set_aside(session: Session, actor: Actor, paper: LotPaper, why: str) -> None:
    """It counts no more; the paper, its photo and the words stay."""
    if not why.strip():
        raise InvalidInput("请写为什么作废，买家扫码会看到已作废。", code="missing", field="why")
    session.refresh(paper, ["void_at"], with_for_update={"of": LotPaper})
    if paper.void_at is not None:
        raise Conflict("这张已经作废了。", code="wrong_state")
    paper.void_at, paper.void_by_id, paper.void_why = now(), actor.user_id, why.strip()[:200]
    session.flush()
    record_paper_set_aside(session, paper)
    audit.record(session, actor, "paper_set_aside", "lot_paper", paper.code, kind=paper.kind)


def get_paper(session: Session, scope: Scope, paper_id: int) -> LotPaper:
    found = session.scalar(
        scope.visible(select(LotPaper).where(LotPaper.id == paper_id)).options(*_SHOWN)
    )
    if found is None:
        raise NotFound("没有这张证明，或不归您管。")
    return found


def paper_by_code(session: Session, code: str) -> LotPaper:
    """The paper behind a QR code; what a public page may say of it is said by public_supplier."""
    found = session.scalar(select(LotPaper).where(LotPaper.code == code).options(*_SHOWN))
    if found is None:
        raise NotFound("没有这张证明，请核对纸上的字。")
    return found


def papers_of(session: Session, lot_id: int) -> Sequence[LotPaper]:
    """All papers of a lot, those set aside too, the newest first."""
    return session.scalars(
        select(LotPaper)
        .where(LotPaper.lot_id == lot_id)
        .options(joinedload(LotPaper.by), joinedload(LotPaper.void_by))
        .order_by(LotPaper.id.desc())
    ).all()


_SHOWN = (
    joinedload(LotPaper.by),
    joinedload(LotPaper.void_by),
    joinedload(LotPaper.lot).options(
        joinedload(Lot.product),
        joinedload(Lot.household),
        joinedload(Lot.organisation),
        joinedload(Lot.region),
    ),
)
