"""Who committed earlier sells first, each commitment in its own time, so that an early crumb does
not carry a late harvest to the front."""

from collections.abc import Sequence

from marketplace.orders.allocation.claims import Claim
from marketplace.orders.allocation.policy import Grant, Policy
from marketplace.orders.allocation.types import ClaimantTotal


def share(claims: Sequence[Claim], packs: int) -> list[Grant]:
    given = packs - sum(claim.taken for claim in claims)
    queue = sorted(
        (committed_at, claim.turn, at, offered)
        for at, claim in enumerate(claims)
        for committed_at, offered in claim.offers
        if offered
    )
    totals = [claim.taken for claim in claims]
    ahead: dict[int, int] = {}
    passed = 0
    for _, _, at, offered in queue:
        ahead.setdefault(at, passed)
        totals[at] += max(0, min(offered, given - passed))
        passed += offered
    return [
        Grant(
            packs=packs_of,
            basis="all" if packs_of == claim.taken + claim.packs else "queue",
            facts=(("given", given), ("ahead", ahead.get(at, 0))),
        )
        for at, (claim, packs_of) in enumerate(zip(claims, totals, strict=True))
    ]


def sentences(total: ClaimantTotal) -> list[str]:
    if total.basis == "all":
        return ["要得够多，这家能分的全部分到了订单。"]
    return [
        f"按上架先后分：排在这家前面的有 {total.fact('ahead')} 份，可分 {total.fact('given')} 份。",
        f"轮到这家时还能分的给了这家，是 {total.packs} 份。",
    ]


POLICY = Policy(
    name="first_come",
    version=1,
    title="先上架先卖",
    cell_reason="first_come",
    urgent_first=False,
    share=share,
    sentences=sentences,
)
