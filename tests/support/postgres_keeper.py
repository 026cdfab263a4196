"""The process that owns a throwaway PostgreSQL server, so that the server never outlives a test run.

It is started by whichever test process needs the server first, but watches the process that leads
the run: when that one ends, in whatever way, the server is stopped and its folder removed.

Run as `postgres_keeper.py BIN_FOLDER RUN_FOLDER LEADER_PID`. Writes `postgres.url` into the run
folder when the server answers, `postgres.error` (one sentence) when it cannot be had.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

_START_SECONDS = 60
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "timezone": "UTC",
    "lc_messages": "C",
}


class KeeperError(Exception):
    """The server cannot be had; the message is for the person who runs the tests."""


def main(bin_folder: Path, run_folder: Path, leader: int) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = None
    spare = Path(tempfile.mkdtemp(prefix="xbtest-"))  # a run folder in memory may be `noexec`
    try:
        server = start(bin_folder, run_folder, spare)
        publish(
            run_folder / "postgres.url",
            f"postgresql+psycopg://postgres@/postgres?host={run_folder}/pg",
        )
        while server.poll() is None and alive(leader):
            time.sleep(0.3)
    except KeeperError as failure:
        publish(run_folder / "postgres.error", str(failure))
    finally:
        if server is not None:
            stop(server)
        shutil.rmtree(spare, ignore_errors=True)
        shutil.rmtree(run_folder / "pg", ignore_errors=True)
        if not alive(leader):
            shutil.rmtree(run_folder, ignore_errors=True)


def start(bin_folder: Path, run_folder: Path, spare: Path) -> subprocess.Popen[bytes]:
    """Make a cluster and start its server on a socket inside the run folder."""
    home = run_folder / "pg"
    home.mkdir(mode=0o700)
    identity = unprivileged()
    if identity:
        os.chown(home, identity["user"], identity["group"])
    bin_folder = reachable(bin_folder, spare, identity)
    log = home / "log"
    with log.open("wb") as output:
        where: dict[str, Any] = {"cwd": home, "stdout": output, "stderr": output, **identity}
        make = [bin_folder / "initdb", "-D", home / "data", "-U", "postgres", "-A", "trust"]
        options = ["--encoding=UTF8", "--locale=C", "--no-sync"]
        if subprocess.run(
            [*make, *options], stdin=subprocess.DEVNULL, check=False, **where
        ).returncode:
            raise KeeperError(f"initdb could not make a cluster: {last_line(log)}")
        settings = [f"-c{name}={value}" for name, value in _SETTINGS.items()]
        command = [bin_folder / "postgres", "-D", home / "data", "-k", home, *settings]
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, **where)
    wait_until_ready(server, home, log)
    return server


def wait_until_ready(server: subprocess.Popen[bytes], home: Path, log: Path) -> None:
    """Wait for the line that PostgreSQL writes into its lock file when it accepts connections."""
    deadline = time.monotonic() + _START_SECONDS
    lock = home / "data" / "postmaster.pid"
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise KeeperError(f"the PostgreSQL server ended while starting: {last_line(log)}")
        if lock.exists() and lock.read_text().splitlines()[7:8] == ["ready   "]:
            return
        time.sleep(0.05)
    stop(server)
    raise KeeperError(
        f"the PostgreSQL server did not answer within {_START_SECONDS} s: {last_line(log)}"
    )


def unprivileged() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: the identity to use instead, empty for anybody else."""
    if os.geteuid() != 0:
        return {}
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = known.get("postgres") or known.get("nobody")
    if entry is None:
        raise KeeperError(
            "PostgreSQL does not run as root and there is no user `postgres` or `nobody`."
        )
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def reachable(bin_folder: Path, spare: Path, identity: dict[str, Any]) -> Path:
    """A folder of binaries which that identity may run; a copy if root's own folders hide them."""
    try:
        probe = [bin_folder / "postgres", "--version"]
        subprocess.run(probe, check=True, cwd="/", stdout=subprocess.DEVNULL, **identity)
    except PermissionError:
        return copied(bin_folder, spare)
    except (OSError, subprocess.CalledProcessError) as error:
        raise KeeperError(f"the PostgreSQL in {bin_folder} does not run: {error}") from error
    return bin_folder


def copied(bin_folder: Path, target: Path) -> Path:
    """A copy of an installation; of one from a wheel with the libraries that lie two levels up."""
    package, site = bin_folder.parents[1], bin_folder.parents[2]
    for source in [bin_folder.parent, *site.glob(f"{package.name}.libs")]:
        shutil.copytree(source, target / source.relative_to(site), symlinks=True)
    for folder in (target, target / package.name):
        folder.chmod(0o755)
    return target / bin_folder.relative_to(site)


def stop(server: subprocess.Popen[bytes]) -> None:
    """Close quickly: nothing in there is worth keeping."""
    server.send_signal(signal.SIGINT)
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.send_signal(signal.SIGQUIT)
        server.wait()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def publish(path: Path, text: str) -> None:
    """Write so that a reader sees all of it or nothing."""
    draft = path.with_suffix(".draft")
    draft.write_text(text)
    draft.rename(path)


def last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
