"""The wheel: all a county's server needs, in an environment that has never seen the checkout."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
from uv import find_uv_bin

from marketplace.cli.supervisor import HOST

ROOT = Path(__file__).resolve().parents[2]
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _uv(*arguments: str | Path) -> None:
    """What was installed once is in uv's cache; only a cache that was emptied needs the network."""
    environment = {"UV_SYSTEM_CERTS": "1", **os.environ}
    for mode in (["--offline"], []):
        command = [find_uv_bin(), *mode, *arguments]
        ended = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False
        )
        if ended.returncode == 0:
            return
    pytest.fail(ended.stderr, pytrace=False)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment that holds the locked packages and our wheel alone."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run([*build, "--directory", folder], cwd=ROOT, check=True, capture_output=True)
    python = folder / "env" / "bin" / "python"
    _uv("venv", "--python", sys.executable, folder / "env")
    into = ["pip", "install", "--python", python]
    _uv(*into, "--require-hashes", "--requirement", ROOT / "requirements" / "runtime.txt")
    _uv(*into, "--no-deps", *folder.glob("*.whl"))
    return python.parent


@pytest.fixture
def site(installed: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a service that was started in an empty folder."""
    command = str(installed / "marketplace")
    kept = {name: value for name, value in os.environ.items() if name in {"HOME", "LANG", "TMPDIR"}}
    environment = {**kept, "PATH": f"{installed}:/usr/bin:/bin"}
    subprocess.run([command, "db", "upgrade"], cwd=tmp_path, env=environment, check=True)
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    with (tmp_path / "said").open("wb") as said:
        service = subprocess.Popen(
            [command, "serve", "--port", str(port), "--workers", "1"],
            cwd=tmp_path,
            env=environment,
            stdout=said,
            stderr=said,
        )
    try:
        _wait_for(f"http://{HOST}:{port}/healthz", service, tmp_path / "said")
        yield f"http://{HOST}:{port}/"
    finally:
        service.terminate()
        assert service.wait(60) == 0


def _wait_for(address: str, service: subprocess.Popen[bytes], said: Path) -> None:
    deadline = time.monotonic() + 180
    while True:
        try:
            _get(address)
        except OSError:
            assert service.poll() is None, said.read_text()
            assert time.monotonic() < deadline, said.read_text()
            time.sleep(0.2)
        else:
            return


def _get(address: str) -> tuple[str, bytes]:
    with _DIRECT.open(address, timeout=60) as answer:
        return answer.headers.get_content_type(), answer.read()


def test_the_wheel_serves_a_styled_page_from_an_empty_folder(site: str) -> None:
    kind, body = _get(urljoin(site, "sign-in"))
    page = body.decode()
    assert kind == "text/html"
    assert re.search(r"[\u4e00-\u9fff]", page)
    sheets = re.findall(r'<link rel="stylesheet" href="([^"]+)"', page)
    scripts = re.findall(r'<script [^>]*src="([^"]+)"', page)
    assert len(sheets) >= 2, "Bootstrap's and ours"
    assert scripts
    for address in [*sheets, *scripts, "/static/vendor/htmx.min.js"]:
        kind, content = _get(urljoin(site, address))
        assert kind in {"text/css", "text/javascript", "application/javascript"}
        assert len(content) > 100
    _, font = _get(urljoin(site, "/static/vendor/NotoSansHans-Regular.otf"))
    assert font.startswith(b"OTTO"), "labels are drawn with it"
