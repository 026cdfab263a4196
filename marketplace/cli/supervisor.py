"""Runs the web server and the worker as one service on one machine.

Both are children of this process: one that dies is started again, a request to stop ends both
within a limit, and if this process itself is killed the kernel ends them (on Linux). USR1 renews
both, for a new version of the program or its settings: each ends when it has finished what it does,
and starts again at once.

The listening socket belongs to this process. So a busy port is known before anything starts, and
while the web server restarts, callers wait in the queue instead of being refused.
"""

import contextlib
import ctypes
import http.client
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

HOST = "127.0.0.1"
ATTEMPTS = 3
"""So many failed starts in a row, without ever having been steady, end the service."""
LONGEST_PAUSE = 30.0
_FIRST_PAUSE = 0.5
_TICK = 0.2
_PR_SET_PDEATHSIG = 1


class PortBusyError(Exception):
    """Somebody else listens there; the message is for the person who wanted to serve."""


@dataclass
class Child:
    """One program that should always run, and what is known of its past.

    It counts as started when it has lived for `steady_seconds`; dying earlier is a failed start.
    """

    name: str
    command: Sequence[str]
    pass_fds: tuple[int, ...] = ()
    steady_seconds: float = 20.0
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    next_start: float = 0.0
    failures: int = 0
    was_steady: bool = False
    renewing: bool = False

    def start(self, now: float) -> None:
        """Start it in a process group of its own, so that Ctrl-C reaches it through us alone."""
        self.process = subprocess.Popen(  # noqa: S603  # our own commands, no shell
            self.command,
            stdin=subprocess.DEVNULL,
            pass_fds=self.pass_fds,
            process_group=0,
            preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509  # one thread only: safe
        )
        self.started = now

    def look(self, now: float) -> str | None:
        """Start it if it is due; note its death. Returns a sentence if it can never start."""
        if self.process is None:
            if now >= self.next_start:
                self.start(now)
            return None
        code = self.process.poll()
        if now - self.started >= self.steady_seconds:
            self.was_steady, self.failures = True, 0
        if code is None:
            return None
        self.kill_group()
        self.process = None
        if self.renewing:
            self.renewing = False
            return self.look(now)
        self.failures += 1
        if self.failures >= ATTEMPTS and not self.was_steady:
            return f"{self.name} cannot start (it ended with {code}, {self.failures} times)."
        pause = min(_FIRST_PAUSE * 2 ** (self.failures - 1), LONGEST_PAUSE)
        self.next_start = now + pause
        _say(f"{self.name} ended with {code}; it starts again in {pause:g} s.")
        return None

    def ask_to_stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def renew(self) -> None:
        """Its end will be asked for, not a fault; `look` starts it again."""
        if self.process is not None:
            self.renewing = True
            self.ask_to_stop()

    def kill_group(self) -> None:
        """Kill what is left of it, its own children included."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@dataclass
class Supervisor:
    """`ready` is asked until it says yes; then `on_ready` is called, once."""

    children: Sequence[Child]
    grace: float = 25.0
    ready: Callable[[], bool] = lambda: False
    on_ready: Callable[[], None] = lambda: None
    _stop: bool = field(default=False, init=False)
    _renew: bool = field(default=False, init=False)

    def run(self) -> int:
        """Serve until told to stop (0) or until a child proves unable to start (1)."""
        announced = False
        with self._signals() as wakeup:
            trouble = None
            while not self._stop and trouble is None:
                now = time.monotonic()
                self._renew_if_asked()
                for child in self.children:
                    trouble = trouble or child.look(now)
                if not announced and self.ready():
                    announced = True
                    self.on_ready()
                _wait(wakeup, _TICK)
            if trouble:
                _say(trouble)
            self._end(wakeup)
        return 1 if trouble else 0

    def _renew_if_asked(self) -> None:
        if self._renew:
            self._renew = False
            for child in self.children:
                child.renew()

    def _end(self, wakeup: socket.socket) -> None:
        """Ask all to stop, wait for the slowest within the limit, kill what is left."""
        for child in self.children:
            child.ask_to_stop()
        deadline = time.monotonic() + self.grace
        while time.monotonic() < deadline and any(map(_runs, self.children)):
            _wait(wakeup, _TICK)
        for child in self.children:
            if _runs(child):
                _say(f"{child.name} did not stop within {self.grace:g} s and was killed.")
            child.kill_group()

    @contextlib.contextmanager
    def _signals(self) -> Iterator[socket.socket]:
        """TERM, INT and HUP ask to stop, USR1 to renew; they and a child's death end a wait at once."""
        ours, wakeup = socket.socketpair()
        ours.setblocking(False)
        wakeup.setblocking(False)
        before = {name: signal.signal(name, self._ask_to_stop) for name in _STOPPING}
        before[signal.SIGUSR1] = signal.signal(signal.SIGUSR1, self._ask_to_renew)
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        old_fd = signal.set_wakeup_fd(ours.fileno(), warn_on_full_buffer=False)
        try:
            yield wakeup
        finally:
            signal.set_wakeup_fd(old_fd)
            for name, handler in before.items():
                signal.signal(name, handler)
            ours.close()
            wakeup.close()

    def _ask_to_stop(self, *_: object) -> None:
        self._stop = True

    def _ask_to_renew(self, *_: object) -> None:
        self._renew = True


_STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def serve(
    port: int,
    *,
    processes: int = 2,
    threads: int = 4,
    grace: float = 25.0,
    on_ready: Callable[[], None] = lambda: None,
    beside: Sequence[Child] = (),
) -> int:
    """Serve the application on the loopback interface and run its worker, and what runs `beside` them;
    returns the exit code.

    `on_ready` is called once, when the first page is answered. `grace` (seconds) is what running
    requests and jobs get to finish. Raises PortBusyError before anything is started.
    """
    with listen(port) as listener:
        web = Child(
            "The web server",
            web_command(listener.fileno(), processes, threads, grace),
            pass_fds=(listener.fileno(),),
        )
        worker = Child("The worker", [sys.executable, "-m", "marketplace.cli.main", "worker"])
        return Supervisor(
            [web, worker, *beside], grace=grace + 2, ready=lambda: answers(port), on_ready=on_ready
        ).run()


def web_command(
    listener: int,
    processes: int,
    threads: int,
    grace: float,
    application: str = "marketplace.wsgi:app",
) -> list[str]:
    """How gunicorn is started on a socket that is already open.

    The application is loaded once and forked, so that a web process that dies is replaced in
    milliseconds and not after seconds of importing.
    """
    options = {
        "bind": f"fd://{listener}",
        "worker-class": "gthread",
        "workers": processes,
        "threads": threads,
        "timeout": 60,
        "graceful-timeout": int(grace),
        "log-level": "warning",
    }
    arguments = [f"--{name}={value}" for name, value in options.items()]
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", "--preload"]
    return [*command, *arguments, application]


def listen(port: int) -> socket.socket:
    """The listening socket; raises PortBusyError when the port is taken."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise PortBusyError(
            f"端口 {port} 已被占用或不可用，请换一个（例如 make demo PORT={port + 1}）。"
            f" Port {port} is busy or not ours: choose another one."
        ) from error
    listener.listen(1024)
    return listener


def answers(port: int) -> bool:
    """Whether the web server answers a request, with whatever."""
    connection = http.client.HTTPConnection(HOST, port, timeout=0.5)
    try:
        connection.request("HEAD", "/")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def _die_with(parent: int) -> Callable[[], None]:
    """What a child does before its program starts: ask the kernel to end it with its parent."""
    libc = ctypes.CDLL(None)

    def prepare() -> None:
        if sys.platform == "linux":
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:  # it died before we asked
                os._exit(1)

    return prepare


def _runs(child: Child) -> bool:
    return child.process is not None and child.process.poll() is None


def _wait(wakeup: socket.socket, seconds: float) -> None:
    """Until a signal or the end of the time."""
    if select.select([wakeup], [], [], seconds)[0]:
        with contextlib.suppress(BlockingIOError):
            wakeup.recv(4096)


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
