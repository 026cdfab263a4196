"""Rules that hold for all files of the repository."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tooling.rules.repository import ROOT, files

# In pieces, so that this file does not match itself.
_REGISTRIES = (
    "pypi" + ".org",
    "python" + "hosted",
    "npm" + "js.org",
    "npm" + "mirror",
    "debian" + ".org",
)
_MIRRORS = ("tuna" + ".tsinghua", "mirrors" + ".aliyun", "yarn" + "pkg.com")
_MACHINE_PATHS = (
    "/wo" + "rk/main",
    "/wo" + "rk/shared",
    "/tm" + "p/wt",
    "/tm" + "p/venv",
    "/ro" + "ot/",
)
_BINARY = {".png", ".jpg", ".jpeg", ".gif", ".webp", ".ico", ".woff2", ".xlsx", ".pdf"}


def _texts() -> Iterator[tuple[Path, str]]:
    for path in files():
        if path.suffix not in _BINARY:
            yield path, path.read_text(errors="replace")


def test_no_file_names_a_package_registry_or_a_folder_of_one_machine() -> None:
    forbidden = re.compile("|".join(map(re.escape, _REGISTRIES + _MIRRORS + _MACHINE_PATHS)))
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path, text in _texts()
        for match in forbidden.finditer(text)
    ]
    assert found == []


_INLINE = {
    "a style attribute": re.compile(r"<[^>{]*\sstyle\s*=", re.IGNORECASE),
    "a handler attribute": re.compile(r"<[a-z][^>]*\son[a-z]+\s*=", re.IGNORECASE),
    "a script with code": re.compile(
        r"<script\b(?![^>]*\ssrc\s*=)(?![^>]*application/json)", re.IGNORECASE
    ),
    "a style element": re.compile(r"<style\b", re.IGNORECASE),
    "a script address": re.compile(r"javascript:", re.IGNORECASE),
}


def test_no_template_holds_anything_that_the_content_security_policy_blocks() -> None:
    found = [
        f"{path.relative_to(ROOT)} has {what}: {match.group()[:60]}"
        for path in files("templates/*")
        for what, pattern in _INLINE.items()
        for match in pattern.finditer(path.read_text())
    ]
    assert found == []


@pytest.mark.parametrize(
    "bad",
    [
        '<p style="width: 3px">',
        "<div\n class='a' STYLE = 'x'>",
        '<a href="#" onclick="go()">',
        "<script>go()</script>",
        '<script type="module">go()</script>',
        "<style>p {}</style>",
        '<a href="javascript:go()">',
    ],
)
def test_what_the_policy_blocks_is_recognised(bad: str) -> None:
    assert any(pattern.search(bad) for pattern in _INLINE.values())


@pytest.mark.parametrize(
    "good",
    [
        '<script src="{{ url }}" defer></script>',
        '<script type="application/json" id="data">{}</script>',
        '<p data-style="x" class="on">{{ person = 1 }}',
        '<button name="only" value="on">',
    ],
)
def test_what_the_policy_allows_is_not_taken_for_a_fault(good: str) -> None:
    assert not any(pattern.search(good) for pattern in _INLINE.values())


def test_no_conflict_was_left_in_a_file() -> None:
    marks = tuple(mark * 7 + " " for mark in "<>")
    found = [
        str(path)
        for path, text in _texts()
        if any(line.startswith(marks) for line in text.splitlines())
    ]
    assert found == []
