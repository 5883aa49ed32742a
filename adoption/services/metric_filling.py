"""Filling metric values: whole windows, each in one transaction, written only where facts changed.

Two fills at once are harmless: each window is filled under the lock of its metric version, and what
a later look has written an earlier one leaves alone. A fill that is killed leaves whole windows and
none that is half done; the next one looks at all of them again.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import connection, transaction

from adoption.metrics.contracts import Computed, Facts, ValueInterval, Windowed, canonical
from adoption.metrics.contracts import facts_sha256 as sha256_of
from adoption.metrics.fill import (
    NO_DATA,
    NO_FACTS,
    SETTLED,
    FillResult,
    Step,
    Stored,
    decide,
    due_windows,
    has_matured,
    status_after,
)
from adoption.metrics.registry import MetricDefinition, computed_versions, metrics
from adoption.metrics.windows import Window
from adoption.models import FillWatermark, MetricValue, MetricVersion
from adoption.selectors.metric_scopes import first_day, scopes_of
from adoption.services.metric_events import (
    Written,
    served_scopes,
    tell_of_voided,
    tell_of_written,
)
from adoption.services.metric_rechecks import recheck_standings, suspend_version
from adoption.services.metric_versions import DefinitionChangedError, metric_version_of
from portal.services.work import enqueue
from portal.work.registry import Work, WorkRefusedError

log = structlog.get_logger(__name__)
FILL_KIND = "adoption.fill-metric"
_COUNT_WRITE = """
INSERT INTO adoption_valuewrite (metric_version_id, writes) VALUES (%s, 1)
ON CONFLICT (metric_version_id) DO UPDATE SET writes = adoption_valuewrite.writes + 1
"""


class CalculationChangedError(ValueError):
    """The same facts give another value than they did: the code changed and its version did not."""

    def __init__(self, metric: MetricDefinition, window: Window) -> None:
        super().__init__(
            f"Metric {metric.key!r} {metric.version} gives another value for the same facts of "
            f"{window.starts_on} to {window.ends_on} than it did. Raise its version; the values of "
            "this one stay as they are."
        )


def ask_for_fills(*, at: dt.datetime) -> None:
    """Have every metric of the catalogue filled in the background, one piece of work each."""
    for metric in metrics:
        if computed_versions(metric):
            enqueue(
                kind=FILL_KIND, key=metric.key, payload={"metric": metric.key}, actor=None, at=at
            )


def run_fill(work: Work) -> None:
    """The work of one metric.

    Raises:
        WorkRefusedError: the metric is gone, or its code must be mended first.
    """
    key = work.payload["metric"]
    if key not in metrics:
        raise WorkRefusedError(f"There is no metric {key!r} any more.")
    problems = [each.problem for each in fill_metrics(at=work.at, keys=[key]) if each.problem]
    if problems:
        raise WorkRefusedError(" ".join(problems))


def fill_metrics(
    *,
    at: dt.datetime,
    keys: Collection[str] | None = None,
    since: dt.date | None = None,
    until: dt.date | None = None,
) -> list[FillResult]:
    """Fill every version that is computed. One that cannot be filled keeps none of the others.

    Args:
        at: up to when is looked; windows that are not over by then wait.
        keys: only these metrics.
        since, until: only windows wholly between these days (`until` exclusive). The watermark
            then moves only where no window is left out.
    """
    found: list[FillResult] = []
    for metric in metrics:
        if keys is not None and metric.key not in keys:
            continue
        for definition in reversed(computed_versions(metric)):
            found.append(_fill_version(definition, at=at, since=since, until=until))
    return found


def _fill_version(
    metric: MetricDefinition, *, at: dt.datetime, since: dt.date | None, until: dt.date | None
) -> FillResult:
    result = FillResult(metric.key, metric.version)
    try:
        version = metric_version_of(metric, at=at)
        _fill_windows(_Fill(metric, version, at), result, since=since, until=until)
    except DefinitionChangedError as error:
        result.problem = str(error)
        result.suspended += suspend_version(
            key=metric.key, version=metric.version, reason="definition_changed", at=at
        )
    except CalculationChangedError as error:
        result.problem = str(error)
    if result.problem:
        log.error("metric_not_filled", metric=metric.key, problem=result.problem)
    return result


@dataclass(frozen=True, slots=True)
class _Fill:
    """One version and the moment up to which it is filled."""

    metric: MetricDefinition
    version: MetricVersion
    at: dt.datetime

    @property
    def windowed(self) -> Windowed:
        if self.metric.windowed is None:
            raise TypeError(f"{self.metric.key!r} is not computed window by window")
        return self.metric.windowed


def _fill_windows(
    fill: _Fill, result: FillResult, *, since: dt.date | None, until: dt.date | None
) -> None:
    first = first_day()
    if first is None:
        return
    zones: dict[str, list[int]] = defaultdict(list)
    for scope in scopes_of(fill.windowed.scope).values():
        zones[scope.zone].append(scope.pk)
    due = due_windows(fill.windowed.window, first=first, zones=list(zones), at=fill.at)
    begun: set[int] = set()
    for index, (starts_on, ends_on) in enumerate(due):
        if (until is not None and ends_on > until) or (since is not None and starts_on < since):
            continue
        if not begun:
            begun = _begun_before(fill.version, starts_on)
        windows = {Window(starts_on, ends_on, zone): ids for zone, ids in zones.items()}
        with transaction.atomic():
            if not _lock(fill):
                log.info("metric_fill_overtaken", metric=fill.metric.key)
                break
            _fill_window(fill, windows, begun, result)
            _move_watermark(fill, starts_on, ends_on, is_first=index == 0)
        result.windows += 1
    _note_pass(fill, result, is_whole=since is None and until is None)


def _begun_before(version: MetricVersion, day: dt.date) -> set[int]:
    """Scopes that have had a value by then: from there on a window without data is a gap."""
    rows = MetricValue.objects.filter(metric_version=version, window_starts_on__lt=day)
    return set(rows.order_by().values_list("scope_id", flat=True).distinct())


def _lock(fill: _Fill) -> bool:
    """Keep other fills of this version out; False when a later one has passed already."""
    MetricVersion.objects.select_for_update().get(pk=fill.version.pk)
    watermark = FillWatermark.objects.filter(metric_version=fill.version).first()
    return watermark is None or watermark.filled_at <= fill.at


def _fill_window(
    fill: _Fill, windows: Mapping[Window, list[int]], begun: set[int], result: FillResult
) -> None:
    any_window = next(iter(windows), None)
    if any_window is None:
        return
    stored = _stored(fill.version, any_window)
    written: list[Written] = []
    settled: list[int] = []
    for window, scope_ids in windows.items():
        facts = fill.windowed.collect(scope_ids, window, fill.at)
        begun.update(facts)
        for scope_id in scope_ids:
            known = stored.get(scope_id)
            if scope_id not in facts and scope_id not in begun and known is None:
                continue
            step, row = _take(fill, window, scope_id, facts.get(scope_id), known)
            result.counts[step] += 1
            if step is Step.SETTLE and known is not None:
                settled.append(known.pk)
            if row is not None:
                written.append(Written(row, step, known))
    _write(fill, written, settled)
    if written or settled:
        count_write(fill.version)
    if written:
        served = served_scopes(fill.version)
        result.suspended += recheck_standings(version=fill.version, at=fill.at)
        tell_of_written(fill.version, written, served=served, at=fill.at)


def _stored(version: MetricVersion, window: Window) -> dict[int, Stored]:
    rows = MetricValue.objects.filter(
        metric_version=version,
        window_starts_on=window.starts_on,
        window_ends_on=window.ends_on,
        superseded_at=None,
    )
    return {
        row.scope_id: Stored(
            pk=row.pk,
            data_version=row.data_version,
            facts_sha256=row.facts_sha256,
            zone=row.zone,
            status=row.status,
            is_settled=row.status in SETTLED or row.settled_at is not None,
            data_as_of=row.data_as_of,
            computed=_computed(row),
        )
        for row in rows.defer("facts")
    }


def _computed(row: MetricValue) -> Computed:
    """A row as what its calculation gave."""
    interval = None
    if row.interval_method:
        interval = ValueInterval(
            row.interval_low_nano,
            row.interval_high_nano,
            row.interval_method,
            row.interval_level_percent or 95,
        )
    return Computed(
        nano=row.value_nano,
        reason=row.reason,
        missing=row.missing,
        n=row.n,
        contributors=row.contributors,
        interval=interval,
        coverage_nano=row.coverage_nano,
        unknown_share_nano=row.unknown_share_nano,
        currency=row.currency,
        basis=row.basis,
    )


def _take(
    fill: _Fill, window: Window, scope_id: int, facts: Facts | None, known: Stored | None
) -> tuple[Step, MetricValue | None]:
    """What becomes of one scope's value, and the row to write if one is."""
    matured = has_matured(fill.windowed, window, fill.at)
    text = NO_FACTS if facts is None else canonical(facts)
    sha256 = sha256_of({} if facts is None else facts)
    step = decide(known, sha256=sha256, window=window, matured=matured, at=fill.at)
    if step is Step.NEWER:
        return step, None
    computed = (
        Computed(nano=None, reason=NO_DATA) if facts is None else fill.windowed.calculate(facts)
    )
    if step in (Step.KEEP, Step.SETTLE):
        if known is not None and known.computed != computed:
            raise CalculationChangedError(fill.metric, window)
        return step, None
    interval = computed.interval
    row = MetricValue(
        metric_version=fill.version,
        scope_kind=fill.windowed.scope,
        scope_id=scope_id,
        window_starts_on=window.starts_on,
        window_ends_on=window.ends_on,
        zone=window.zone,
        data_version=known.data_version + 1 if known is not None else 1,
        value_nano=computed.nano,
        reason=computed.reason,
        missing=computed.missing,
        n=computed.n,
        contributors=computed.contributors,
        interval_low_nano=interval.low_nano if interval else None,
        interval_high_nano=interval.high_nano if interval else None,
        interval_method=interval.method if interval else "",
        interval_level_percent=interval.level_percent if interval else None,
        coverage_nano=computed.coverage_nano,
        unknown_share_nano=computed.unknown_share_nano,
        currency=computed.currency,
        basis=computed.basis,
        status=status_after(step, matured=matured),
        facts=text,
        facts_sha256=sha256,
        data_as_of=fill.at,
        computed_at=fill.at,
    )
    return step, row


def _write(fill: _Fill, written: list[Written], settled: list[int]) -> None:
    """Old rows make room before new ones come: one current row a scope and window."""
    replaced = [each.before.pk for each in written if each.before is not None]
    if replaced:
        MetricValue.objects.filter(pk__in=replaced).update(superseded_at=fill.at)
    if settled:
        MetricValue.objects.filter(pk__in=settled).update(settled_at=fill.at)
    MetricValue.objects.bulk_create([each.row for each in written], batch_size=500)


def count_write(version: MetricVersion) -> None:
    """In the transaction of the write: what was made of the values before is out of date."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_WRITE, [version.pk])


def _move_watermark(fill: _Fill, starts_on: dt.date, ends_on: dt.date, *, is_first: bool) -> None:
    """In the transaction of the window; never over a window that was left out."""
    row = FillWatermark.objects.filter(metric_version=fill.version).first()
    if row is None and is_first:
        FillWatermark.objects.create(
            metric_version=fill.version, filled_until=ends_on, filled_at=fill.at
        )
        count_write(fill.version)
    elif row is not None and starts_on <= row.filled_until < ends_on:
        row.filled_until = ends_on
        row.save(update_fields=["filled_until"])
        count_write(fill.version)


def _note_pass(fill: _Fill, result: FillResult, *, is_whole: bool) -> None:
    """Every window was looked at: that is how fresh the values are, and who relied on one that was
    revised is told."""
    rows = FillWatermark.objects.filter(metric_version=fill.version)
    row = rows.first()
    if row is None:
        return
    with transaction.atomic():
        tell_of_voided(fill.version, since=row.filled_at, at=fill.at)
        if is_whole:
            updates: dict[str, Any] = {"filled_at": fill.at}
            if rows.filter(filled_at__lt=fill.at).update(**updates):
                count_write(fill.version)
    result.until = row.filled_until
