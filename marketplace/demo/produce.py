"""What stands in the county's fields this month, and how a round offers it."""

from dataclasses import dataclass

from marketplace.demo.county import HOUSEHOLDS_PER_VILLAGE, JIN, TOWNS


@dataclass(frozen=True)
class Stranded:
    """One report: who has how much of what, as people say it."""

    household_no: str
    product: str
    quantity: str
    unit: str
    price: str
    cause: str


@dataclass(frozen=True)
class Pooled:
    """One report of a cooperative or company; `members` share `shared` of it, the rest is others'."""

    login: str
    unit: str
    product: str
    quantity: str
    base: int
    shared: int
    members: int


@dataclass(frozen=True)
class Offer:
    """One listing: pack in base units, price parts in fen for one pack."""

    product: str
    title: str
    pack: str
    pack_base: int
    farmgate: int
    service: int
    freight: int
    text: str
    minimum: int = 1
    seller: str = ""
    """The unit that sells it by itself; empty where the households sell."""
    band: tuple[int, int] | None = None
    """Sold by weight: grams of the lightest and of the heaviest, whose price it is."""


CAUSES = ("客商没有来", "学校放假食堂不收", "集中上市价格低", "路远没有车来拉", "老主顾今年没订")


def _of_town(town: int) -> list[int]:
    """Numbers of the households of a town."""
    each = 4 * HOUSEHOLDS_PER_VILLAGE
    return list(range(town * each + 1, (town + 1) * each + 1))


def _rows(
    product: str, numbers: list[int], amounts: tuple[str, ...], unit: str, prices: tuple[str, ...]
) -> list[Stranded]:
    return [
        Stranded(
            f"LX{number:04d}",
            product,
            amounts[i % len(amounts)],
            unit,
            prices[i % len(prices)],
            CAUSES[number % len(CAUSES)],
        )
        for i, number in enumerate(numbers)
    ]


def household_reports() -> list[Stranded]:
    """Together with the pooled ones: 马蹄 80 吨, 雪毛鸡 1.5 万只, 鸡蛋 2.5 万枚, 天堂姜 1000 斤 …"""
    towns = [_of_town(town) for town in range(len(TOWNS))]
    return [
        *_rows(
            "马蹄",
            towns[0] + towns[1],
            ("2000", "2千", "１８００", "二千二百"),
            "斤",
            ("3", "3", "2.9"),
        ),
        *_rows("雪毛鸡", towns[1][:20] + towns[5][:20], ("40", "100", "60"), "只", ("68", "66")),
        *_rows("鸡蛋", towns[1][8:] + towns[3][:14], ("500", "600", "400"), "枚", ("1.1", "1")),
        *_rows("天堂姜", towns[2][:10], ("100",), "斤", ("4.5", "4.5", "4.8")),
        *_rows("鸭蛋", towns[4][:10], ("300", "上千"), "枚", ("1.5",)),
        *_rows("冬瓜", towns[4][10:16], ("2000", "2500"), "斤", ("0.6",)),
        *_rows("苹果", towns[3][14:22], ("1万", "8000"), "斤", ("3.2", "3")),
        *_rows("青菜", towns[0][:8] + towns[5][20:24], ("200", "150"), "斤", ("1.8",)),
        *_rows("大米", towns[3][:8], ("1000", "800"), "斤", ("3.8",)),
        *_rows("蜂蜜", towns[5][:5], ("30", "50"), "斤", ("35",)),
        *_rows("红薯干", towns[2][12:20], ("60", "100"), "斤", ("12",)),
        *_rows("红薯", towns[2][14:22], ("600", "800"), "斤", ("1.2",)),
    ]


POOLED = (
    Pooled("hezuoshe", "青石马蹄专业合作社", "马蹄", "6.4万斤", 64_000 * JIN, 60_000 * JIN, 12),
    Pooled("hezuoshe2", "云岭禽业合作社", "雪毛鸡", "1.23万只", 12_300, 10_000, 10),
    Pooled("hezuoshe2", "云岭禽业合作社", "鸡蛋", "7千枚", 7_000, 7_000, 10),
    Pooled("hezuoshe4", "岚溪粮油有限公司", "大米", "2.5万斤", 25_000 * JIN, 10_000 * JIN, 8),
)

OFFERS = (
    Offer(
        "马蹄", "马蹄", "5 斤装", 5 * JIN, 1500, 280, 200, "洗净即食，脆甜。挖出来就装袋，不泡水。"
    ),
    Offer(
        "马蹄",
        "马蹄（食堂装）",
        "50 斤装",
        50 * JIN,
        15000,
        1200,
        600,
        "带皮，编织袋装，适合食堂。",
        2,
    ),
    Offer(
        "雪毛鸡",
        "雪毛鸡",
        "整只",
        1,
        8190,
        1170,
        585,
        "散养一年以上，杀好配送，称了算钱。",
        band=(1300, 1950),
    ),
    Offer("鸡蛋", "土鸡蛋", "30 枚装", 30, 3300, 400, 200, "散养鸡下的蛋，当周收齐。"),
    Offer("鸭蛋", "鸭蛋", "20 枚装", 20, 3000, 300, 200, "水田放养的鸭子。"),
    Offer("天堂姜", "天堂姜", "3 斤装", 3 * JIN, 1440, 200, 150, "高山老姜，辣味足，耐放。"),
    Offer("冬瓜", "冬瓜", "20 斤装", 20 * JIN, 1200, 200, 200, "整个配送，适合食堂。", 2),
    Offer("苹果", "苹果", "10 斤装", 10 * JIN, 3200, 500, 400, "高山冷凉地苹果，个头不大，脆甜。"),
    Offer("青菜", "时令青菜", "10 斤装", 10 * JIN, 1800, 200, 200, "早上割，当天送。"),
    Offer("大米", "大米", "20 斤装", 20 * JIN, 7600, 600, 500, "今年新米，现碾现装。"),
    Offer("蜂蜜", "土蜂蜜", "1 斤装", JIN, 3500, 500, 300, "一年只割一次。"),
    Offer(
        "红薯干",
        "红薯干",
        "1 斤装",
        JIN,
        1200,
        200,
        200,
        "蒸晒三次，不加糖。",
        seller="岚溪县供销集团",
    ),
)
