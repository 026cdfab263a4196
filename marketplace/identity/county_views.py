"""What the county sets for itself."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug import Response
from wtforms import Field, SubmitField

from marketplace.core.county_settings import (
    DECLARED,
    Declared,
    county_settings,
    set_county_setting,
)
from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError
from marketplace.identity import audit
from marketplace.identity.access import current_actor, requires
from marketplace.identity.permissions import SETTING_MANAGE
from marketplace.web.forms import Form, TrimmedField, at_most, required, whole_number

bp = Blueprint("county", __name__, url_prefix="/admin/county")


def _field(declared: Declared) -> TrimmedField:
    checks: list[Any] = [*required(f"请填写{declared.label}。"), at_most(60)]

    def within_limits(_form: Form, field: Field) -> None:
        whole_number(field.data, declared.label, minimum=declared.minimum, maximum=declared.maximum)

    if isinstance(declared.default, int):
        checks.append(within_limits)
    return TrimmedField(declared.label, checks)


class CountyForm(Form):
    """One field for each declared setting: a new setting needs no line here."""

    submit = SubmitField("保存设置")


for _declared in DECLARED:
    setattr(CountyForm, _declared.key, _field(_declared))


@bp.route("", methods=["GET", "POST"])
@requires(SETTING_MANAGE)
def index() -> str | Response | tuple[str, int]:
    before = county_settings(db.session)
    form = CountyForm(data={key: str(value) for key, value in before.items()})
    status = 422 if form.is_submitted() else 200
    if form.validate_on_submit():
        try:
            changed = _save(form)
        except MarketplaceError as error:
            form.refuse(error)
            status = error.http_status
        else:
            flash(f"保存好了，改了 {changed} 项。" if changed else "没有改动。", "success")
            return redirect(url_for("county.index"))
    return render_template("identity/county.html", form=form, declared=DECLARED), status


def _save(form: CountyForm) -> int:
    """Store what differs, one line of the audit trail for each; returns how many."""
    with transaction() as session:
        before = county_settings(session)
        changed = [d.key for d in DECLARED if str(before[d.key]) != form[d.key].data]
        for key in changed:
            set_county_setting(session, key, form[key].data)
            audit.record(session, current_actor(), "setting_changed", "county_setting", key)
    return len(changed)
