"""The look: readable colours, drawings and icons that exist, parts that say the same everywhere."""

import re
from datetime import timedelta
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from flask import Flask, render_template_string
from werkzeug.datastructures import MultiDict
from wtforms import IntegerField, RadioField, SelectChoice, StringField
from wtforms.validators import InputRequired

from marketplace.app import create_app
from marketplace.core.clock import now
from marketplace.core.places import templates_folder
from marketplace.core.settings import from_environment
from marketplace.web.forms import Form

STATIC = Path(__file__).parents[2] / "marketplace" / "web" / "static"
CSS = (STATIC / "css" / "app.css").read_text()
TOKENS, RULES = CSS.split("/* ---- 2 Bootstrap", 1)
COLOURS = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", TOKENS))


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    folder = tmp_path_factory.mktemp("var")
    made = create_app(
        from_environment({"MARKETPLACE_MODE": "test", "MARKETPLACE_FOLDER": str(folder)})
    )
    made.config["WTF_CSRF_ENABLED"] = False
    return made


def rendered(app: Flask, template: str, **values: object) -> str:
    imports = "{% import 'components/ui.html' as ui %}{% import 'components/forms.html' as forms %}"
    with app.test_request_context():
        return render_template_string(imports + template, **values)


def luminance(colour: str) -> float:
    def linear(part: str) -> float:
        share = int(part, 16) / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    return sum(
        weight * linear(colour[start : start + 2])
        for weight, start in ((0.2126, 1), (0.7152, 3), (0.0722, 5))
    )


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(COLOURS[one]), luminance(COLOURS[other])))
    return (light + 0.05) / (dark + 0.05)


GROUNDS = ("paper", "paper-2", "card", "tint", "field")
TEXTS = [(text, ground) for text in ("ink", "ink-2", "ink-3", "leaf", "bad") for ground in GROUNDS]
TEXTS += [("leaf-deep", "leaf-soft"), ("ripe-deep", "ripe-soft"), ("warn", "warn-soft")]
TEXTS += [("bad", "bad-soft"), ("sky", "sky-soft"), ("ripe", "card"), ("ink-2", "track")]
TEXTS += [("on-leaf", ground) for ground in ("leaf", "leaf-deep", "ripe", "bad")]
TEXTS += [("on-leaf-2", "leaf"), ("on-leaf-2", "leaf-deep")]


@pytest.mark.parametrize(("text", "ground"), TEXTS)
def test_text_can_be_read_on_its_ground(text, ground):
    assert contrast(text, ground) >= 4.5


@pytest.mark.parametrize("ground", GROUNDS)
def test_edges_of_controls_and_the_focus_ring_stand_out(ground):
    assert contrast("line-2", ground) >= 3
    assert contrast("focus-ink", ground) >= 3


def test_colours_are_named_once_and_the_browser_frame_has_the_colour_of_the_page():
    assert re.findall(r"#[0-9a-f]{3,8}\b|rgba?\(\d", RULES) == []
    base = (templates_folder() / "layout" / "base.html").read_text()
    assert f'content="{COLOURS["paper"]}"' in base


def test_no_size_of_text_is_below_sixteen_pixels():
    assert min(float(size) for size in re.findall(r"--t-\w+: ([\d.]+)rem", TOKENS)) >= 1
    assert re.findall(r"font-size: \.\d+rem|font-size: (?:\d|1[0-5])px", RULES) == []


def drawings() -> list[str]:
    source = (templates_folder() / "components" / "ui.html").read_text()
    listed = re.search(r"set drawings = \[(.*?)\]", source, re.DOTALL)
    assert listed
    return re.findall(r"'(\w+)'", listed.group(1))


def test_the_list_of_drawings_is_the_folder_of_drawings():
    assert sorted(drawings()) == sorted(path.stem for path in (STATIC / "drawings").glob("*.svg"))


@pytest.mark.parametrize("path", sorted(STATIC.rglob("*.svg")), ids=lambda path: path.stem)
def test_a_drawing_is_small_and_stands_alone(path):
    text = path.read_text()
    root = ET.fromstring(text)
    assert root.tag.endswith("svg")
    assert len(text) < (12_000 if path.stem == "icons" else 4_000)
    assert not re.search(r'style=|<style|<script|(?:href|src)="(?!#)', text)


def test_an_unknown_drawing_is_a_basket_of_produce(app):
    assert "drawings/ma_ti.svg" in rendered(app, "{{ ui.drawing('ma_ti') }}")
    assert "drawings/produce.svg" in rendered(app, "{{ ui.drawing('durian') }}")


def test_every_icon_that_is_named_is_drawn():
    drawn = set(re.findall(r'<symbol id="(\w+)"', (STATIC / "icons" / "icons.svg").read_text()))
    places = [
        *templates_folder().rglob("*.html"),
        STATIC.parent / "navigation.py",
    ]
    named = {
        name
        for path in places
        for name in re.findall(r"""\bicon\(['"](\w+)|icon=['"](\w+)""", path.read_text())
        for name in name
        if name
    }
    assert named <= drawn
    assert "home" in named


@pytest.mark.parametrize(
    ("parts", "widths"),
    [((1500, 280, 200), [100.0, 89.9, 75.76]), ((0, 0, 0), [100.0, 0.0, 0.0])],
)
def test_the_price_bar_shows_the_shares_of_its_parts(app, parts, widths):
    page = rendered(app, "{{ ui.price_bar(*parts) }}", parts=parts)
    drawn = [float(width) for width in re.findall(r'<rect class="\S+" width="([\d.]+)%"', page)]
    assert drawn == widths
    assert all(before >= after for before, after in pairwise(drawn))


def test_the_chain_says_in_words_what_its_colours_say(app):
    stages = [
        {"label": "已订", "value": "52 只", "state": "done", "href": "/orders"},
        {"label": "备货", "value": "52 只", "state": "now", "href": None},
        {"label": "到账", "value": "", "state": "todo"},
    ]
    page = rendered(app, "{{ ui.chain_bar(stages) }}", stages=stages)
    assert re.findall(r"已完成|进行中|还没到", page) == ["已完成", "进行中", "还没到"]
    assert '<a href="/orders">' in page
    assert page.count("<a ") == 1
    assert page.count('aria-current="step"') == 1


def test_the_countdown_tells_the_script_the_moment_itself(app):
    deadline = now() + timedelta(days=1, hours=2, seconds=30)
    page = rendered(app, "{{ ui.countdown(deadline) }}", deadline=deadline)
    assert f'data-deadline="{deadline.isoformat()}"' in page
    assert "1 天 02:00" in page


def test_a_confirmation_posts_with_a_token_and_opens_without_script(app):
    page = rendered(app, "{{ ui.confirm_button('/lots/3/withdraw', '撤回', '真的撤回?') }}")
    assert re.search(
        r'<details.*<summary.*<form method="post" action="/lots/3/withdraw"', page, re.S
    )
    assert re.search(r'name="csrf_token" value="[^"]+"', page)


class Report(Form):
    amount = IntegerField("有多少", validators=[InputRequired("请填有多少")])
    unit = RadioField(
        "按什么算",
        choices=[SelectChoice("jin", "斤"), SelectChoice("dai", "袋", {"data-note": "按袋收"})],
        validators=[InputRequired("请选一个")],
    )
    note = StringField("备注")


FORM = """{{ forms.form_start(form) }}{{ forms.error_summary(form) }}{{ forms.field(form.amount, '毛估就行', suffix='斤') }}
{{ forms.field(form.unit) }}{{ forms.field(form.note, placeholder='说两句') }}{{ forms.submit('提交') }}</form>"""


def form_page(app: Flask, **typed: str) -> str:
    with app.test_request_context(method="POST", data=typed):
        form = Report(MultiDict(typed))
        form.validate()
        imports = "{% import 'components/forms.html' as forms %}"
        return render_template_string(imports + FORM, form=form)


def test_a_refused_form_says_the_same_words_on_top_and_beside_the_field(app):
    page = form_page(app, note="早上摘的")
    assert re.search(r'role="alert" tabindex="-1" autofocus', page)
    for field, label, message in (
        ("amount", "有多少", "请填有多少"),
        ("unit", "按什么算", "请选一个"),
    ):
        assert f'<a href="#{field}">{label}：{message}</a>' in page
        assert re.search(rf'id="{field}-error".*?<span>{message}</span>', page, re.S)
        assert page.count(f'id="{field}"') == 1
    assert 'value="早上摘的"' in page


def test_a_field_is_tied_to_its_hint_and_its_error(app):
    page = form_page(app)
    amount = re.search(r'<input[^>]*name="amount"[^>]*>', page)
    assert amount
    assert 'aria-describedby="amount-hint amount-error"' in amount.group()
    assert 'aria-invalid="true"' in amount.group()
    assert 'inputmode="numeric"' in amount.group()


def test_a_good_form_has_no_summary_and_keeps_the_choice(app):
    page = form_page(app, amount="480", unit="dai")
    assert "error-summary" not in page
    assert "按袋收" in page
    assert re.search(r'value="dai"[^>]*checked', page)
    assert not re.search(r'value="jin"[^>]*checked', page)


def test_the_stylesheets_that_a_page_asks_for_are_there(app):
    with app.test_request_context():
        page = render_template_string("{% extends 'layout/public.html' %}")
    addresses = re.findall(r'<link rel="stylesheet" href="([^"]+)"', page)
    assert len(addresses) == 2
    for address in addresses:
        with app.test_client().get(address) as answer:
            assert answer.mimetype == "text/css"
            assert "immutable" in answer.headers["Cache-Control"]


def test_a_picture_is_never_handed_to_another_stylesheet_in_a_variable():
    """Its address would be looked for beside the stylesheet that uses the variable."""
    assert re.findall(r"--[\w-]+:\s*url\(", CSS) == []


def test_pages_use_only_classes_that_the_look_knows():
    """A class nobody styles is a name from elsewhere; `card` is Bootstrap's, ours is `panel`."""
    bootstrap = Path(str(files("flask_bootstrap"))) / "static/bootstrap5/css/bootstrap.min.css"
    known = set(re.findall(r"\.([a-zA-Z][\w-]*)", CSS + bootstrap.read_text())) - {"card"}
    parts = "".join(path.read_text() for path in (templates_folder() / "components").glob("*.html"))
    known |= set(re.findall(r"[a-z][\w-]+", " ".join(re.findall(r'class="([^"]*)"', parts))))
    known |= {f"timeline-{state}" for state in ("done", "now", "todo")}
    unknown = sorted(
        f"{path.relative_to(templates_folder())}: {name}"
        for path in templates_folder().rglob("*.html")
        for names in re.findall(r'\bclass="([^"{]+)"', path.read_text())
        for name in names.split()
        if name not in known
    )
    assert unknown == []
