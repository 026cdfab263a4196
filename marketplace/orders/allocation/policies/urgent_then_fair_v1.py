"""The default: what spoils before the next round first, then everyone to the same level by weight.

The urgent packs a claimant sold count toward its level, so urgency brings sales forward but does
not add a second share. Where not even the urgent packs all find buyers, only they are levelled.
"""

from collections.abc import Sequence

from marketplace.orders.allocation.claims import Claim
from marketplace.orders.allocation.policy import Grant, Policy
from marketplace.orders.allocation.types import ClaimantTotal
from marketplace.orders.allocation.water_filling import Filled, Vessel, fill
from marketplace.orders.allocation.wording import decimal, rounding_sentence


def share(claims: Sequence[Claim], packs: int) -> list[Grant]:
    urgent = sum(claim.urgent for claim in claims)
    given = packs - sum(claim.taken for claim in claims)
    short = given < urgent
    vessels = [
        Vessel(
            low=claim.taken + (0 if short else claim.urgent),
            high=claim.taken + (claim.urgent if short else claim.packs),
            weight=claim.weight,
            turn=claim.turn,
        )
        for claim in claims
    ]
    common = (("given", given), ("urgent_all", urgent))
    return [
        Grant(
            packs=filled.portion.packs,
            basis=_basis(claim, vessel, filled, short=short),
            facts=(*common, ("urgent", claim.urgent), *_facts(filled)),
        )
        for claim, vessel, filled in zip(claims, vessels, fill(packs, vessels), strict=True)
    ]


def _basis(claim: Claim, vessel: Vessel, filled: Filled, *, short: bool) -> str:
    if filled.portion.packs == claim.taken + claim.packs:
        return "all"
    if short:
        return "urgent_short"
    if vessel.low > 0 and claim.weight * filled.level_num <= vessel.low * filled.level_den:
        return "above_level"
    return "level"


def _facts(filled: Filled) -> tuple[tuple[str, int], ...]:
    portion = filled.portion
    return (
        ("level_num", filled.level_num),
        ("level_den", filled.level_den),
        ("extra", portion.extra),
        ("tied", portion.tied),
    )


def sentences(total: ClaimantTotal) -> list[str]:
    if total.basis == "all":
        return ["要得够多，这家能分的全部分到了订单。"]
    said = []
    if total.basis == "urgent_short":
        said.append(
            f"等不到下一期的货一共 {total.fact('urgent_all')} 份，"
            f"可分的订单只有 {total.fact('given')} 份，所以这次只卖放不住的。"
        )
    elif urgent := total.fact("urgent"):
        said.append(f"放不住的先卖：这家 {urgent} 份全部先分到，算在总数里。")
    if total.weight == 0:
        return [*said, "这家没有帮扶权重，有权重的都分完才轮到。"]
    num, den = total.fact("level_num"), total.fact("level_den")
    said.append(
        f"按帮扶权重拉平：每 1 点权重 {decimal(num, den)} 份，"
        f"这家 {total.weight} 点，合 {decimal(num * total.weight, den)} 份。"
    )
    if total.basis == "above_level":
        return [*said, f"这家先分到的已经不低于这个数，所以停在 {total.packs} 份。"]
    if num * total.weight % den:
        said.append(
            rounding_sentence(total.packs, extra=total.fact("extra"), tied=total.fact("tied"))
        )
    return said


POLICY = Policy(
    name="urgent_then_fair",
    version=1,
    title="先卖放不住的，再按权重拉平",
    cell_reason="fair",
    urgent_first=True,
    share=share,
    sentences=sentences,
)
