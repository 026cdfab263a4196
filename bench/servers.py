"""A web server for one measurement: gunicorn with two processes on a free port of this machine."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from marketplace.cli.supervisor import answers, web_command
from marketplace.core.schema import upgrade
from tests.support.app import DATA_KEY
from tests.support.postgres import server_url
from tests.support.runs import Run

ROOT = Path(__file__).parents[1]
PROCESSES, THREADS = 2, 4
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
    """The port where `module` (module:app) is served until the block ends, as the product is served."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1024)
        port = listener.getsockname()[1]
        process = subprocess.Popen(
            web_command(listener.fileno(), PROCESSES, THREADS, 5, module),
            cwd=ROOT, env=environ, pass_fds=(listener.fileno(),),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _wait(port, process)
            yield port
        finally:
            process.terminate()
            process.wait(20)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until it answers, with whatever: the socket is open before the program has started."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if answers(port):
            return
        time.sleep(0.1)
    raise RuntimeError("the server did not start")
