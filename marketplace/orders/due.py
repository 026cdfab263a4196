"""What the clock does to rounds. Each round in a transaction of its own: one that fails stops no other.

Two schedulers may call this at once: the state move hits one row once, the second finds it done.
After an outage the next call catches up, because what is due is read from the rounds themselves.
"""

from collections.abc import Callable

import structlog
from sqlalchemy.orm import Session

from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict
from marketplace.identity.actor import SYSTEM, Actor
from marketplace.orders.interruptions import reopen_round
from marketplace.orders.round_models import Round
from marketplace.orders.rounds import close_round, due_to_close, due_to_reopen

log = structlog.get_logger("due")


def close_due_rounds() -> int:
    """Close every open round whose closing has come; returns how many this call closed."""
    return _each(due_to_close(db.session), close_round, "open")


def reopen_due_rounds() -> int:
    """Let postponed rounds take orders again from their new opening on."""
    return _each(due_to_reopen(db.session), reopen_round, "postponed")


def _each(round_ids: list[int], act: Callable[[Session, Actor, Round], object], state: str) -> int:
    done, faults = 0, []
    for round_id in round_ids:
        try:
            with transaction() as session:
                found = session.get_one(Round, round_id, populate_existing=True)
                if found.state != state:
                    continue
                act(session, SYSTEM, found)
            done += 1
        except Conflict as error:
            log.info("round_passed_over", round=round_id, code=error.code)
        except Exception as error:
            log.exception("round_failed", round=round_id)
            faults.append(error)
    if faults:
        raise ExceptionGroup("some rounds could not be moved on", faults)
    return done
