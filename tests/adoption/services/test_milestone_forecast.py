"""When a promise will be reached: from a pace, with a range, never in the past."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adoption.choices import Comparator, MilestoneRisk, MilestoneState
from adoption.metrics.registry import NANO
from adoption.services.milestone_forecast import (
    IS_REACHED,
    NO_PACE,
    NOT_KNOWN,
    TOO_FAR,
    TOO_LITTLE,
    Outlook,
    outlook,
    risk_of,
)
from tests.adoption.factories import NOW

TODAY = NOW.date()


def ago(*days: float) -> list[dt.datetime]:
    return sorted(NOW - dt.timedelta(days=each) for each in days)


def ahead(
    happened: list[dt.datetime], threshold: int, *, comparator: str = Comparator.AT_LEAST,
    counts_up: bool = True, nano: int | None = 0,
) -> Outlook:  # fmt: skip
    known = len(happened) * NANO if nano is not None else None
    return outlook(
        comparator=comparator, threshold_nano=threshold * NANO, measured_nano=known,
        happened_at=happened, counts_up=counts_up, at=NOW, today=TODAY,
    )  # fmt: skip


def test_the_day_follows_from_the_pace_of_eight_weeks() -> None:
    """Eight in 56 days is one a week; four more take four weeks."""
    weekly = ago(*(7 * week + 0.5 for week in range(8)), 400)
    found = ahead(weekly, 13)
    assert found.on == TODAY + dt.timedelta(days=28)
    assert found.low_on is not None
    assert found.high_on is not None
    assert found.low_on < found.on < found.high_on
    # Known quantiles of F(8, 17) at 10 % and 90 %: 0.41 and 2.06 (tables), times 56 · 4 / 8.5 days.
    assert (found.low_on - TODAY).days == 11
    assert (found.high_on - TODAY).days == 55


def test_a_young_use_case_has_a_pace_of_at_least_four_weeks() -> None:
    """Three in one day are three in four weeks, not twenty-one a week."""
    assert ahead(ago(0.1, 0.2, 0.3), 6).on == TODAY + dt.timedelta(days=28)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (ahead(ago(1, 2), 9), TOO_LITTLE),
        (ahead(ago(60, 70, 80, 90), 9), TOO_LITTLE),
        (ahead(ago(1, 2, 3), 9, counts_up=False), NO_PACE),
        (ahead(ago(1, 2, 3), 9, comparator=Comparator.BELOW), NO_PACE),
        (ahead(ago(1, 2, 3), 9, nano=None), NOT_KNOWN),
        (ahead(ago(1, 2, 3), 3), IS_REACHED),
        (ahead(ago(1, 20, 50), 4000), TOO_FAR),
    ],
)
def test_without_a_pace_there_is_no_day_but_a_reason(found: Outlook, reason: str) -> None:
    assert found == Outlook(reason=reason)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.floats(0.001, 700), max_size=60),
    st.integers(1, 400),
    st.sampled_from((Comparator.AT_LEAST, Comparator.MORE_THAN)),
)
def test_a_forecast_is_never_in_the_past_and_lies_in_its_range(
    days: list[float], threshold: int, comparator: Comparator
) -> None:
    found = ahead(ago(*days), threshold, comparator=comparator)
    if found.on is None:
        assert found.reason
        assert (found.low_on, found.high_on) == (None, None)
        return
    assert not found.reason
    assert found.low_on is not None
    assert TODAY <= found.low_on <= found.on
    assert found.high_on is None or found.on <= found.high_on


def test_the_range_holds_in_four_of_five_cases_when_things_go_on_at_that_pace() -> None:
    """A thousand histories with a steady unknown pace; the share that ends within the range."""
    import numpy as np

    source = np.random.default_rng(20261129)
    inside = known = 0
    for _ in range(600):
        gaps = source.exponential(4.0, size=60)
        moments = np.cumsum(gaps) - 80  # days before now, negative
        past = [float(-each) for each in moments if each < 0]
        later = [float(each) for each in moments if each >= 0]
        found = ahead(ago(*past), len(past) + 6)
        if found.on is None or found.low_on is None or found.high_on is None:
            continue
        known += 1
        happened = TODAY + dt.timedelta(days=int(np.ceil(later[5])))
        inside += found.low_on <= happened <= found.high_on
    assert known > 500
    assert 0.76 <= inside / known <= 0.90


@pytest.mark.parametrize(
    ("due", "forecast", "state", "risk"),
    [
        (40, 41, MilestoneState.OPEN, MilestoneRisk.FORECAST_LATE),
        (40, 40, MilestoneState.OPEN, None),
        (40, None, MilestoneState.OPEN, None),
        (14, None, MilestoneState.OPEN, MilestoneRisk.DUE_SOON),
        (14, 5, MilestoneState.OPEN, MilestoneRisk.DUE_SOON),
        (15, None, MilestoneState.OPEN, None),
        (-1, 30, MilestoneState.MISSED, None),
        (5, None, MilestoneState.REACHED, None),
    ],
)
def test_what_is_at_risk(
    due: int, forecast: int | None, state: MilestoneState, risk: MilestoneRisk | None
) -> None:
    day = None if forecast is None else TODAY + dt.timedelta(days=forecast)
    assert (
        risk_of(state=state, due_on=TODAY + dt.timedelta(days=due), forecast_on=day, today=TODAY)
        == risk
    )
