import pytest

from marketplace.core.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    MarketplaceError,
    NotFound,
    NotSignedIn,
    Throttled,
)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (InvalidInput, 422),
        (NotFound, 404),
        (Forbidden, 403),
        (Conflict, 409),
        (NotSignedIn, 401),
    ],
)
def test_every_error_carries_words_a_code_a_field_and_a_status(kind, status):
    error = kind("这里写错了。", code="some_code", field="name")
    assert isinstance(error, MarketplaceError)
    assert (error.message, error.code, error.field) == ("这里写错了。", "some_code", "name")
    assert error.http_status == status
    assert str(error) == "这里写错了。"


def test_an_error_without_a_code_still_has_one():
    assert NotFound("没有这个页面。").code == "not_found"
    assert NotFound("没有这个页面。").field is None


def test_a_throttled_caller_learns_when_to_come_back():
    error = Throttled("太快了，请一分钟后再试。", retry_after_seconds=60)
    assert (error.http_status, error.retry_after_seconds) == (429, 60)
