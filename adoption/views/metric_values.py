"""The series of a metric, every version of it, and what one value is made of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from adoption.metrics.wording import (
    amount_text,
    metric_or_none,
    reason_text,
    standing_reason,
    value_figure,
)
from adoption.models import MetricStanding, MetricVersion
from adoption.policies import may_see_registry
from adoption.selectors.metric_scopes import Scope, scope_or_none, scopes_of
from adoption.selectors.metric_standings import (
    freshness_of,
    is_served,
    standing_in,
    standings_of,
    versions_of,
)
from adoption.selectors.metric_values import (
    Comparison,
    ShownValue,
    facts_of,
    history_of,
    shown_facts,
    value_or_none,
    values_of,
    with_previous,
)
from adoption.tables.metrics import MetricValueTable
from portal.shell.charts import Chart, Series, line_chart
from portal.shell.figures import Figure
from portal.shell.formats import date_text
from portal.shell.money import from_nano
from portal.shell.statuses import FigureStatus
from portal.shell.views import Crumb

_MOST_POINTS = 60  # windows in a drawing; the table has them all


def metric_crumbs(key: str) -> list[Crumb]:
    """Catalogue and definition."""
    metric = metric_or_none(key)
    found = [Crumb("Metrics", reverse("metric-list"))]
    if metric is not None:
        found.append(Crumb(metric.label, reverse("metric", args=[key])))
    return found


def figure_of(version: MetricVersion, value: ShownValue, *, label: str = "Value") -> Figure:
    """A value as the figure of a page, linked to its definition and to what it is made of."""
    return value_figure(
        metric_or_none(version.key),
        label=label,
        nano=value.nano,
        reason=value.missing or value.reason,
        currency=value.currency,
        basis=value.basis.capitalize(),
        status=FigureStatus(value.status),
        as_of=value.data_as_of,
        note=f"n = {value.n}" if value.n else "",
        lineage_url=reverse("metric-value", args=[value.id]),
    )


def _interval_text(version: MetricVersion, value: ShownValue) -> str | None:
    if not value.interval_method:
        return None
    unit = version.definition["unit"]
    ends = [
        "open" if nano is None else amount_text(nano, unit, value.currency)
        for nano in (value.low_nano, value.high_nano)
    ]
    return f"{' to '.join(ends)} ({value.interval_level_percent} %, {value.interval_method})"


def _change_text(version: MetricVersion, found: Comparison | None) -> str | None:
    if found is None:
        return None
    if found.nano is None:
        return reason_text(found.reason)
    sign = "+" if found.nano > 0 else ""
    return sign + amount_text(found.nano, version.definition["unit"], found.later.currency)


def value_records(
    version: MetricVersion, values: Sequence[ShownValue], standing: MetricStanding | None
) -> list[dict[str, Any]]:
    """Values of one scope as the table reads them."""
    bound = version.definition["catalogue"]["coverage_bound_nano"]
    changes = with_previous(values, bound_nano=bound)
    seen_until = standing.seen_until if standing is not None and is_served(standing) else None
    return [
        {
            "pk": value.id,
            "starts_on": value.window.starts_on,
            "ends_on": value.window.ends_on,
            "figure": figure_of(version, value),
            "interval": _interval_text(version, value),
            "n": value.n,
            "coverage": None if value.coverage_nano is None else from_nano(value.coverage_nano),
            "change": _change_text(version, changes.get(value.id)),
            "data_version": value.data_version,
            "seen": "yes" if seen_until and value.window.ends_on <= seen_until else "no",
        }
        for value in values
    ]


def series_chart(
    label: str, found: Sequence[tuple[MetricVersion, Sequence[ShownValue]]], scope: Scope
) -> Chart:
    """A line for each version over the windows that any of them has; gaps stay gaps."""
    windows = sorted({value.window for _, values in found for value in values})[-_MOST_POINTS:]
    places = {window: index for index, window in enumerate(windows)}
    series = [_series(version, values, places) for version, values in found]
    unit = found[0][0].definition["unit"] if found else ""
    currency = next((value.currency for _, vs in found for value in vs if value.currency), "")
    scale = 100 if unit == "share" else 1
    return line_chart(
        title=label,
        description=f"{label} of {scope.name}, one value a window, with its interval as a band.",
        labels=[date_text(window.starts_on) for window in windows],
        series=series,
        unit={"money": currency, "share": "per cent"}.get(unit, unit),
        text=lambda value: amount_text(
            int(Decimal(str(value)) * 1_000_000_000 / scale), unit, currency
        ),
    )


def _series(version: MetricVersion, values: Sequence[ShownValue], places: dict[Any, int]) -> Series:
    scale = 100 if version.definition["unit"] == "share" else 1
    numbers: list[Decimal | None] = [None] * len(places)
    reasons: dict[int, str] = {}
    intervals: dict[int, tuple[Decimal | None, Decimal | None]] = {}

    def read(nano: int | None) -> Decimal | None:
        return None if nano is None else from_nano(nano) * scale

    for value in values:
        index = places.get(value.window)
        if index is None:
            continue
        numbers[index] = read(value.nano)
        if value.nano is None:
            reasons[index] = value.missing or reason_text(value.reason)
        elif value.interval_method:
            intervals[index] = (read(value.low_nano), read(value.high_nano))
    return Series(
        f"Version {version.version}",
        numbers,
        reason="not filled",
        reasons=reasons,
        intervals=intervals,
    )


def _chosen(request: HttpRequest, scopes: dict[int, Scope], filled: set[int]) -> Scope | None:
    """The scope in the address, else the first by name that has a value.

    Raises:
        Http404: the address names one that there is not.
    """
    asked = request.GET.get("scope", "")
    if asked:
        kind, _, ref = asked.partition(":")
        found = scope_or_none(kind, ref) if "\0" not in asked else None
        if found is None or found.pk not in scopes or found.kind != scopes[found.pk].kind:
            raise Http404("no such scope")
        return found
    ordered = sorted(scopes.values(), key=lambda scope: (scope.pk not in filled, scope.name))
    return ordered[0] if ordered else None


@require_safe
def metric_values_page(request: HttpRequest, key: str) -> HttpResponse:
    """The series of one scope: drawn and as a table, every version, with where each stands."""
    if not may_see_registry(request.user):
        raise PermissionDenied
    metric = metric_or_none(key)
    versions = [each for each in versions_of(key) if "catalogue" in each.definition]
    if metric is None or (metric.windowed is None and not versions):
        raise Http404(f"no metric {key!r} that is computed window by window")
    kind = versions[0].definition["catalogue"]["scope"] if versions else ""
    scopes = scopes_of(kind) if kind else {}
    shown = {version.pk: values_of(version, viewer=request.user) for version in versions}
    filled = {value.scope_id for values in shown.values() for value in values}
    scope = _chosen(request, scopes, filled)
    standings = standings_of(versions, request.user)
    parts = [_part(version, shown[version.pk], standings, scope) for version in versions]
    series = [(part["row"], part["values"]) for part in parts if part["values"]]
    # Axes without a point say nothing that the table below does not say better.
    drawn = series if any(v.nano is not None for _, vs in series for v in vs) else []
    context = {
        "page_title": f"{metric.label}: values",
        "breadcrumbs": metric_crumbs(key),
        "metric": metric,
        "scope": scope,
        "scopes": sorted(scopes.values(), key=lambda each: each.name),
        "parts": parts,
        "chart": series_chart(metric.label, drawn, scope) if drawn and scope else None,
    }
    return render(request, "adoption/metric_values.html", context)


def _part(
    version: MetricVersion,
    values: Sequence[ShownValue],
    standings: Sequence[MetricStanding],
    scope: Scope | None,
) -> dict[str, Any]:
    """One version on the page of the series."""
    own = [value for value in values if scope is not None and value.scope_id == scope.pk]
    mine = [each for each in standings if each.metric_version_id == version.pk]
    standing = standing_in(mine, scope.pk) if scope is not None else None
    records = value_records(version, own, standing)
    caption = f"Values of version {version.version}"
    return {
        "row": version,
        "values": own,
        "standing": standing,
        "status": standing.status if standing is not None else "draft",
        "reason": standing_reason(standing.status_reason) if standing is not None else "",
        "is_served": is_served(standing),
        "freshness": freshness_of(version, now=timezone.now()),
        "table": MetricValueTable.of(records[::-1], caption=caption) if records else None,
    }


@require_safe
def metric_value_page(request: HttpRequest, pk: int) -> HttpResponse:
    """What one value is made of: its frozen facts, and every state that it had."""
    if not may_see_registry(request.user):
        raise PermissionDenied
    found = value_or_none(pk, viewer=request.user)
    if found is None:
        raise Http404("no such value")
    version, value = found
    scope = scopes_of(value.scope_kind, [value.scope_id]).get(value.scope_id)
    facts = facts_of([value]).get(value.id)
    told = None if facts is None else shown_facts(version, facts, viewer=request.user)
    label = version.definition["label"]
    address = reverse("metric-values", args=[version.key])
    context = {
        "page_title": f"{label}, {date_text(value.window.starts_on)}",
        "breadcrumbs": [
            *metric_crumbs(version.key),
            Crumb("Values", f"{address}?scope={scope.ref}" if scope else address),
        ],
        "version": version,
        "value": value,
        "scope": scope,
        "figure_shown": figure_of(version, value, label=label),
        "interval": _interval_text(version, value),
        "facts": None if told is None else json.dumps(told, indent=2, ensure_ascii=False),
        "history": [
            (each, figure_of(version, each, label=f"Data version {each.data_version}"))
            for each in history_of(version, value, viewer=request.user)
        ],
    }
    return render(request, "adoption/metric_value.html", context)
