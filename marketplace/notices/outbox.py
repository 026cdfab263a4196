"""Putting a message into the outbox: a row in the use case's own transaction, sent afterwards.

If the use case fails, nobody hears of it; if it is committed, the message survives everything. The
provider key names the effect (sheet 12 issued, told to account 7): the same one is queued once.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from marketplace.core.clock import now
from marketplace.notices.models import Notice

CHANNELS = {"console": "只在系统里", "email": "电子邮件", "sms": "短信"}


@dataclass(frozen=True)
class Message:
    """What to tell whom. `to_user_id` also shows it on that person's pages; `channel` says how else.

    `subject` names what it is about (order:7). The title appears in lists that many may read: no
    name, phone or account belongs there.
    """

    provider_key: str
    kind: str
    subject: str
    title: str
    body: str
    to_user_id: int | None = None
    address: str | None = None
    channel: str = "console"


def enqueue(session: Session, message: Message) -> None:
    """Queue one message; a message whose provider key is there already changes nothing."""
    enqueue_all(session, [message])


def enqueue_all(session: Session, messages: Iterable[Message]) -> None:
    """Queue many messages in one statement."""
    moment = now()
    rows = [
        {
            "provider_key": message.provider_key,
            "kind": message.kind,
            "subject": message.subject,
            "channel": message.channel,
            "to_user_id": message.to_user_id,
            "address": message.address,
            "title": message.title,
            "body": message.body,
            "state": "queued",
            "attempts": 0,
            "next_at": moment,
            "created_at": moment,
            "error": "",
        }
        for message in messages
    ]
    if not rows:
        return
    connection = session.connection()
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(Notice.__table__)
    connection.execute(statement.on_conflict_do_nothing(index_elements=["provider_key"]), rows)
