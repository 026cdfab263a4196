"""Reading a page as a browser without script does: its forms, with what they would send."""

from html.parser import HTMLParser


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
