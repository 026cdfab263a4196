"""The worker as a process: it ticks, it is woken, it stops when asked."""

import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

from flask import Flask

from marketplace.app import create_app
from marketplace.core.db import db, transaction
from marketplace.core.wake import WAKER, wake
from marketplace.jobs.models import Tick
from marketplace.jobs.queue import connect, make_waker
from marketplace.notices.models import Notice
from marketplace.notices.outbox import Message, enqueue
from tests.support.app import dispose, settings_for

PROGRAM = """
import pickle, sys
from marketplace.jobs.worker import run
run(pickle.loads(bytes.fromhex(sys.argv[1])))
"""


def _until(what, seconds=30):
    """Wait for something another process does; the limit only ends a broken run."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.05)
    return False


def _state(app: Flask, key: str) -> str | None:
    with app.app_context():
        return db.session.query(Notice.state).filter_by(provider_key=key).scalar()


def test_the_worker_ticks_is_woken_and_stops_on_term(database_url, tmp_path):
    settings = settings_for(database_url, tmp_path)
    app = create_app(settings)
    app.extensions[WAKER] = make_waker(settings)
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, pickle.dumps(settings).hex()],
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:

        def ticked():
            with app.app_context():
                return db.session.get(Tick, "scheduler") is not None

        assert _until(ticked), "no tick"
        assert app.test_client().get("/readyz").status_code == 200
        with app.app_context():
            with transaction() as session:
                enqueue(session, Message("test:1", "test", "test:1", "一条消息", "正文"))
            wake()
        assert _until(lambda: _state(app, "test:1") == "sent", 20), "not woken"
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=20)
        assert process.returncode == 0, said
        assert "test:1" in said
        assert "正文" not in said
    finally:
        process.kill()
        process.wait()
        dispose(app)


def test_a_worker_that_is_away_does_not_let_calls_pile_up(tmp_path):
    settings = settings_for("sqlite://", tmp_path)
    waker = make_waker(settings)
    for _ in range(50):
        waker()
    assert connect(settings).pending_count() == 10
