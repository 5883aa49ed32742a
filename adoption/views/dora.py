"""DORA's five metrics of one service: context for the team that runs it."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from adoption.metrics.contracts import ValueInterval
from adoption.metrics.wording import value_figure
from adoption.policies import may_see_registry
from adoption.selectors.deployments import services_visible_to
from adoption.selectors.dora import DoraValue, DoraWindow, dora_windows
from adoption.selectors.metric_scopes import house_zone
from portal.shell.figures import Figure
from portal.shell.formats import NARROW_SPACE, date_text
from portal.shell.money import nano_text
from portal.shell.statuses import FigureStatus
from portal.shell.views import Crumb

_UNITS = {"hours": ", hours", "share": "", "count": ", a week"}


@require_safe
def dora_page(request: HttpRequest, pk: int) -> HttpResponse:
    """The last three windows, newest first, each value with its interval and n."""
    if not may_see_registry(request.user):
        raise PermissionDenied
    service = services_visible_to(request.user).filter(pk=pk).first()
    if service is None:
        raise Http404(f"no service {pk}")
    now = timezone.now()
    context = {
        "page_title": f"Delivery of {service.name}",
        "breadcrumbs": [
            Crumb("Services", reverse("service-list")),
            Crumb(service.name, reverse("service", args=[service.pk])),
        ],
        "zone": house_zone(),
        "windows": [_shown(each, now) for each in dora_windows(request.user, service, as_of=now)],
    }
    return render(request, "adoption/service_dora.html", context)


def _shown(found: DoraWindow, now: Any) -> dict[str, Any]:
    window = found.window
    return {
        "title": f"{date_text(window.starts_on)} up to, not with, {date_text(window.ends_on)}",
        "figures": [_figure(each, now) for each in found.values],
    }


def _figure(value: DoraValue, now: Any) -> Figure:
    computed, metric = value.computed, value.metric
    notes = [f"n = {computed.n}"] if computed.n else []
    if computed.interval is not None:
        notes.append(_interval(computed.interval, metric.unit))
    return value_figure(
        metric,
        label=metric.label + _UNITS[metric.unit],
        nano=computed.nano,
        reason=computed.missing or computed.reason,
        status=FigureStatus.FINAL if value.is_final else FigureStatus.PROVISIONAL,
        as_of=now,
        note=", ".join(notes),
    )


def _interval(interval: ValueInterval, unit: str) -> str:
    scale = 100 if unit == "share" else 1
    low, high = (
        "open" if bound is None else _bound(bound * scale)
        for bound in (interval.low_nano, interval.high_nano)
    )
    return f"{interval.level_percent}{NARROW_SPACE}%: {low} to {high} ({interval.method})"


def _bound(nano: int) -> str:
    """One digit after the point: an interval that is written out in full pretends to know."""
    return nano_text(round(nano, -8))
