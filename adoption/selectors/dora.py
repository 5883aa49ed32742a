"""DORA's five metrics of one service, in its last whole windows. Context, never a comparison."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from adoption.metrics.contracts import Computed, Facts, Windowed
from adoption.metrics.registry import MetricDefinition, metrics
from adoption.metrics.windows import Window, WindowKind, window_of
from adoption.models import RepositoryLink, Service
from adoption.policies import may_see_registry
from portal.policies import AnyUser

FIVE = (
    "change_lead_time",
    "deployment_frequency",
    "failed_deployment_recovery_time",
    "change_fail_rate",
    "deployment_rework_rate",
)
WINDOWS = 3
SMALL_GROUP = "small_group"


@dataclass(frozen=True, slots=True)
class DoraValue:
    """One of the five in one window. `is_final`: the passing of time cannot change it any more."""

    metric: MetricDefinition
    computed: Computed
    is_final: bool


@dataclass(frozen=True, slots=True)
class DoraWindow:
    """The five in one window."""

    window: Window
    values: tuple[DoraValue, ...]


def zone_of_service(service: Service) -> str:
    """The zone of the programme that its repository was linked to first; UTC when it is in none."""
    zone = (
        RepositoryLink.objects.filter(repository_id=service.repository_id)
        .order_by("starts_on", "pk")
        .values_list("use_case__programme__time_zone", flat=True)
        .first()
    )
    return zone or "UTC"


def dora_windows(user: AnyUser, service: Service, *, as_of: dt.datetime) -> list[DoraWindow]:
    """The last whole four-week windows, newest first; nothing for who may not see services.

    A value to which fewer people contributed than its k is withheld.
    """
    if not may_see_registry(user):
        return []
    return [
        DoraWindow(window, tuple(_values(service, window, as_of)))
        for window in last_windows(zone_of_service(service), as_of)
    ]


def last_windows(zone: str, as_of: dt.datetime) -> list[Window]:
    """Whole four-week windows that were over at that moment, newest first."""
    found: list[Window] = []
    window = window_of(WindowKind.FOUR_WEEKS, as_of.date(), zone)
    while len(found) < WINDOWS:
        if window.ends_at <= as_of:
            found.append(window)
        before = window.starts_on - dt.timedelta(days=1)
        window = window_of(WindowKind.FOUR_WEEKS, before, zone)
    return found


def _values(service: Service, window: Window, as_of: dt.datetime) -> Iterable[DoraValue]:
    """Metrics that read the same facts read them once."""
    known: dict[object, Facts | None] = {}
    for key in FIVE:
        metric = metrics.get(key)
        windowed = metric.windowed
        if windowed is None:
            continue
        if windowed.collect not in known:
            known[windowed.collect] = windowed.collect([service.pk], window, as_of).get(service.pk)
        facts = known[windowed.collect]
        computed = (
            Computed(nano=None, reason="no_production_deployment")
            if facts is None
            else _withheld(windowed.calculate(facts), windowed)
        )
        settled = window.ends_at + windowed.matures_after <= as_of
        yield DoraValue(metric, computed, settled)


def _withheld(computed: Computed, windowed: Windowed) -> Computed:
    """Nothing was contributed by nobody; of one to four people, nothing is said."""
    if computed.nano is None or not 0 < (computed.contributors or 0) < windowed.k:
        return computed
    return Computed(nano=None, reason=SMALL_GROUP)
