"""The place for a county's SMS provider.

Write a class with `repeatable` and `send(letter)` (see senders.Sender): `letter.address` is the
phone, `letter.body` the text, `letter.provider_key` the provider's request number. Add a line to
PROVIDERS and name it in MARKETPLACE_SMS_PROVIDER. Providers differ in signatures, templates and
receipts, so none is guessed here.
"""

from collections.abc import Callable
from typing import Any

from marketplace.core.settings import Settings

PROVIDERS: dict[str, Callable[[Settings], Any]] = {}
"""Name → how to make the sender from the settings."""
