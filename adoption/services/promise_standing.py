"""Writing onto a milestone or a target what measuring made of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from adoption.choices import MilestoneState
from adoption.metrics.registry import Measured, MetricDefinition
from adoption.models.promises import MeasuredPromise
from adoption.services.milestone_forecast import Outlook, outlook, risk_of
from adoption.services.milestone_rules import Promise, Standing, holds, needs_look_back
from portal.rows import update_rows
from portal.shell.periods import day_of

RowT = TypeVar("RowT", bound=MeasuredPromise)
Measure = Callable[[Iterable[int], dt.datetime], dict[int, Measured]]
_LOOK_BACKS_PER_METRIC = 8
_EVER = dt.datetime.min.replace(tzinfo=dt.UTC)
STANDING_FIELDS = (
    "state", "measured_nano", "measured_reason", "reached_at",
    "forecast_on", "forecast_low_on", "forecast_high_on", "forecast_reason", "risk",
)  # fmt: skip


def promise_of(row: MeasuredPromise) -> Promise:
    """What a row promises and where it stands, as `decide` needs it."""
    return Promise(
        due_on=row.due_on,
        comparator=row.comparator,
        threshold_nano=row.threshold_nano,
        currency=row.currency,
        state=row.state,
        measured_nano=row.measured_nano,
        measured_reason=row.measured_reason,
        reached_at=row.reached_at,
    )


def look_back(
    metric: MetricDefinition,
    measure: Measure,
    rows: Sequence[RowT],
    values: Mapping[int, Measured],
    *,
    scope_of: Callable[[RowT], int],
) -> tuple[set[int], set[int]]:
    """Which reached rows their own past still supports, and which wait for the next time.

    One call for each distinct moment, at most `_LOOK_BACKS_PER_METRIC`, longest unmeasured first.
    """
    unit = "level" if metric.is_level else metric.unit
    moments: dict[dt.datetime, list[RowT]] = {}
    for row in sorted(rows, key=lambda each: (each.measured_at or _EVER, each.pk)):
        value = values.get(scope_of(row))
        if value is None or row.reached_at is None:
            continue
        if needs_look_back(promise_of(row), value, unit):
            moments.setdefault(row.reached_at, []).append(row)
    supported: set[int] = set()
    waiting: set[int] = set()
    for index, (moment, members) in enumerate(moments.items()):
        if index >= _LOOK_BACKS_PER_METRIC:
            waiting.update(row.pk for row in members)
            continue
        past = measure([scope_of(row) for row in members], moment)
        for row in members:
            then = past.get(scope_of(row))
            if (
                then is not None
                and then.nano is not None
                and holds(row.comparator, then.nano, row.threshold_nano)
            ):
                supported.add(row.pk)
    return supported, waiting


def outlook_of(
    row: MeasuredPromise,
    standing: Standing,
    metric: MetricDefinition | None,
    value: Measured,
    *,
    at: dt.datetime,
    zone: ZoneInfo,
) -> Outlook:
    """The forecast of what is not reached; an empty one for the rest."""
    if standing.state == MilestoneState.REACHED:
        return Outlook()
    counts_up = metric is not None and metric.unit == "count" and not metric.is_level
    return outlook(
        comparator=row.comparator,
        threshold_nano=row.threshold_nano,
        measured_nano=standing.nano,
        happened_at=value.happened_at,
        counts_up=counts_up,
        at=at,
        today=day_of(at, zone),
    )


def write_standing(
    row: MeasuredPromise, standing: Standing, ahead: Outlook, *, today: dt.date, is_running: bool
) -> bool:
    """Write it onto the row, which the caller saves; whether anything differs.

    Args:
        is_running: whether the use case runs; what has ended is not at risk.
    """
    state = standing.state.value
    risk = risk_of(state=state, due_on=row.due_on, forecast_on=ahead.on, today=today)
    new: tuple[Any, ...] = (
        state, standing.nano, standing.reason, standing.reached_at, ahead.on, ahead.low_on,
        ahead.high_on, ahead.reason, str(risk) if risk is not None and is_running else "",
    )  # fmt: skip
    old = tuple(getattr(row, name) for name in STANDING_FIELDS)
    for name, value in zip(STANDING_FIELDS, new, strict=True):
        setattr(row, name, value)
    return new != old


def open_again(row: MeasuredPromise) -> None:
    """Forget what was measured: the row promises something else now."""
    row.state = MilestoneState.OPEN
    row.measured_nano = None
    row.measured_reason = ""
    row.measured_at = None
    row.reached_at = None
    row.forecast_on = row.forecast_low_on = row.forecast_high_on = None
    row.forecast_reason = ""
    row.risk = ""


def save_standings(changed: Sequence[MeasuredPromise]) -> None:
    """Write what was measured of these rows, which are all of one model."""
    update_rows(changed, STANDING_FIELDS)
