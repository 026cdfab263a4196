"""app.js and photo.js in a real Chromium, on a page of our own parts."""

import io
import random
from collections.abc import Iterator
from threading import Thread

import pytest
from flask import Flask, render_template_string, request
from PIL import Image
from playwright.sync_api import Page, expect
from werkzeug.serving import make_server
from wtforms import FileField

from marketplace.app import create_app
from marketplace.core.settings import from_environment
from marketplace.web.forms import Form
from tests.support.browser import JOURNEY

pytestmark = JOURNEY

PARTS = """{% extends "layout/public.html" %}
{% import "components/ui.html" as ui %}{% import "components/forms.html" as forms %}
{% block title %}试{% endblock %}
{% block content %}
{{ forms.stepper('packs', 1, 0, 2, '份数') }}
{{ ui.confirm_button('/tried', '撤回', '真的撤回?') }}
<p id="words">备货 96 份</p>{{ ui.copy_button('words', '复制文字') }}
<details><summary>看文字版</summary><pre id="folded">第 3 期
备货 96 份</pre></details>{{ ui.copy_button('folded', '抄走全部') }}
{{ forms.form_start(form, '/tried', upload=true) }}{{ forms.photo_field(form.photo) }}{{ forms.submit('提交') }}</form>
{% endblock %}"""

TRIED = """{% extends "layout/public.html" %}{% block content %}<p>已收到</p>{% endblock %}"""


class Photo(Form):
    photo = FileField("照片")


@pytest.fixture(scope="module")
def app(tmp_path_factory) -> Flask:
    folder = tmp_path_factory.mktemp("var")
    made = create_app(
        from_environment({"MARKETPLACE_MODE": "test", "MARKETPLACE_FOLDER": str(folder)})
    )
    made.config["tried"] = []

    def parts() -> str:
        return render_template_string(PARTS, form=Photo())

    def tried() -> str:
        photo = request.files.get("photo")
        made.config["tried"].append(len(photo.read()) if photo else 0)
        return render_template_string(TRIED)

    for view, methods in ((parts, ["GET"]), (tried, ["POST"])):
        view.access = "open"  # type: ignore[attr-defined]
        made.add_url_rule(f"/{view.__name__}", view_func=view, methods=methods)
    return made


@pytest.fixture(scope="module")
def site(app) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.fixture
def page(app, site, browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    faults: list[str] = []
    opened = context.new_page()
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    opened.goto(f"{site}/parts")
    app.config["tried"].clear()
    yield opened
    context.close()
    assert faults == []


def test_a_stepper_stops_at_its_limits(page):
    number = page.get_by_role("spinbutton")
    more, less = page.get_by_label("份数，增加"), page.get_by_label("份数，减少")
    more.click()
    expect(number).to_have_value("2")
    expect(more).to_be_disabled()
    less.click(click_count=2)
    expect(number).to_have_value("0")
    expect(less).to_be_disabled()


def test_a_confirmation_is_a_dialog_that_gives_the_focus_back(page):
    page.locator("[data-confirm] > summary").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("先不")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.locator("[data-confirm] > summary")).to_be_focused()


def test_a_confirmation_posts_once_when_it_is_pressed(page, app):
    page.locator("[data-confirm] > summary").click()
    page.get_by_role("dialog").get_by_role("button", name="撤回").dblclick()
    expect(page.get_by_text("已收到")).to_be_visible()
    assert app.config["tried"] == [0]


def test_copying_says_so(page):
    page.get_by_text("复制文字").click()
    expect(page.get_by_text("已复制")).to_be_visible()


def test_what_is_folded_away_is_copied_too(page):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_text("抄走全部").click()
    expect(page.get_by_text("已复制")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "第 3 期\n备货 96 份"


def test_large_type_is_kept_for_the_next_page(page):
    page.get_by_role("button", name="大字").click()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-type", "large")
    page.get_by_role("button", name="标准字").click()
    page.reload()
    expect(page.locator("html")).not_to_have_attribute("data-type", "large")


def test_a_photo_is_shrunk_to_two_hundred_kilobytes_before_it_is_sent(page, app):
    noise = random.Random(7).randbytes(1600 * 1200 * 3)
    file = io.BytesIO()
    Image.frombytes("RGB", (1600, 1200), noise).save(file, "JPEG", quality=90)
    assert file.tell() > 1_000_000
    page.set_input_files(
        "input[type=file]",
        {"name": "田里.jpg", "mimeType": "image/jpeg", "buffer": file.getvalue()},
    )
    expect(page.locator(".photo-list canvas")).to_be_visible()
    page.get_by_role("button", name="提交").click()
    expect(page.get_by_text("已收到")).to_be_visible()
    assert len(app.config["tried"]) == 1
    assert 10_000 < app.config["tried"][0] <= 200 * 1024
