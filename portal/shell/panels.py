"""Panels: parts of a page that one room lends to a page of another.

A page names a *slot* (`home`, `use_case`, …) and shows every panel registered for it. The portal
knows no slots but `home` and `approval` (`obj` is the request); the room that owns a page says in
its README what `obj` is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.checks import CheckMessage, Error
from django.http import HttpRequest
from django.template import TemplateDoesNotExist
from django.template.loader import get_template, render_to_string
from django.utils.safestring import SafeString

from portal.registry import Registry

HOME_SLOT = "home"
APPROVAL_SLOT = "approval"
PanelContext = Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class ObjectPanel:
    """A panel of a page about one object.

    Attributes:
        key: unique, `room.noun`.
        slot: the page it belongs to.
        order: smaller comes first.
        template: rendered with the result of `context`, plus `panel` and `object`.
        context: `context(request, obj)`; None means that this person or object has no such panel.
        title: for a table of contents; the template writes the heading itself.
    """

    key: str
    slot: str
    order: int
    template: str
    context: Callable[[HttpRequest, Any], PanelContext]
    title: str = ""


@dataclass(frozen=True, slots=True)
class HomePanel:
    """A panel of the home page: what needs this person today. `context(request)`, None to hide."""

    key: str
    order: int
    template: str
    context: Callable[[HttpRequest], PanelContext]
    title: str = ""


@dataclass(frozen=True, slots=True)
class RenderedPanel:
    """A panel as it stands on the page; `anchor` is the id of its section."""

    key: str
    title: str
    anchor: str
    html: SafeString


def check_panel(panel: ObjectPanel | HomePanel) -> list[CheckMessage]:
    """Its template exists."""
    try:
        get_template(panel.template)
    except TemplateDoesNotExist:
        return [Error(f"panel {panel.key!r}: no template {panel.template!r}", id="portal.E221")]
    return []


object_panels: Registry[ObjectPanel] = Registry("panel", check=check_panel)
home_panels: Registry[HomePanel] = Registry("home panel", check=check_panel)


def _render(
    request: HttpRequest, panel: ObjectPanel | HomePanel, obj: Any, context: Mapping[str, Any]
) -> RenderedPanel:
    anchor = panel.key.replace(".", "-").replace("_", "-")
    html = render_to_string(
        panel.template, {**context, "panel": panel, "anchor": anchor, "object": obj}, request
    )
    return RenderedPanel(panel.key, panel.title, anchor, html)


def render_panels(request: HttpRequest, slot: str, obj: Any) -> list[RenderedPanel]:
    """Every panel of `slot` that has something to say about `obj`, in order."""
    chosen = sorted((p for p in object_panels if p.slot == slot), key=lambda p: (p.order, p.key))
    rendered = []
    for panel in chosen:
        context = panel.context(request, obj)
        if context is not None:
            rendered.append(_render(request, panel, obj, context))
    return rendered


def render_home_panels(request: HttpRequest) -> list[RenderedPanel]:
    """Every home panel that has something to say to this person, in order."""
    rendered = []
    for panel in sorted(home_panels, key=lambda p: (p.order, p.key)):
        context = panel.context(request)
        if context is not None:
            rendered.append(_render(request, panel, None, context))
    return rendered
