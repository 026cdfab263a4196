"""The wheel: all a county's server needs, in an environment that has never seen the checkout."""

import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
from uv import find_uv_bin

from marketplace.cli.supervisor import HOST, listen, web_command

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


_MIGRATE = """
from marketplace.core.schema import upgrade
from marketplace.core.settings import from_environment
upgrade(from_environment().database_url)
"""


@pytest.fixture
def site(installed: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a web server that was started in an empty folder."""
    python = str(installed / "python")
    kept = {name: value for name, value in os.environ.items() if name in {"HOME", "LANG", "TMPDIR"}}
    environment = {**kept, "PATH": f"{installed}:/usr/bin:/bin"}
    subprocess.run([python, "-c", _MIGRATE], cwd=tmp_path, env=environment, check=True)
    with listen(0) as listener, (tmp_path / "said").open("wb") as said:
        server = subprocess.Popen(
            [python, *web_command(listener.fileno(), processes=1, threads=4, grace=5)[1:]],
            cwd=tmp_path,
            env=environment,
            pass_fds=(listener.fileno(),),
            stdout=said,
            stderr=said,
        )
        address = f"http://{HOST}:{listener.getsockname()[1]}/"
    try:
        _wait_for(urljoin(address, "healthz"), server, tmp_path / "said")
        yield address
    finally:
        server.terminate()
        server.wait(60)


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
