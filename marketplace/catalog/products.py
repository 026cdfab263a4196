"""The county's list of products: what can be reported, in which unit, at which reference price."""

from dataclasses import asdict, dataclass

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from marketplace.catalog.models import Lot, Product, SupplyReport
from marketplace.core.codes import random_code
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.identity import audit
from marketplace.identity.actor import Actor


@dataclass(frozen=True)
class ProductInput:
    """Masses in grams, yields in base units, price in fen for `reference_per_base` base units."""

    name: str
    category: str
    base_unit: str
    piece_word: str
    piece_mass_g: int | None
    aliases: str
    shelf_days: int
    reference_fen: int
    reference_per_base: int
    yield_per_mu_base: int | None
    yield_per_bird_base: int | None
    drawing: str
    active: bool = True


def get_product(session: Session, product_id: int) -> Product:
    product = session.get(Product, product_id)
    if product is None:
        raise NotFound("没有这个品种。")
    return product


def save_product(
    session: Session, actor: Actor, product: Product | None, given: ProductInput
) -> Product:
    """A new product, or a change of one. What was reported in one unit cannot be counted in another."""
    taken = session.scalar(select(Product.id).where(Product.name == given.name))
    if taken is not None and (product is None or taken != product.id):
        raise InvalidInput("已有这个品种，请换个名字。", code="name_taken", field="name")
    if product is None:
        product = Product(code=f"P-{random_code(6)}", **asdict(given))
        session.add(product)
        session.flush()
        audit.record(session, actor, "product_created", "product", product.id)
        return product
    if given.base_unit != product.base_unit and _in_use(session, product):
        raise InvalidInput(
            "已经有登记用了这个品种，不能改论斤还是论个，请新建一个。",
            code="in_use",
            field="base_unit",
        )
    changed = [name for name, value in asdict(given).items() if getattr(product, name) != value]
    for name in changed:
        setattr(product, name, getattr(given, name))
    session.flush()
    audit.record(
        session, actor, "product_changed", "product", product.id, columns=",".join(changed)
    )
    return product


def _in_use(session: Session, product: Product) -> bool:
    used = exists().where(SupplyReport.product_id == product.id)
    offered = exists().where(Lot.product_id == product.id)
    return bool(session.scalar(select(used | offered)))
