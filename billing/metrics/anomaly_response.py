"""Metric 19: how soon an anomaly of cost is found and looked at. The metrics reference, 11.2."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adoption.choices import ScopeKind
from adoption.metrics.contracts import Better, Computed, Dimension, Facts, Windowed
from adoption.metrics.registry import NANO, MetricDefinition, metrics
from adoption.metrics.windows import Window, WindowKind
from billing.choices import AnomalyState
from billing.models import Anomaly, AnomalyDay
from billing.selectors.sums import divide_half_even

FEWEST_DAYS = 14
_DAY = dt.timedelta(days=1)
_TESTS = "tests/billing/metrics/test_money_attacks.py"
_A10 = "test_a10_what_nobody_looked_at_is_no_quick_response"
_A18 = "tests/billing/services/test_anomalies.py::test_one_use_case_is_not_set_off_against_another"


def collect(use_case_ids: Sequence[int], window: Window, as_of: dt.datetime) -> dict[int, Facts]:
    """Judged days (UTC) of the window and the anomalies found on them; two queries.

    Seconds are counted from the end of the day that was anomalous.
    """
    days = AnomalyDay.objects.filter(
        use_case_id__in=list(use_case_ids),
        day__gte=window.starts_on,
        day__lt=window.ends_on,
        judged_at__lte=as_of,
    )
    found: dict[int, dict[str, Any]] = {}
    for pk, state, history in days.values_list("use_case_id", "state", "history_days"):
        facts = found.setdefault(pk, {"judged": 0, "history_days": 0, "anomalies": []})
        facts["judged"] += state != AnomalyState.LEARNING
        facts["history_days"] = max(facts["history_days"], history)
    rows = Anomaly.objects.filter(
        day__in=days, detected_at__lte=as_of, withdrawn_at__isnull=True
    ).select_related("day")
    for row in rows.order_by("day__day", "pk"):
        found[row.day.use_case_id]["anomalies"].append(_fact(row, as_of))
    return dict(found)


def _fact(row: Anomaly, as_of: dt.datetime) -> dict[str, Any]:
    over = dt.datetime.combine(row.day.day + _DAY, dt.time.min, dt.UTC)
    looked_at = row.acknowledged_at
    if looked_at is not None and looked_at > as_of:
        looked_at = None
    return {
        "detected_after": max(0, int((row.detected_at - over).total_seconds())),
        "acknowledged_after": (
            None if looked_at is None else max(0, int((looked_at - over).total_seconds()))
        ),
    }


def _median_hours(seconds: Sequence[int]) -> int:
    """In nano-hours; of an even number the mean of the two in the middle, half-even."""
    ordered = sorted(seconds)
    middle = len(ordered) // 2
    double = ordered[middle] + ordered[middle - 1 if len(ordered) % 2 == 0 else middle]
    return divide_half_even(double * NANO, 2 * 3600)


def calculation(name: str) -> Callable[[Facts], Computed]:
    """Facts → median hours of `detected_after` or `acknowledged_after`."""

    def calculate(facts: Facts) -> Computed:
        anomalies: list[Mapping[str, Any]] = facts["anomalies"]
        if facts["history_days"] < FEWEST_DAYS:
            return Computed(None, "below_minimum", n=facts["history_days"])
        if not anomalies:
            return Computed(None, "no_anomalies")
        known = [each[name] for each in anomalies if each[name] is not None]
        # Those that nobody looked at are the slow ones: without them the rest would look quick.
        if len(known) < len(anomalies):
            return Computed(
                None,
                "not_acknowledged",
                n=len(anomalies),
                coverage_nano=divide_half_even(len(known) * NANO, len(anomalies)),
            )
        return Computed(_median_hours(known), n=len(known), coverage_nano=NANO)

    return calculate


def _register(key: str, label: str, name: str, formula: str) -> None:
    metrics.register(
        MetricDefinition(
            key=key,
            version="1.0.0",
            label=label,
            unit="hours",
            formula=formula,
            inputs=frozenset({"anomalies", "effective_cost"}),
            comparators=(),
            measure=None,
            decision="Whether alerts reach somebody who acts, or are to be set otherwise.",
            windowed=Windowed(
                number=19,
                scope=ScopeKind.USE_CASE,
                window=WindowKind.MONTH,
                collect=collect,
                calculate=calculation(name),
                k=0,
                better=Better.LOWER,
                dimension=Dimension.COMMUNICATION,
                is_value=False,
                guardrails=("allocation_coverage",),
                resists={"A10": f"{_TESTS}::{_A10}", "A18": _A18},
                readers="FinOps and the owner",
            ),
        )
    )


_register(
    "anomaly_detection_time",
    "Time to detect an anomaly of cost",
    "detected_after",
    "Median of the hours from the end of an anomalous day (UTC) to its detection, over the "
    "anomalies of the month's days. At least 14 days of history.",
)
_register(
    "anomaly_response_time",
    "Time to look at an anomaly of cost",
    "acknowledged_after",
    "Median of the hours from the end of an anomalous day (UTC) to the owner's acknowledgement, "
    "over the anomalies of the month's days. While one is not acknowledged there is no value.",
)
