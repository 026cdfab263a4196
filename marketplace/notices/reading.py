"""Reading messages: one's own on one's pages, all of them in the office."""

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from marketplace.core.clock import now
from marketplace.core.errors import NotFound
from marketplace.core.states import move
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.notices.delivery import CHANGED
from marketplace.notices.models import STATES, Notice

SHOWN_AT_HOME = 5


def own(actor: Actor) -> Select[Notice]:
    """Everything addressed to this person, newest first."""
    return select(Notice).where(Notice.to_user_id == actor.user_id).order_by(Notice.id.desc())


def unread(session: Session, actor: Actor, limit: int = SHOWN_AT_HOME) -> list[Notice]:
    """The newest messages that this person has not acknowledged: they stand on the home page.

    They are there from the moment they are written, whatever became of mail and SMS.
    """
    return list(session.scalars(own(actor).where(Notice.acknowledged_at.is_(None)).limit(limit)))


def acknowledge(session: Session, actor: Actor, notice_id: int) -> None:
    """The person has read it. Raises NotFound for a message to somebody else."""
    notice = session.scalar(own(actor).where(Notice.id == notice_id))
    if notice is None:
        raise NotFound("没有这条消息。")
    if notice.state != "acknowledged":
        move(
            session,
            notice,
            "acknowledged",
            because=CHANGED,
            acknowledged_at=now(),
            lease_until=None,
        )


def listed(state: str) -> Select[Notice]:
    """The office's list, newest first; an unknown state means all."""
    statement = select(Notice).order_by(Notice.id.desc())
    return statement.where(Notice.state == state) if state in STATES else statement


def send_again(session: Session, actor: Actor, notice_id: int) -> None:
    """A person decides that a failed or doubtful message goes out once more."""
    notice = session.get(Notice, notice_id)
    if notice is None:
        raise NotFound("没有这条消息。")
    move(
        session,
        notice,
        "queued",
        because="只有没发出或不确定的消息才能再发。",
        attempts=0,
        next_at=now(),
        lease_until=None,
        error="",
    )
    audit.record(session, actor, "notice_sent_again", "notice", notice.id)
