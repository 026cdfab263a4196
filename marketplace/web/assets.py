"""Static files with their version in the address, so that browsers may keep them for good."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

from flask import Flask, current_app, url_for

BOOTSTRAP = version("bootstrap-flask")


@cache
def _version(path: Path, _changed_ns: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:10]


def asset(filename: str) -> str:
    """Address of `static/filename`; a missing file is a fault of the page and raises."""
    folder = current_app.static_folder
    assert folder is not None
    path = Path(folder, filename)
    return url_for("static", filename=filename, v=_version(path, path.stat().st_mtime_ns))


def init_assets(app: Flask) -> None:
    app.jinja_env.globals["asset"] = asset

    @app.context_processor
    def _base() -> dict[str, str]:
        css = "css/bootstrap.min.css"
        return {"bootstrap_css_url": url_for("bootstrap.static", filename=css, v=BOOTSTRAP)}
