"""Metric 14: every launch is in the denominator."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from adoption.choices import Stage
from adoption.metrics.validation_coverage import calculate_coverage, collect_coverage
from adoption.metrics.windows import Window
from adoption.models import StageChange, UseCase
from adoption.services.impact_verdicts import evaluate_registration
from tests.adoption.factories import make_programme, make_use_case
from tests.adoption.impact import CLOSED, WeeklyMetric, piloted, register, weekly_metric

pytestmark = pytest.mark.django_db
QUARTER = Window(dt.date(2026, 7, 1), dt.date(2026, 10, 1), "UTC")
AS_OF = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def metric() -> Iterator[WeeklyMetric]:
    with weekly_metric() as made:
        yield made


def went_live(use_case: UseCase, on: dt.datetime) -> UseCase:
    StageChange.objects.create(
        use_case=use_case, from_stage=Stage.PILOT, to_stage=Stage.LIVE, reason="",
        decided_by=use_case.owner, decided_at=on,
    )  # fmt: skip
    return use_case


def test_the_denominator_is_everything_that_was_launched(metric: WeeklyMetric) -> None:
    """A22: testing only the winners does not raise it."""
    programme = make_programme()
    day = dt.datetime(2026, 6, 2, tzinfo=dt.UTC)
    cases = [piloted(programme=programme) for _ in range(2)]
    for use_case in cases:
        evaluate_registration(registration_id=register(use_case).pk, at=CLOSED)
        went_live(use_case, day)
    late = piloted(programme=programme)
    made = register(late, at=dt.datetime(2026, 6, 3, tzinfo=dt.UTC))
    evaluate_registration(registration_id=made.pk, at=CLOSED)
    went_live(late, day)
    for _ in range(3):
        went_live(make_use_case(programme=programme), day)
    went_live(make_use_case(programme=programme), dt.datetime(2026, 9, 20, tzinfo=dt.UTC))
    facts = collect_coverage([programme.pk], QUARTER, AS_OF)[programme.pk]
    assert facts == {"launched": 6, "judged": 2, "inconclusive": 2, "exploratory": 1}
    value = calculate_coverage(facts)
    assert value.nano == 333_333_333
    assert value.interval is not None
    assert value.interval.low_nano is not None
    assert value.interval.low_nano < value.nano


def test_fewer_than_five_launches_say_nothing() -> None:
    value = calculate_coverage({"launched": 4, "judged": 4, "inconclusive": 0, "exploratory": 0})
    assert (value.nano, value.reason, value.n) == (None, "below_minimum", 4)


def test_a_programme_without_launches_has_no_entry() -> None:
    assert collect_coverage([make_programme().pk], QUARTER, AS_OF) == {}
