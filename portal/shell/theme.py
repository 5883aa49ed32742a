"""Light, dark or as the device says: kept in a cookie, because it needs no account."""

from __future__ import annotations

from enum import StrEnum

from django.http import HttpRequest

COOKIE_NAME = "plumbline_theme"
COOKIE_SECONDS = 365 * 24 * 60 * 60


class Theme(StrEnum):
    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"

    @property
    def label(self) -> str:
        return {"auto": "As my device", "light": "Light", "dark": "Dark"}[self.value]


def theme_of(request: HttpRequest) -> Theme:
    """The theme this browser chose; `AUTO` when it chose none or sends nonsense."""
    chosen = request.COOKIES.get(COOKIE_NAME, "")
    return Theme(chosen) if chosen in set(Theme) else Theme.AUTO
