"""Photos as they come from phones: checked, shrunk and written anew, so that nothing else stays.

What is kept is a WebP of our own making: no place, no device, no preview, no appended data. Reading a
picture is slow and needs memory, so it happens before any transaction.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from marketplace.core.errors import InvalidInput

MAX_PIXELS = 40_000_000
MAX_STORED_BYTES = 200 * 1024
FORMATS = ("JPEG", "PNG", "WEBP")  # a phone's MPO opens as JPEG
_SIDES = (1280, 1024, 800, 640)
_QUALITIES = (80, 65, 50)
_MARKUP = re.compile(rb"<script|<!doctype|<html[\s>]|<iframe|<\?php|<svg[\s>][^>]*xmlns", re.I)


@dataclass(frozen=True)
class Picture:
    """A re-encoded photo; `sha256` is that of `data` and names its file."""

    data: bytes
    sha256: str
    width: int
    height: int


def read_picture(raw: bytes) -> Picture:
    """The photo as it is kept; raises InvalidInput(field="photos") with a cure for anything else."""
    if _MARKUP.search(raw):
        raise _refused("这个文件不是单纯的照片，请重新拍一张。", "photo_markup")
    try:
        with Image.open(BytesIO(raw), formats=FORMATS) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise _refused("照片太大了，请换小一点的，或者重新拍一张。", "photo_pixels")
            opened.draft("RGB", (_SIDES[0], _SIDES[0]))
            upright = ImageOps.exif_transpose(opened)
            return _encode(upright.convert("RGB"))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _refused("照片太大了，请换小一点的，或者重新拍一张。", "photo_pixels") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        raise _refused(
            "这张照片读不出来，请重新拍一张（要 JPG、PNG 或 WebP）。", "photo_unreadable"
        ) from None


def _refused(message: str, code: str) -> InvalidInput:
    return InvalidInput(message, code=code, field="photos")


def _encode(image: Image.Image) -> Picture:
    """Smaller and coarser until it fits; noise at 640 px and quality 50 still does."""
    for side in _SIDES:
        image.thumbnail((side, side))
        for quality in _QUALITIES:
            buffer = BytesIO()
            image.save(buffer, "WEBP", quality=quality)
            if buffer.tell() <= MAX_STORED_BYTES:
                data = buffer.getvalue()
                return Picture(data, sha256(data).hexdigest(), image.width, image.height)
    raise _refused("这张照片压不小，请重新拍一张。", "photo_bytes")


def picture_path(folder: Path, digest: str) -> Path:
    """Where a kept photo lies below the data folder."""
    return folder / "photos" / digest[:2] / f"{digest}.webp"


def evidence_folder(folder: Path) -> Path:
    """Photos of papers, claims, returns and hand-overs lie apart from the reports': a file of those goes when
    the last report drops it."""
    return folder / "evidence"


def evidence_path(folder: Path, digest: str) -> Path:
    """Where such a photo lies; the older ones are still among the reports'."""
    path = picture_path(evidence_folder(folder), digest)
    return path if path.exists() else picture_path(folder, digest)


def keep_picture(folder: Path, picture: Picture) -> None:
    """Write the file unless it is there; a reader never sees half of it."""
    path = picture_path(folder, picture.sha256)
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(picture.data)
    part.replace(path)
