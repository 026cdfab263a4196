"""Which papers each class of buyers asks for with a product; a new product asks for none."""

from collections.abc import Collection, Mapping

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from marketplace.catalog.models import Product
from marketplace.catalog.paper_models import PAPER_KINDS, PaperRule
from marketplace.core.errors import InvalidInput
from marketplace.identity import audit
from marketplace.identity.actor import Actor

BUYERS = {"canteen": "食堂", "shop": "个人", "group": "团购"}
Rules = Mapping[str, Collection[str]]
"""Class of buyers → kinds of papers."""


def rules_of(session: Session, product_id: int) -> dict[str, list[str]]:
    """Every class of buyers, with the kinds it asks for in the order of PAPER_KINDS."""
    asked = {
        (buyers, kind)
        for buyers, kind in session.execute(
            select(PaperRule.buyers, PaperRule.kind).where(PaperRule.product_id == product_id)
        )
    }
    return {who: [kind for kind in PAPER_KINDS if (who, kind) in asked] for who in BUYERS}


def asked_words(session: Session, product_id: int) -> str:
    """All papers that anybody asks for with the product, as a buyer reads them; empty for none."""
    asked = {kind for kinds in rules_of(session, product_id).values() for kind in kinds}
    return "、".join(words for kind, words in PAPER_KINDS.items() if kind in asked)


def set_rules(session: Session, actor: Actor, product: Product, wanted: Rules) -> None:
    """From now on exactly these are asked for, also of what was ordered before and has not set out."""
    pairs = {(buyers, kind) for buyers, kinds in wanted.items() for kind in kinds}
    if any(buyers not in BUYERS or kind not in PAPER_KINDS for buyers, kind in pairs):
        raise InvalidInput("没有这种证明，请刷新再选。", code="unknown_kind")
    before = {(who, kind) for who, kinds in rules_of(session, product.id).items() for kind in kinds}
    if pairs == before:
        return
    for buyers, kind in before - pairs:
        session.execute(
            delete(PaperRule).where(
                PaperRule.product_id == product.id,
                PaperRule.buyers == buyers,
                PaperRule.kind == kind,
            )
        )
    session.add_all(
        PaperRule(product_id=product.id, buyers=buyers, kind=kind)
        for buyers, kind in sorted(pairs - before)
    )
    session.flush()
    words = "、".join(f"{BUYERS[buyers]}要{PAPER_KINDS[kind]}" for buyers, kind in sorted(pairs))
    audit.record(session, actor, "product_papers_changed", "product", product.id, columns=words)
