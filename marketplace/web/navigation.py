"""Navigation: what stands in the side bar of desk pages and in the tabs of phone pages.

A page is added by a line here. Entries that a person may not open are left out.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from flask import request, url_for


@dataclass(frozen=True)
class Entry:
    label: str
    endpoint: str
    permission: str
    icon: str = ""


@dataclass(frozen=True)
class Shown:
    label: str
    href: str
    active: bool
    icon: str = ""
    badge: str = ""


DESK: tuple[tuple[str, tuple[Entry, ...]], ...] = ()
SHOP_TABS: tuple[Entry, ...] = ()
CADRE_TABS: tuple[Entry, ...] = ()


def _shown(entry: Entry) -> Shown:
    here = request.endpoint or ""
    same_page = here == entry.endpoint
    same_feature = here.rsplit(".", 1)[0] == entry.endpoint.rsplit(".", 1)[0]
    return Shown(entry.label, url_for(entry.endpoint), same_page or same_feature, entry.icon)


def desk_navigation(may: Callable[[str], bool]) -> list[tuple[str, list[Shown]]]:
    """Groups of entries in the order of the work, for the person whose rights `may` tells."""
    groups = [(title, [_shown(e) for e in entries if may(e.permission)]) for title, entries in DESK]
    return [(title, shown) for title, shown in groups if shown]


def tabs(entries: Iterable[Entry]) -> list[Shown]:
    return [_shown(entry) for entry in entries]
