"""Everyone sells the same part of what he offered; weight and urgency play no role."""

from collections.abc import Sequence

from marketplace.orders.allocation.claims import Claim
from marketplace.orders.allocation.largest_remainder import apportion
from marketplace.orders.allocation.policy import Grant, Policy
from marketplace.orders.allocation.types import ClaimantTotal
from marketplace.orders.allocation.wording import decimal, rounding_sentence


def share(claims: Sequence[Claim], packs: int) -> list[Grant]:
    given = packs - sum(claim.taken for claim in claims)
    offered = sum(claim.packs for claim in claims)
    portions = apportion(given, [claim.packs for claim in claims], [claim.turn for claim in claims])
    return [
        Grant(
            packs=claim.taken + portion.packs,
            basis="all" if portion.packs == claim.packs else "part",
            facts=(
                ("given", given),
                ("offered", offered),
                ("own", claim.packs),
                ("portion", portion.packs),
                ("extra", portion.extra),
                ("tied", portion.tied),
            ),
        )
        for claim, portion in zip(claims, portions, strict=True)
    ]


def sentences(total: ClaimantTotal) -> list[str]:
    if total.basis == "all":
        return ["要得够多，这家能分的全部分到了订单。"]
    given, offered, own = total.fact("given"), total.fact("offered"), total.fact("own")
    said = [
        f"按各家备货量的比例分：一共备了 {offered} 份，可分 {given} 份，"
        f"这家 {own} 份，合 {decimal(given * own, offered)} 份。"
    ]
    if given * own % offered:
        said.append(
            rounding_sentence(
                total.fact("portion"), extra=total.fact("extra"), tied=total.fact("tied")
            )
        )
    return said


POLICY = Policy(
    name="proportional",
    version=1,
    title="按备货量的比例",
    cell_reason="proportional",
    urgent_first=False,
    share=share,
    sentences=sentences,
)
