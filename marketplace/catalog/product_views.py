"""Desk pages of the operator: the products, their reference prices and what they can yield."""

from typing import cast

from flask import Blueprint, flash, redirect, render_template, url_for
from sqlalchemy import select
from werkzeug import Response
from wtforms import BooleanField, RadioField, SelectField, SelectMultipleField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Optional

from marketplace.catalog.models import Product
from marketplace.catalog.paper_models import PAPER_KINDS
from marketplace.catalog.paper_rules import BUYERS, rules_of, set_rules
from marketplace.catalog.products import ProductInput, get_product, save_product
from marketplace.core.db import db, transaction
from marketplace.core.errors import InvalidInput, MarketplaceError
from marketplace.core.money import format_yuan, parse_yuan
from marketplace.core.quantity import BaseUnit, parse_quantity
from marketplace.identity.access import current_actor, requires
from marketplace.identity.permissions import ROUND_MANAGE
from marketplace.web.forms import Form, TrimmedField, at_most, required, whole_number

bp = Blueprint("products", __name__, url_prefix="/products")
DRAWINGS = {
    "produce": "一篮菜", "ma_ti": "马蹄", "chicken": "鸡", "egg": "鸡蛋", "duck_egg": "鸭蛋",
    "ginger": "姜", "winter_melon": "冬瓜", "apple": "苹果", "greens": "青菜", "rice": "大米",
    "honey": "蜂蜜", "sweet_potato_strips": "红薯干", "peanut": "花生", "tea_oil": "茶油",
    "mushroom": "菌菇", "orange": "柑橘",
}  # fmt: skip
CATEGORIES = ("蔬菜", "水果", "禽蛋", "畜禽", "粮油", "山货", "其他")


def _papers_field(label: str) -> SelectMultipleField:
    return SelectMultipleField(
        label, choices=[SelectChoice(code, words) for code, words in PAPER_KINDS.items()]
    )


class ProductForm(Form):
    name = TrimmedField("品名", required("请写品名。") + [at_most(40)])
    category = SelectField("类别", choices=[SelectChoice(category) for category in CATEGORIES])
    base_unit = RadioField(
        "怎么算",
        choices=[SelectChoice("g", "论斤"), SelectChoice("piece", "论个（只、枚）")],
        default="g",
        validators=[InputRequired("请选论斤还是论个。")],
    )
    piece_word = TrimmedField("量词", [at_most(4)])
    piece_mass = TrimmedField("每个约重", [at_most(20)])
    aliases = TrimmedField("别名", [at_most(200)])
    shelf_days = TrimmedField("保鲜天数", required("请写保鲜天数。"))
    reference = TrimmedField("县参考到户价（元）", required("请写参考价。") + [at_most(20)])
    per_mu = TrimmedField("每亩最多产", [at_most(20)])
    per_bird = TrimmedField("每羽最多产", [at_most(20)])
    drawing = SelectField(
        "图", choices=[SelectChoice(code, label) for code, label in DRAWINGS.items()],
        validators=[Optional()],
    )  # fmt: skip
    active = BooleanField("可以登记", default=True)
    canteen_papers = _papers_field("食堂要的证明")
    shop_papers = _papers_field("个人要的证明")
    group_papers = _papers_field("团购要的证明")


@bp.get("/")
@requires(ROUND_MANAGE)
def index() -> str:
    products = db.session.scalars(
        select(Product).order_by(Product.active.desc(), Product.category, Product.id)
    ).all()
    return render_template("catalog/product_index.html", products=products)


@bp.route("/new", methods=["GET", "POST"])
@requires(ROUND_MANAGE)
def new() -> Response | tuple[str, int]:
    return _edit(None)


@bp.route("/<int:product_id>", methods=["GET", "POST"])
@requires(ROUND_MANAGE)
def edit(product_id: int) -> Response | tuple[str, int]:
    return _edit(get_product(db.session, product_id))


def _edit(product: Product | None) -> Response | tuple[str, int]:
    form = ProductForm()
    status = 200
    if not form.is_submitted() and product is not None:
        _fill(form, product)
    if form.is_submitted():
        status = 422
        try:
            if form.validate():
                given = _read(form)
                with transaction() as session:
                    found = get_product(session, product.id) if product else None
                    saved = save_product(session, current_actor(), found, given)
                    set_rules(session, current_actor(), saved, _rules(form))
                flash(f"{given.name}存好了。", "success")
                return redirect(url_for(".index"))
        except MarketplaceError as error:
            form.refuse(error)
            status = error.http_status
    page = render_template("catalog/product_form.html", form=form, product=product)
    return page, status


def _rules(form: ProductForm) -> dict[str, list[str]]:
    return {buyers: form[f"{buyers}_papers"].data or [] for buyers in BUYERS}


def _fill(form: ProductForm, product: Product) -> None:
    mass = product.base_unit == "g"
    for name in ("name", "category", "base_unit", "piece_word", "aliases", "drawing", "active"):
        form[name].data = getattr(product, name)
    for buyers, kinds in rules_of(db.session, product.id).items():
        form[f"{buyers}_papers"].data = kinds
    form.shelf_days.data = str(product.shelf_days)
    per = 500 if mass else 1
    form.reference.data = format_yuan(
        product.reference_fen * per // product.reference_per_base
    ).replace(",", "")
    form.piece_mass.data = f"{product.piece_mass_g}克" if product.piece_mass_g else ""
    unit = "克" if mass else product.piece_word or "个"
    for field, base in (
        (form.per_mu, product.yield_per_mu_base),
        (form.per_bird, product.yield_per_bird_base),
    ):
        field.data = f"{base}{unit}" if base else ""


def _read(form: ProductForm) -> ProductInput:
    unit = str(form.base_unit.data)
    mass = unit == "g"
    word = str(form.piece_word.data or "")
    if not mass and not word:
        raise InvalidInput("论个的请写量词：只、枚、个。", code="missing", field="piece_word")
    try:
        shelf = whole_number(str(form.shelf_days.data), "保鲜天数", minimum=1, maximum=1000)
    except ValueError as error:
        raise InvalidInput(str(error), code="number", field="shelf_days") from None
    return ProductInput(
        name=str(form.name.data),
        category=str(form.category.data),
        base_unit=unit,
        piece_word=word,
        piece_mass_g=_amount(form, "piece_mass", "g"),
        aliases=" ".join(str(form.aliases.data or "").replace("、", " ").split()),
        shelf_days=shelf,
        reference_fen=parse_yuan(str(form.reference.data), field="reference", max_fen=10_000_000),
        reference_per_base=500 if mass else 1,
        yield_per_mu_base=_amount(form, "per_mu", cast("BaseUnit", unit)),
        yield_per_bird_base=_amount(form, "per_bird", cast("BaseUnit", unit)),
        drawing=str(form.drawing.data or "produce"),
        active=bool(form.active.data),
    )


def _amount(form: ProductForm, field: str, unit: BaseUnit) -> int | None:
    """An optional quantity as people write it: `3斤`, `4000斤`, `300枚`."""
    text = str(form[field].data or "")
    if not text:
        return None
    default = "斤" if unit == "g" else "个"
    return parse_quantity(text, base_unit=unit, default_unit=default, field=field).base
