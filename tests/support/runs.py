"""One test run: the folder that its processes share, and the process that leads them."""

import fcntl
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

_NUMBERS = itertools.count(1)
_ROOM = 2 * 1024**3


@dataclass
class Run:
    """`leader` is the process whose end ends the run: the controller of xdist, or the only one."""

    folder: Path
    leader: int
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Short and unlike any other run's: databases on a shared server carry it."""
        return self.folder.name.replace("-", "_")

    def new_name(self) -> str:
        """A name that no other test of any run uses."""
        return f"{self.name}_{os.getpid()}_{next(_NUMBERS)}"

    def stop(self) -> None:
        """Ask the keeper to stop, wait for it, remove the folder."""
        pid = self.folder / "postgres.pid"
        if pid.exists():
            _terminate(int(pid.read_text()), self.folder / "pg")
        for child in self.children:
            child.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)


RUN = pytest.StashKey[Run]()


def open_run(config: pytest.Config) -> Run:
    """Begin a run, or join the one whose controller started this worker."""
    handed = getattr(config, "workerinput", None)
    if handed is not None:
        return Run(Path(handed["run_folder"]), handed["run_leader"])
    return new_run(os.getpid())


def new_run(leader: int) -> Run:
    """Begin a run, in memory if there is room: copying a database takes 25 ms there, not 700."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > _ROOM
    folder = Path(tempfile.mkdtemp(prefix="xbtest-", dir=memory if roomy else None))
    folder.chmod(0o711)  # the server runs as another user when the tests run as root
    return Run(folder, leader)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process of the run at a time."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _terminate(pid: int, gone: Path) -> None:
    """`gone` is the folder that the keeper removes last: it may not be our child to wait for."""
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    deadline = time.monotonic() + 20
    while gone.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
