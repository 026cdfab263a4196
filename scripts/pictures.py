"""Takes the README's pictures from a demo that is running: `make pictures` (PORT=8000).

Each is a page as one of the demo's people sees it, on a phone or at a desk.
"""

import os
import shutil
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

FOLDER = Path(__file__).parent.parent / "docs" / "pictures"
PASSWORD = "good harvest"  # noqa: S105  # the demo's, it stands on its sign-in page
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 1.5}
TALL = PHONE | {"viewport": {"width": 390, "height": 1000}}
DESK = {"viewport": {"width": 1280, "height": 860}}
COLOURS = 256
Way = str | Callable[[Page], None]


def _first(selector: str, start: str = "/") -> Callable[[Page], None]:
    """From a page to what its first such link opens."""

    def go(page: Page) -> None:
        page.goto(start)
        address = page.locator(selector).first.get_attribute("href")
        assert address, f"{start} has no {selector}"
        page.goto(address)

    return go


def _trace(page: Page) -> None:
    """The way of something that zhigong has had for a while."""
    page.goto("/shop/mine")
    orders = page.locator("a[href^='/shop/orders/']").evaluate_all("all => all.map(a => a.href)")
    for order in reversed(orders):
        page.goto(order)
        codes = page.locator("a[href^='/t/']").first
        if codes.count():
            page.goto(codes.get_attribute("href") or "/")
            return
    raise AssertionError("no order leads to a trace page")


PICTURES: dict[str, tuple[str, dict[str, object], Way]] = {
    "shop-phone": ("", PHONE, "/shop/"),
    "cadre-phone": ("ganbu", PHONE, "/"),
    "weigh-phone": ("jihuo", PHONE, "/field/weigh?q=LX0003"),
    "trace-phone": ("zhigong", TALL, _trace),
    "board": ("lingdao", DESK, "/board/4"),
    "canteen": ("caigou", DESK, "/canteen/"),
    "allocation": ("yunying", DESK, "/rounds/4/allocation"),
    "sheet": ("yunying", DESK, _first("a[href$='/paper']", "/sheets/91")),
    "acceptance": ("caigou", DESK, _first("a[href$='/accept']", "/canteen/")),
    "payouts": ("caiwu", DESK, "/payouts/new"),
}


def take(browser: Browser, site: str, name: str) -> None:
    who, size, way = PICTURES[name]
    context = browser.new_context(
        base_url=site, locale="zh-CN", timezone_id="Asia/Shanghai", **size
    )
    page = context.new_page()
    if who:
        page.goto("/sign-in")
        page.fill("input[name=login_name]", who)
        page.fill("input[name=password]", PASSWORD)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(lambda address: "/sign-in" not in address)
    if isinstance(way, str):
        page.goto(way)
    else:
        way(page)
    page.wait_for_load_state("networkidle")
    taken = Image.open(BytesIO(page.screenshot())).convert("RGB")
    picture = taken.quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    picture.save(FOLDER / f"{name}.png", optimize=True)
    context.close()


def main() -> None:
    site, *names = sys.argv[1:]
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        for name in names or PICTURES:
            take(browser, site, name)
        browser.close()


if __name__ == "__main__":
    main()
