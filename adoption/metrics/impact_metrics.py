"""Metrics 13 and 15: what was validated, and what of it is worth more than it cost.

Both are read from the verdicts of registered effects and from nothing else: an effect that nobody
registered, or hours that somebody claims, cannot enter them.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from adoption.choices import ScopeKind, VerdictWord
from adoption.metrics.catalogue import definition, register
from adoption.metrics.contracts import (
    Better,
    Computed,
    Dimension,
    Facts,
    ValueInterval,
    Windowed,
)
from adoption.metrics.registry import NANO
from adoption.metrics.windows import Window, WindowKind
from adoption.models import ImpactVerdict, UnitValue
from adoption.selectors.impact import proven_units

# A verdict is written once the later window has closed and what it rests on has matured.
JUDGED_WITHIN = dt.timedelta(weeks=8)
NO_FULL_COST = "cost of people from the HR system, with the dip of the weeks of learning"
NO_RATIO = "an effect as a ratio: the registered method gives a difference in the metric's own unit"
_TESTS = "tests/adoption/metrics/test_outcome_metrics.py"


def _verdicts(
    use_case_ids: Sequence[int], window: Window, as_of: dt.datetime
) -> dict[int, ImpactVerdict]:
    """By use case, the verdict known at `as_of` on the effect whose later window ended last within
    the quarter; one query."""
    rows = (
        ImpactVerdict.objects.filter(
            registration__use_case_id__in=list(use_case_ids),
            registration__after_ends_on__gt=window.starts_on,
            registration__after_ends_on__lte=window.ends_on,
            computed_at__lte=as_of,
        )
        .exclude(superseded_at__lte=as_of)
        .select_related("registration")
        .order_by("registration__after_ends_on", "registration_id")
    )
    return {each.registration.use_case_id: each for each in rows}


def collect_validated(
    use_case_ids: Sequence[int], window: Window, as_of: dt.datetime
) -> Mapping[int, Facts]:
    """The verdict of each use case with its effect and interval, as they were written down."""
    return {
        pk: _verdict_fact(verdict) for pk, verdict in _verdicts(use_case_ids, window, as_of).items()
    }


def _verdict_fact(verdict: ImpactVerdict) -> dict[str, Any]:
    result, registration = json.loads(verdict.result), verdict.registration
    return {
        "registration": registration.pk,
        "registration_sha256": registration.content_sha256,
        "result_sha256": verdict.result_sha256,
        "metric": f"{registration.metric_key}@{registration.metric_version}",
        "direction": registration.direction,
        "verdict": verdict.verdict,
        "is_practical": result["is_practical"],
        "n": [result["n_before"], result["n_after"]],
        "estimate": result["estimate"],
    }


def calculate_validated(facts: Facts) -> Computed:
    """The effect with its interval, whichever word it earned; none that may not be quoted."""
    word, n = facts["verdict"], sum(facts["n"])
    if word in (VerdictWord.EXPLORATORY, VerdictWord.NOT_EVALUABLE):
        return Computed(nano=None, reason=str(word), missing=_why(word), n=n)
    estimate = facts["estimate"]
    if estimate is None or estimate["scale"] != "ratio":
        return Computed(nano=None, reason="not_evaluable", missing=NO_RATIO, n=n)
    interval = estimate["interval"]
    return Computed(
        nano=_nano(estimate["effect"]),
        n=n,
        interval=ValueInterval(
            _nano(interval["low"]),
            _nano(interval["high"]),
            f"registered: {word}",
            int(Decimal(interval["level"]) * 100),
        ),
    )


def _why(word: str) -> str:
    return "what the registration asked for" if word == VerdictWord.NOT_EVALUABLE else ""


def _nano(text: str) -> int | None:
    """A decimal text in nano-units; an end without bound is open."""
    value = Decimal(text)
    if not value.is_finite():
        return None
    return int((value * NANO).to_integral_value(rounding=ROUND_HALF_EVEN))


def collect_benefit(
    use_case_ids: Sequence[int], window: Window, as_of: dt.datetime
) -> Mapping[int, Facts]:
    """What the near bound proves, what a unit is worth, and what it all cost; two queries.

    No source here has the whole cost, people and learning included, so that is null.
    """
    found = _verdicts(use_case_ids, window, as_of)
    values: dict[tuple[int, str], UnitValue] = {}
    rows = UnitValue.objects.filter(use_case_id__in=list(found), made_at__lte=as_of)
    for each in rows.order_by("made_at", "pk"):
        values[each.use_case_id, each.metric_key] = each
    return {
        pk: {
            **_verdict_fact(verdict),
            "units": str(
                proven_units(
                    json.loads(verdict.result),
                    json.loads(verdict.protocol)["plan"],
                    json.loads(verdict.facts),
                )
            ),
            **_worth(values.get((pk, verdict.registration.metric_key))),
            "full_cost_nano": None,
            "cost_currency": "",
        }
        for pk, verdict in found.items()
    }


def _worth(value: UnitValue | None) -> dict[str, Any]:
    return {
        "unit_nano": value.amount_nano if value else None,
        "currency": value.currency if value else "",
    }


def calculate_benefit(facts: Facts) -> Computed:
    """Value of a unit × units that the near bound proves − full cost, in nano-units, half-even."""
    n = sum(facts["n"])
    if facts["verdict"] != VerdictWord.SUPPORTED:
        return Computed(nano=None, reason="nothing_proven", n=n)
    if facts["unit_nano"] is None:
        return Computed(
            nano=None, reason="not_evaluable", missing="a value of a unit of its metric", n=n
        )
    if facts["full_cost_nano"] is None:
        return Computed(nano=None, reason="not_evaluable", missing=NO_FULL_COST, n=n)
    if facts["cost_currency"] != facts["currency"]:
        return Computed(nano=None, reason="mixed_currencies", n=n)
    worth = (Decimal(facts["units"]) * facts["unit_nano"]).to_integral_value(
        rounding=ROUND_HALF_EVEN
    )
    return Computed(
        nano=int(worth) - facts["full_cost_nano"],
        n=n,
        currency=facts["currency"],
        basis="full cost",
    )


register(
    definition(
        "validated_impact",
        "Validated impact",
        "ratio",
        "The effect of the registered primary metric, after over before, with the registered "
        "interval and the word of the verdict, for the effect whose later window ended last within "
        "the quarter. No value for a verdict that is exploratory or not evaluable, nor for a "
        "method that gives a difference. Which way is better is in the registration.",
        ("registrations",),
        "Whether to scale, change or stop a use case.",
        Windowed(
            number=13,
            scope=ScopeKind.USE_CASE,
            window=WindowKind.QUARTER,
            collect=collect_validated,
            calculate=calculate_validated,
            matures_after=JUDGED_WITHIN,
            k=0,  # small groups are refused by the verdict itself
            better=Better.CONTEXT,
            dimension=Dimension.PERFORMANCE,
            guardrails=("validation_coverage",),
            resists={
                "A12": f"{_TESTS}::test_a12_a14_what_was_changed_after_the_launch_has_no_value",
                "A14": f"{_TESTS}::test_a12_a14_what_was_changed_after_the_launch_has_no_value",
            },
            readers="The steering group.",
        ),
    ),
    definition(
        "conservative_net_benefit",
        "Conservative net benefit",
        "money",
        "Value of a unit, as somebody answers for it, × the units that the bound of the interval "
        "nearest to no effect proves, − the full cost of the quarter, people and the dip of "
        "learning included. Only for the verdict supported; otherwise nothing is proven. Hours "
        "that somebody reports are no input.",
        ("registrations", "effective_cost", "people_cost"),
        "Whether a use case is worth what it costs, at the least that is proven.",
        Windowed(
            number=15,
            scope=ScopeKind.USE_CASE,
            window=WindowKind.QUARTER,
            collect=collect_benefit,
            calculate=calculate_benefit,
            matures_after=JUDGED_WITHIN,
            k=0,
            better=Better.HIGHER,
            dimension=Dimension.PERFORMANCE,
            guardrails=("severe_incidents_per_100_ndu", "team_sentiment"),
            resists={
                "A15": f"{_TESTS}::test_a15_hours_that_are_claimed_change_nothing",
                "A16": f"{_TESTS}::test_a16_without_the_whole_cost_there_is_no_benefit",
            },
            readers="The chief financial officer.",
        ),
    ),
)
