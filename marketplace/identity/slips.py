"""Activation slips: how a person without e-mail gets the first password."""

from dataclasses import dataclass
from datetime import date, timedelta

from flask import url_for

from marketplace.core.clock import today
from marketplace.identity.accounts import ACTIVATION_DAYS
from marketplace.identity.models import User


@dataclass(frozen=True)
class Slip:
    """What stands on one slip. The code is nowhere else: print it or issue another one."""

    display_name: str
    login_name: str
    unit: str
    code: str
    address: str
    last_day: date


def activation_slip(user: User, code: str) -> Slip:
    """`code` comes from `issue_activation`. The address carries the code, never a name."""
    return Slip(
        display_name=user.display_name,
        login_name=user.login_name,
        unit=user.organisation.name if user.organisation else "",
        code=code,
        address=url_for("identity.activate", code=code, _external=True),
        last_day=today() + timedelta(days=ACTIVATION_DAYS),
    )
