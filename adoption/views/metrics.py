"""Pages about metrics: the catalogue, a definition, and what a value of it is made of."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from adoption.choices import StandingStatus
from adoption.metrics.attacks import attack_text
from adoption.metrics.documents import definition_document, document_sha256
from adoption.metrics.registry import (
    USAGE_INPUTS,
    MetricDefinition,
    computed_versions,
    metrics,
)
from adoption.metrics.wording import UNIT_WORDS, metric_or_none, value_figure
from adoption.policies import may_open_standing, may_see_registry
from adoption.selectors.metric_standings import (
    standings_of,
    standings_visible_to,
    versions_of,
)
from adoption.selectors.use_cases import zone_of
from adoption.tables.metrics import MetricTable, StandingTable
from adoption.views.metric_standings import standing_records
from adoption.views.use_cases import use_case_crumbs, use_case_or_404
from portal.policies import AnyUser
from portal.shell.formats import moment_text
from portal.shell.money import nano_text
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.views import Crumb, EmptyState, ListPage

_MOMENTS_SHOWN = 50


def metric_records(user: AnyUser) -> list[dict[str, Any]]:
    """The registered metrics as a table reads them."""
    standings = Counter(
        standings_visible_to(user).values_list("metric_version__key", "status").order_by()
    )
    return [
        {
            "pk": metric.key,
            "key": metric.key,
            "label": metric.label,
            "unit": UNIT_WORDS[metric.unit],
            "grain": _grain(metric),
            "version": metric.version,
            "standing": _standing_text(metric, standings),
            "inputs": ", ".join(sorted(item.replace("_", " ") for item in metric.inputs)),
            "decision": metric.decision,
        }
        for metric in metrics
    ]


def _grain(metric: MetricDefinition) -> str:
    if metric.windowed is None:
        return "use case, at a moment"
    scope, window = metric.windowed.scope.label.lower(), metric.windowed.window
    return f"{scope} by {window.replace('_', ' ')}"


def _standing_text(metric: MetricDefinition, standings: Counter[tuple[str, str]]) -> str:
    """In how many scopes it is certified, approved and so on; a draft where nobody has asked."""
    if metric.windowed is None:
        return "for milestones only"
    found = [
        f"{status.label.lower()} in {count} {'scope' if count == 1 else 'scopes'}"
        for status in StandingStatus
        if (count := standings[metric.key, status.value])
    ]
    return ", ".join(found) or "draft: nobody has proposed it"


class MetricListPage(ListPage):
    """Every metric: what it means, what it resists, and where it is approved."""

    title = "Metrics"
    lead = "What may be promised, targeted and reported. None of it improves by using more AI."
    noun_plural = "metrics"
    export_name = "metrics"
    table_class = MetricTable
    template_name = "adoption/metric_list.html"
    fragment_template_name = "adoption/_metric_table.html"

    def allows(self, user: Visitor) -> bool:
        return may_see_registry(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return metric_records(self.request.user)

    def get_empty(self) -> EmptyState:
        return EmptyState(
            "No metric is registered",
            "Metrics are defined in code and come with the rooms that are installed.",
        )

    def get_context_data(self) -> dict[str, Any]:
        return {"usage_inputs": sorted(item.replace("_", " ") for item in USAGE_INPUTS)}


def _metric_or_404(key: str) -> MetricDefinition:
    metric = metric_or_none(key)
    if metric is None:
        raise Http404(f"no metric {key!r}")
    return metric


def _definition(metric: MetricDefinition) -> dict[str, Any]:
    return {
        "metric": metric,
        "unit_words": UNIT_WORDS[metric.unit],
        "inputs": sorted(item.replace("_", " ") for item in metric.inputs),
        "comparators": [item.label for item in metric.comparators],
        "usage_inputs": sorted(item.replace("_", " ") for item in USAGE_INPUTS),
        **_catalogue(metric),
    }


def _by_number(key: str) -> tuple[str, int]:
    """A2 before A10."""
    letters = key.rstrip("0123456789")
    return letters, int(key.removeprefix(letters) or 0)


def _catalogue(metric: MetricDefinition) -> dict[str, Any]:
    """What only a metric of the catalogue says."""
    windowed = metric.windowed
    if windowed is None:
        return {}
    return {
        "windowed": windowed,
        "grain": _grain(metric),
        "attacks": [
            (key, attack_text(key), windowed.resists[key])
            for key in sorted(windowed.resists, key=_by_number)
        ],
        "guardrails": [(key, metric_or_none(key)) for key in sorted(windowed.guardrails)],
        "versions": [
            (each.version, document_sha256(definition_document(each)))
            for each in computed_versions(metric)
        ],
        "matures_days": windowed.matures_after.days,
        "coverage_bound": nano_text(windowed.coverage_bound_nano * 100),
    }


@require_safe
def metric_page(request: HttpRequest, key: str) -> HttpResponse:
    """One definition: formula, unit, inputs, version, the decision it supports."""
    if not may_see_registry(request.user):
        raise PermissionDenied
    metric = _metric_or_404(key)
    records = standing_records(standings_of(versions_of(key), request.user))
    context = {
        "page_title": metric.label,
        "breadcrumbs": [Crumb("Metrics", reverse("metric-list"))],
        "standings": StandingTable.of(records) if records else None,
        "may_open": metric.windowed is not None and may_open_standing(request.user),
        **_definition(metric),
    }
    return render(request, "adoption/metric_detail.html", context)


@require_safe
def metric_of_use_case(request: HttpRequest, key: str, slug: str) -> HttpResponse:
    """What the metric says about one use case now, and what it counted."""
    metric = _metric_or_404(key)
    if metric.measure is None:
        raise Http404(f"{key!r} is not measured for one use case at a moment")
    use_case = use_case_or_404(request.user, slug)
    now = timezone.now()
    measured = metric.measurable([use_case.pk], now).get(use_case.pk)
    zone = zone_of(use_case)
    figure = value_figure(
        metric,
        label=metric.label,
        nano=measured.nano if measured else None,
        reason=measured.reason if measured else "not_measured",
        currency=measured.currency if measured else "",
        basis=measured.basis.capitalize() if measured else "",
        as_of=measured.as_of if measured else now,
        note=f"n = {measured.count}" if measured and measured.count else "",
        lineage_url=measured.lineage_url if measured else "",
    )
    moments = measured.happened_at if measured else ()
    context = {
        "page_title": f"{metric.label} of {use_case.title}",
        "breadcrumbs": use_case_crumbs(use_case),
        "use_case": use_case,
        "figure_shown": figure,
        "moments": [moment_text(moment, zone) for moment in moments[:_MOMENTS_SHOWN]],
        "moment_count": len(moments),
        "lineage_url": measured.lineage_url if measured else "",
        **_definition(metric),
    }
    return render(request, "adoption/metric_of_use_case.html", context)
