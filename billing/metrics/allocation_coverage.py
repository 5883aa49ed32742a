"""Metric 20: how much of the cost is somebody's. The metrics reference, sections 11.1 and 14."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from adoption.choices import ScopeKind
from adoption.metrics.contracts import Better, Computed, Dimension, Facts, Windowed
from adoption.metrics.registry import NANO, MetricDefinition, metrics
from adoption.metrics.windows import Window, WindowKind
from adoption.selectors.programmes import reporting_currencies
from billing.metrics.cost_facts import AUTHORITY
from billing.models import DailyCost
from billing.selectors.coverage import allocation_coverage
from billing.selectors.sums import divide_half_even

_TESTS = "tests/billing/metrics/test_money_attacks.py"


def collect(programme_ids: Sequence[int], window: Window, as_of: dt.datetime) -> dict[int, Facts]:
    """All cost on the days (UTC) of the window, by currency and basis; allocated and not."""
    rows = DailyCost.objects.filter(day__gte=window.starts_on, day__lt=window.ends_on)
    groups = [
        {
            "currency": each.kind.currency,
            "basis": each.kind.basis,
            "allocated_nano": each.allocated_nano,
            "unused_nano": each.unused_nano,
            "total_nano": each.total_nano,
            "unknown_lines": each.unknown,
            "lines": each.lines,
        }
        for each in allocation_coverage(rows, now=as_of)
    ]
    if not groups:
        return {}
    currencies = reporting_currencies(programme_ids)
    return {pk: {"currency": currencies[pk], "groups": groups} for pk in currencies}


def calculate(facts: Facts) -> Computed:
    """Allocated ÷ total effective cost, in one currency (the programme's) and the best basis.

    Other currencies and bases are not in it; `coverage` is the share of lines that are.
    """
    groups: list[Mapping[str, Any]] = facts["groups"]
    all_lines = sum(group["lines"] for group in groups)
    own = [group for group in groups if group["currency"] == facts["currency"]]
    for basis in AUTHORITY:
        for group in own:
            if group["basis"] == basis:
                return _share(group, all_lines)
    return Computed(None, "no_cost_in_reporting_currency")


def _share(group: Mapping[str, Any], all_lines: int) -> Computed:
    if group["unknown_lines"]:
        return Computed(None, "effective_cost_not_stated", n=group["lines"])
    if group["total_nano"] <= 0:
        return Computed(None, "no_positive_cost", n=group["lines"])
    return Computed(
        divide_half_even(group["allocated_nano"] * NANO, group["total_nano"]),
        n=group["lines"],
        coverage_nano=divide_half_even(group["lines"] * NANO, all_lines),
        basis=group["basis"],
    )


metrics.register(
    MetricDefinition(
        key="allocation_coverage",
        version="1.0.0",
        label="Allocation coverage",
        unit="share",
        formula=(
            "Effective cost allocated to use cases divided by all effective cost on the days (UTC) "
            "of the month, in the programme's currency and of the best basis that there is "
            "(invoiced before metered before derived before estimated)."
        ),
        inputs=frozenset({"effective_cost"}),
        comparators=(),
        measure=None,
        decision="Whether unit costs may be quoted at all: 80 % to begin with, then 90 %.",
        windowed=Windowed(
            number=20,
            scope=ScopeKind.PROGRAMME,
            window=WindowKind.MONTH,
            collect=collect,
            calculate=calculate,
            k=0,
            better=Better.HIGHER,
            dimension=Dimension.PERFORMANCE,
            is_value=False,
            guardrails=("forecast_error",),
            resists={
                "A16": f"{_TESTS}::test_a16_what_nobody_takes_stays_in_the_denominator",
            },
            readers="Finance and audit",
        ),
    )
)
