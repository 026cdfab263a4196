"""The door of every page: who may come in, and how far the person reaches there."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Flask, g, request
from flask_login import LoginManager, current_user

from marketplace.core.clock import now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Forbidden, NotSignedIn
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.devices import device_words
from marketplace.identity.permissions import role_name
from marketplace.identity.scope import Scope
from marketplace.identity.sessions import SEEN_EVERY, SignedIn, find_session, mark_seen

View = TypeVar("View", bound=Callable[..., Any])
PUBLIC = "public"
SIGNED_IN = "signed_in"


def public(view: View) -> View:
    """A page that anybody may open."""
    view.access = PUBLIC  # type: ignore[attr-defined]
    return view


def signed_in(view: View) -> View:
    """A page for everybody with an account."""
    return _door(view, SIGNED_IN, lambda actor: None)


def requires(permission: str) -> Callable[[View], View]:
    """A page for holders of `permission`; `current_scope()` is then their reach for it."""

    def decorate(view: View) -> View:
        return _door(view, permission, lambda actor: _enter(actor, permission))

    return decorate


def requires_any(*permissions: str) -> Callable[[View], View]:
    """A page for holders of any of `permissions`; the reach is that of the first one held."""

    def decorate(view: View) -> View:
        def enter(actor: Actor) -> None:
            held = [permission for permission in permissions if actor.may(permission)]
            _enter(actor, held[0] if held else permissions[0])

        return _door(view, "|".join(permissions), enter)

    return decorate


def _door(view: View, access: str, enter: Callable[[Actor], None]) -> View:
    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        enter(current_actor())
        return view(*args, **kwargs)

    guarded.access = access  # type: ignore[attr-defined]
    return cast("View", guarded)


def _enter(actor: Actor, permission: str) -> None:
    if not actor.may(permission):
        with transaction() as session:
            audit.record(
                session,
                actor,
                "refused",
                "page",
                request.endpoint or "",
                refused=True,
                need=permission,
            )
    g.scope = actor.scope_for(permission)


def find_actor() -> Actor | None:
    return current_user.actor if current_user.is_authenticated else None


def current_actor() -> Actor:
    """Who asks; raises NotSignedIn for nobody."""
    actor = find_actor()
    if actor is None:
        raise NotSignedIn("请先登录。")
    return actor


def current_scope() -> Scope:
    """How far the person reaches for the permission of this page."""
    scope: Scope = g.scope
    return scope


def init_access(app: Flask) -> None:
    manager = LoginManager(app)
    manager.session_protection = None  # sessions are rows with limits of their own

    @manager.user_loader
    def _load(token: str) -> SignedIn | None:
        signed = find_session(db.session, token)
        return None if signed is None or (signed.demo and not app.config["DEMO"]) else signed

    @app.before_request
    def _closed_unless_declared() -> None:
        view = app.view_functions.get(request.endpoint or "")
        if request.endpoint in {None, "static", "bootstrap.static"}:
            return
        if not hasattr(view, "access"):
            raise Forbidden("这个页面没有开放。", code="undeclared")

    @app.before_request
    def _seen() -> None:
        if request.endpoint in {"static", "bootstrap.static"} or not current_user.is_authenticated:
            return
        if now() - current_user.last_seen_at > SEEN_EVERY:
            with transaction() as session:
                mark_seen(session, current_user)

    app.jinja_env.filters.update(role_name=role_name, device_words=device_words)

    @app.context_processor
    def _actor() -> dict[str, Any]:
        return {"actor": find_actor()}
