"""DORA's five metrics of one service, in its last whole windows. Context, never a comparison."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from adoption.metrics.contracts import Computed, ValueInterval
from adoption.metrics.fill import SETTLED
from adoption.metrics.registry import MetricDefinition, metrics
from adoption.metrics.windows import Window, WindowKind, window_of
from adoption.models import Service
from adoption.policies import may_see_registry
from adoption.selectors.metric_scopes import house_zone
from adoption.selectors.metric_standings import versions_of
from adoption.selectors.metric_values import ShownValue, values_of
from portal.policies import AnyUser

FIVE = (
    "change_lead_time",
    "deployment_frequency",
    "failed_deployment_recovery_time",
    "change_fail_rate",
    "deployment_rework_rate",
)
WINDOWS = 3
NOT_FILLED = "not_filled"


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


def service_or_none(user: AnyUser, ref: str) -> Service | None:
    """The service of that key, else of that number; None without one or for those outside."""
    if not may_see_registry(user):
        return None
    named = Service.objects.filter(key=ref[:200]).first()
    if named is not None or not (ref.isascii() and ref.isdigit() and len(ref) < 19):
        return named
    return Service.objects.filter(pk=int(ref)).first()


def dora_windows(user: AnyUser, service: Service, *, as_of: dt.datetime) -> list[DoraWindow]:
    """The last whole four-week windows, newest first; nothing for who may not see services.

    They are the values that fills have stored, by the newest version of each metric, read in the
    one place that withholds small groups and whatever would give them away.
    """
    if not may_see_registry(user):
        return []
    windows = last_windows(house_zone(), as_of)
    stored = {key: _stored(user, service, key, windows, as_of) for key in FIVE}
    return [
        DoraWindow(
            window,
            tuple(_value(key, values.get(window.starts_on)) for key, values in stored.items()),
        )
        for window in windows
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


def _stored(
    user: AnyUser, service: Service, key: str, windows: Sequence[Window], as_of: dt.datetime
) -> dict[dt.date, ShownValue]:
    """Values by the first day of their window; none when the metric was never filled."""
    versions = versions_of(key)
    if not versions:
        return {}
    found = values_of(
        versions[0],
        viewer=user,
        scope_ids=[service.pk],
        first=windows[-1].starts_on,
        last=windows[0].ends_on,
        as_of=as_of,
    )
    return {value.window.starts_on: value for value in found}


def _value(key: str, shown: ShownValue | None) -> DoraValue:
    metric = metrics.get(key)
    if shown is None:
        return DoraValue(metric, Computed(nano=None, reason=NOT_FILLED), is_final=False)
    interval = None
    if shown.interval_method:
        interval = ValueInterval(
            shown.low_nano,
            shown.high_nano,
            shown.interval_method,
            shown.interval_level_percent or 95,
        )
    computed = Computed(
        nano=shown.nano,
        reason=shown.reason,
        missing=shown.missing,
        n=shown.n or 0,
        interval=interval,
    )
    return DoraValue(metric, computed, is_final=shown.status in SETTLED)
