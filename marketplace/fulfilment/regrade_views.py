"""The clerk's phone: goods of another grade go into that grade's lot once the household has agreed."""

from dataclasses import replace

from flask import redirect, render_template, url_for
from werkzeug import Response
from wtforms import HiddenField, RadioField, SelectChoice, SelectField, SubmitField
from wtforms.validators import Optional

from marketplace.catalog.asked_price import read_price
from marketplace.catalog.models import GRADES, Product
from marketplace.catalog.reports import check_price
from marketplace.catalog.words import piece_word, price_words
from marketplace.core.db import db, transaction
from marketplace.core.errors import InvalidInput, MarketplaceError
from marketplace.core.quantity import BaseUnit, parse_quantity
from marketplace.fulfilment.receipts import get_weigh_in, hold_weigh_in
from marketplace.fulfilment.regrading import (
    AGREE_FIRST,
    DearerGrade,
    Regrade,
    brought_base,
    consents_for,
    price_of_grade,
    regrade,
)
from marketplace.fulfilment.weighing import amount
from marketplace.fulfilment.weighing_models import WeighIn
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.permissions import WEIGH_IN
from marketplace.web.field_blueprint import bp
from marketplace.web.forms import Form, TrimmedField, at_most, required


class RegradeForm(Form):
    grade = SelectField("是哪个等级", required("请选是哪个等级。"), default="")
    quantity = TrimmedField("有多少", [*required("请写有多少。"), at_most(30)])
    price = TrimmedField("这个等级的到户价", [*required("请写价钱，例如 1.2。"), at_most(20)])
    consent = RadioField("谁同意的，怎么同意的", validators=[Optional()], default="")
    sure = HiddenField()
    submit = SubmitField("农户同意，记下")


def usual_unit(product: Product) -> tuple[BaseUnit, str]:
    """The unit that a number without one is in."""
    return ("g", "斤") if product.base_unit == "g" else ("piece", piece_word(product))


@bp.get("/weigh/receipts/<number>/regrade", endpoint="weigh_regrade")
@requires(WEIGH_IN)
def regrade_form(number: str) -> str:
    row = get_weigh_in(db.session, current_scope(), number)
    form = _form(row, formdata=None)
    form.grade.data = row.grade if row.grade != row.lot.grade else ""
    form.quantity.data = amount(row, min(brought_base(row), row.lot.free))
    price = price_of_grade(db.session, row.lot, form.grade.data) if form.grade.data else None
    if price:
        form.price.data = price_words(*price, row.lot.product).replace(" ", "")
    return _page(row, form)


def _form(row: WeighIn, **given: object) -> RegradeForm:
    form = RegradeForm(**given)
    form.grade.choices = [
        SelectChoice("", "请选"),
        *(SelectChoice(grade) for grade in GRADES if grade != row.lot.grade),
    ]
    form.consent.choices = [SelectChoice(*one) for one in consents_for(row.lot).items()]
    return form


def _page(row: WeighIn, form: RegradeForm) -> str:
    product = row.lot.product
    prices = {
        grade: price_words(*price, product)
        for grade in GRADES
        if grade != row.lot.grade and (price := price_of_grade(db.session, row.lot, grade))
    }
    return render_template(
        "fulfilment/field_regrade.html",
        row=row,
        form=form,
        amount=amount,
        unit=usual_unit(product)[1],
        prices=prices,
    )


@bp.post("/weigh/receipts/<number>/regrade", endpoint="weigh_regrade_do")
@requires(WEIGH_IN)
def regrade_do(number: str) -> Response | tuple[str, int]:
    row = get_weigh_in(db.session, current_scope(), number)
    form = _form(row)
    given = _read(form, row)
    if given is None:
        return _page(row, form), 422
    try:
        with transaction() as session:
            held = hold_weigh_in(session, current_scope(), number)
            regrade(session, current_actor(), held, given)
    except MarketplaceError as error:
        if error.http_status == 404:
            raise
        if isinstance(error, DearerGrade):
            form.sure.data = _price_key(given)
        form.refuse(error)
        return _page(get_weigh_in(db.session, current_scope(), number), form), error.http_status
    return redirect(url_for("field.weigh_receipt", number=number), 303)


def _price_key(given: Regrade) -> str:
    return f"{given.fen}/{given.per_base}"


def _read(form: RegradeForm, row: WeighIn) -> Regrade | None:
    """What was typed; None when something is missing or cannot be read, all of it said at once."""
    good = form.validate()
    product = row.lot.product
    base_unit, word = usual_unit(product)
    base, price = 0, (0, 0)
    try:
        if form.quantity.data:
            base = parse_quantity(
                form.quantity.data, base_unit=base_unit, default_unit=word, field="quantity"
            ).base
    except MarketplaceError as error:
        form.refuse(error)
    try:
        if form.price.data:
            price = read_price(form.price.data, "", product)
            check_price(product, *price)
    except MarketplaceError as error:
        form.refuse(InvalidInput(error.message, code=error.code, field="price"))
    consent = str(form.consent.data or "")
    if consent not in consents_for(row.lot):
        form.refuse(InvalidInput(AGREE_FIRST, code="consent", field="consent"))
    if not good or form.errors:
        return None
    given = Regrade(str(form.grade.data), base, *price, consent)
    return replace(given, sure=form.sure.data == _price_key(given))
