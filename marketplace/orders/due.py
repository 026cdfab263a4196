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
from marketplace.orders.rounds import (
    close_round,
    due_to_close,
    due_to_reopen,
    get_round,
    lock_round,
)

log = structlog.get_logger("due")


def close_due_rounds() -> int:
    """Close every open round whose closing has come; returns how many this call closed."""
    return _each(due_to_close, close_round)


def reopen_due_rounds() -> int:
    """Let postponed rounds take orders again from their new opening on."""
    return _each(due_to_reopen, reopen_round)


def _each(
    due: Callable[[Session], list[int]], act: Callable[[Session, Actor, Round], object]
) -> int:
    done, faults = 0, []
    for round_id in due(db.session):
        try:
            with transaction() as session:
                found = get_round(session, round_id)
                lock_round(session, found)
                if round_id not in due(session):
                    continue  # closed by somebody else, or put off a moment ago
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
