"""The doors to the outside: one sender for each channel."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog

from marketplace.core.settings import Settings
from marketplace.notices.email import EmailSender
from marketplace.notices.letter import FAILED, SENT, Letter, Outcome
from marketplace.notices.sms import PROVIDERS

log = structlog.get_logger("notices")


class Sender(Protocol):
    """`repeatable`: sending the same provider key again does no harm, so doubt is solved by repeating."""

    @property
    def repeatable(self) -> bool: ...

    def send(self, letter: Letter) -> Outcome: ...


@dataclass(frozen=True)
class ConsoleSender:
    """Writes that there is a message, not what it says: logs hold no personal data."""

    repeatable: bool = True

    def send(self, letter: Letter) -> Outcome:
        log.info("notice", key=letter.provider_key, kind=letter.kind, subject=letter.subject)
        return Outcome(SENT)


@dataclass(frozen=True)
class NotConfigured:
    """A channel that this county has not set up: an honest failure instead of a silent one."""

    because: str
    repeatable: bool = True

    def send(self, letter: Letter) -> Outcome:
        return Outcome(FAILED, self.because)


def _email(settings: Settings) -> Sender:
    if not settings.smtp_url:
        return NotConfigured("没有配置邮件服务")
    return EmailSender(settings.smtp_url, settings.mail_from)


def _sms(settings: Settings) -> Sender:
    factory = PROVIDERS.get(settings.sms_provider or "")
    return factory(settings) if factory else NotConfigured("没有配置短信服务")


CHANNEL_SENDERS: Mapping[str, Callable[[Settings], Sender]] = {
    "console": lambda _settings: ConsoleSender(),
    "email": _email,
    "sms": _sms,
}


def senders(settings: Settings) -> dict[str, Sender]:
    return {channel: make(settings) for channel, make in CHANNEL_SENDERS.items()}
