"""Signing in and staying signed in: sessions are rows, so they can be listed, revoked, and die."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import (
    CompoundSelect,
    Date,
    Integer,
    bindparam,
    delete,
    func,
    literal,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import Session

from marketplace.core.clock import now, today
from marketplace.core.errors import InvalidInput, NotFound, Throttled
from marketplace.core.secret_text import keyring
from marketplace.core.validity import in_force
from marketplace.identity import audit
from marketplace.identity.actor import SYSTEM, Actor, Grant
from marketplace.identity.models import Deputy, LoginAttempt, LoginSession, RoleGrant, User
from marketplace.identity.passwords import passwords

IDLE = timedelta(hours=12)
ABSOLUTE = timedelta(days=7)
SEEN_EVERY = timedelta(minutes=5)
ATTEMPT_WINDOW = timedelta(minutes=15)
ATTEMPTS = 5
WRONG = "账号或密码不对，请检查后再试。"


@dataclass(frozen=True)
class SignedIn:
    """What Flask-Login keeps for a request; the cookie holds `token`, never the account's number."""

    token: str
    session_id: int
    actor: Actor
    last_seen_at: datetime
    demo: bool

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        return self.token


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _grants_in_force() -> CompoundSelect[str, int, str | None, int | None]:
    """Built once: every request asks for the grants of its `person` on its `day`."""
    person, day = bindparam("person", type_=Integer), bindparam("day", type_=Date)
    holds = in_force(RoleGrant, day)
    columns = (RoleGrant.role, RoleGrant.user_id, RoleGrant.region_code, RoleGrant.organisation_id)
    own = select(*columns).where(RoleGrant.user_id == person, holds)
    lent = (
        select(*columns)
        .join(Deputy, Deputy.grant_id == RoleGrant.id)
        .join(User, User.id == RoleGrant.user_id)
        .where(
            Deputy.deputy_id == person,
            Deputy.revoked_at.is_(None),
            in_force(Deputy, day),
            holds,
            literal(True) == User.active,
        )
    )
    return union_all(own, lent)


_GRANTS = _grants_in_force()


def grants_of(session: Session, user_id: int, day: date) -> list[Grant]:
    """Roles in force on `day`: the person's own, and those somebody else left to this person."""
    rows = session.execute(_GRANTS, {"person": user_id, "day": day})
    return [Grant(*row) for row in rows]


def actor_of(session: Session, user: User) -> Actor:
    """The person as an actor with today's grants."""
    return Actor.of(
        user.id, user.display_name, user.organisation_id, grants_of(session, user.id, today())
    )


_SIGNED_IN = (
    select(
        LoginSession.id,
        LoginSession.last_seen_at,
        User.id,
        User.display_name,
        User.organisation_id,
        User.demo,
    )
    .join(User, User.id == LoginSession.user_id)
    .where(
        LoginSession.token_hash == bindparam("hash"),
        LoginSession.revoked_at.is_(None),
        LoginSession.last_seen_at > bindparam("seen_after"),
        LoginSession.created_at > bindparam("made_after"),
        User.active,
    )
)


def find_session(session: Session, token: str) -> SignedIn | None:
    """Two statements; None for unknown, revoked, idle or too old sessions and disabled accounts."""
    moment = now()
    limits = {"seen_after": moment - IDLE, "made_after": moment - ABSOLUTE}
    row = session.execute(_SIGNED_IN, limits | {"hash": token_hash(token)}).first()
    if row is None:
        return None
    session_id, seen, user_id, name, organisation_id, demo = row
    actor = Actor.of(user_id, name, organisation_id, grants_of(session, user_id, today()))
    return SignedIn(token, session_id, actor, seen, demo)


def mark_seen(session: Session, signed_in: SignedIn) -> None:
    session.execute(
        update(LoginSession)
        .where(LoginSession.id == signed_in.session_id)
        .values(last_seen_at=now())
    )


def begin_attempt(session: Session, login_name: str) -> int:
    """Note a try before the password is looked at, so that parallel tries cannot outrun the count.
    Commit it before `judge_attempt`. A successful sign-in clears the tries of its name."""
    attempt = LoginAttempt(name_hash=keyring.lookup(login_name), at=now())
    session.add(attempt)
    session.flush()
    return attempt.id


def judge_attempt(session: Session, login_name: str, attempt_id: int) -> Throttled | None:
    """The refusal of a sixth try in 15 minutes (it is then taken back, so that trying on does not
    lengthen the wait). Counted per name: others behind the same address still get in."""
    others, first = session.execute(
        select(func.count(), func.min(LoginAttempt.at)).where(
            LoginAttempt.name_hash == keyring.lookup(login_name),
            LoginAttempt.id != attempt_id,
            LoginAttempt.at > now() - ATTEMPT_WINDOW,
        )
    ).one()
    if others < ATTEMPTS:
        return None
    session.execute(delete(LoginAttempt).where(LoginAttempt.id == attempt_id))
    _refused(session, "sign_in_throttled", login_name)
    return Throttled(
        "密码错了太多次，请 15 分钟后再试，或请管理员重发激活单。",
        code="too_many_attempts",
        retry_after_seconds=max(1, int((first + ATTEMPT_WINDOW - now()).total_seconds())),
    )


def clear_attempts(session: Session, login_name: str) -> None:
    session.execute(
        delete(LoginAttempt).where(LoginAttempt.name_hash == keyring.lookup(login_name))
    )


def find_user(session: Session, login_name: str, *, demo: bool) -> User | None:
    """The account of that name; one made for demonstrations exists only where `demo` says so."""
    user = session.scalar(select(User).where(User.login_name == login_name))
    return None if user is None or (user.demo and not demo) else user


def password_fits(user: User | None, password: str) -> bool:
    """Slow on purpose: call it before the transaction."""
    return passwords.matches(user.password_hash if user and user.active else None, password)


def note_wrong_password(session: Session, login_name: str) -> None:
    """The trail of a refused sign-in; the try itself was counted before."""
    _refused(session, "sign_in", login_name)


def _refused(session: Session, action: str, login_name: str) -> None:
    audit.record(
        session, SYSTEM, action, "login_name", keyring.lookup(login_name)[:16], refused=True
    )


def open_session(session: Session, user: User, device: str) -> str:
    """Start a session after the password was checked; returns the cookie's token."""
    if not user.active:
        raise InvalidInput(WRONG, code="wrong_password")
    token = secrets.token_urlsafe(32)
    moment = now()
    session.add(
        LoginSession(
            token_hash=token_hash(token),
            user_id=user.id,
            created_at=moment,
            last_seen_at=moment,
            device=device[:120],
        )
    )
    clear_attempts(session, user.login_name)
    audit.record(session, actor_of(session, user), "sign_in", "account", user.id)
    return token


def close_session(session: Session, signed_in: SignedIn) -> None:
    revoke_session(session, signed_in.actor, signed_in.session_id)


def revoke_session(session: Session, actor: Actor, session_id: int) -> None:
    """End one of the actor's own sessions; a copied cookie is dead from then on."""
    ended = session.execute(
        update(LoginSession)
        .where(
            LoginSession.id == session_id,
            LoginSession.user_id == actor.user_id,
            LoginSession.revoked_at.is_(None),
        )
        .values(revoked_at=now())
    )
    if ended.rowcount != 1:  # type: ignore[attr-defined]
        raise NotFound("没有这次登录，或者已经退出。")
    audit.record(session, actor, "sign_out", "login_session", session_id)


def revoke_all_sessions(session: Session, user_id: int, *, but: int | None = None) -> None:
    """After a password change or when an account is disabled."""
    statement = update(LoginSession).where(
        LoginSession.user_id == user_id, LoginSession.revoked_at.is_(None)
    )
    if but is not None:
        statement = statement.where(LoginSession.id != but)
    session.execute(statement.values(revoked_at=now()))


def open_sessions(session: Session, user_id: int) -> list[LoginSession]:
    moment = now()
    return list(
        session.scalars(
            select(LoginSession)
            .where(
                LoginSession.user_id == user_id,
                LoginSession.revoked_at.is_(None),
                LoginSession.last_seen_at > moment - IDLE,
                LoginSession.created_at > moment - ABSOLUTE,
            )
            .order_by(LoginSession.last_seen_at.desc())
        )
    )
