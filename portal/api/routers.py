"""Where the rooms hang their endpoints: a module of `urlpatterns` each, mounted below /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from portal.registry import Registry
from portal.shell.urls_registry import UrlModule, check_module

api_modules: Registry[UrlModule] = Registry("API module", check=check_module)


def register_api(module: str, *, prefix: str = "", order: int = 100) -> None:
    """Mount `module`'s `urlpatterns` at `/api/v1/` + `prefix`; smaller `order` is tried first.

    Two rooms may share a prefix: billing adds `use-cases/<slug>/costs/` to adoption's use cases.
    """
    api_modules.register(UrlModule(module, prefix, order))


def api_patterns() -> list[URLPattern | URLResolver]:
    """One `include` for each registered module."""
    entries = sorted(api_modules, key=lambda entry: (entry.order, entry.module))
    return [path(entry.prefix, include(entry.module)) for entry in entries]
