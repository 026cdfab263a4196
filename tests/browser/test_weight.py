"""What the first load of a page sends over the line, compressed: villages pay by the megabyte."""

from playwright.sync_api import Response

from tests.support.browser import JOURNEY, PHONE, Visit, Visitor
from tests.support.market_day import MarketDay

pytestmark = JOURNEY

KB = 1000


def _weigh(visitor: Visitor, path: str) -> tuple[int, int]:
    """Bytes of bodies and headers of everything the page loads, and of its scripts alone."""
    answers: list[Response] = []
    # Playwright marks its listeners, which a built-in method does not allow.
    visitor.page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108
    visitor.go(path)
    visitor.page.wait_for_load_state("networkidle")
    sizes = [(answer, answer.request.sizes()) for answer in answers]
    weights = {
        answer.url: size["responseBodySize"] + size["responseHeadersSize"] for answer, size in sizes
    }
    scripts = sum(weight for url, weight in weights.items() if "/js/" in url or ".js?" in url)
    return sum(weights.values()), scripts


def test_the_report_page_loads_within_a_hundred_kilobytes(day: MarketDay, visit: Visit) -> None:
    whole, scripts = _weigh(visit(day.cadre, PHONE), "/field/reports/new")
    assert 10 * KB < whole <= 100 * KB
    assert scripts <= 50 * KB


def test_the_shop_loads_within_a_hundred_and_seventy_kilobytes(
    day: MarketDay, visit: Visit
) -> None:
    day.shop()
    whole, scripts = _weigh(visit(None, PHONE), "/shop/")
    assert 10 * KB < whole <= 170 * KB
    assert scripts <= 50 * KB
