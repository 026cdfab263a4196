"""Sending what the outbox holds: claim one, send it outside any transaction, record what came out.

A process that dies while sending leaves its claim behind. When the claim has run out, a channel that
can repeat without harm sends again; for the others the message is `unknown` and a person decides.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.clock import now
from marketplace.core.db import transaction
from marketplace.core.states import move
from marketplace.notices.letter import FAILED, RETRY, SENT, UNKNOWN, Letter, Outcome
from marketplace.notices.models import Notice
from marketplace.notices.senders import Sender, senders

LEASE = timedelta(minutes=5)
PAUSES = tuple(timedelta(minutes=n) for n in (1, 5, 15, 60, 240))
"""After the first, second … vain attempt; after the last one the message has failed."""
AT_ONCE = 500
"""So many messages in one run: then others get their turn."""
INTERRUPTED = "发送时中断，不确定是否送达"
CHANGED = "这条消息刚刚变了。"
log = structlog.get_logger("notices")


@dataclass(frozen=True)
class Claim:
    notice_id: int
    lease_until: datetime
    channel: str
    letter: Letter


def deliver_due() -> int:
    """Send what is due now; returns how many messages were taken up."""
    channels = senders(current_app.extensions["settings"])
    _recover(channels)
    for count in range(AT_ONCE):
        claim = _claim_next()
        if claim is None:
            return count
        _record(claim, _send(channels[claim.channel], claim.letter))
    return AT_ONCE


def _recover(channels: dict[str, Sender]) -> None:
    """Messages whose sender died: once more where that is harmless, else unknown."""
    with transaction() as session:
        for notice in session.scalars(
            select(Notice)
            .where(Notice.state == "queued", Notice.lease_until <= now())
            .order_by(Notice.id)
            .limit(AT_ONCE)
            .with_for_update(skip_locked=True)
        ):
            if channels[notice.channel].repeatable:
                notice.lease_until = None
            else:
                move(
                    session, notice, "unknown", because=CHANGED, lease_until=None, error=INTERRUPTED
                )


def _claim_next() -> Claim | None:
    moment = now()
    with transaction() as session:
        notice = session.scalar(
            select(Notice)
            .where(Notice.state == "queued", Notice.next_at <= moment, Notice.lease_until.is_(None))
            .order_by(Notice.next_at, Notice.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if notice is None:
            return None
        notice.attempts += 1
        notice.lease_until = moment + LEASE
        return Claim(notice.id, notice.lease_until, notice.channel, _letter(notice))


def _letter(notice: Notice) -> Letter:
    return Letter(
        notice.provider_key,
        notice.kind,
        notice.subject,
        notice.address or "",
        notice.title,
        notice.body,
    )


def _send(sender: Sender, letter: Letter) -> Outcome:
    """A sender that breaks in a way it does not know itself leaves the same doubt as a crash."""
    try:
        return sender.send(letter)
    except Exception as error:
        log.exception("sender_broke", key=letter.provider_key)
        return Outcome(RETRY if sender.repeatable else UNKNOWN, type(error).__name__)


def _record(claim: Claim, outcome: Outcome) -> None:
    with transaction() as session:
        notice = session.scalar(
            select(Notice)
            .where(
                Notice.id == claim.notice_id,
                Notice.state == "queued",
                Notice.lease_until == claim.lease_until,
            )
            .with_for_update()
        )
        if notice is None:
            log.info("outcome_late", key=claim.letter.provider_key, outcome=outcome.state)
            return
        _book(session, notice, outcome)


def _book(session: Session, notice: Notice, outcome: Outcome) -> None:
    known = {"lease_until": None, "error": outcome.error[:200]}
    if outcome.state == RETRY and notice.attempts <= len(PAUSES):
        notice.lease_until = None
        notice.error = outcome.error[:200]
        notice.next_at = now() + PAUSES[notice.attempts - 1]
    elif outcome.state == SENT:
        move(session, notice, "sent", because=CHANGED, sent_at=now(), **known)
    else:
        state = "unknown" if outcome.state == UNKNOWN else FAILED
        move(session, notice, state, because=CHANGED, **known)
