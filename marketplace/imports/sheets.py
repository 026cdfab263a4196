"""Reading the files people bring (xlsx, csv) and writing the ones they get back."""

import csv
import hashlib
import io
import zipfile
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook
from rustpy_xlsxwriter import write_worksheet

from marketplace.core.errors import InvalidInput
from marketplace.imports.importer import Column

MOST_ROWS = 100_000
MOST_COLUMNS = 100
MOST_UNPACKED = 120 * 1024 * 1024
HEADING_ROWS = 6
"""The headings stand in one of the first rows: files often begin with a title."""
LONGEST_CELL = 1000
PROBLEM_HEADING = "问题"


@dataclass(frozen=True)
class Table:
    """The rows below the headings, each with its number as the spreadsheet counts."""

    headings: tuple[str, ...]
    rows: list[tuple[int, list[str]]]
    file_hash: str


def read_table(
    content: bytes, columns: Sequence[Column], *, may_repeat: Collection[str] = ()
) -> Table:
    """The table of a file; raises InvalidInput (field `file`) saying what is wrong with the file.

    `may_repeat` are headings nobody reads that common forms have twice.
    """
    raw = _read_xlsx(content) if content[:4] == b"PK\x03\x04" else _read_text(content)
    first = next(
        (i for i, row in enumerate(raw[:HEADING_ROWS]) if _looks_like_headings(row, columns)), None
    )
    if first is None:
        wanted = "、".join(column.heading for column in columns if column.required)
        raise _bad(f"没有找到表头。第一行要有这些列：{wanted}。可以先下载模板。")
    headings = tuple(_heading(cell, columns) for cell in raw[first])
    missing = [c.heading for c in columns if c.required and c.heading not in headings]
    if missing:
        raise _bad(f"缺少这些列：{'、'.join(missing)}。")
    twice = {h for h in headings if h and headings.count(h) > 1} - set(may_repeat)
    if twice:
        raise _bad(f"这些列出现了两次：{'、'.join(sorted(twice))}。请删掉一列。")
    rows = [(first + 2 + i, row) for i, row in enumerate(raw[first + 1 :]) if any(row)]
    if not rows:
        raise _bad("表头下面没有内容。")
    if len(rows) > MOST_ROWS:
        raise _bad(f"一次最多 {MOST_ROWS} 行，请分成几个文件。")
    return Table(headings, rows, hashlib.sha256(content).hexdigest())


def _bad(message: str) -> InvalidInput:
    return InvalidInput(message, code="bad_file", field="file")


def _read_xlsx(content: bytes) -> list[list[str]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
            if unpacked > MOST_UNPACKED or len(archive.infolist()) > 2000:
                raise _bad("文件展开后太大，请只留要导入的那张表。")
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheet = workbook.get_sheet_by_index(0)
        if sheet.height > MOST_ROWS + HEADING_ROWS or sheet.width > MOST_COLUMNS:
            raise _bad(f"一次最多 {MOST_ROWS} 行、{MOST_COLUMNS} 列，请分成几个文件。")
        return [[_text(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]
    except (zipfile.BadZipFile, CalamineError, IndexError, OSError, ValueError):
        raise _bad("这个文件打不开。请另存为 .xlsx 再传。") from None


def _read_text(content: bytes) -> list[list[str]]:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise _bad("这个文件打不开。请传 .xlsx 或 .csv 文件。")
    if "\x00" in text or "<html" in text[:2000].lower():
        raise _bad("这不是表格文件。请传 .xlsx 或 .csv 文件。")
    separator = "\t" if "\t" in text[:2000] else ","
    most = MOST_ROWS + HEADING_ROWS
    too_many = _bad(f"一次最多 {MOST_ROWS} 行，请分成几个文件。")
    if text.count("\n") > 5 * most:  # a cell may have lines of its own
        raise too_many
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    try:
        rows = [[_text(cell) for cell in row] for row in islice(reader, most + 1)]
    except csv.Error:
        raise _bad("这个 .csv 文件读不懂，请另存为 .xlsx 再传。") from None
    if len(rows) > most:
        raise too_many
    return rows


def _text(cell: Any) -> str:
    """What the spreadsheet shows: whole floats without point, dates as ISO, no control characters."""
    if isinstance(cell, bool):
        return "是" if cell else "否"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    words = "".join(c if c.isprintable() else " " for c in str(cell))[:LONGEST_CELL]
    return " ".join(words.split())


def _heading(cell: str, columns: Sequence[Column]) -> str:
    bare = cell.replace("*", "").replace(" ", "")
    for column in columns:
        if bare == column.heading or bare in column.aliases:
            return column.heading
    return bare


def _looks_like_headings(row: list[str], columns: Sequence[Column]) -> bool:
    known = {column.heading for column in columns}
    return sum(_heading(cell, columns) in known for cell in row) >= min(2, len(columns))


def safe_cell(text: str) -> str:
    """Text that a spreadsheet must not take for a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


def write_xlsx(headings: Sequence[str], rows: Iterable[Sequence[str | float]], sheet: str) -> bytes:
    """An xlsx file of one sheet; texts stay texts, headings too: they may be a stranger's."""
    buffer = io.BytesIO()
    headings = [safe_cell(heading) for heading in headings]
    records = (
        {h: safe_cell(c) if isinstance(c, str) else c for h, c in zip(headings, row, strict=True)}
        for row in rows
    )
    write_worksheet(records, buffer, sheet_name=sheet[:31])
    return buffer.getvalue()
