"""Banners: what everybody must know at once, above every page. Rooms register them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest

from portal.registry import Registry


@dataclass(frozen=True, slots=True)
class BannerText:
    """One banner as shown. `url` leads to more, with `link` as its words."""

    title: str
    text: str
    tone: str = "error"
    url: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Banner:
    """A banner that may be shown: `show(request)` gives its words, or None. Smaller order first."""

    key: str
    order: int
    show: Callable[[HttpRequest], BannerText | None]


banners: Registry[Banner] = Registry("banner")


def banners_for(request: HttpRequest) -> list[BannerText]:
    """The banners in force for whoever asks."""
    found = (banner.show(request) for banner in sorted(banners, key=lambda b: (b.order, b.key)))
    return [text for text in found if text is not None]
