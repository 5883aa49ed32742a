"""Metric 12, outcome attainment: how far a use case got from its baseline to what it aimed at.

    (observed − baseline) / (target − baseline)

The baseline is measured when a target is set and never typed. A target that is changed once the
quarter in which it was due has begun, or that is withdrawn, attains nothing: aiming lower late
improves nothing. Of several targets the one that got least far is the value.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from adoption.choices import MilestoneEventKind, ScopeKind
from adoption.metrics.alignment import due_days
from adoption.metrics.catalogue import definition, register
from adoption.metrics.contracts import Better, Computed, Dimension, Facts, Windowed
from adoption.metrics.exact import nano
from adoption.metrics.registry import metrics
from adoption.metrics.windows import Window, WindowKind
from adoption.models import AdoptionTarget, TargetEvent

_TESTS = "tests/adoption/metrics/test_outcome_metrics.py"


def collect_attainment(
    use_case_ids: Sequence[int], window: Window, as_of: dt.datetime
) -> Mapping[int, Facts]:
    """Targets of each use case that were due in the window, with what was measured at its end.

    Two queries, and those of each metric that is aimed at.
    """
    end = min(window.ends_at, as_of)
    targets = list(
        AdoptionTarget.objects.filter(
            use_case_id__in=list(use_case_ids), scope_kind=ScopeKind.USE_CASE, created_at__lt=end
        ).order_by("pk")
    )
    events: dict[int, list[TargetEvent]] = defaultdict(list)
    rows = TargetEvent.objects.filter(target_id__in=[each.pk for each in targets])
    for event in rows.order_by("happened_at", "pk"):
        events[event.target_id].append(event)
    due = [each for each in targets if due_days(each, events[each.pk], window, as_of)]
    observed = _observed(due, end)
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for target in due:
        found[target.scope_id].append(
            {
                "target": target.pk,
                "milestone": target.milestone_id,
                "metric": f"{target.metric_key}@{target.metric_version}",
                "currency": target.currency,
                "baseline_nano": target.baseline_nano,
                "target_nano": target.threshold_nano,
                "observed_nano": observed.get((target.metric_key, target.scope_id)),
                "is_kept": not any(
                    each.kind in (MilestoneEventKind.CHANGED, MilestoneEventKind.REMOVED)
                    and window.starts_at <= each.happened_at <= as_of
                    for each in events[target.pk]
                ),
            }
        )
    return {pk: {"targets": rows} for pk, rows in found.items()}


def _observed(
    targets: Sequence[AdoptionTarget], as_of: dt.datetime
) -> dict[tuple[str, int], int | None]:
    """By metric and use case, in nano-units; a metric that is gone or was redefined has none."""
    groups: dict[str, set[int]] = defaultdict(set)
    for each in targets:
        known = metrics.get(each.metric_key) if each.metric_key in metrics else None
        if known is not None and known.measure and known.version == each.metric_version:
            groups[each.metric_key].add(each.scope_id)
    return {
        (key, pk): measured.nano
        for key, ids in sorted(groups.items())
        for pk, measured in metrics.get(key).measurable(sorted(ids), as_of).items()
    }


def calculate_attainment(facts: Facts) -> Computed:
    """The share of the way that the least advanced target got; above 1 when it got further."""
    targets = facts["targets"]
    if not targets:
        return Computed(nano=None, reason="no_data")
    shares = [_share(each) for each in targets]
    unknown = sum(each is None for each in shares)
    if unknown:
        return Computed(
            nano=None,
            reason="not_evaluable",
            missing=f"a baseline or a measured value of {unknown} of {len(targets)} targets",
            n=len(targets),
        )
    # Everything that was due is in it, none sampled: nothing is estimated.
    return Computed(nano=nano(min(each for each in shares if each is not None)), n=len(targets))


def _share(target: Mapping[str, Any]) -> Fraction | None:
    if not target["is_kept"]:
        return Fraction(0)
    baseline, observed = target["baseline_nano"], target["observed_nano"]
    if baseline is None or observed is None or target["target_nano"] == baseline:
        return None
    return Fraction(observed - baseline, target["target_nano"] - baseline)


register(
    definition(
        "outcome_attainment",
        "Outcome attainment",
        "share",
        "(observed − baseline) / (target − baseline) of the adoption targets of the use case that "
        "were due in the quarter, observed at its end; of several, the smallest. A target is due "
        "on every day that it was set to since the quarter began. One that was changed since then, "
        "or withdrawn, attains nothing. The baseline is the one measured when the target was set.",
        ("targets", "milestones"),
        "Whether a use case got where it said that it would.",
        Windowed(
            number=12,
            scope=ScopeKind.USE_CASE,
            window=WindowKind.QUARTER,
            collect=collect_attainment,
            calculate=calculate_attainment,
            k=0,  # what is aimed at is open to read; nothing here is about a person
            better=Better.HIGHER,
            dimension=Dimension.PERFORMANCE,
            guardrails=("validated_impact",),
            resists={
                "A1": "tests/adoption/metrics/test_alternatives.py"
                "::test_no_disguise_gets_a_word_of_usage_through",
                "A12": f"{_TESTS}::test_a12_a_target_that_is_changed_late_attains_nothing",
                "A14": f"{_TESTS}::test_a14_the_target_that_got_least_far_is_the_value",
            },
            readers="The sponsor.",
        ),
    )
)
