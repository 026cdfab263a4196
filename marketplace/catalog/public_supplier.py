"""Whose goods and from where, as far as anybody may know."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.catalog.models import Lot
from marketplace.core.identifiers import mask_phone
from marketplace.households.models import Consent
from marketplace.households.public_place import public_villages


@dataclass(frozen=True)
class PublicSupplier:
    """`whose` and `phone` are empty where nothing may be said."""

    place: str
    whose: str
    phone: str


def public_supplier(session: Session, lot: Lot) -> PublicSupplier:
    """The cooperative's name; a household's masked name and number with consent, and where a village may
    be named."""
    place = public_villages(session, [lot.region_code])[lot.region_code]
    if lot.organisation is not None:
        return PublicSupplier(place.words, lot.organisation.name, "")
    consent = session.scalar(
        select(Consent.id).where(
            Consent.household_id == lot.household_id,
            Consent.kind == "public_name",
            Consent.withdrawn_at.is_(None),
        )
    )
    assert lot.household is not None
    if consent is None or not place.village:
        return PublicSupplier(place.words, "", "")
    phone = mask_phone(lot.household.phone) if lot.household.phone else ""
    return PublicSupplier(place.words, lot.household.masked_name, phone)
