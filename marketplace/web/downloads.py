"""Files that pages hand out."""

import io
import json
from collections.abc import Mapping
from typing import Any

from flask import send_file
from werkzeug import Response

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def send_xlsx(content: bytes, name: str) -> Response:
    return send_file(io.BytesIO(content), mimetype=XLSX, as_attachment=True, download_name=name)


def send_json(content: Mapping[str, Any], name: str) -> Response:
    text = json.dumps(content, ensure_ascii=False, indent=1)
    return _send(f"{text}\n", "application/json", name)


def send_text(content: str, name: str) -> Response:
    return _send(content, "text/plain; charset=utf-8", name)


def _send(content: str, mimetype: str, name: str) -> Response:
    file = io.BytesIO(content.encode())
    return send_file(file, mimetype=mimetype, as_attachment=True, download_name=name)
