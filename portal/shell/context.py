"""What every page gets: navigation, theme, version, freshness. All of it lazily."""

from __future__ import annotations

import tomllib
from functools import lru_cache

from django.http import HttpRequest
from django.utils.functional import cached_property

from portal.env import BASE_DIR
from portal.shell.banners import BannerText, banners_for
from portal.shell.freshness import Freshness, data_freshness
from portal.shell.navigation import NavigationGroup, navigation_for
from portal.shell.theme import Theme, theme_of

PRODUCT_NAME = "Plumbline"


@lru_cache(maxsize=1)
def product_version() -> str:
    """The version in `pyproject.toml`."""
    with (BASE_DIR / "pyproject.toml").open("rb") as handle:
        return str(tomllib.load(handle)["project"]["version"])


class Shell:
    """The frame of one response. Nothing is computed before a template asks for it."""

    name = PRODUCT_NAME
    themes = tuple(Theme)

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @property
    def version(self) -> str:
        return product_version()

    @property
    def theme(self) -> Theme:
        return theme_of(self._request)

    @cached_property
    def navigation(self) -> list[NavigationGroup]:
        return navigation_for(self._request.user, self._request.path)

    @cached_property
    def banners(self) -> list[BannerText]:
        return banners_for(self._request)

    @cached_property
    def freshness(self) -> list[Freshness]:
        return data_freshness()

    @property
    def return_to(self) -> str:
        """Where a form of the frame (the theme switch) comes back to."""
        is_safe_to_repeat = self._request.method in {"GET", "HEAD"}
        return self._request.get_full_path() if is_safe_to_repeat else "/"


def shell(request: HttpRequest) -> dict[str, Shell]:
    """Context processor: `shell` in every template rendered with a request."""
    return {"shell": Shell(request)}
