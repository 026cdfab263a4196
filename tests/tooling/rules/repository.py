"""The files that the repository is made of."""

import subprocess
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def files(pattern: str = "*") -> list[Path]:
    """Files that git knows or would take; without git, all but what set-up and tools make."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        paths = [ROOT / name for name in listed.split("\0") if name]
    except (FileNotFoundError, subprocess.CalledProcessError):
        made = {".venv", "node_modules", "var", "dist", "build", "__pycache__", "vendor"}
        hidden = {path.name for path in ROOT.glob(".*_cache")} | {".hypothesis", ".git"}
        paths = [path for path in ROOT.rglob("*") if not (made | hidden) & set(path.parts)]
    return [
        path for path in paths if path.is_file() and fnmatch(str(path.relative_to(ROOT)), pattern)
    ]
