"""For whom somebody may report: assigned households, or the cooperative whose manager one is."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.clock import today
from marketplace.core.validity import in_force
from marketplace.households.models import CooperativeMember, Household
from marketplace.identity.actor import Actor
from marketplace.identity.models import SUPPLIER_KINDS, Organisation
from marketplace.identity.permissions import HOUSEHOLD_VIEW

LIST_LIMIT = 60
"""More households than this are not put into one list: the person searches for the household first."""


@dataclass(frozen=True)
class Suppliers:
    """What the form offers; `more` when the list of households is cut."""

    choices: tuple[tuple[str, str], ...]
    members: tuple[Household, ...]
    more: bool


def household_label(household: Household) -> str:
    """Names are masked, so the village and the number tell neighbours of one family name apart."""
    return f"{household.masked_name} · {household.region.name} · {household.household_no}"


def suppliers_of(session: Session, actor: Actor, household_id: int | None = None) -> Suppliers:
    """At most three statements. `household_id` is offered too when it is within reach."""
    scope = actor.scope_for(HOUSEHOLD_VIEW)
    units: list[Organisation] = []
    if scope.organisations:
        units = list(
            session.scalars(
                select(Organisation)
                .where(
                    Organisation.id.in_(scope.organisations),
                    Organisation.kind.in_(SUPPLIER_KINDS),
                    Organisation.active,
                )
                .order_by(Organisation.id)
            )
        )
    only_units = units and not scope.regions and not scope.cadre_for
    mine = scope.visible(select(Household)).where(Household.active)
    mine = mine.options(joinedload(Household.region)).order_by(Household.region_code, Household.id)
    households = [] if only_units else list(session.scalars(mine.limit(LIST_LIMIT + 1)))
    more = len(households) > LIST_LIMIT
    if household_id is not None and (more or only_units):
        households = list(session.scalars(mine.where(Household.id == household_id)))
    elif more:
        households = []
    labels = [(f"o:{unit.id}", f"本社：{unit.name}") for unit in units]
    labels += [(f"h:{household.id}", household_label(household)) for household in households]
    return Suppliers(tuple(labels), _members(session, units), more)


def _members(session: Session, units: list[Organisation]) -> tuple[Household, ...]:
    if not units:
        return ()
    return tuple(
        session.scalars(
            select(Household)
            .join(CooperativeMember, CooperativeMember.household_id == Household.id)
            .where(
                CooperativeMember.organisation_id.in_([unit.id for unit in units]),
                in_force(CooperativeMember, today()),
                Household.active,
            )
            .options(joinedload(Household.region))
            .distinct()
            .order_by(Household.region_code, Household.id)
        )
    )
