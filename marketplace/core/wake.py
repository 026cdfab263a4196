"""Telling the worker that there is work now, so that nobody waits for the next tick.

Features stand below the worker, so they call `wake()` here; the application hangs the real thing
into its extensions. Call it after the transaction, never inside: the work must be visible first.
"""

import structlog
from flask import current_app

WAKER = "waker"
log = structlog.get_logger("wake")


def wake() -> None:
    """Ask the worker to look for due work. If it cannot be reached, the next tick finds the work."""
    waker = current_app.extensions.get(WAKER)
    if waker is None:
        return
    try:
        waker()
    except Exception as error:
        log.warning("not_woken", error=type(error).__name__)
