"""Who a pasted line speaks of: a name, a name with stars as lists show it, or a household's number."""

import re

_SURNAMES = frozenset(
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任袁柳"
    "鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄和穆萧尹姚邵汪祁毛禹狄米贝明臧计伏成戴谈宋庞熊纪舒"
    "屈项祝董梁杜阮蓝闵季麻强贾路娄江童颜郭梅盛林钟徐邱骆高夏蔡田樊胡凌霍虞万支柯管卢莫房裘缪解应宗丁宣邓郁单杭洪包左石崔吉"
    "龚程邢裴陆荣翁荀羊惠曲封储靳段焦巴谷车侯全班仰秋仲伊宫宁仇甘武符刘景詹束龙叶幸司黎薄印白怀蒲从索赖卓蔺屠蒙池乔覃翟谭贡"
    "申冉牛燕尚农温庄晏柴瞿阎连习鱼容向古易廖耿匡文欧师巩聂晁敖冷辛简饶曾沙丰关查游权盖益桓岳帅涂肖付代闫尧欧上诸"
)
_COMPOUND = frozenset(
    {"欧阳", "司马", "诸葛", "上官", "夏侯", "皇甫", "尉迟", "令狐", "慕容", "东方"}
)
_NAME = re.compile(r"[㐀-鿿·]{2,12}")
_MASKED = re.compile(
    r"(?<![㐀-鿿])(?P<name>[㐀-鿿]{1,2}[*×]{1,3}(?:[㐀-鿿](?![㐀-鿿]))?)(?!\s*[0-9*×])"
)
_HOUSEHOLD_NO = re.compile(
    r"(?<![a-z0-9㐀-鿿.-])(?!x[0-9])[a-z]{1,8}-?[0-9]{3,20}(?:-[0-9]{1,10})?(?![a-z0-9.-])"
)


def find_masked(plain: str) -> re.Match[str] | None:
    """`孙**`, `孙*田`; in `马蹄*20斤` and `孙三3*` nobody is meant."""
    return _MASKED.search(plain)


def take_household_no(plain: str) -> tuple[str | None, str]:
    """`LX0002` (letters, then digits) and the rest; `马蹄 x200` is an amount."""
    found = _HOUSEHOLD_NO.search(plain)
    if not found:
        return None, plain
    return found[0].upper(), f"{plain[: found.start()]} {plain[found.end() :]}"


def surname_of(name: str) -> str | None:
    """The surname of `陈`, `陈家`, `欧阳户`, where no more of the name is said."""
    core = name[:-1] if len(name) > 1 and name[-1] in "家户" else name
    return core if core in _SURNAMES or core in _COMPOUND else None


def words_of(text: str) -> list[str]:
    return [word for word in re.split(r"[\s,:/]+", text) if word.strip("-—~·.")]


def take_name(text: str, glued: str | None) -> tuple[str | None, list[str]]:
    """The household's name and the words that remain.

    A word with 家 or 户 behind it comes first, then one that begins with a surname, then the first
    word of the line; words glued to a product (散养土鸡) only when they look like a name. A surname
    alone counts when the line begins with it.
    """
    words = words_of(text)
    free = [word for word in words if _NAME.fullmatch(word) and word != glued]
    marked = [w for w in words if _NAME.fullmatch(w) and len(w) > 2 and w[-1] in "家户"]
    likely = [w for w in free if (w[0] in _SURNAMES and len(w) <= 4) or "·" in w]
    close = [w for w in words if w == glued and w[0] in _SURNAMES and len(w) <= 4]
    first = [w for w in free[:1] if len(w) <= 4 and w == words[0]]
    surname = [w for w in words[:1] if w in _SURNAMES]
    for candidates in (marked, likely, close, first, surname):
        if candidates:
            name = candidates[0]
            words.remove(name)
            return (name[:-1] if candidates is marked else name), words
    return None, words
