"""Numbers that name people, organisations and places: checking, normalising, masking.

The area code inside a resident identity number is not checked: people registered late or under
merged counties carry codes no list has. Where it names no province at all, that is a warning.
"""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Literal

from stdnum.cn import ric, uscc

from marketplace.core.errors import InvalidInput

_PROVINCE = re.compile(r"1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]")
_SEPARATORS = re.compile(r"[\s\-‐–—―−.]")


@dataclass(frozen=True)
class IdentityNumber:
    """A checked number: what it is, when the holder was born, and a warning for people or None."""

    number: str
    kind: Literal["resident", "disability"]
    birth_date: date
    warning: str | None = None


def _compact(text: str) -> str:
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", text)).upper()


def parse_identity_number(
    text: str, *, today: date, field: str | None = "id_number"
) -> IdentityNumber:
    """Check an identity number of 18 characters, or a disability certificate of 20 or 22.

    A certificate is the identity number, a digit for the kind (1–7), a digit for the degree (1–4)
    and, when it was reissued, `B` with a digit. `today` bounds the birth date. Raises InvalidInput.
    """
    number = _compact(text)
    if len(number) not in {18, 20, 22}:
        raise InvalidInput(
            f"身份证号应当是 18 位，这里有 {len(number)} 位。请对照证件重写；残疾证号是 20 或 22 位。",
            code="id_number_length",
            field=field,
        )
    if not re.fullmatch(r"[0-9]{17}[0-9X](?:[1-7][1-4](?:B[0-9])?)?", number):
        raise InvalidInput(
            "证件号里有不该有的字。请只写数字，最后一位可以是 X。",
            code="id_number_format",
            field=field,
        )
    resident = number[:18]
    born = _birth_date(resident, today, field)
    if ric.calc_check_digit(resident) != resident[-1]:
        raise InvalidInput(
            "证件号的最后一位对不上，一定有一位写错了。请对照证件逐位检查。",
            code="id_number_check_digit",
            field=field,
        )
    warning = None
    if not _PROVINCE.match(resident):
        warning = "证件号开头两位不是任何一个省的代码，请再核对一遍证件。"
    kind: Literal["resident", "disability"] = "resident" if len(number) == 18 else "disability"
    return IdentityNumber(number, kind, born, warning)


def _birth_date(resident: str, today: date, field: str | None) -> date:
    try:
        born = date(int(resident[6:10]), int(resident[10:12]), int(resident[12:14]))
    except ValueError:
        born = None
    if born is None or born > today or born.year < 1900:
        raise InvalidInput(
            "证件号里的出生日期（第 7 到 14 位）不对。请对照证件检查。",
            code="id_number_birth_date",
            field=field,
        )
    return born


def parse_uscc(text: str, *, field: str | None = "uscc") -> str:
    """Check a unified social credit code (统一社会信用代码) and return it in capitals.

    stdnum's own `validate` wants eight digits in front and so refuses every village collective
    (N2…) and others whose registering authority is a letter; its check digit is right.
    """
    number = _compact(text)
    if len(number) != 18:
        raise InvalidInput(
            f"统一社会信用代码应当是 18 位，这里有 {len(number)} 位。请对照营业执照重写。",
            code="uscc_length",
            field=field,
        )
    if not re.fullmatch(r"[1-9ANY][1-9][0-9]{6}[0-9A-HJ-NP-RTUWXY]{10}", number):
        raise InvalidInput(
            "统一社会信用代码里有不该有的字（没有 I、O、S、V、Z）。请对照营业执照检查。",
            code="uscc_format",
            field=field,
        )
    if uscc.calc_check_digit(number) != number[-1]:
        raise InvalidInput(
            "统一社会信用代码的最后一位对不上，一定有一位写错了。请对照营业执照逐位检查。",
            code="uscc_check_digit",
            field=field,
        )
    return number


_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_LANDLINE = re.compile(r"(0(?:10|2[0-9]|[3-9][0-9]{2}))([2-9][0-9]{6,7})(?:转([0-9]{1,6}))?")
_SERVICE = re.compile(r"[48]00[0-9]{7}")
_INVENTED = re.compile(r"000[0-9]{8}")


def normalise_phone(text: str, *, field: str | None = "phone") -> str:
    """A phone number in one form: mobile `13912345678`, landline `0731-85551234` or with `转12`.

    Numbers of demonstrations and tests are eleven digits that begin with `000` (000-0000 0001): no
    network assigns them, they pass here like a mobile number, and nothing can be sent to them.
    Raises InvalidInput.
    """
    number = _compact(text).replace("(", "").replace(")", "").removeprefix("+")
    number = re.sub(r"^(?:00)?86(?=1[3-9][0-9]{9}$|0[1-9])", "", number)
    number = re.sub(r"(?:EXT|X|#|分机|,)(?=[0-9]{1,6}$)", "转", number)
    if _MOBILE.fullmatch(number) or _SERVICE.fullmatch(number) or _INVENTED.fullmatch(number):
        return number
    if landline := _LANDLINE.fullmatch(number):
        extension = f"转{landline[3]}" if landline[3] else ""
        return f"{landline[1]}-{landline[2]}{extension}"
    if re.fullmatch(r"[2-9][0-9]{6,7}", number):
        raise InvalidInput(
            "座机号前面少了区号。请写成 0731-85551234 这样。", code="phone_area_code", field=field
        )
    if re.fullmatch(r"1[0-9]*", number):
        raise InvalidInput(
            f"手机号应当是 11 位，以 13 到 19 开头，这里有 {len(number)} 位。请对照重写。",
            code="phone_length",
            field=field,
        )
    raise InvalidInput(
        "电话号码看不懂。请写 11 位手机号，或者带区号的座机，例如 0731-85551234。",
        code="phone_unreadable",
        field=field,
    )


_COMPOUND_SURNAME = re.compile(
    "欧阳|太史|端木|上官|司马|东方|独孤|南宫|万俟|闻人|夏侯|诸葛|尉迟|公羊|赫连|澹台|皇甫|宗政|濮阳|公冶|"
    "太叔|申屠|公孙|慕容|仲孙|钟离|长孙|宇文|司徒|鲜于|司空|令狐|百里|呼延|东郭|南门|西门|第五"
)


def mask_name(name: str) -> str:
    """陈大山 → 陈**, 欧阳兰 → 欧阳*, 阿依古丽·买买提 → 阿***; one star per hidden character, at most three."""
    plain = name.strip()
    if not plain:
        return ""
    keep = 2 if len(plain) > 2 and _COMPOUND_SURNAME.match(plain) else 1
    hidden = len(plain) - keep
    return plain[:keep] + "*" * min(max(hidden, 1), 3)


def mask_phone(phone: str) -> str:
    """13912345678 → 139****5678; 0731-85551234 → 0731-****1234; anything short shows its last two."""
    digits = re.sub(r"[^0-9]", "", phone.partition("转")[0])
    if len(digits) < 7:
        return "*" * max(len(digits) - 2, 3) + digits[-2:]
    if "-" in phone:
        return f"{phone.partition('-')[0]}-****{digits[-4:]}"
    return f"{digits[:3]}****{digits[-4:]}"


DivisionLevel = Literal["province", "city", "county", "town", "village"]

_SIGNIFICANT: tuple[tuple[DivisionLevel, int], ...] = (
    ("province", 2),
    ("city", 4),
    ("county", 6),
    ("town", 9),
    ("village", 12),
)


def division_level(code: str) -> DivisionLevel:
    """The level of a 12-digit division code, from where its zeros begin. Raises InvalidInput."""
    if not re.fullmatch(r"[1-9][0-9]{11}", code):
        raise InvalidInput(
            "区划代码应当是 12 位数字。请对照统计用区划代码重写。",
            code="division_code",
            field="division_code",
        )
    for level, digits in _SIGNIFICANT:
        if not code[digits:].strip("0"):
            return level
    raise AssertionError("twelve digits always end")


def smallest_division(codes: Collection[str]) -> str:
    """The code of the smallest division in which all of these lie; empty where there is none."""
    for digits in sorted(dict(_SIGNIFICANT).values(), reverse=True):
        heads = {code[:digits] for code in codes}
        if len(heads) == 1:
            return heads.pop().ljust(12, "0")
    return ""


def subtree_range(code: str) -> tuple[str, str]:
    """The inclusive range of codes at and below a division: `code BETWEEN low AND high`."""
    digits = dict(_SIGNIFICANT)[division_level(code)]
    return code[:digits].ljust(12, "0"), code[:digits].ljust(12, "9")
