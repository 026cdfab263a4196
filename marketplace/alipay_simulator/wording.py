"""Sums and moments as Alipay writes them: yuan with two decimals, local time in China."""

from datetime import UTC, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8))


def fen_of(text: str) -> int:
    yuan, _, fen = text.partition(".")
    return int(yuan) * 100 + int(fen.ljust(2, "0") or 0)


def yuan_of(fen: int) -> str:
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def shown(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")
