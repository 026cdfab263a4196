from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.core.errors import InvalidInput
from marketplace.core.identifiers import (
    division_level,
    mask_name,
    mask_phone,
    normalise_phone,
    parse_identity_number,
    parse_uscc,
    subtree_range,
)

TODAY = date(2026, 11, 20)


def identity(first_17):
    """A number with a true check digit, by the weights of GB 11643 written out again."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(digit) * weight for digit, weight in zip(first_17, weights, strict=True))
    return first_17 + "10X98765432"[total % 11]


def social_credit(first_17):
    """A code with a true check character, by GB 32100 written out again."""
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    total = sum(alphabet.index(c) * pow(3, i, 31) for i, c in enumerate(first_17))
    return first_17 + alphabet[-total % 31]


# county 4399 has never existed, so nobody holds these numbers
GRANDMOTHER = identity("43990019000101002")


def test_a_true_number_is_taken_as_it_stands():
    read = parse_identity_number(GRANDMOTHER, today=TODAY)
    assert read.number == GRANDMOTHER
    assert (read.kind, read.birth_date, read.warning) == ("resident", date(1900, 1, 1), None)


@settings(deadline=None)
@given(
    st.dates(min_value=date(1900, 1, 1), max_value=TODAY),
    st.integers(min_value=0, max_value=999),
)
def test_every_birth_date_and_serial_is_accepted_also_with_spaces_and_a_small_x(born, serial):
    number = identity(f"439900{born:%Y%m%d}{serial:03d}")
    spaced = f" {number[:6]} {number[6:14]}-{number[14:].lower()} "
    read = parse_identity_number(spaced, today=TODAY)
    assert (read.number, read.birth_date) == (number, born)


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=17), st.integers(min_value=1, max_value=9))
def test_any_one_wrong_digit_is_found(place, off_by):
    if GRANDMOTHER[place] == "X":
        return
    wrong = str((int(GRANDMOTHER[place]) + off_by) % 10)
    with pytest.raises(InvalidInput):
        parse_identity_number(GRANDMOTHER[:place] + wrong + GRANDMOTHER[place + 1 :], today=TODAY)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("", "id_number_length"),
        ("439900190001010", "id_number_length"),
        ("43990019000101002A", "id_number_format"),
        ("4399001900010100甲2", "id_number_format"),
        (identity("43990019001301002"), "id_number_birth_date"),
        (identity("43990018991231002"), "id_number_birth_date"),
        (identity("43990020990101002"), "id_number_birth_date"),
        (identity("43990020250229002"), "id_number_birth_date"),
        (GRANDMOTHER + "8", "id_number_length"),
        (GRANDMOTHER + "85", "id_number_format"),
        (GRANDMOTHER + "41C1", "id_number_format"),
    ],
)
def test_a_number_that_cannot_be_is_refused(written, code):
    with pytest.raises(InvalidInput) as caught:
        parse_identity_number(written, today=TODAY)
    assert caught.value.code == code
    assert "请" in caught.value.message
    assert written == "" or written not in caught.value.message


def test_a_disability_certificate_is_accepted_with_20_and_with_22_characters():
    for suffix in ("41", "73", "44B1"):
        read = parse_identity_number(GRANDMOTHER + suffix, today=TODAY)
        assert (read.number, read.kind) == (GRANDMOTHER + suffix, "disability")


def test_an_unknown_region_is_only_a_warning():
    read = parse_identity_number(identity("99990019000101002"), today=TODAY)
    assert read.warning is not None
    assert "省" in read.warning


@pytest.mark.parametrize(
    "first_17",
    [
        "91439900MA4L00000",
        "93439900MA4L00001",
        "N2439900MF0000001",  # a village collective, which stdnum refuses
        "12439900A00000001",
    ],
)
def test_a_true_credit_code_is_taken_whoever_registered_it(first_17):
    code = social_credit(first_17)
    assert parse_uscc(f" {code[:9].lower()}-{code[9:]} ") == code


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("91439900", "uscc_length"),
        ("91439900MA4L0000I0", "uscc_format"),
        ("9143990AMA4L000000", "uscc_format"),
        ("B1439900MA4L000000", "uscc_format"),
        (social_credit("91439900MA4L00000")[:-2] + "11", "uscc_check_digit"),
    ],
)
def test_a_credit_code_that_cannot_be_is_refused(written, code):
    with pytest.raises(InvalidInput) as caught:
        parse_uscc(written)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("19900000000", "19900000000"),
        ("199 0000 0000", "19900000000"),
        ("１９９-0000-0000", "19900000000"),
        ("+86 199 0000 0000", "19900000000"),
        ("0086 19900000000", "19900000000"),
        ("8619900000000", "19900000000"),
        ("000-0000 0001", "00000000001"),
        ("010-20000000", "010-20000000"),
        ("(0730) 2000000", "0730-2000000"),
        ("07302000000", "0730-2000000"),
        ("0730-20000000转12", "0730-20000000转12"),
        ("0730-20000000#12", "0730-20000000转12"),
        ("400-000-0000", "4000000000"),
    ],
)
def test_a_phone_number_has_one_form(written, number):
    assert normalise_phone(written) == number
    assert normalise_phone(number) == number


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("", "phone_unreadable"),
        ("没有电话", "phone_unreadable"),
        ("2000000", "phone_area_code"),
        ("1990000000", "phone_length"),
        ("199000000000", "phone_length"),
        ("12000000000", "phone_length"),
        ("000000000001", "phone_unreadable"),
    ],
)
def test_a_phone_number_that_cannot_ring_is_refused_with_the_cure(written, code):
    with pytest.raises(InvalidInput) as caught:
        normalise_phone(written)
    assert caught.value.code == code
    assert "请" in caught.value.message


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("陈大山", "陈**"),
        ("陈山", "陈*"),
        ("陈", "陈*"),
        ("欧阳兰", "欧阳*"),
        ("欧阳大山", "欧阳**"),
        ("欧阳", "欧*"),
        ("阿依古丽·买买提", "阿***"),
        (" 李桂香 ", "李**"),
        ("", ""),
    ],
)
def test_a_name_shows_only_the_surname(name, masked):
    assert mask_name(name) == masked


@pytest.mark.parametrize(
    ("phone", "masked"),
    [
        ("19900001234", "199****1234"),
        ("00000000042", "000****0042"),
        ("0730-2001234", "0730-****1234"),
        ("0730-20001234转12", "0730-****1234"),
        ("12345", "***45"),
        ("", "***"),
    ],
)
def test_a_phone_number_hides_its_middle(phone, masked):
    assert mask_phone(phone) == masked


@settings(deadline=None)
@given(st.text(st.characters(exclude_characters="*"), min_size=1, max_size=12))
def test_a_mask_never_shows_a_whole_name(name):
    assert not name.strip() or mask_name(name) != name.strip()


@pytest.mark.parametrize(
    ("code", "level", "low", "high"),
    [
        ("430000000000", "province", "430000000000", "439999999999"),
        ("431200000000", "city", "431200000000", "431299999999"),
        ("431228000000", "county", "431228000000", "431228999999"),
        ("431228105000", "town", "431228105000", "431228105999"),
        ("431228105203", "village", "431228105203", "431228105203"),
        ("110000000000", "province", "110000000000", "119999999999"),
        ("431200100000", "town", "431200100000", "431200100999"),
    ],
)
def test_a_division_covers_exactly_the_codes_below_it(code, level, low, high):
    assert division_level(code) == level
    assert subtree_range(code) == (low, high)


@settings(deadline=None)
@given(st.from_regex(r"[1-9][0-9]{11}", fullmatch=True), st.sampled_from([2, 4, 6, 9]))
def test_a_code_lies_in_the_range_of_each_division_above_it(code, digits):
    low, high = subtree_range(code[:digits].ljust(12, "0"))
    assert low <= code <= high


@pytest.mark.parametrize(
    "code", ["", "4312", "43122810520A", "031228105203", "４31228105203", "4312281052033"]
)
def test_what_is_no_division_code_is_refused(code):
    with pytest.raises(InvalidInput) as caught:
        division_level(code)
    assert caught.value.code == "division_code"
