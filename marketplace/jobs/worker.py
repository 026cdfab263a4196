"""`marketplace worker`: a process that does what is due, every minute and whenever it is woken."""

import logging

from flask import Flask

from marketplace.app import create_app
from marketplace.core.clock import now
from marketplace.core.settings import Settings
from marketplace.jobs import queue, registry
from marketplace.jobs.due import JOBS

THREADS = 3
"""A long import occupies one; the others go on closing rounds and sending."""


def run(settings: Settings) -> None:
    """Work until TERM or INT; what runs then is finished first (a second signal interrupts it)."""
    app = create_app(settings)
    huey = queue.connect(settings)
    queue.declare(huey, lambda: _tick(app), lambda: _wake(app))
    logging.getLogger("huey").setLevel(logging.WARNING)
    huey.create_consumer(
        workers=THREADS, max_delay=1.0, check_worker_health=True, graceful_signal="TERM"
    ).run()


def _tick(app: Flask) -> None:
    with app.app_context():
        registry.tick(now(), JOBS)


def _wake(app: Flask) -> None:
    with app.app_context():
        registry.run_due(now(), JOBS, woken=True)
