"""The drawings of registered effects, made with the shell's charts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from adoption.services.impact_outlook import Outlook, noun_of
from portal.shell.charts import Chart, Series, line_chart
from portal.shell.formats import date_text


def _rounded(values: Sequence[float | None]) -> list[float | None]:
    return [None if value is None else round(value, 2) for value in values]


def baseline_chart(seen: Outlook, metric_key: str) -> Chart:
    """The weeks of the baseline; nothing after it."""
    return line_chart(
        title="Baseline",
        description="Each week of the baseline, as it is known today.",
        labels=[date_text(day) for day in seen.weeks],
        unit=f"{noun_of(metric_key)} a week, weeks by their first day",
        series=[Series("Baseline", _rounded(seen.counts), reason="no data")],
    )


def sides_chart(
    before: Sequence[float | None],
    after: Sequence[float | None],
    days: Sequence[dt.date],
    metric_key: str,
) -> Chart:
    """Both windows; the weeks between them are left out of both."""
    values, split = _rounded([*before, *after]), len(before)
    outside = "the other window"
    sides = [
        Series("Baseline", [*values[:split], *[None] * len(after)], reason=outside),
        Series("After the launch", [*[None] * split, *values[split:]], reason=outside),
    ]
    return line_chart(
        title="Before and after",
        description="Each week of the two registered windows; the wash-out is left out.",
        labels=[date_text(day) for day in days],
        unit=f"{noun_of(metric_key)} a week, weeks by their first day",
        series=sides if after else sides[:1],
    )
