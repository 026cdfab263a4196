"""The lock files name exactly what is asked for, and no place to fetch it from."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[3]
LOCKS = ROOT / "requirements"


def _locked(name: str) -> dict[str, str]:
    """Versions by package name."""
    pinned = re.findall(r"^([a-z0-9._-]+)==([^ ;]+)", (LOCKS / name).read_text(), re.MULTILINE)
    return dict(pinned)


def _asked(name: str) -> list[Requirement]:
    if name == "runtime":
        with (ROOT / "pyproject.toml").open("rb") as file:
            lines = tomllib.load(file)["project"]["dependencies"]
    else:
        lines = re.findall(r"^[^#\s].*", (LOCKS / f"{name}.in").read_text(), re.MULTILINE)
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize("name", ["installer", "runtime", "build", "dev", "node"])
def test_what_is_asked_for_is_locked(name: str) -> None:
    locked = _locked(f"{name}.txt")
    unlocked = [
        str(wanted)
        for wanted in _asked(name)
        if (version := locked.get(canonicalize_name(wanted.name))) is None
        or version not in wanted.specifier
    ]
    assert unlocked == [], "run `make lock`"


def test_a_package_has_one_version_in_all_locks() -> None:
    versions: dict[str, set[str]] = {}
    for path in LOCKS.glob("*.txt"):
        for package, version in _locked(path.name).items():
            versions.setdefault(package, set()).add(version)
    assert {package: found for package, found in versions.items() if len(found) > 1} == {}


def test_no_lock_file_says_where_packages_come_from() -> None:
    address = re.compile(r"https?:|--(extra-)?index|--find-links|resolved")
    locks = [ROOT / "package-lock.json", *LOCKS.glob("*.txt")]
    assert len(locks) > 1
    assert [path.name for path in locks if address.search(path.read_text())] == []
