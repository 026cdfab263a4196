"""Figures in Chinese sentences."""


def decimal(num: int, den: int) -> str:
    """A fraction ≥ 0 as a whole number or cut to two decimals: 39, 39.66."""
    whole, rest = divmod(num, den)
    return f"{whole}.{rest * 100 // den:02d}" if rest else str(whole)


def rounding_sentence(packs: int, *, extra: int, tied: int) -> str:
    """How the fraction of a pack was decided for one claimant."""
    if tied:
        luck = "这次轮到，多得 1 份" if extra else "这次没轮到"
        return f"零头和别家一样大，按本期轮换次序，{luck}，是 {packs} 份。"
    return f"零头较大，补成整份，是 {packs} 份。" if extra else f"零头不够整份，是 {packs} 份。"
