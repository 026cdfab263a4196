"""Static files with their version in the address, so that browsers may keep them for good."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

from flask import Flask, current_app, request, url_for

BOOTSTRAP = version("bootstrap-flask")


@cache
def _version(folder: str, filename: str) -> str:
    """Read once: a page names dozens of files, and they do not change under a running program."""
    return hashlib.sha256(Path(folder, filename).read_bytes()).hexdigest()[:10]


def asset(filename: str) -> str:
    """Address of `static/filename`; a missing file is a fault of the page and raises."""
    folder = current_app.static_folder
    assert folder is not None
    place = f"{request.script_root}{current_app.static_url_path}/{filename}"
    return f"{place}?v={_version(folder, filename)}"


def init_assets(app: Flask) -> None:
    app.jinja_env.globals["asset"] = asset

    @app.context_processor
    def _base() -> dict[str, str]:
        css = "css/bootstrap.min.css"
        return {"bootstrap_css_url": url_for("bootstrap.static", filename=css, v=BOOTSTRAP)}
