"""What the registered windows gave, frozen as one canonical text.

Facts are collected week by week as of one moment. From the text alone the same units come back, so
that a verdict can be computed again without the database.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adoption.metrics.contracts import Facts, Windowed
from adoption.metrics.windows import Window
from adoption.services.impact_plans import Plan, guardrail_keys, windowed_of
from adoption.validation.methods import UnitWeeks, Week

Told = Callable[[int, int], None]


def _silent(done: int, total: int) -> None:
    return None


class MetricGoneError(LookupError):
    """The code no longer has this metric in this version; the message names it."""


@dataclass(frozen=True, slots=True)
class _Task:
    """One metric over one side's weeks."""

    key: str
    windowed: Windowed
    side: str
    ids: Sequence[int]
    weeks: Sequence[Window]


def _windowed(key: str, version: str) -> Windowed:
    found = windowed_of(key, version)
    if found is None:
        raise MetricGoneError(f"The metric {key} {version} is no longer defined.")
    return found


def collect(
    plan: Plan, *, at: dt.datetime, sides: Sequence[str] = ("before", "after"), told: Told = _silent
) -> dict[str, Any]:
    """The facts of all units in all weeks, of the primary metric and of the guardrails.

    Args:
        at: as of when.
        sides: `before` only before a launch: what came after is not looked at.
        told: `told(done, total)` after each week.

    Raises:
        MetricGoneError: the primary metric is no longer defined. A guardrail that is gone has no
            facts, so it cannot be evaluated.
    """
    weeks = {"before": plan.weeks_before, "after": plan.weeks_after}
    primary = _windowed(plan.metric_key, plan.metric_version)
    tasks = [_Task(plan.key, primary, side, plan.all_ids, weeks[side]) for side in sides]
    for key, version in guardrail_keys(plan):
        windowed = windowed_of(key, version)
        if windowed is not None and windowed.scope == primary.scope:
            tasks += [
                _Task(f"{key}@{version}", windowed, side, plan.unit_ids, weeks[side])
                for side in sides
            ]
    total, done = sum(len(task.weeks) for task in tasks), 0
    found: dict[str, Any] = {}
    for task in tasks:
        units = found.setdefault(task.key, {str(pk): {} for pk in task.ids})
        for week in task.weeks:
            rows = task.windowed.collect(task.ids, week, at)
            for pk in task.ids:
                units[str(pk)].setdefault(task.side, []).append(_plain(rows.get(pk)))
            done += 1
            told(done, total)
    return {
        "metrics": found,
        "small_groups": _small_groups(plan, primary, sides, at),
        "weeks": {side: [week.starts_on.isoformat() for week in weeks[side]] for side in sides},
        "zone": plan.zone,
    }


def _plain(facts: Facts | None) -> dict[str, Any] | None:
    return None if facts is None else dict(facts)


def _small_groups(
    plan: Plan, windowed: Windowed, sides: Sequence[str], at: dt.datetime
) -> list[str]:
    """Sides on which fewer people contributed than a value may be shown for."""
    if not windowed.k:
        return []
    spans = {
        "before": Window(plan.baseline_starts_on, plan.baseline_ends_on, plan.zone),
        "after": Window(plan.after_starts_on, plan.after_ends_on, plan.zone),
    }
    small = []
    for side in sides:
        rows = windowed.collect(plan.all_ids, spans[side], at)
        values = [windowed.calculate(facts) for facts in rows.values()]
        if any(
            value.reason == "small_group"
            or (value.contributors is not None and value.contributors < windowed.k)
            for value in values
        ):
            small.append(side)
    return small


def units_of(snapshot: Mapping[str, Any], key: str, treated: Sequence[int]) -> list[UnitWeeks]:
    """The units of one metric, as the estimators take them; empty when it has no facts.

    Raises:
        MetricGoneError: its definition is gone.
    """
    rows = snapshot["metrics"].get(key)
    if rows is None:
        return []
    windowed = _windowed(*key.split("@"))
    return [
        UnitWeeks(
            pk,
            int(pk) in treated,
            tuple(_week(windowed, facts) for facts in sides.get("before", ())),
            tuple(_week(windowed, facts) for facts in sides.get("after", ())),
        )
        for pk, sides in rows.items()
    ]


def _week(windowed: Windowed, facts: Facts | None) -> Week:
    if facts is None:
        return Week(is_missing=True)
    assert windowed.sample is not None  # noqa: S101  (`windowed_of` gives only those that have one)
    sample = windowed.sample(facts)
    return Week(events=sample.events, measurements=sample.measurements)
