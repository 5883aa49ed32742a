"""Metric 3: the whole cost of a normalised delivery unit, people included.

The idea is published as "cost to serve software"; this form is our own, over our own unit. See the
metrics reference, section 3. Without cost of people there is no value: the cost of tools alone
would praise whoever buys more people.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from adoption.choices import ScopeKind
from adoption.metrics.contracts import Better, Computed, Dimension, Facts, Windowed
from adoption.metrics.registry import MetricDefinition, metrics
from adoption.metrics.windows import Window, WindowKind
from billing.metrics.cost_facts import cost_of_use_cases, only_sum
from billing.selectors.sums import divide_half_even

MINIMUM = 20
MISSING = "cost bands of people from the HR system"
_TESTS = "tests/billing/metrics/test_money_attacks.py"


def collect(use_case_ids: Sequence[int], window: Window, as_of: dt.datetime) -> dict[int, Facts]:
    """The cost of tools is known; no source of people's cost exists here, so that is null."""
    costs = cost_of_use_cases(use_case_ids, window, as_of)
    return {
        pk: {"sums": sums, "people_nano": None, "people_currency": "", "units": None}
        for pk, sums in costs.items()
    }


def calculate(facts: Facts) -> Computed:
    """(people + effective cost, shared cost included) ÷ units, in nano-units, half-even."""
    people, units = facts["people_nano"], facts["units"]
    if people is None:
        return Computed(None, "not_evaluable", missing=MISSING)
    if not units:
        return Computed(None, "no_units")
    cost = only_sum(facts)
    if cost.nano is None:
        return Computed(None, cost.reason, n=units)
    if cost.currency != facts["people_currency"]:
        return Computed(None, "mixed_currencies", n=units)
    if units < MINIMUM:
        return Computed(None, "below_minimum", n=units)
    return Computed(
        divide_half_even(people + cost.nano, units),
        n=units,
        currency=cost.currency,
        basis=cost.basis,
    )


metrics.register(
    MetricDefinition(
        key="cost_to_serve",
        version="1.0.0",
        label="Cost to serve per normalised delivery unit",
        unit="money",
        formula=(
            "Cost of people, effective cost of AI and tools and the allocated share of shared "
            "cost in the month, divided by the normalised delivery units of the use case."
        ),
        inputs=frozenset({"people_cost", "effective_cost", "deployments", "changes"}),
        comparators=(),
        measure=None,
        decision="Whether delivering becomes cheaper as a whole, people included.",
        windowed=Windowed(
            number=3,
            scope=ScopeKind.USE_CASE,
            window=WindowKind.MONTH,
            collect=collect,
            calculate=calculate,
            matures_after=dt.timedelta(days=21),
            minimum_n=MINIMUM,
            k=0,
            better=Better.LOWER,
            dimension=Dimension.EFFICIENCY,
            guardrails=("change_fail_rate", "severe_incidents_per_100_ndu", "team_sentiment"),
            resists={
                "A16": f"{_TESTS}::test_a16_hidden_people_leave_no_cheap_unit_behind",
                "A17": f"{_TESTS}::test_a17_spending_and_delivering_nothing_has_no_value",
            },
            readers="Finance and sponsor",
            withheld_from="Everybody else: it holds cost of people",
        ),
    )
)
