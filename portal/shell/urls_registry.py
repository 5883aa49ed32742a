"""Where the rooms hang their pages: `portal/urls.py` builds itself from what is registered here.

The portal imports no room above it, so a room names its URL module in `AppConfig.ready()`.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from django.core.checks import CheckMessage, Error
from django.urls import URLPattern, URLResolver, include, path

from portal.registry import Registry


@dataclass(frozen=True, slots=True)
class UrlModule:
    """A module with `urlpatterns`, mounted at `prefix` (relative, empty or ending in a slash)."""

    module: str
    prefix: str
    order: int = 100

    @property
    def key(self) -> str:
        return self.module


def check_module(entry: UrlModule) -> list[CheckMessage]:
    """The module can be imported and has patterns; the prefix is well formed."""
    problems: list[CheckMessage] = []
    if entry.prefix.startswith("/") or (entry.prefix and not entry.prefix.endswith("/")):
        problems.append(
            Error(
                f"URLs of {entry.module}: prefix {entry.prefix!r} must not start with a slash "
                "and must end with one",
                id="portal.E231",
            )
        )
    try:
        module = import_module(entry.module)
    except ImportError as error:
        problems.append(Error(f"URLs of {entry.module}: {error}", id="portal.E232"))
    else:
        if not hasattr(module, "urlpatterns"):
            problems.append(Error(f"{entry.module} has no urlpatterns", id="portal.E233"))
    return problems


url_modules: Registry[UrlModule] = Registry("URL module", check=check_module)


def register_urls(prefix: str, module: str, *, order: int = 100) -> None:
    """Mount `module`'s `urlpatterns` at `prefix`; smaller `order` is tried first."""
    url_modules.register(UrlModule(module, prefix, order))


def registered_patterns() -> list[URLPattern | URLResolver]:
    """One `include` for each registered module."""
    entries = sorted(url_modules, key=lambda entry: (entry.order, entry.module))
    return [path(entry.prefix, include(entry.module)) for entry in entries]
