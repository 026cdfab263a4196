"""This payer pays for that unit: remembered by finance, until it is ended."""

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.clock import now
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.states import move_many
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.models import Organisation
from marketplace.payments.bank_models import PayerAlias, Placing, Transfer
from marketplace.payments.open_items import name_hash
from marketplace.payments.placing import by_whom


def remember(session: Session, actor: Actor, name: str, unit_id: int) -> bool:
    """`name` pays for the unit from now on; False when that is known. What this payer sent and nobody
    placed is looked at again."""
    if not name.strip():
        raise InvalidInput("请填付款户名。", code="missing", field="name")
    if len(name.strip()) > 120:
        raise InvalidInput("最多写 120 个字。", code="too_long", field="name")
    unit = session.get(Organisation, unit_id)
    if unit is None:
        raise InvalidInput("请选单位。", code="unknown_unit", field="unit")
    hashed = name_hash(name)
    known = select(PayerAlias.id).where(
        PayerAlias.name_hash == hashed,
        PayerAlias.organisation_id == unit.id,
        PayerAlias.ended_at.is_(None),
    )
    if session.scalar(known) is not None:
        return False
    made = PayerAlias(
        name=name.strip(),
        name_hash=hashed,
        organisation_id=unit.id,
        made_at=now(),
        made_by_id=by_whom(actor),
    )
    session.add(made)
    session.flush()
    audit.record(session, actor, "payer_alias_made", "payer_alias", made.id)
    by_a_person = select(Placing.id).where(Placing.transfer_id == Transfer.id).exists()
    untouched = (Transfer.payer_hash == hashed) & ~by_a_person
    move_many(session, Transfer, untouched, "unmatched", "new")
    return True


def end_alias(session: Session, actor: Actor, alias_id: int) -> None:
    """The payer pays for the unit no longer; what was placed stays."""
    found = session.get(PayerAlias, alias_id, with_for_update=True)
    if found is None:
        raise NotFound("没有这条。")
    if found.ended_at is not None:
        raise Conflict("这条已经停用了。", code="ended")
    found.ended_at = now()
    audit.record(session, actor, "payer_alias_ended", "payer_alias", found.id)


def aliases() -> Select[PayerAlias]:
    """Those in force, the newest first."""
    return (
        select(PayerAlias)
        .where(PayerAlias.ended_at.is_(None))
        .options(joinedload(PayerAlias.organisation, innerjoin=True))
        .order_by(PayerAlias.id.desc())
    )
