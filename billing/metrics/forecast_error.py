"""Metric 18: how far forecasts were off (WAPE), frozen when the month began."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from adoption.choices import ScopeKind
from adoption.metrics.contracts import Better, Computed, Dimension, Facts, Windowed
from adoption.metrics.registry import NANO, MetricDefinition, metrics
from adoption.metrics.windows import Window, WindowKind
from billing.forecast.forecast import error_share
from billing.models import Forecast
from billing.selectors.forecasts import ForecastMonth, forecast_months

FEWEST_MONTHS = 3
_TESTS = "tests/billing/metrics/test_money_attacks.py"


def collect(use_case_ids: Sequence[int], window: Window, as_of: dt.datetime) -> dict[int, Facts]:
    """Forecasts of the months (UTC) up to and with the window's, with what each month cost."""
    rows = Forecast.objects.filter(
        use_case_id__in=list(use_case_ids), month__lt=window.ends_on, frozen_at__lte=as_of
    )
    today = min(as_of.astimezone(dt.UTC).date(), window.ends_on)
    found: dict[int, dict[str, Any]] = {}
    for each in forecast_months(rows, today=today, measure="effective", now=as_of):
        if each.actual is not None and each.forecast.forecast_nano is not None:
            facts = found.setdefault(each.forecast.use_case_id, {"months": []})
            facts["months"].append(_fact(each))
    return dict(found)


def _fact(each: ForecastMonth) -> dict[str, Any]:
    return {
        "month": str(each.month),
        "currency": each.forecast.currency,
        "basis": each.forecast.cost_basis,
        "actual_nano": each.actual,
        "forecast_nano": each.forecast.forecast_nano,
    }


def calculate(facts: Facts) -> Computed:
    """Σ|actual − forecast| ÷ Σ actual over at least three months of one currency and basis."""
    months: list[Mapping[str, Any]] = facts["months"]
    kinds = {(each["currency"], each["basis"]) for each in months}
    if len({currency for currency, _ in kinds}) > 1:
        return Computed(None, "mixed_currencies")
    if len(kinds) > 1:
        return Computed(None, "mixed_bases")
    count = len({each["month"] for each in months})
    if count < FEWEST_MONTHS:
        return Computed(None, "below_minimum", n=count)
    share = error_share([(each["actual_nano"], each["forecast_nano"]) for each in months])
    if share is None:
        return Computed(None, "no_positive_cost", n=count)
    return Computed(round(share * NANO), n=count, basis=months[0]["basis"])


metrics.register(
    MetricDefinition(
        key="forecast_error",
        version="1.0.0",
        label="Forecast error",
        unit="share",
        formula=(
            "The sum of the differences between actual and forecast effective cost, whatever their "
            "sign, over all actual cost, month by month (UTC) up to and with this one. A forecast "
            "is frozen when its month begins; at least three months."
        ),
        inputs=frozenset({"effective_cost", "forecasts"}),
        comparators=(),
        measure=None,
        decision="How much room a budget needs: ceilings of 20, 15 and 12 %.",
        windowed=Windowed(
            number=18,
            scope=ScopeKind.USE_CASE,
            window=WindowKind.MONTH,
            collect=collect,
            calculate=calculate,
            minimum_n=FEWEST_MONTHS,
            k=0,
            better=Better.LOWER,
            dimension=Dimension.PERFORMANCE,
            is_value=False,
            guardrails=("allocation_coverage",),
            resists={"A12": f"{_TESTS}::test_a12_a_forecast_made_after_the_fact_is_refused"},
            readers="Finance",
        ),
    )
)
