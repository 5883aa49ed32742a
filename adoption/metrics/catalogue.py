"""How metrics of delivery are written down: one row each, and what all rows have in common."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from typing import Protocol

from adoption.metrics import ndu
from adoption.metrics.contracts import Facts, Windowed
from adoption.metrics.registry import MetricDefinition, metrics
from adoption.metrics.sizes import of_like_size
from adoption.metrics.windows import Window

NEVER_A_TARGET = "anybody who would set a target on it"
SURVIVAL = dt.timedelta(days=ndu.RULE.survival_days)
_ATTACKS = "tests/adoption/metrics/attacks/test_value_metrics.py"
_TESTS = {
    "A1": "test_a1_burning_tokens_moves_nothing",
    "A2": "test_a2_splitting_a_deployment_moves_nothing",
    "A3": "test_a3_deploying_again_moves_nothing",
    "A4": "test_a4_more_regions_move_nothing",
    "A5": "test_a5_splitting_a_service_moves_nothing",
    "A6": "test_a6_rolling_back_and_deploying_again_never_helps",
    "A7": "test_a7_documents_bots_and_settings_move_nothing",
    "A8": "test_a8_sizes_just_under_a_limit_move_nothing",
    "A9": "test_a9_trailers_move_nothing",
    "A10": "test_a10_missing_data_is_never_the_best",
    "A11": "test_a11_leaving_out_weeks_never_helps",
    "A12": "test_a12_the_windows_are_those_registered",
    "A19": "test_a19_lowering_severities_moves_nothing",
    "A20": "test_a20_work_that_others_undo_never_helps",
    "A23": "test_a23_another_rule_rewrites_no_old_value",
    "A24": "test_a24_nothing_of_continuous_integration_is_an_input",
}
TRIFLES = f"{_ATTACKS}::test_a7_a_trifle_a_day_improves_nothing"
_LIKE_SIZE = (
    "There is no value when, of the changes delivered, the share of small ones rose by more than "
    "20 points and by more than chance; small is at most a quarter of the median size before."
)


class Collector(Protocol):
    """Reads facts under a rule of `ndu`."""

    def __call__(
        self, ids: Sequence[int], window: Window, as_of: dt.datetime, rule: ndu.Rule, /
    ) -> Mapping[int, Facts]: ...


def resists(*attacks: str) -> dict[str, str]:
    """Attacks → the test of the red team that shows it."""
    return {attack: f"{_ATTACKS}::{_TESTS[attack]}" for attack in attacks}


def definition(
    key: str,
    label: str,
    unit: str,
    formula: str,
    inputs: Iterable[str],
    decision: str,
    windowed: Windowed,
) -> MetricDefinition:
    """A metric that is computed window by window and that no milestone uses, version 1.0.0."""
    return MetricDefinition(
        key=key,
        version="1.0.0",
        label=label,
        unit=unit,
        formula=formula,
        inputs=frozenset(inputs),
        comparators=(),
        measure=None,
        decision=decision,
        windowed=windowed,
    )


def second(
    first: MetricDefinition, collect: Collector, formula: str, *inputs: str
) -> MetricDefinition:
    """Version 2.0.0 of a metric, over facts of the rule of promises; the first is computed beside
    it.

    Args:
        formula: of this version; what is said about sizes is added.
        inputs: that it rests on besides those of the first.
    """
    windowed = first.windowed
    assert windowed is not None  # noqa: S101  (`definition` has no other)
    return replace(
        first,
        version="2.0.0",
        formula=f"{formula} {_LIKE_SIZE}",
        inputs=first.inputs | set(inputs),
        windowed=replace(
            windowed,
            collect=_promised(collect),
            calculate=of_like_size(windowed.calculate),
            resists={**windowed.resists, "A7": TRIFLES},
        ),
        superseded_versions=(first,),
    )


def _promised(
    collect: Collector,
) -> Callable[[Sequence[int], Window, dt.datetime], Mapping[int, Facts]]:
    @wraps(collect)
    def collected(ids: Sequence[int], window: Window, as_of: dt.datetime) -> Mapping[int, Facts]:
        return collect(ids, window, as_of, ndu.PROMISED)

    return collected


def register(*definitions: MetricDefinition) -> None:
    """Put them into the registry of metrics."""
    for each in definitions:
        metrics.register(each)
