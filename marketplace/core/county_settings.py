"""What a county may set for itself. Rates, limits and lines are configuration, never law."""

import json
import re
from dataclasses import dataclass

from sqlalchemy import String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.core.db import Base
from marketplace.core.errors import InvalidInput
from marketplace.core.spoken_number import read_count


class CountySetting(Base):
    __tablename__ = "county_setting"
    key: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[str] = mapped_column(Text)  # JSON


UNNAMED = "还没有填"


@dataclass(frozen=True)
class Declared:
    key: str
    label: str
    hint: str
    default: str | int
    minimum: int = 0
    maximum: int = 1_000_000


DECLARED = (
    Declared("county_name", "县名", "写在每一页和每张纸上", "本县"),
    Declared("service_phone", "服务电话", "印在备货单和消息里，农户打这个电话", "000-0000 0000"),
    Declared(
        "public_minimum_households",
        "溯源页最少户数",
        "一个村的帮扶户少于这个数时，公开页面只写到乡镇",
        3,
        1,
        100,
    ),
    Declared("verify_working_days", "核实时限（工作日）", "登记后几个工作日内核实", 2, 1, 30),
    Declared(
        "price_alarm_percent",
        "价格偏离提醒（%）",
        "到户价偏离参考价超过这个比例就提示核实人",
        40,
        5,
        500,
    ),
    Declared("spot_check_percent", "抽查比例（%）", "批量核实时抽出多少到现场看", 10, 0, 100),
    Declared(
        "answer_due_hours",
        "备货回音期限（小时）",
        "交货前多少小时还没有回音就提醒三个人",
        48,
        1,
        240,
    ),
    Declared(
        "claim_days",
        "退货申请期限（天）",
        "买家收货后几天内可以申请退货退款",
        2,
        1,
        30,
    ),
    Declared(
        "receipt_days",
        "农户签收期限（天）",
        "合作社、企业代收货款后多少天内要农户签收；过期的，它的货不能再上架",
        15,
        1,
        90,
    ),
    Declared("bank_account_name", "收款户名", "印在对账单上，单位转账给这个户名", UNNAMED),
    Declared("bank_name", "收款开户行", "印在对账单上", UNNAMED),
    Declared("bank_account", "收款账号", "印在对账单上，单位转账到这个账号", UNNAMED),
    Declared(
        "statement_reminder_days",
        "对账单到期提醒（天）",
        "到期前多少天提醒单位；过期以后每周提醒一次",
        5,
        0,
        60,
    ),
    Declared("support_weight_monitored", "分配权重：监测对象", "监测对象户的分配权重", 3, 1, 20),
    Declared("support_weight_povertyexit", "分配权重：脱贫户", "脱贫户的分配权重", 2, 1, 20),
    Declared("support_weight_other", "分配权重：其他", "其他户的分配权重", 1, 1, 20),
)
_BY_KEY = {declared.key: declared for declared in DECLARED}


def county_settings(session: Session) -> dict[str, str | int]:
    """Every declared setting with its value in force."""
    values: dict[str, str | int] = {declared.key: declared.default for declared in DECLARED}
    for row in session.scalars(select(CountySetting)):
        if row.key in _BY_KEY:
            values[row.key] = json.loads(row.value)
    return values


def county_number(session: Session, key: str) -> int:
    return int(county_settings(session)[key])


_DIALLED = re.compile(r"[0-9][0-9 ()（）转-]{2,39}")
"""Also a hotline of five digits; people read it from paper and dial it."""


def set_county_setting(session: Session, key: str, typed: str) -> None:
    """Store what an administrator typed; raises InvalidInput with the setting's key as field."""
    declared = _BY_KEY[key]
    value: str | int = typed.strip()
    if isinstance(declared.default, int):
        value = read_count(
            typed, declared.label, least=declared.minimum, most=declared.maximum, field=key
        )
    elif not value:
        raise InvalidInput(f"请填写{declared.label}。", code="missing", field=key)
    elif key == "service_phone" and not _DIALLED.fullmatch(str(value)):
        raise InvalidInput(
            "服务电话写数字，例如 0731-8555 1234 转 12。", code="bad_phone", field=key
        )
    session.merge(CountySetting(key=key, value=json.dumps(value, ensure_ascii=False)))
