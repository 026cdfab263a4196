"""Invented people: names put together by counting, numbers that nobody can have."""

from stdnum.cn import ric

SURNAMES = "陈李王赵周吴郑孙钱冯褚卫蒋沈韩杨朱秦许何吕施张孔曹严华金魏陶姜戚谢邹喻柏窦章云苏潘葛"
GIVEN = [
    "大山",
    "桂香",
    "福来",
    "春生",
    "秀兰",
    "长贵",
    "月娥",
    "有田",
    "水根",
    "玉梅",
    "国平",
    "冬梅",
    "德胜",
    "银花",
    "满仓",
    "小芳",
    "火旺",
    "凤英",
    "金宝",
    "腊梅",
    "建民",
    "巧云",
    "木生",
    "翠莲",
    "石头",
    "荷花",
    "来顺",
    "彩霞",
    "土根",
    "菊英",
    "庆丰",
    "素珍",
    "天佑",
    "红梅",
    "树林",
    "美玲",
    "牛生",
    "爱莲",
    "全福",
    "香草",
]


def person(number: int) -> str:
    """The same name for the same number; neighbours differ in both parts."""
    return SURNAMES[number * 7 % len(SURNAMES)] + GIVEN[number * 11 % len(GIVEN)]


def phone(number: int) -> str:
    """Eleven digits beginning with 000: no network gives them out."""
    return f"000{number:08d}"


def identity_number(number: int) -> str:
    """A valid check digit in a province that does not exist (99)."""
    born = f"{1950 + number % 40}{1 + number % 12:02d}{1 + number % 28:02d}"
    body = f"990101{born}{number % 1000:03d}"
    return body + ric.calc_check_digit(f"{body}0")
