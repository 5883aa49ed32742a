"""Metric 11: what an accepted outcome cost. The metrics reference, section 14."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from adoption.choices import ScopeKind
from adoption.metrics.contracts import Better, Computed, Dimension, Facts, Windowed
from adoption.metrics.registry import MetricDefinition, metrics
from adoption.metrics.windows import Window, WindowKind
from adoption.selectors.outcomes import SURVIVAL, AcceptedOutcomes, accepted_outcomes
from billing.metrics.cost_facts import cost_of_use_cases, only_sum
from billing.selectors.sums import divide_half_even

MINIMUM = 20
_NONE = AcceptedOutcomes(0, 0)
_TESTS = "tests/billing/metrics/test_money_attacks.py"


def collect(use_case_ids: Sequence[int], window: Window, as_of: dt.datetime) -> dict[int, Facts]:
    """Cost and accepted outcomes of each use case; four queries."""
    costs = cost_of_use_cases(use_case_ids, window, as_of)
    outcomes = accepted_outcomes(
        use_case_ids, since=window.starts_at, until=window.ends_at, as_of=as_of
    )
    return {
        pk: {
            "sums": costs.get(pk, []),
            "outcomes": outcomes.get(pk, _NONE).count,
            "people": outcomes.get(pk, _NONE).people,
        }
        for pk in use_case_ids
        if pk in costs or pk in outcomes
    }


def calculate(facts: Facts) -> Computed:
    """Effective cost ÷ accepted outcomes, in nano-units, half-even.

    Without an outcome there is no value: spending nothing and delivering nothing is not the best.
    """
    count: int = facts["outcomes"]
    people: int = facts["people"]
    if not count:
        return Computed(None, "no_outcomes")
    cost = only_sum(facts)
    if cost.nano is None:
        return Computed(None, cost.reason, n=count, contributors=people)
    if count < MINIMUM:
        return Computed(None, "below_minimum", n=count, contributors=people)
    return Computed(
        divide_half_even(cost.nano, count),
        n=count,
        contributors=people,
        currency=cost.currency,
        basis=cost.basis,
    )


metrics.register(
    MetricDefinition(
        key="cost_per_accepted_outcome",
        version="1.0.0",
        label="Cost per accepted outcome",
        unit="money",
        formula=(
            "Effective cost allocated to the use case on the days (UTC) of the month, divided by "
            "the deliveries that reached production in the month and survived 30 days, and by the "
            "work that is not code and was confirmed by a reviewer in it. One currency and one "
            "basis; without an outcome there is no value."
        ),
        inputs=frozenset({"effective_cost", "deliveries"}),
        comparators=(),
        measure=None,
        decision="Whether to go on with a use case, at what it costs to deliver something.",
        windowed=Windowed(
            number=11,
            scope=ScopeKind.USE_CASE,
            window=WindowKind.MONTH,
            collect=collect,
            calculate=calculate,
            matures_after=SURVIVAL,
            minimum_n=MINIMUM,
            better=Better.CONTEXT,
            dimension=Dimension.EFFICIENCY,
            guardrails=("survival_21_days",),
            resists={
                "A1": f"{_TESTS}::test_a1_burning_tokens_only_makes_an_outcome_dearer",
                "A17": f"{_TESTS}::test_a17_spending_and_delivering_nothing_has_no_value",
            },
            readers="Sponsor and finance",
        ),
    )
)
