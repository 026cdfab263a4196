"""The administrator's pages of units."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug import Response
from wtforms import BooleanField, SelectField, SubmitField

from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError
from marketplace.core.money import format_yuan, parse_yuan
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.models import ORGANISATION_KINDS, Organisation
from marketplace.identity.organisations import (
    OrganisationInput,
    get_organisation,
    organisations,
    read_account_days,
    save_organisation,
)
from marketplace.identity.permissions import ACCOUNT_MANAGE
from marketplace.regions.places import region_choices
from marketplace.web.forms import Form, TrimmedField, at_most, required
from marketplace.web.paging import paginate

bp = Blueprint("organisations", __name__, url_prefix="/admin/organisations")


class OrganisationForm(Form):
    name = TrimmedField("单位名称", required("请填写单位名称。") + [at_most(120)])
    kind = SelectField(
        "类型", required("请选单位类型。"), choices={"": "请选择"} | ORGANISATION_KINDS
    )
    uscc = TrimmedField("统一社会信用代码", [at_most(40)])
    region_code = SelectField("所在地", required("请选所在地。"))
    address = TrimmedField("地址", [at_most(200)])
    has_canteen = BooleanField("有食堂，可以用食堂货单下单")
    approval_above = TrimmedField("超过多少元要审批", [at_most(20)])
    on_account = BooleanField("单位月结：食堂的货先送，月初出对账单，照单转账")
    term = TrimmedField("账期", [at_most(20)], default="30")
    two_inspectors = BooleanField("食堂收货要两个人验收签字")
    active = BooleanField("正常使用", default=True)
    submit = SubmitField("保存")

    def given(self) -> OrganisationInput:
        """What was typed; raises InvalidInput for an amount that is none."""
        limit = str(self.approval_above.data or "")
        days = str(self.term.data or "30")
        return OrganisationInput(
            name=str(self.name.data),
            kind=str(self.kind.data),
            region_code=str(self.region_code.data),
            uscc=str(self.uscc.data or ""),
            has_canteen=bool(self.has_canteen.data),
            approval_above_fen=parse_yuan(limit, field="approval_above", allow_zero=True)
            if limit
            else None,
            address=str(self.address.data or ""),
            active=bool(self.active.data),
            on_account=bool(self.on_account.data),
            account_days=read_account_days(days, field="term"),
            two_inspectors=bool(self.two_inspectors.data),
        )


@bp.get("")
@requires(ACCOUNT_MANAGE)
def index() -> str:
    words, kind = request.args.get("q", "").strip()[:60], request.args.get("kind", "")
    page = paginate(db.session, organisations(current_scope(), words, kind))
    chips = [
        {
            "label": label,
            "href": url_for("organisations.index", q=words or None, kind=code or None),
            "active": kind == code,
        }
        for code, label in (("", "全部"), *ORGANISATION_KINDS.items())
    ]
    return render_template(
        "identity/organisations.html",
        page=page,
        words=words,
        chips=chips,
        kinds=ORGANISATION_KINDS,
        filtered=bool(words or kind),
    )


@bp.route("/new", methods=["GET", "POST"])
@requires(ACCOUNT_MANAGE)
def create() -> str | Response | tuple[str, int]:
    return _edit(None)


@bp.route("/<int:organisation_id>", methods=["GET", "POST"])
@requires(ACCOUNT_MANAGE)
def edit(organisation_id: int) -> str | Response | tuple[str, int]:
    return _edit(get_organisation(db.session, current_scope(), organisation_id))


def _edit(unit: Organisation | None) -> str | Response | tuple[str, int]:
    form = OrganisationForm(obj=unit)
    levels = ("county", "town", "village")
    form.region_code.choices = {"": "请选择"} | region_choices(db.session, levels)
    if unit is not None and not form.is_submitted():
        limit = unit.approval_above_fen
        form.approval_above.data = "" if limit is None else format_yuan(limit)
        form.term.data = str(unit.account_days)
    status = 422 if form.is_submitted() else 200
    if form.validate_on_submit():
        try:
            given = form.given()
            with transaction() as session:
                again = get_organisation(session, current_scope(), unit.id) if unit else None
                save_organisation(session, current_actor(), given, again)
        except MarketplaceError as error:
            form.refuse(error)
            status = error.http_status
        else:
            flash(f"{given.name} 保存好了。", "success")
            return redirect(url_for("organisations.index"))
    return render_template("identity/organisation.html", form=form, unit=unit), status
