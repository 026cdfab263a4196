"""One text per listing that a plain containment query can search.

It holds the words as written and, for people who type letters, their pinyin and initials. Every
syllable starts an entry of its own behind a mark, and a query of letters gets the same mark in
front: `tuji` and `tj` find 散养土鸡蛋, `an` does not find 生姜 (sheng ji-an-g). For `%` and `_` no
escaping is needed: only letters and digits survive normalisation.

pypinyin takes the commonest reading of a character, which in names of places and families is often
the wrong one (长坪, 都匀, 覃家). So characters known for it are found by each of their readings.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

_MARK = "|"
_MAX_QUERY_LENGTH = 24
_MAX_SYLLABLES = 12  # nobody types more before the list is short enough
_MAX_QUERY_WORDS = 5

_HAN = "㐀-䶿一-鿿豈-﫿\U00020000-\U0003ffff"
_HAN_CHARACTER = re.compile(f"[{_HAN}]")
_HAN_OR_WORD = re.compile(f"[{_HAN}]+|[^{_HAN}]+")

# The readings that names and produce use beside the one pypinyin gives.
_ALSO_READ: dict[str, tuple[str, ...]] = {
    "长": ("chang", "zhang"),
    "重": ("chong", "zhong"),
    "都": ("du", "dou"),
    "朝": ("chao", "zhao"),
    "乐": ("le", "yue", "lao"),
    "六": ("liu", "lu"),
    "行": ("xing", "hang"),
    "藏": ("zang", "cang"),
    "参": ("shen", "can"),
    "种": ("zhong", "chong"),
    "车": ("che", "ju"),
    "堡": ("bao", "bu", "pu"),
    "圩": ("xu", "wei"),
    "涌": ("yong", "chong"),
    "埔": ("pu", "bu"),
    "漯": ("luo", "ta"),
    "浚": ("xun", "jun"),
    "薄": ("bo", "bao"),
    "芥": ("jie", "gai"),
    "血": ("xue", "xie"),
    "柏": ("bai", "bo"),
    "壳": ("ke", "qiao"),
    "单": ("shan", "dan"),
    "曾": ("zeng", "ceng"),
    "解": ("xie", "jie"),
    "覃": ("qin", "tan"),
    "仇": ("qiu", "chou"),
    "区": ("ou", "qu"),
    "查": ("zha", "cha"),
    "盖": ("ge", "gai"),
    "翟": ("zhai", "di"),
    "卜": ("bu", "bo"),
    "员": ("yun", "yuan"),
    "朴": ("piao", "pu"),
    "缪": ("miao", "mou"),
    "阚": ("kan", "han"),
    "牟": ("mu", "mou"),
    "召": ("shao", "zhao"),
    "尉": ("wei", "yu"),
}


def search_text(*parts: str, readings: Mapping[str, str] | None = None) -> str:
    """The searchable text of a listing from its title, product, aliases, place, supplier …

    `readings` names places whose pinyin is special here: `{"三岔村": "san cha cun"}`, one syllable
    per character. A query never matches across two parts or across punctuation.
    """
    written: list[str] = []
    sounds: list[str] = []
    for run in (run for part in parts for run in _runs(part)):
        written.append(run)
        sounds.extend(_sounds(run, readings or {}))
    return " ".join(dict.fromkeys(written)) + " " + "".join(dict.fromkeys(sounds))


def normalise_query(query: str) -> str:
    """One word to look for by containment in `search_text`; `tu ji` and `土 鸡` count as one word.

    Empty when nothing is asked, and then contained in everything.
    """
    return _marked("".join(_runs(query)))


def query_words(query: str) -> list[str]:
    """The separate words of a query: a listing matches when it contains every one of them."""
    return [_marked(run) for run in dict.fromkeys(_runs(query))][:_MAX_QUERY_WORDS]


def _marked(plain: str) -> str:
    plain = plain[:_MAX_QUERY_LENGTH]
    if not plain or _HAN_CHARACTER.search(plain):
        return plain
    return _MARK + plain


def _runs(text: str) -> list[str]:
    """Lower-case runs of letters and digits, full width made plain, ü written v as on keyboards."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())
    plain = plain.replace("ü", "v")
    return "".join(c if c.isalnum() else " " for c in plain).split()


def _sounds(run: str, readings: Mapping[str, str]) -> Iterator[str]:
    """Full pinyin and initials from every syllable of a run on; letters and digits are one syllable."""
    for syllables in _variants(run, readings):
        for start in range(len(syllables)):
            tail = syllables[start : start + _MAX_SYLLABLES]
            yield _MARK + "".join(tail)
            yield _MARK + "".join(syllable[0] for syllable in tail)


def _variants(run: str, readings: Mapping[str, str]) -> list[list[str]]:
    """The syllables of a run, and again with each doubtful character read another way."""
    syllables: list[str] = []
    doubtful: list[tuple[int, str]] = []
    for piece, fixed in _pieces(run, readings):
        if fixed is None and _HAN_CHARACTER.match(piece):
            start = len(syllables)
            syllables += _pinyin(piece)
            doubtful += [(start + at, c) for at, c in enumerate(piece) if c in _ALSO_READ]
        else:
            syllables += fixed or [piece]
    variants = [syllables]
    for at, character in doubtful:
        variants += [
            [*syllables[:at], sound, *syllables[at + 1 :]]
            for sound in _ALSO_READ[character]
            if sound != syllables[at]
        ]
    return variants


def _pieces(run: str, readings: Mapping[str, str]) -> Iterator[tuple[str, list[str] | None]]:
    """The run cut into Chinese and other pieces, places with a special reading taken out first."""
    names = sorted(filter(None, readings), key=lambda name: (-len(name), name))
    parts: Sequence[str] = [run]
    if names:
        parts = re.split(f"({'|'.join(map(re.escape, names))})", run)
    for part in parts:
        if part in readings:
            yield part, readings[part].lower().replace("ü", "v").split()
        else:
            for piece in _HAN_OR_WORD.findall(part):
                yield piece, None


def _pinyin(text: str) -> list[str]:
    """One syllable per character; a character without a known reading stands for itself."""
    from pypinyin import lazy_pinyin  # half a second and 60 MB, only where a listing is written

    # a list is what its manual allows here, only the annotation forgets it
    return list(lazy_pinyin(text, errors=list))  # type: ignore[arg-type]
