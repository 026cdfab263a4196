"""The bill of a day: a zipped CSV in GB18030, as Alipay hands it out."""

import csv
import io
import zipfile
from datetime import datetime, timedelta

from marketplace.alipay_simulator.books import Books
from marketplace.alipay_simulator.wording import CHINA, shown, yuan_of

HEADINGS = (
    "支付宝交易号",
    "商户订单号",
    "业务类型",
    "完成时间",
    "订单金额（元）",
    "退款批次号/请求号",
)


def zipped_bill(books: Books, seller_id: str, day: str) -> bytes:
    """`day` is 2026-11-21, in China."""
    begin = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=CHINA)
    rows = books.moved(begin.timestamp(), (begin + timedelta(days=1)).timestamp())
    text = io.StringIO()
    writer = csv.writer(text)
    text.write(f"#支付宝业务明细查询\r\n#账号：[{seller_id}]\r\n")
    writer.writerow(HEADINGS)
    for number, own, request, fen, at in rows:
        kind = "退款" if request else "交易"
        writer.writerow([number, own, kind, shown(at), yuan_of(fen), request])
    text.write(f"#业务明细列表结束\r\n#合计：{len(rows)}笔\r\n")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        name = f"{seller_id}_{day.replace('-', '')}_业务明细.csv"
        archive.writestr(name, text.getvalue().encode("gb18030"))
    return packed.getvalue()
