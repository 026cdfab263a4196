"""The county's places, units, accounts and produce, as rows of the files that a county would bring."""

from dataclasses import dataclass

from marketplace.catalog.products import ProductInput
from marketplace.demo.people import identity_number, person, phone

COUNTY = "990101000000"
COUNTY_NAME = "岚溪县"
TOWNS = {
    "青石镇": ("三岔村", "柳湾村", "大塘村", "白马村"),
    "云岭镇": ("松坪村", "石桥村", "上寨村", "竹坳村"),
    "天堂镇": ("天堂村", "半坡村", "溪口村", "杨梅村"),
    "坪田镇": ("坪田村", "龙潭村", "枫树村", "新屋村"),
    "白沙镇": ("白沙村", "沙湖村", "渡头村", "莲塘村"),
    "高桥乡": ("高桥村", "石门村", "云雾村", "坳背村"),
}
HOUSEHOLDS_PER_VILLAGE = 6


def town_code(town: int) -> str:
    return f"990101{101 + town}000"


def village_code(town: int, village: int) -> str:
    return f"990101{101 + town}{201 + village}"


def regions() -> list[list[str]]:
    since = "2020-01-01"
    rows = [[COUNTY, COUNTY_NAME, since, ""]]
    for t, (town, villages) in enumerate(TOWNS.items()):
        rows.append([town_code(t), town, since, ""])
        rows += [[village_code(t, v), village, since, ""] for v, village in enumerate(villages)]
    return rows


ON_ACCOUNT = "岚溪县第一中学"
UNITS = (
    # name, kind, canteen, approval above (yuan)
    ("岚溪县第一中学", "学校", "有", "3000"),
    ("岚溪县实验小学", "学校", "有", ""),
    ("岚溪县人民医院", "医院", "有", "0"),
    ("岚溪县机关食堂", "机关", "有", "5000"),
    ("岚溪县社会福利院", "事业单位", "有", ""),
    ("岚溪工业园食堂", "企业", "有", ""),
    ("岚溪县教育局", "机关", "无", ""),
    ("岚溪县财政局", "机关", "无", ""),
    ("岚溪县农业农村局", "机关", "无", ""),
    ("岚溪县供销集团", "县属平台公司", "无", ""),
    ("青石马蹄专业合作社", "合作社", "无", ""),
    ("云岭禽业合作社", "合作社", "无", ""),
    ("天堂姜业合作社", "合作社", "无", ""),
    ("岚溪粮油有限公司", "龙头企业", "无", ""),
    ("岚溪县定点屠宰场", "企业", "无", ""),
)
HOME_OF_SUPPLIER = {
    "青石马蹄专业合作社": village_code(0, 0),
    "云岭禽业合作社": village_code(1, 0),
    "天堂姜业合作社": village_code(2, 0),
    "岚溪粮油有限公司": village_code(3, 0),
}


def units() -> list[list[str]]:
    return [
        [
            name,
            kind,
            HOME_OF_SUPPLIER.get(name, COUNTY),
            canteen,
            limit,
            "岚溪县城",
            *(("是", "15") if name == ON_ACCOUNT else ("", "")),
        ]
        for name, kind, canteen, limit in UNITS
    ]


@dataclass(frozen=True)
class Account:
    login: str
    name: str
    role: str
    unit: str = ""
    region: str = ""
    shown: bool = False  # offered on the demo's sign-in page


SHOWN = (
    Account("ganbu", "刘青", "帮扶联系人", shown=True),
    Account("shenhe", "何岭", "乡镇审核", region=town_code(0), shown=True),
    Account("yunying", "沈禾", "县平台运营", region=COUNTY, shown=True),
    Account("jihuo", "章平", "集货员、提货员", region=COUNTY, shown=True),
    Account("zhigong", "苏小满", "干部职工", "岚溪县教育局", shown=True),
    Account("gonghui", "许望", "单位工会组织员", "岚溪县财政局", shown=True),
    Account("caigou", "方圆", "食堂采购员", "岚溪县第一中学", shown=True),
    Account("shenpi", "石敬", "单位审批人", "岚溪县第一中学", shown=True),
    Account("hezuoshe", "姜旺", "合作社/龙头企业", "青石马蹄专业合作社", shown=True),
    Account("shenji", "严明", "审计", region=COUNTY, shown=True),
    Account("caiwu", "钱满", "财务", region=COUNTY, shown=True),
    Account("lingdao", "高远", "县领导", region=COUNTY, shown=True),
    Account("guanli", "金守", "系统管理员", shown=True),
)
CADRES = 40
REVIEWERS = 6


def accounts() -> list[Account]:
    """Everybody but those shown: the other cadres, reviewers, buyers, organisers, staff."""
    rows = [Account(f"ganbu{n:02d}", person(200 + n), "帮扶联系人") for n in range(2, CADRES + 1)]
    rows += [
        Account(f"shenhe{t + 1}", person(260 + t), "乡镇审核", region=town_code(t))
        for t in range(1, REVIEWERS)
    ]
    canteens = [name for name, _, canteen, _ in UNITS if canteen == "有"]
    rows += [
        Account(f"caigou{n + 1}", person(280 + n), "食堂采购员", unit)
        for n, unit in enumerate(canteens)
        if n
    ]
    rows += [
        Account(f"hezuoshe{n + 1}", person(270 + n), "合作社/龙头企业", unit)
        for n, unit in enumerate(HOME_OF_SUPPLIER)
        if n
    ]
    rows += [Account("shenpi2", person(290), "单位审批人", "岚溪县人民医院")]
    rows += [Account("shenpi3", person(292), "单位审批人", "岚溪县机关食堂")]
    rows += [Account("gonghui2", person(291), "单位工会组织员", "岚溪县农业农村局")]
    offices = [name for name, kind, _, _ in UNITS if kind in {"机关", "学校", "医院"}]
    rows += [
        Account(f"zhigong{n + 2}", person(300 + n), "干部职工", offices[n % len(offices)])
        for n in range(16)
    ]
    return rows


def households() -> list[list[str]]:
    """Rows of the household file: each village has six, every third one monitored."""
    kinds = ("边缘易致贫户", "脱贫不稳定户", "突发严重困难户")
    rows = []
    for t in range(len(TOWNS)):
        for v in range(4):
            for h in range(HOUSEHOLDS_PER_VILLAGE):
                n = (t * 4 + v) * HOUSEHOLDS_PER_VILLAGE + h
                monitored = h == 2
                cadre = "ganbu" if n < 4 else f"ganbu{2 + n % (CADRES - 1):02d}"
                rows.append(
                    [
                        f"LX{n + 1:04d}",
                        village_code(t, v),
                        person(n),
                        identity_number(n),
                        phone(n + 1),
                        str(2 + n % 5),
                        "否" if monitored or h == 5 else "是",
                        kinds[n % 3] if monitored else "",
                        "2024-03-01" if monitored else "",
                        str(4 + n % 17),
                        str(40 + n % 7 * 60),
                        cadre,
                    ]
                )
    return rows


HOUSEHOLD_HEADINGS = (
    "户编号", "村代码", "户主", "证件号码", "电话", "人口", "是否脱贫户", "监测对象类别", "识别监测时间", "耕地面积",
    "家禽数", "帮扶人",
)  # fmt: skip
JIN = 500
"""Grams."""


def _by_weight(
    name: str, category: str, fen: int, shelf: int, drawing: str, mu: int | None, aliases: str = ""
) -> ProductInput:
    return ProductInput(
        name=name, category=category, base_unit="g", piece_word="", piece_mass_g=None, aliases=aliases, shelf_days=shelf,
        reference_fen=fen, reference_per_base=JIN, yield_per_mu_base=mu and mu * JIN, yield_per_bird_base=None, drawing=drawing,
    )  # fmt: skip


def _by_piece(
    name: str,
    fen: int,
    shelf: int,
    drawing: str,
    word: str,
    mass: int,
    bird: int,
    aliases: str = "",
) -> ProductInput:
    return ProductInput(
        name=name, category="禽蛋", base_unit="piece", piece_word=word, piece_mass_g=mass, aliases=aliases, shelf_days=shelf,
        reference_fen=fen, reference_per_base=1, yield_per_mu_base=None, yield_per_bird_base=bird, drawing=drawing,
    )  # fmt: skip


PRODUCTS = (
    _by_weight("马蹄", "蔬菜", 300, 25, "ma_ti", 5000, "荸荠"),
    _by_piece("雪毛鸡", 6800, 40, "chicken", "只", 1600, 1, "散养鸡 土鸡"),
    _by_piece("鸡蛋", 110, 20, "egg", "枚", 50, 200, "土鸡蛋"),
    _by_piece("鸭蛋", 150, 25, "duck_egg", "枚", 70, 200),
    _by_weight("天堂姜", "蔬菜", 450, 45, "ginger", 4000, "生姜 姜"),
    _by_weight("冬瓜", "蔬菜", 60, 30, "winter_melon", 12000),
    _by_weight("苹果", "水果", 320, 40, "apple", 6000),
    _by_weight("青菜", "蔬菜", 180, 4, "greens", 4000, "时令蔬菜"),
    _by_weight("大米", "粮油", 380, 180, "rice", 1200),
    _by_weight("蜂蜜", "干货", 3500, 365, "honey", None),
    _by_weight("红薯干", "干货", 1200, 180, "sweet_potato_strips", 900, "地瓜干"),
    _by_weight("红薯", "蔬菜", 120, 60, "sweet_potato_strips", 5000, "地瓜 番薯"),
    _by_piece("白条鸡", 7200, 5, "chicken", "只", 1300, 1, "光鸡 宰好的鸡"),
)
PAPERS = {
    "雪毛鸡": {"canteen": ["certificate", "inspection"]},
    "白条鸡": {"canteen": ["certificate", "inspection"]},
    "鸡蛋": {"canteen": ["certificate"]},
}
"""What buyers of a class ask for with a product."""
