"""How bank transfers are said: states, and payers as far as they may be seen."""

from marketplace.core.identifiers import mask_name
from marketplace.payments.open_items import plain_name
from marketplace.payments.placing import WRONG_PLACING

STATES = {
    "new": ("正在对", "sky"),
    "matched": ("自己对上", "leaf"),
    "placed": ("人工认款", "leaf"),
    "unmatched": ("没对上", "warn"),
    "wrong_amount": ("金额不对", "warn"),
    "duplicate": ("可能重复", "bad"),
    "not_ours": ("不是货款", "plain"),
    "repeated": ("流水重复", "plain"),
    "booked": ("账本已记", "plain"),
    "outgoing": ("转出", "sky"),
}
PLACED = {
    "order": "认到订单",
    "credit": "记为多付",
    "credit_used": "多付款抵订单",
    "credit_returned": "多付款退回",
}
UNDO_REASONS = {
    code: words for code, words in WRONG_PLACING.items() if code not in {"repeated", "booked"}
}
LONGEST_PERSON = 4  # characters; units have longer names


def payer_words(name: str) -> str:
    """A unit's name in full, a person's masked."""
    plain = plain_name(name)
    person = len(plain) <= LONGEST_PERSON or "·" in plain
    return mask_name(name) if person else name


def account_words(account: str) -> str:
    """The last four digits."""
    return f"尾号 {account[-4:]}" if len(account) > LONGEST_PERSON else ""
