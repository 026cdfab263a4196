"""Doing a thing once although it is asked twice: keys kept with the answer, in the same transaction."""

import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import String, UniqueConstraint, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.core.clock import now
from marketplace.core.db import Base, BigId
from marketplace.core.errors import Conflict, InvalidInput


class IdempotencyKey(Base):
    __tablename__ = "idempotency_key"
    __table_args__ = (UniqueConstraint("owner", "key"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    owner: Mapped[str] = mapped_column(String(60))  # who asks: one person's keys are not another's
    key: Mapped[str] = mapped_column(String(80))
    body_hash: Mapped[str] = mapped_column(String(64))
    result: Mapped[str | None] = mapped_column(String(200))
    at: Mapped[datetime]


@dataclass(frozen=True)
class Claim:
    """`result` is the earlier answer when the same thing was already done."""

    row_id: int
    result: str | None


def new_key() -> str:
    """For a form as it is shown."""
    return secrets.token_urlsafe(16)


def body_hash(body: Any) -> str:
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


_CLAIM = {
    name: dialect.insert(IdempotencyKey.__table__)
    .on_conflict_do_nothing(index_elements=["owner", "key"])
    .returning(IdempotencyKey.id)
    for name, dialect in (("postgresql", postgresql), ("sqlite", sqlite))
}


def claim(session: Session, owner: str, key: str, body: Any, result: str | None = None) -> Claim:
    """Claim `key` for `owner` inside the running transaction.

    `result` is the answer where it is known beforehand; otherwise `finish` must keep it later.
    The row becomes visible together with what it stands for. On PostgreSQL a second request with the
    same key waits here until the first one ends. Raises InvalidInput("changed_body") when the same
    key comes with another body, and Conflict("in_progress") when the first has no answer yet.
    """
    if not 8 <= len(key) <= 80:
        raise InvalidInput("提交编号不对，请刷新页面再试。", code="bad_key")
    wanted = body_hash(body)
    given = {"owner": owner, "key": key, "body_hash": wanted, "result": result, "at": now()}
    made = session.scalar(_CLAIM[session.get_bind().dialect.name], given)
    if made is not None:
        return Claim(made, None)
    row = session.execute(
        select(IdempotencyKey.id, IdempotencyKey.body_hash, IdempotencyKey.result).where(
            IdempotencyKey.owner == owner, IdempotencyKey.key == key
        )
    ).one()
    if row.body_hash != wanted:
        raise InvalidInput("内容已经改过，请刷新页面重新提交。", code="changed_body")
    if row.result is None:
        raise Conflict("正在处理，请稍等。", code="in_progress")
    return Claim(row.id, row.result)


def finish(session: Session, claimed: Claim, result: str) -> None:
    """Keep the answer (a short text such as an order number) with the key."""
    session.execute(
        update(IdempotencyKey).where(IdempotencyKey.id == claimed.row_id).values(result=result)
    )


def once(session: Session, owner: str, key: str, body: Any, act: Callable[[], str]) -> str:
    """What `act` answers (a number that names what it made), also when the same key comes again. The caller
    gives a form a new key when it is refused with "changed_body"."""
    claimed = claim(session, owner, key, body)
    if claimed.result is not None:
        return claimed.result
    result = act()
    finish(session, claimed, result)
    return result
