"""Tables that people bring and get back: what is no table, what is too much, what is no formula."""

import io
import tracemalloc
import zipfile

import pytest

from marketplace.core.errors import InvalidInput
from marketplace.households.household_import import HOUSEHOLDS
from marketplace.imports.sheets import read_table, safe_cell, write_xlsx


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not a table", "没有找到表头"),
        (b"<html><body>login</body></html>", "这不是表格文件"),
        (b"PK\x03\x04 broken", "打不开"),
        (b"", "没有找到表头"),
        ("户编号,户主\n".encode(), "表头下面没有内容"),
        ("户主,电话\n陈大山,1\n".encode("gb18030"), "缺少这些列：户编号"),
        ("户编号,户编号,户主\n1,2,x\n".encode(), "出现了两次"),
    ],
)
def test_a_file_that_is_no_table_gets_a_sentence(content, words):
    with pytest.raises(InvalidInput, match=words):
        read_table(content, HOUSEHOLDS.columns)


def test_a_zip_bomb_is_refused_without_being_unpacked():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (130 * 1024 * 1024))
    assert len(buffer.getvalue()) < 1_000_000
    with pytest.raises(InvalidInput, match="展开后太大"):
        read_table(buffer.getvalue(), HOUSEHOLDS.columns)


SPREADSHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def _xlsx(sheet: str) -> bytes:
    """A real workbook whose one sheet is replaced by this XML."""
    made, buffer = io.BytesIO(write_xlsx(["a"], [["1"]], "表")), io.BytesIO()
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            is_sheet = name == "xl/worksheets/sheet1.xml"
            new.writestr(name, sheet if is_sheet else old.read(name))
    return buffer.getvalue()


def test_entities_of_a_workbook_are_not_unfolded():
    """S20: neither a word that becomes gigabytes nor a file of the server."""
    words = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 50}">' for i in range(1, 9))
    entities = f'<!DOCTYPE a [<!ENTITY e0 "lol"><!ENTITY f SYSTEM "file:///etc/passwd">{words}]>'
    cells = "".join(
        f'<c r="{column}1" t="inlineStr"><is><t>{text}</t></is></c>'
        for column, text in (("A", "户编号"), ("B", "户主"), ("C", "&e8;"), ("D", "&f;"))
    )
    rows = f'<sheetData><row r="1">{cells}</row></sheetData>'
    sheet = f'{entities}<worksheet xmlns="{SPREADSHEET}">{rows}</worksheet>'
    with pytest.raises(InvalidInput, match="打不开"):
        read_table(_xlsx(sheet), HOUSEHOLDS.columns)
    harmless = sheet.removeprefix(entities).replace("&e8;", "地址").replace("&f;", "备注")
    with pytest.raises(InvalidInput, match="表头下面没有内容"):
        read_table(_xlsx(harmless), HOUSEHOLDS.columns)


def test_a_million_rows_are_refused_in_little_memory():
    rows = "".join(f'<row r="{i}"><c r="A{i}"><v>1</v></c></row>' for i in range(1, 1_000_001))
    book = _xlsx(f'<worksheet xmlns="{SPREADSHEET}"><sheetData>{rows}</sheetData></worksheet>')
    text = ("户编号,户主\n" + "1,2\n" * 1_000_000).encode()
    tracemalloc.start()
    for content in (book, text):
        with pytest.raises(InvalidInput, match="一次最多 100000 行"):
            read_table(content, HOUSEHOLDS.columns)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000_000


@pytest.mark.parametrize("text", ["=1+1", "+86", "-1", "@x", "\tx"])
def test_no_exported_cell_is_a_formula(text):
    assert safe_cell(text).startswith("'")
