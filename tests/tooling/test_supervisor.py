"""The supervisor, run as a real process over real children."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from marketplace.cli import supervisor

Run = Callable[[str], subprocess.Popen[bytes]]
ROOT = Path(__file__).resolve().parents[2]

_HEAD = """
import sys
from marketplace.cli.supervisor import Child, Supervisor, listen, serve, web_command

def child(name, *command):
    return Child(name, [sys.executable, *command], steady_seconds=0.3)
"""

# Writes its number down, then sleeps; "deaf" ignores a polite request to stop.
_SLEEPER = """
import os, signal, subprocess, sys, time
from pathlib import Path
if "deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "parent" in sys.argv:
    subprocess.Popen([sys.executable, __file__, "deaf", sys.argv[1] + "-child"])
draft = Path(sys.argv[-1] + ".draft")
draft.write_text(str(os.getpid()))
draft.rename(sys.argv[-1])
time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sleeper.py").write_text(_SLEEPER)
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Iterator[Run]:
    """Starts a supervisor described by Python code; what it says goes to the file `said`."""
    started: list[subprocess.Popen[bytes]] = []

    def start(code: str) -> subprocess.Popen[bytes]:
        with (folder / "said").open("wb") as said:
            process = subprocess.Popen(
                [sys.executable, "-c", _HEAD + textwrap.dedent(code)],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": f"{ROOT}:{folder}"},
                stderr=said,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


def _until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, f"never {what}"
        time.sleep(0.02)


def _pid(path: Path, other_than: int = 0) -> int:
    _until(lambda: path.exists() and int(path.read_text()) != other_than, f"started {path.name}")
    return int(path.read_text())


def _gone(pid: int) -> bool:
    """Whether that process runs no more (a zombie that init has not met yet counts as gone)."""
    try:
        return " Z " in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:3]
    except FileNotFoundError:
        return True


_TWO = 'sys.exit(Supervisor([child("A", "sleeper.py", "a"), child("B", "sleeper.py", "b")]).run())'


@pytest.mark.parametrize("request_to_stop", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_request_to_stop_ends_all_children(run: Run, folder: Path, request_to_stop: int) -> None:
    process = run(_TWO)
    children = [_pid(folder / "a"), _pid(folder / "b")]
    process.send_signal(request_to_stop)
    assert process.wait(30) == 0
    assert all(map(_gone, children))


def test_a_child_that_dies_is_started_again(run: Run, folder: Path) -> None:
    process = run(_TWO)
    first, other = _pid(folder / "a"), _pid(folder / "b")
    os.kill(first, signal.SIGKILL)
    second = _pid(folder / "a", other_than=first)
    assert not _gone(second)
    assert not _gone(other)
    process.terminate()
    assert process.wait(30) == 0
    assert "A ended with -9; it starts again" in (folder / "said").read_text()


def test_a_child_that_will_not_stop_is_killed_with_its_own_children(run: Run, folder: Path) -> None:
    process = run(
        """
        deaf = child("The deaf", "sleeper.py", "c", "deaf", "parent", "d")
        sys.exit(Supervisor([deaf], grace=0.5).run())
        """
    )
    parent, grandchild = _pid(folder / "d"), _pid(folder / "c-child")
    process.terminate()
    assert process.wait(30) == 0
    _until(lambda: _gone(parent) and _gone(grandchild), "killed them")
    assert "did not stop within 0.5 s" in (folder / "said").read_text()


def test_a_child_that_cannot_start_ends_the_service_with_a_sentence(run: Run, folder: Path) -> None:
    process = run(
        """
        good = child("The good", "sleeper.py", "a")
        bad = child("The bad", "-c", "raise SystemExit(7)")
        bad.steady_seconds = 60
        sys.exit(Supervisor([good, bad]).run())
        """
    )
    assert process.wait(60) == 1
    assert "The bad cannot start (it ended with 7, 3 times)." in (folder / "said").read_text()
    assert _gone(_pid(folder / "a"))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_no_child_outlives_a_supervisor_that_is_killed(run: Run, folder: Path) -> None:
    process = run(_TWO)
    children = [_pid(folder / "a"), _pid(folder / "b")]
    process.kill()
    process.wait()
    _until(lambda: all(map(_gone, children)), "ended")


def test_a_busy_port_is_named_before_anything_starts() -> None:
    with socket.socket() as other:
        other.bind((supervisor.HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(supervisor.PortBusyError, match=f"端口 {port} .*PORT={port + 1}"):
            supervisor.serve(port)


_APP = """
import os, time
from pathlib import Path
def app(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        Path("begun").touch()
        while not Path("go").exists():
            time.sleep(0.02)
    start_response("200 OK", [("Content-Type", "text/plain")])
    asked = os.getpid() if environ["PATH_INFO"] == "/process" else os.getppid()
    return [str(asked).encode()] if environ["REQUEST_METHOD"] == "GET" else []
"""

_WEB = """
listener = listen({port})
command = web_command(listener.fileno(), 2, 4, 10, "tiny:app")
web = Child("Web", command, (listener.fileno(),), steady_seconds=0.3)
sys.exit(Supervisor([web], grace=12).run())
"""


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind((supervisor.HOST, 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def web(run: Run, folder: Path, port: int) -> subprocess.Popen[bytes]:
    (folder / "tiny.py").write_text(_APP)
    process = run(_WEB.format(port=port))
    _until(lambda: supervisor.answers(port), "answered")
    _both_answer(port)
    return process


def _both_answer(port: int) -> set[str]:
    """The numbers of both processes, once they serve.

    One that is asked to stop between its fork and its first look around does not hear it.
    """
    answered: set[str] = set()

    def answered_both() -> bool:
        answered.add(_get(port, "/process"))
        return len(answered) == 2

    _until(answered_both, "answered, both of them")
    return answered


def _get(port: int, path: str = "/") -> str:
    connection = http.client.HTTPConnection(supervisor.HOST, port, timeout=60)
    with closing(connection):
        connection.request("GET", path)
        return connection.getresponse().read().decode()


def test_callers_wait_while_the_web_server_restarts(
    web: subprocess.Popen[bytes], port: int
) -> None:
    """All of it dies at once: an orphan that still took a call would be killed in the middle of it."""
    master = int(_get(port))
    processes = {master, *map(int, _both_answer(port))}
    os.killpg(master, signal.SIGKILL)
    _until(lambda: all(map(_gone, processes)), "died")
    assert int(_get(port)) != master
    web.terminate()
    assert web.wait(30) == 0


def test_a_service_that_is_renewed_runs_new_code_and_lets_nobody_down(
    web: subprocess.Popen[bytes], folder: Path, port: int
) -> None:
    master = int(_get(port))
    answers: list[str] = []
    caller = threading.Thread(target=lambda: answers.append(_get(port, "/slow")))
    caller.start()
    _until((folder / "begun").exists, "began")
    (folder / "tiny.py").write_text(_APP.replace("os.getppid()", "-os.getppid()"))
    web.send_signal(signal.SIGUSR1)
    (folder / "go").touch()
    caller.join(30)
    assert answers == [str(master)]
    _until(lambda: _gone(master), "ended")
    assert int(_get(port)) < 0
    _both_answer(port)
    web.terminate()
    assert web.wait(30) == 0
    assert (folder / "said").read_text() == ""


def test_a_request_under_way_is_answered_when_the_service_stops(
    web: subprocess.Popen[bytes], folder: Path, port: int
) -> None:
    answers: list[str] = []
    caller = threading.Thread(target=lambda: answers.append(_get(port, "/slow")))
    caller.start()
    _until((folder / "begun").exists, "began")
    web.terminate()
    (folder / "go").touch()
    assert web.wait(30) == 0
    caller.join(30)
    assert answers
    assert (folder / "said").read_text() == ""


def test_an_idle_connection_of_a_browser_does_not_hold_up_the_end(
    web: subprocess.Popen[bytes], folder: Path, port: int
) -> None:
    with socket.create_connection((supervisor.HOST, port)) as browser:
        browser.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
        assert browser.recv(1000).startswith(b"HTTP/1.1 200")
        web.terminate()
        assert web.wait(30) == 0
    assert (folder / "said").read_text() == ""
