"""The site's navigation: rooms register entries, the shell shows those a person may open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.checks import CheckMessage, Error
from django.urls import NoReverseMatch, reverse

from portal.registry import Registry
from portal.shell.addresses import address_of
from portal.shell.icons import ICON_NAMES

Visitor = AbstractBaseUser | AnonymousUser
# Groups in reading order; an entry of another group is a mistake that the system check reports.
GROUPS = ("Work", "Costs", "Numbers", "Data", "Administration")


def everyone(_user: Visitor) -> bool:
    """Visible to whoever is signed in."""
    return True


@dataclass(frozen=True, slots=True)
class NavigationEntry:
    """One entry.

    Attributes:
        key: unique, `room.noun`.
        label: one or two words.
        url_name: a URL name that needs no arguments.
        group: one of `GROUPS`, or empty for the entries above all groups.
        order: smaller comes first within its group.
        icon: a name of `portal.shell.icons`.
        visible: whether this person sees it. It only hides; the page itself must still refuse.
    """

    key: str
    label: str
    url_name: str
    group: str = ""
    order: int = 100
    icon: str = ""
    visible: Callable[[Visitor], bool] = everyone


@dataclass(frozen=True, slots=True)
class NavigationLink:
    """An entry as shown: its address, and `aria-current` (`page`, `true` or empty)."""

    label: str
    url: str
    icon: str
    current: str


@dataclass(frozen=True, slots=True)
class NavigationGroup:
    label: str
    links: tuple[NavigationLink, ...]


def check_entry(entry: NavigationEntry) -> list[CheckMessage]:
    """Known group, known icon, a URL that exists."""
    problems: list[CheckMessage] = []
    where = f"navigation entry {entry.key!r}"
    if entry.group and entry.group not in GROUPS:
        problems.append(
            Error(f"{where}: no group {entry.group!r}", hint=", ".join(GROUPS), id="portal.E211")
        )
    if entry.icon and entry.icon not in ICON_NAMES:
        problems.append(Error(f"{where}: no icon {entry.icon!r}", id="portal.E212"))
    try:
        reverse(entry.url_name)
    except NoReverseMatch:
        problems.append(
            Error(f"{where}: no URL named {entry.url_name!r} without arguments", id="portal.E213")
        )
    return problems


navigation: Registry[NavigationEntry] = Registry("navigation entry", check=check_entry)


def _current(url: str, path: str, best: str) -> str:
    if url == path:
        return "page"
    return "true" if url == best else ""


def navigation_for(user: Visitor, path: str) -> list[NavigationGroup]:
    """The groups that `user` sees, with the entry around `path` marked.

    The longest address that `path` starts with is current, so that a detail page marks its list.
    """
    if not user.is_authenticated:
        return []
    shown = [(entry, address_of(entry.url_name)) for entry in navigation if entry.visible(user)]
    around = [url for _, url in shown if url != "/" and path.startswith(url)]
    best = max(around, key=len, default="")
    groups = []
    for group in ("", *GROUPS):
        members = sorted(
            (pair for pair in shown if pair[0].group == group),
            key=lambda pair: (pair[0].order, pair[0].label),
        )
        if members:
            links = tuple(
                NavigationLink(entry.label, url, entry.icon, _current(url, path, best))
                for entry, url in members
            )
            groups.append(NavigationGroup(group, links))
    return groups
