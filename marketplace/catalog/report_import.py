"""Supply reports (滞销登记) from a file: each row is submitted through the same door as the form."""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.catalog.asked_price import read_price
from marketplace.catalog.models import GRADES, Product, SupplyReport
from marketplace.catalog.reports import ReportInput, submit_report
from marketplace.core.clock import today
from marketplace.core.quantity import Quantity, parse_quantity
from marketplace.households.cooperatives import ids_by_name_and_code
from marketplace.households.models import Household
from marketplace.identity.actor import Actor
from marketplace.identity.permissions import HOUSEHOLD_VIEW, REPORT_SUBMIT
from marketplace.imports.cell_values import read_day
from marketplace.imports.importer import Cells, Column, Importer, RowByRow, RowReader, register

COLUMNS = (
    Column("登记编号", hint="自己的编号；同一编号再次导入不会重复", example="QS-0118"),
    Column("户编号", hint="农户填户编号，合作社填下一列", example="LX0002"),
    Column("合作社统一社会信用代码", aliases=("统一社会信用代码", "合作社"), hint="代码或名称"),
    Column("品类", required=True, aliases=("品种", "产品", "品名"), example="马蹄"),
    Column("规格/等级", aliases=("等级", "规格"), hint="、".join(GRADES), example="一级"),
    Column(
        "待售量",
        required=True,
        aliases=("数量", "滞销数量"),
        hint="例如 2000 或 1.5万只",
        example="2000",
    ),
    Column("单位", hint="斤、公斤、吨、只、枚；写在数量里也可以", example="斤"),
    Column(
        "到户价",
        required=True,
        aliases=("价格",),
        hint="元，每斤或每只；别的单位写成 3元/公斤",
        example="1.80",
    ),
    Column("上市起", aliases=("上市时间", "可售起"), hint="不填从今天算", example="2026-12-01"),
    Column("上市止", aliases=("可售止",), hint="不填按保鲜天数算", example="2026-12-20"),
    Column("成因", aliases=("滞销原因",), example="销路不畅"),
    Column("已采取措施", example="问过镇上的超市"),
)


def uuid_of(actor: Actor, said: str) -> str:
    """The same words of the same person give the same identifier."""
    mark = hashlib.sha256(f"{actor.user_id}\n{said}".encode()).digest()[:16]
    return str(uuid.UUID(bytes=mark))


@dataclass(frozen=True)
class ReportRow:
    client_uuid: str
    report: ReportInput


class ReportChecker(RowByRow):
    channel = "import"

    def __init__(self, session: Session, actor: Actor) -> None:
        self._actor = actor
        scope = actor.scope_for(HOUSEHOLD_VIEW)
        numbers = select(Household.household_no, Household.id).where(
            Household.within(scope), Household.active
        )
        self._households = {row.household_no: row.id for row in session.execute(numbers)}
        self._cooperatives = ids_by_name_and_code(session, scope)
        self._products: dict[str, Product] = {}
        for product in session.scalars(select(Product).where(Product.active)):
            self._products |= dict.fromkeys((product.name, *product.aliases.split()), product)

    def check(self, cells: Cells) -> ReportRow:
        reader = RowReader(cells)
        household_id, organisation_id = self._supplier(reader)
        product = self._product(reader)
        grade = reader.text("规格/等级") or "统货"
        if grade not in GRADES:
            reader.problem("规格/等级", f"「{grade}」不认识，请填：{'、'.join(GRADES)}。")
        quantity = self._quantity(reader, product) if product else None
        price = self._price(reader, product) if product else None
        start = reader.read("上市起", read_day) or today()
        shelf = timedelta(days=product.shelf_days if product else 0)
        end = reader.read("上市止", read_day) or start + shelf
        if end < start:
            reader.problem("上市止", "上市止要在上市起之后。")
        elif end < today():
            reader.problem("上市止", "上市止已经过去。")
        cause, measures = reader.text("成因"), reader.text("已采取措施")
        reader.finish()
        assert product is not None
        assert quantity is not None
        assert price is not None
        report = ReportInput(
            product_id=product.id,
            grade=grade,
            typed_quantity=f"{cells['待售量']}{cells['单位']}"[:60],
            quantity_base=quantity.base,
            approximate=quantity.approximate,
            asked_fen=price[0],
            asked_per_base=price[1],
            available_from=start,
            available_until=end,
            household_id=household_id,
            organisation_id=organisation_id,
            cause=cause,
            measures=measures,
            channel=self.channel,
        )
        return ReportRow(self._uuid(cells, report), report)

    def _supplier(self, reader: RowReader) -> tuple[int | None, int | None]:
        number, unit = reader.text("户编号"), reader.text("合作社统一社会信用代码")
        if bool(number) == bool(unit):
            reader.problem("户编号", "农户填户编号，合作社填统一社会信用代码，两样填一样。")
        elif number and number not in self._households:
            reader.problem("户编号", f"没有户编号 {number}，或不归您管。")
        elif unit and unit not in self._cooperatives:
            reader.problem("合作社统一社会信用代码", f"没有「{unit}」，或不归您管。")
        return self._households.get(number), self._cooperatives.get(unit)

    def _product(self, reader: RowReader) -> Product | None:
        name = reader.text("品类", required="请填品种。")
        product = self._products.get(name)
        if name and product is None:
            known = sorted({p.name for p in self._products.values()})
            reader.problem("品类", f"没有「{name}」这个品种。现有：{'、'.join(known)[:120]}。")
        return product

    def _quantity(self, reader: RowReader, product: Product) -> Quantity | None:
        reader.text("待售量", required="请填待售量。")
        unit = reader.cells["单位"]
        words = reader.cells["待售量"] + unit

        def parse(_text: str) -> Quantity:
            usual = "斤" if product.base_unit == "g" else product.piece_word or "个"
            return parse_quantity(
                words,
                base_unit=product.base_unit,  # type: ignore[arg-type]
                default_unit=usual,
                approx_piece_mass_g=product.piece_mass_g,
            )

        return reader.read("待售量", parse)

    def _price(self, reader: RowReader, product: Product) -> tuple[int, int] | None:
        reader.text("到户价", required="请填到户价，例如 1.5。")
        return reader.read("到户价", lambda text: read_price(text, "", product))

    def _uuid(self, cells: Cells, _report: ReportInput) -> str:
        """The same row of the same person is the same report, however often the file comes."""
        number = cells["登记编号"]
        whole = number or "\n".join(f"{k}={v}" for k, v in sorted(cells.items()))
        return uuid_of(self._actor, whole)

    def apply(self, session: Session, value: ReportRow) -> bool:
        held = session.scalar(
            select(SupplyReport.id).where(SupplyReport.client_uuid == value.client_uuid)
        )
        if held is not None:
            return False
        submit_report(session, self._actor, value.client_uuid, value.report)
        return True


REPORTS = register(
    Importer(
        code="reports",
        title="滞销登记",
        permission=REPORT_SUBMIT,
        columns=COLUMNS,
        start=ReportChecker,
        note="一行一批货。农户填户编号，合作社填统一社会信用代码。",
        once=("登记编号",),
    )
)
