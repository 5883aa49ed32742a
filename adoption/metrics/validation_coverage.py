"""Metric 14: of what was launched long enough ago, how much has a verdict that was registered.

The denominator is everything that was launched: what nobody tested lowers it, so picking only the
winners to test shows. How many of the verdicts are inconclusive stands beside it in the facts.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence

from adoption.choices import ScopeKind, Stage, VerdictWord
from adoption.metrics.contracts import (
    Better,
    Computed,
    Dimension,
    Facts,
    ValueInterval,
    Windowed,
)
from adoption.metrics.registry import NANO, MetricDefinition, metrics
from adoption.metrics.windows import Window, WindowKind
from adoption.models import ImpactVerdict, StageChange
from adoption.validation.proportions import wilson

FEWEST = 5
MATURE = dt.timedelta(weeks=16)  # wash-out, window and judging: what a launch needs at least


def collect_coverage(
    programme_ids: Sequence[int], window: Window, as_of: dt.datetime
) -> Mapping[int, Facts]:
    """Launched long enough before the end of the window, and how they were judged; two queries.

    Judged counts when it was registered before the launch and not changed: any quotable verdict,
    whichever way it went, known by the end of the window.
    """
    end = min(window.ends_at, as_of)
    launched: dict[int, set[int]] = defaultdict(set)
    changes = StageChange.objects.filter(
        to_stage=Stage.LIVE,
        decided_at__lt=end - MATURE,
        use_case__programme_id__in=programme_ids,
    )
    for programme_id, use_case_id in changes.values_list("use_case__programme_id", "use_case_id"):
        launched[programme_id].add(use_case_id)
    words: dict[int, set[str]] = defaultdict(set)
    rows = ImpactVerdict.objects.filter(
        computed_at__lt=end, registration__use_case__programme_id__in=programme_ids
    ).exclude(superseded_at__lt=end)
    for use_case_id, word in rows.values_list("registration__use_case_id", "verdict"):
        words[use_case_id].add(word)
    on_time = set(VerdictWord.values) - {VerdictWord.EXPLORATORY, VerdictWord.NOT_EVALUABLE}
    return {
        programme_id: {
            "launched": len(cases),
            "judged": sum(bool(words[pk] & on_time) for pk in cases),
            "inconclusive": sum(VerdictWord.INCONCLUSIVE in words[pk] for pk in cases),
            "exploratory": sum(VerdictWord.EXPLORATORY in words[pk] for pk in cases),
        }
        for programme_id, cases in launched.items()
    }


def calculate_coverage(facts: Facts) -> Computed:
    """The share that was judged, with Wilson's interval; no value below five launches."""
    launched, judged = int(facts["launched"]), int(facts["judged"])
    if launched < FEWEST:
        return Computed(nano=None, reason="below_minimum", n=launched)
    low, high = wilson(judged, launched)
    return Computed(
        nano=judged * NANO // launched,
        n=launched,
        interval=ValueInterval(round(low * NANO), round(high * NANO), "wilson"),
    )


metrics.register(
    MetricDefinition(
        key="validation_coverage",
        version="1.0.0",
        label="Validation coverage",
        unit="share",
        formula=(
            "Of the use cases that went live at least sixteen weeks before the end of the window, "
            "the share with a verdict whose registration was approved before the launch and not "
            "changed since, whichever way it went. Exploratory and not evaluable do not count; "
            "the share that is inconclusive is reported beside it."
        ),
        inputs=frozenset({"registrations"}),
        comparators=(),
        measure=None,
        decision="Whether what is claimed about the programme rests on tests or on stories.",
        windowed=Windowed(
            number=14,
            scope=ScopeKind.PROGRAMME,
            window=WindowKind.QUARTER,
            collect=collect_coverage,
            calculate=calculate_coverage,
            minimum_n=FEWEST,
            k=0,
            better=Better.HIGHER,
            guardrails=("milestone_alignment",),
            dimension=Dimension.PERFORMANCE,
            resists={
                "A22": "tests/adoption/metrics/test_validation_coverage.py::"
                "test_the_denominator_is_everything_that_was_launched",
            },
            readers="Steering group and audit.",
        ),
    )
)
