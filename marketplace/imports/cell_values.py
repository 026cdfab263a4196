"""Words in spreadsheet cells that many kinds of file share: days, yes and no, whole numbers."""

import re
from datetime import date

from marketplace.core.errors import InvalidInput

YES_NO = {
    "是": True,
    "否": False,
    "有": True,
    "无": False,
    "Y": True,
    "N": False,
    "1": True,
    "0": False,
}
_DAY = re.compile(r"(\d{4})\D{1,2}(\d{1,2})(?:\D{1,2}(\d{1,2}))?日?(?: 00:00:00)?")


def read_day(text: str) -> date:
    """2026-11-20, 2026/11/20, 2026年11月20日, 20261120, 2026-11 (the first); raises InvalidInput."""
    compact = re.fullmatch(r"(\d{4})(\d{2})(\d{2})?", text)
    found = compact or _DAY.fullmatch(text)
    if found:
        try:
            return date(int(found[1]), int(found[2]), int(found[3] or 1))
        except ValueError:
            pass
    raise InvalidInput(f"日期「{text[:20]}」看不懂，请写成 2026-11-20。", code="bad_date")
