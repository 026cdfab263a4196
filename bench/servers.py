"""A web server for one measurement: gunicorn with two processes on a free port of this machine."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from marketplace.core.schema import upgrade
from tests.support.app import DATA_KEY
from tests.support.postgres import server_url
from tests.support.runs import Run

ROOT = Path(__file__).parents[1]
LOOKUP_KEY = "a bench's own lookup key, long enough too"
SECRET_KEY = "a bench's own secret, long enough to sign with"


def new_database(run: Run, name: str) -> str:
    """A migrated PostgreSQL database; returns its SQLAlchemy URL."""
    server = make_url(server_url(run))
    plain = server.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = server.set(database=name).render_as_string(hide_password=False)
    upgrade(url)
    return url


def environment(url: str, folder: Path) -> dict[str, str]:
    return os.environ | {
        "MARKETPLACE_MODE": "test",
        "MARKETPLACE_DATABASE_URL": url,
        "MARKETPLACE_FOLDER": str(folder),
        "MARKETPLACE_SECRET_KEY": SECRET_KEY,
        "MARKETPLACE_LOOKUP_KEY": LOOKUP_KEY,
        "MARKETPLACE_DATA_KEYS": DATA_KEY,
        "BENCH_URL": url,
        "PYTHONPATH": str(ROOT),
    }


@contextmanager
def served(module: str, environ: dict[str, str]) -> Iterator[int]:
    """The port where `module` (module:app) is served until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "gunicorn", module, "-w", "2", "-k", "gthread", "--threads", "4",
        "-b", f"127.0.0.1:{port}", "--keep-alive", "60", "--log-level", "critical",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("the server did not start")
