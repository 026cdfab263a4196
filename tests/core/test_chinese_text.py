import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypinyin import lazy_pinyin

from marketplace.core.chinese_text import normalise_query, query_words, search_text

EGGS = search_text("散养土鸡蛋（A级） 30枚/箱", "天堂镇三岔村", "大山种养专业合作社")


def finds(query, text):
    return normalise_query(query) in text


@pytest.mark.parametrize(
    "query",
    [
        "散养土鸡蛋",
        "土鸡",
        "蛋",
        "土 鸡 蛋",
        "30枚",
        "３０枚",
        "A级",
        "ａ级",
        "sanyangtujidan",
        "tujidan",
        "tu ji dan",
        "TuJi",
        "jidan",
        "tuj",
        "sytjd",
        "tjd",
        "TJ",
        "aji",
        "30",
        "30mei",
        "三岔",
        "sancha",
        "scc",
        "ttz",
        "dashan",
        "合作社",
        "",
        "  ",
    ],
)
def test_a_listing_is_found_by_characters_pinyin_and_initials(query):
    assert finds(query, EGGS)


@pytest.mark.parametrize(
    "query",
    [
        "an",  # inside 散 (san) and 山 (shan)
        "ang",
        "ujidan",
        "anyang",
        "蛋三",  # two words that only stand beside each other
        "danaji",
        "镇大山",
        "鸭",
        "yazi",
        "00",
        "sanchatujidan",
    ],
)
def test_what_only_looks_alike_is_not_found(query):
    assert not finds(query, EGGS)


def test_punctuation_in_a_query_neither_breaks_nor_widens_it():
    assert finds("土-鸡", EGGS)
    assert normalise_query("%") == ""
    assert normalise_query("tu_ji%") == "|tuji"
    assert normalise_query("' OR 1=1 --") == "|or11"
    assert normalise_query("|") == ""


def test_several_words_must_all_be_there_in_any_order():
    assert all(word in EGGS for word in query_words("三岔 土鸡蛋 tjd"))
    assert not all(word in EGGS for word in query_words("三岔 鸭蛋"))
    assert query_words("  ") == []
    assert all(word in EGGS for word in query_words("散养土鸡蛋（A级）30枚/箱"))
    assert len(query_words("a b c d e f g h")) == 5


@pytest.mark.parametrize(
    ("name", "pinyin"),
    [
        ("长坪村", "changpingcun"),
        ("长茄子", "changqiezi"),
        ("都匀毛尖", "duyunmaojian"),
        ("重安江鲤鱼", "chonganjiangliyu"),
        ("覃家村", "qinjiacun"),
        ("单家店", "shanjiadian"),
        ("绿茶", "lvcha"),
        ("绿茶", "lücha"),
        ("六枝", "luzhi"),
        ("朝天椒", "chaotianjiao"),
    ],
)
def test_doubtful_names_are_found_by_the_reading_people_use(name, pinyin):
    assert finds(pinyin, search_text(name))


def test_a_county_can_name_the_readings_of_its_own_places():
    readings = {"那垌村": "na tong cun"}
    assert finds("natong", search_text("平安镇那垌村土鸡", readings=readings))
    assert finds("ntc", search_text("平安镇那垌村土鸡", readings=readings))
    assert finds("tuji", search_text("平安镇那垌村土鸡", readings=readings))
    assert not finds("natong", search_text("平安镇那垌村土鸡"))


def test_the_text_of_a_long_listing_stays_short():
    title = "高山生态种植现挖现发新鲜带泥荸荠马蹄果" * 3
    assert len(search_text(title, "三岔村", "大山种养专业合作社")) < 6000


han = st.text(
    st.sampled_from("散养土鸡蛋马蹄冬瓜天堂姜苹果长坪三岔村重山都匀绿茶乐乐解曾覃腊肉蜂蜜豆腐"),
    min_size=1,
    max_size=8,
)
anything = st.text(
    st.one_of(
        st.characters(min_codepoint=0x3400, max_codepoint=0x9FFF),
        st.characters(min_codepoint=0x20000, max_codepoint=0x2FFFF),
        st.characters(codec="utf-8"),
    ),
    min_size=1,
    max_size=10,
)


@settings(deadline=None)
@given(st.lists(han, min_size=1, max_size=4), st.data())
def test_any_word_is_found_by_one_or_two_characters_its_pinyin_and_its_initials(words, data):
    text = search_text(" ".join(words), "枚箱")
    word = data.draw(st.sampled_from(words))
    start = data.draw(st.integers(min_value=0, max_value=len(word) - 1))
    assert finds(word[start : start + 2], text)
    assert finds(word[start], text)
    syllables = lazy_pinyin(word)[start:]
    assert finds("".join(syllables), text)
    assert finds(" ".join(syllables), text)
    assert finds("".join(syllable[0] for syllable in syllables), text)


@settings(deadline=None)
@given(anything)
def test_whatever_a_title_says_finds_itself_and_no_mark_can_be_forged(title):
    text = search_text(title)
    assert all(word in text for word in query_words(title))
    assert normalise_query(title).count("|") <= 1
