"""Reading a page as a browser without script does: its forms, with what they would send."""

import io
import re
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser

from pypdf import PdfReader


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((given.get("action", ""), {}))
        if tag != "input" or not self.forms or "name" not in given:
            return
        chosen = given.get("type") not in {"radio", "checkbox"} or "checked" in given
        if chosen:
            self.forms[-1][1][given["name"]] = given.get("value", "")


def form_on(page: str, action: str) -> dict[str, str]:
    """The names and values that the form with this address would send; fails when there is none."""
    reader = _Forms()
    reader.feed(page)
    found = [values for address, values in reader.forms if address.endswith(action)]
    assert found, f"no form goes to {action}"
    return found[0]


def sent_by(page: str) -> dict[str, list[str]]:
    """What a browser would send: the values of the page's first form with method post."""
    form = page[page.index('<form class="form"') :]
    form = form[: form.index("</form>")]
    sent: dict[str, list[str]] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name = re.search(r'name="([^"]*)"', tag)
        value = re.search(r'value="([^"]*)"', tag)
        ticked = not re.search(r'type="(checkbox|radio)"', tag) or " checked" in tag
        if name and ticked:
            sent.setdefault(name[1], []).append(unescape(value[1]) if value else "")
    for name, options in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.search(r'<option selected value="([^"]*)"', options) or re.search(
            r'<option value="([^"]*)" selected', options
        )
        first = re.search(r'value="([^"]*)"', options)
        sent[name] = [unescape((chosen or first)[1])]
    return sent


@dataclass
class FoundForm:
    """A form as it stands on a page: where it goes, and of what kind each field is."""

    method: str
    action: str
    fields: list[tuple[str, str, str]] = field(default_factory=list)  # name, kind, value


class _EveryForm(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[FoundForm] = []
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(
                FoundForm(given.get("method", "get").lower(), given.get("action", ""))
            )
        if not self.forms:
            return
        fields, name = self.forms[-1].fields, given.get("name", "")
        if tag == "select":
            self._select = name
        elif tag == "option" and self._select and given.get("value"):
            fields.append((self._select, "choice", given["value"]))
            self._select = ""
        elif name and tag == "textarea":
            fields.append((name, "text", ""))
        elif name and tag == "input" and given.get("type") not in {"file", "submit"}:
            fields.append((name, given.get("type", "text"), given.get("value", "")))
        elif name and tag == "button":
            fields.append((name, "button", given.get("value", "")))


def forms_on(page: str) -> list[FoundForm]:
    """Every form of a page; of a list to choose from, the first choice."""
    reader = _EveryForm()
    reader.feed(page)
    return reader.forms


def pdf_pages(content: bytes) -> list[str]:
    """The words on each page of a PDF."""
    pages = PdfReader(io.BytesIO(content)).pages
    return [page.extract_text().replace("\x00", "") for page in pages]
