"""The details of a row of the trail in Chinese: no code, no number of a row, no hash in full."""

import json
import re
from collections.abc import Iterator

from marketplace.core.money import format_yuan
from marketplace.identity.audit_names import Names, Thing
from marketplace.identity.permission_words import PERMISSIONS
from marketplace.identity.permissions import ROLES, role_name

_DETAILS = {
    "applied": "导入行数",
    "base": "数量（克或个）",
    "before": "原来",
    "cadre": "联系人",
    "claimant": "供货的",
    "columns": "改了哪些",
    "consent": "农户同意低价",
    "cause": "原因",
    "cut": "减少份数",
    "days": "天数",
    "deputy": "代理人",
    "end": "结果",
    "expired": "过期订单",
    "faulty": "有错行数",
    "fen": "金额",
    "field": "内容",
    "household": "农户",
    "kind": "种类",
    "lines": "笔数",
    "lot": "批次",
    "lots": "几批",
    "households": "农户",
    "how": "方式",
    "need": "需要权限",
    "not_taken": "没有收下的行数",
    "on_its_way": "在路上的份数",
    "orders": "订单数",
    "packs": "份数",
    "policy": "办法",
    "price": "单价",
    "reason": "理由",
    "region": "区划",
    "returned": "买家退回的份数",
    "role": "角色",
    "round": "期次",
    "rows": "行数",
    "sha256": "照片校验码",
    "sheets": "备货单张数",
    "source": "照着哪期",
    "state": "状态",
    "stops": "几处",
    "take": "导入哪些",
    "title": "名称",
    "to": "到",
    "trip": "车次",
    "unchanged": "没变行数",
    "undone": "撤回分配的份数",
    "invoice": "单据号",
    "permille": "每千出多少",
    "what": "内容项",
    "why": "原因",
}
_FAULTS = {
    "farm": "货的质量，农户同意少收", "transport": "运输中坏了", "goodwill": "平台承担", "unfetched": "买家没来取",
    "recovery": "货的质量，货款已经付了，要向农户收回",
}  # fmt: skip
_STOPS = {"road": "路不通", "epidemic": "疫情", "food_safety": "食品安全", "other": "其他"}
_OF_KEY: dict[str, dict[str, str]] = {
    "cause": _STOPS,
    "end": {
        "accepted": "都收了", "partly_accepted": "收了一部分", "refused": "一份没收", "not_collected": "没来取",
    },
    "how": {
        "call": "电话", "message": "短信或微信", "visit": "上门", "loudspeaker": "村广播", "paper": "纸质备货单",
        "unit": "单位代收", "pickup": "取货时付",
    },
    "kind": {
        # holds
        "lot": "一批货", "region": "一个乡镇的货", "stop": "一个提货点",
        # files
        "accounts": "账号", "bank": "银行流水", "households": "农户", "members": "合作社成员", "pasted": "接龙",
        "payee_checks": "户名账号核验结果", "payees": "收款账户", "payout_results": "银行代发结果",
        "regions": "行政区划", "reports": "滞销登记", "units": "单位",
        # papers
        "certificate": "承诺达标合格证", "inspection": "检疫证明", "test_report": "检测报告",
        "licence": "营业执照/许可",
        # households
        "povertyexit": "脱贫户", "unstable_exit": "脱贫不稳定户", "marginal_risk": "边缘易致贫户",
        "sudden_hardship": "突发严重困难户", "dibao": "低保", "tekun_home": "特困分散供养",
        "tekun_centre": "特困集中供养", "serious_illness": "重病", "severe_disability": "重残",
        "temporary_relief": "临时救助",
    },
    "policy": {
        "first_come": "先上架先卖", "proportional": "按备货量的比例",
        "urgent_then_fair": "先卖放不住的，再按权重拉平",
    },
    "reason": {
        "food_safety": "食品安全有问题", "wrong_papers": "证明不对", "other": "其他",
        "sold_elsewhere": "别处卖了", "eaten": "自家吃了", "died": "死亡或损坏", "gone": "没有这么多了",
        "call": "到货了打电话通知", "check": "核对名单",
    },
    "state": {
        "draft": "草稿", "open": "正在订购", "closed": "已截单", "allocated": "已分配", "collecting": "备货中",
        "delivering": "正在配送", "settled": "已办结", "cancelled": "已取消", "on_hold": "暂停",
        "postponed": "延期",
    },
    "take": {"all": "全部", "good": "没问题的行"},
    "what": {"name": "姓名", "phone": "电话号码", "account": "收款账号"},
    "why": _FAULTS | {
        "deceased": "户主去世，等继承人", "disputed": "有人有异议", "mismatch": "户名和账号对不上",
        "account": "账户有问题", "mistaken": "记错了订单", "amount": "金额不对", "returned": "钱已退给买家",
        "wrong_order": "认错了订单", "wrong_unit": "认错了单位", "wrong_sum": "金额分错了",
        "ended": "订单后来取消或减少了", "repeated": "银行流水重复的一行", "booked": "账本里已经另外记了",
    },
    "columns": {
        "active": "在用", "aliases": "别名", "base_unit": "论斤论个", "category": "品类", "drawing": "图",
        "head_name": "户主姓名", "household_no": "户编号", "identity_no": "身份证号", "name": "名称",
        "land_mu_hundredths": "耕地", "persons": "人口", "phone": "电话", "piece_mass_g": "一个多重",
        "piece_word": "量词", "poultry": "养的只数", "reference_fen": "参考价",
        "reference_per_base": "参考价按多少", "region_code": "村", "shelf_days": "能放几天",
        "yield_per_mu_base": "亩产", "yield_per_bird_base": "每只产多少",
    },
}  # fmt: skip
"""Detail → what its codes mean; what is not here shows as it was written."""
_THINGS = {
    "cadre": "account", "deputy": "account", "household": "household", "households": "household",
    "lot": "lot", "round": "round", "source": "round",
}  # fmt: skip
_TO = {"held_moved": "pickup_point", "listing_moved": "listing", "lot_regraded": "lot"}
"""Action → what its `to` is the number of."""
_CLAIMANTS = {"h": "household", "o": "organisation"}
_IN_FULL = {"account": "账号", "household": "农户", "organisation": "单位"}
_HASH = re.compile("[0-9a-f]{64}")
_LISTS = {"columns", "households", "what"}


def things_in(action: str, detail: str) -> Iterator[Thing]:
    """What a row's details name by number, whose names its words want."""
    for key, value in json.loads(detail).items():
        for word in _parts(key, value):
            if thing := _thing(action, key, word):
                yield thing


def _parts(key: str, value: object) -> list[str]:
    if isinstance(value, bool) or value is None:
        return []
    return str(value).split(",") if key in _LISTS else [str(value)]


def _thing(action: str, key: str, word: str) -> Thing | None:
    if key == "claimant":
        letter, _, number = word.partition(":")
        return (_CLAIMANTS[letter], number) if letter in _CLAIMANTS and number else None
    subject = _TO.get(action) if key == "to" else _THINGS.get(key)
    return (subject, word) if subject else None


def detail_words(detail: str, names: Names, action: str = "") -> str:
    """A row's JSON of plain values as `理由：电话核对；角色：县平台运营`."""
    values: dict[str, object] = json.loads(detail)
    return "；".join(
        f"{_DETAILS.get(key, key)}：{_said(action, key, value, names)}"
        for key, value in values.items()
    )


def _said(action: str, key: str, value: object, names: Names) -> str:
    if isinstance(value, bool):
        return "是" if value else "否"
    if value is None or value == "":
        return "没有"
    if key in {"fen", "price"} and isinstance(value, int):
        return f"{format_yuan(value)} 元"
    if key == "role" and value in ROLES:
        return role_name(str(value))
    if key == "need":
        return PERMISSIONS.get(str(value), str(value))
    return "、".join(_word(action, key, word, names) for word in _parts(key, value))


def _word(action: str, key: str, word: str, names: Names) -> str:
    thing = _thing(action, key, word)
    if thing and thing in names:
        return names[thing]
    if thing and thing[0] in _IN_FULL and (key not in {"household", "households"}):
        return f"{_IN_FULL[thing[0]]} {thing[1]}"
    if _HASH.fullmatch(word):
        return f"{word[:12]}…"
    return _OF_KEY.get(key, {}).get(word, word)
