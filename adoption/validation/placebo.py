"""Checks that must find nothing: a launch that never was, and units that were not treated.

A method that finds an effect of nothing has a fault, or its data has a trend that it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from adoption.validation.differences import Unit, paired_changes
from adoption.validation.results import Estimate, NotEvaluableError
from adoption.validation.series import FEWEST_ON_A_SIDE, Series, interrupted_series


@dataclass(frozen=True, slots=True)
class Placebo:
    """What a check found. `passed` is None when the data is too short for it."""

    kind: str
    passed: bool | None
    estimate: Estimate | None
    note: str


def in_time(
    series: Series,
    *,
    alpha: float = 0.05,
    method: Callable[..., Estimate] = interrupted_series,
) -> Placebo:
    """Pretend a launch in the middle of the baseline. Passed when its interval holds the null.

    Args:
        method: takes the series and `alpha`; the one that judges the real launch.
    """
    launch = series.launch // 2
    if launch < FEWEST_ON_A_SIDE:
        return Placebo(
            "placebo_in_time",
            None,
            None,
            f"The baseline has {series.launch} periods; twice {FEWEST_ON_A_SIDE} are needed.",
        )
    before = replace(
        series,
        counts=series.counts[: series.launch],
        exposure=series.exposure[: series.launch],
        launch=launch,
        slope=False,
    )
    try:
        found = method(before, alpha=alpha)
    except NotEvaluableError as error:
        return Placebo("placebo_in_time", None, None, str(error))
    passed = not found.interval.excludes(found.scale.null)
    note = "nothing was launched then, and nothing is seen" if passed else "an effect of nothing"
    return Placebo("placebo_in_time", passed, found, note)


def in_unit(units: Sequence[Unit], *, alpha: float = 0.05) -> Placebo:
    """Pretend, for each untreated unit in turn, that it alone was treated.

    The true effect should stand out of these. Passed when no more than a share alpha of them (and
    always one) lies as far from zero as the treated group's.
    """
    others = [unit for unit in units if not unit.treated and unit.change is not None]
    if len(others) < 4:
        return Placebo(
            "placebo_in_unit", None, None, f"{len(others)} untreated units; four are needed."
        )
    found = paired_changes(units, alpha=alpha)
    changes = [unit.change for unit in others if unit.change is not None]
    total = sum(changes)
    as_far = 0
    for change in changes:
        rest = (total - change) / (len(changes) - 1)
        as_far += abs(change - rest) >= abs(found.effect)
    passed = as_far <= max(1, int(alpha * len(changes)))
    return Placebo(
        "placebo_in_unit",
        passed,
        found,
        f"{as_far} of {len(changes)} untreated units changed as much as the treated ones did",
    )
