"""The product as it is served: `marketplace serve` with its web processes and its worker."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psutil

from tests.support.app import settings_for

ROOT = Path(__file__).parents[2]
PATIENCE = 90
"""Seconds that end a broken run; a sound one never waits so long."""


def until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"never {what}"
        time.sleep(0.02)


def environment(url: str, folder: Path) -> dict[str, str]:
    """The variables that give a process the settings of this test."""
    settings = settings_for(url, folder)
    return os.environ | {
        "MARKETPLACE_MODE": settings.mode,
        "MARKETPLACE_DATABASE_URL": url,
        "MARKETPLACE_FOLDER": str(folder),
        "MARKETPLACE_SECRET_KEY": settings.secret_key,
        "MARKETPLACE_LOOKUP_KEY": settings.lookup_key,
        "MARKETPLACE_DATA_KEYS": ",".join(settings.data_keys),
        "MARKETPLACE_SEAL_KEYS": ",".join(settings.seal_keys),
        "PYTHONPATH": str(ROOT),
    }


class Service:
    """Start it, hurt it, start it again on the same port; what it says goes to `said`."""

    def __init__(self, url: str, folder: Path, processes: int = 2) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.said = folder / "service.log"
        self._environ = environment(url, folder)
        self._processes = processes
        self._supervisor: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "marketplace.cli.main", "serve"]
        options = [f"--port={self.port}", f"--workers={self._processes}"]
        with self.said.open("ab") as said:
            self._supervisor = subprocess.Popen(
                [*command, *options], cwd=ROOT, env=self._environ, stdout=said, stderr=said
            )

    def wait_until_ready(self) -> None:
        until(lambda: self.status("/readyz") == 200, f"ready: {self.said.read_text()[-2000:]}")

    def status(self, path: str) -> int:
        """What a GET answers; 0 while nobody does."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as caller:
            try:
                caller.request("GET", path)
                return caller.getresponse().status
            except (OSError, http.client.HTTPException):
                return 0

    def master(self) -> psutil.Process | None:
        """The web server's first process, while there is one."""
        for child in self._family():
            if child.ppid() == self._pid and "gunicorn" in child.cmdline():
                return child
        return None

    def web_processes(self) -> list[psutil.Process]:
        """The processes that answer requests, oldest first."""
        try:
            master = self.master()
            return sorted(master.children(), key=lambda one: one.pid) if master else []
        except psutil.NoSuchProcess:
            return []

    def kill_everything(self) -> None:
        """As when the machine loses power: no process gets to finish anything."""
        assert self._supervisor is not None
        family = self._family()
        self._supervisor.kill()
        for process in family:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        self._supervisor.wait()
        psutil.wait_procs(family, timeout=PATIENCE)

    def renew(self) -> None:
        """New processes for old ones, as for a new version; returns when the old web server ended."""
        old = self.master()
        assert old is not None
        os.kill(self._pid, signal.SIGUSR1)
        until(lambda: not old.is_running(), "ended the old web server")

    def running(self) -> bool:
        return self._supervisor is not None and self._supervisor.poll() is None

    @property
    def _pid(self) -> int:
        assert self._supervisor is not None
        return self._supervisor.pid

    def _family(self) -> list[psutil.Process]:
        try:
            return list(psutil.Process(self._pid).children(recursive=True))
        except psutil.NoSuchProcess:
            return []
