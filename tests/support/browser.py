"""People at work in a real Chromium, on the real application behind a real server."""

import asyncio
import contextvars
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    Response,
    expect,
    sync_playwright,
)
from werkzeug.serving import make_server

from marketplace.identity.models import User
from tests.support.world import World

PHONE = 390
DESK = 1280
QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
JOURNEY = [
    pytest.mark.browser,
    # Flask-Compress leaves the file it has read to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
expect.set_options(timeout=20_000)  # milliseconds: a loaded machine is slow, not wrong


class Visitor:
    """One person at one screen; counts the taps, and remembers what the console complained of."""

    def __init__(self, context: BrowserContext, site: str) -> None:
        context.set_default_timeout(20_000)
        self.page: Page = context.new_page()
        self.site = site
        self.taps = 0
        self.faults: list[str] = []
        self.faults_allowed = 0
        self.measured = False
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on(
            "console", lambda said: self.faults.append(said.text) if said.type == "error" else None
        )

    def go(self, path: str = "/") -> Response:
        """Type an address; the taps are counted from here."""
        self.taps = 0
        answer = self.page.goto(self.site + path)
        assert answer is not None
        return answer

    def tap(self, name: str, within: str = "body") -> None:
        """Tap what carries this name: a link, a button, a choice or a line that unfolds."""
        place = self.page.locator(within)
        named = place.get_by_role("link", name=name)
        for role in ("button", "radio", "checkbox"):
            named = named.or_(place.get_by_role(role, name=name))  # type: ignore[arg-type]
        self.touch(named.or_(place.locator("summary", has_text=name)))

    def press(self, name: str, within: str = "main") -> None:
        """Tap the button with exactly this name, where a link is called the same."""
        self.touch(self.page.locator(within).get_by_role("button", name=name, exact=True))

    def touch(self, thing: Locator) -> None:
        self.taps += 1
        thing.locator("visible=true").first.click()

    def type(self, label: str, text: str) -> None:
        """Typing is free, the tap into the field is not."""
        self.taps += 1
        self.page.get_by_label(label).first.fill(text)

    def choose(self, label: str, option: str) -> None:
        """Opening a list and picking from it are two taps."""
        self.taps += 2
        self.page.get_by_label(label).first.select_option(label=option)

    def sees(self, *texts: str) -> None:
        for text in texts:
            expect(self.page.locator("main")).to_contain_text(text)

    def hears(self, text: str) -> None:
        """What the page says in passing, when something was done without leaving it."""
        expect(self.page.locator("[data-said]")).to_contain_text(text)


Visit = Callable[..., Visitor]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of a run."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert program, "these tests need Chromium: make test installs it"
    with (
        pytest.MonkeyPatch.context() as patch,
        ThreadPoolExecutor(1) as aside,
        sync_playwright() as playwright,
    ):
        # Playwright's event loop runs in this thread, where Flask would wait for async teardowns.
        patch.setattr(Flask, "async_to_sync", lambda _, func: _waits(aside, func))
        opened = playwright.chromium.launch(executable_path=program, args=QUIET.split())
        yield opened
        opened.close()


def _waits(aside: ThreadPoolExecutor, func: Callable[..., Any]) -> Callable[..., Any]:
    """The coroutine function as a plain one, run to its end in a thread of its own."""

    def call(*args: Any) -> Any:
        here = contextvars.copy_context()
        return aside.submit(here.run, asyncio.run, func(*args)).result()

    return call


@pytest.fixture
def site(app: Flask) -> Iterator[str]:
    """The address at which the test's application answers, many requests at a time."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def visit(app: Flask, world: World, site: str, browser: Browser) -> Iterator[Visit]:
    """`visit(user, PHONE)` opens a screen of that width where the user is signed in."""
    opened: list[tuple[BrowserContext, Visitor]] = []

    def visit(user: User | None = None, width: int = PHONE, **options: object) -> Visitor:
        context = browser.new_context(viewport={"width": width, "height": 844}, **options)  # type: ignore[arg-type]
        if user is not None:
            name = app.config["SESSION_COOKIE_NAME"]
            cookie = world.sign_in(user).get_cookie(name)
            assert cookie is not None
            context.add_cookies([{"name": name, "value": cookie.value, "url": site}])
        visitor = Visitor(context, site)
        opened.append((context, visitor))
        return visitor

    yield visit
    for context, _ in opened:
        context.close()
    for _, visitor in opened:
        assert visitor.faults[visitor.faults_allowed :] == []
