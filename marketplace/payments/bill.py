"""Reading the bill of a day that Alipay hands out: a zip with a CSV in GB18030."""

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

from marketplace.payments.answers import Unclear

MOST_BYTES = 200_000_000
NEEDED = ("支付宝交易号", "商户订单号", "业务类型", "订单金额（元）")
REQUEST = "退款批次号/请求号"


@dataclass(frozen=True)
class BillRow:
    """One movement at Alipay: `fen` above zero came in, below zero went back under `request_no`."""

    out_trade_no: str
    request_no: str
    fen: int


def read_bill(packed: bytes) -> list[BillRow]:
    """Raises Unclear for what is no bill: nothing is compared with half of one."""
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            names = [name for name in archive.infolist() if _is_detail(name)]
            if len(names) != 1 or names[0].file_size > MOST_BYTES:
                raise Unclear("no list of movements in the bill")
            text = archive.read(names[0]).decode("gb18030")
    except (zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise Unclear("the bill cannot be read") from error
    return list(_rows(text))


def _is_detail(name: zipfile.ZipInfo) -> bool:
    """Beside the list there may be a summary, 汇总; names are in GBK where the archive does not say."""
    shown = name.filename
    if not name.flag_bits & 0x800:
        shown = shown.encode("cp437", "replace").decode("gb18030", "replace")
    return shown.endswith(".csv") and "汇总" not in shown


def _rows(text: str) -> Iterator[BillRow]:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    reader = csv.DictReader(lines)
    headings = [heading.strip() for heading in reader.fieldnames or []]
    if missing := [heading for heading in NEEDED if heading not in headings]:
        raise Unclear(f"the bill has no column {missing[0]}")
    reader.fieldnames = headings
    for cells in reader:
        kind = (cells["业务类型"] or "").strip()
        if kind not in {"交易", "退款"}:
            raise Unclear(f"the bill has a movement of an unknown kind: {kind[:20]}")
        request_no = (cells.get(REQUEST) or "").strip() if kind == "退款" else ""
        yield BillRow(
            (cells["商户订单号"] or "").strip(), request_no, _fen(cells["订单金额（元）"])
        )


def _fen(text: str | None) -> int:
    found = re.fullmatch(r"(-?)(\d{1,9})(?:\.(\d{1,2}))?", (text or "").strip())
    if found is None:
        raise Unclear(f"the bill has no sum: {(text or '')[:20]!r}")
    fen = int(found[2]) * 100 + int((found[3] or "").ljust(2, "0"))
    return -fen if found[1] else fen
