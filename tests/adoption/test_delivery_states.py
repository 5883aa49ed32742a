"""The state of a delivery is a function of what was observed and of the moment, nothing else."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adoption.choices import DeliveryState
from adoption.delivery_states import SURVIVAL_WINDOW, Observed, standing_of

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
MOMENTS = st.integers(0, 90 * 24).map(lambda hours: START + dt.timedelta(hours=hours))
OBSERVED = st.builds(Observed, *(st.none() | MOMENTS for _ in range(5)))
ORDER = [DeliveryState.CLAIMED, DeliveryState.MERGED, DeliveryState.DEPLOYED, DeliveryState.HELD]


def day(number: int) -> dt.datetime:
    return START + dt.timedelta(days=number)


@pytest.mark.parametrize(
    ("observed", "at", "state"),
    [
        (Observed(None, None, None), day(50), DeliveryState.CLAIMED),
        (Observed(day(2), None, None), day(1), DeliveryState.CLAIMED),
        (Observed(day(2), None, None), day(2), DeliveryState.MERGED),
        (Observed(day(2), day(5), None), day(4), DeliveryState.MERGED),
        (Observed(day(2), day(5), None), day(5), DeliveryState.DEPLOYED),
        (Observed(day(2), day(5), None), day(18), DeliveryState.DEPLOYED),
        (Observed(day(2), day(5), None), day(19), DeliveryState.HELD),
        (Observed(day(2), day(5), day(30)), day(29), DeliveryState.HELD),
        (Observed(day(2), day(5), day(30)), day(30), DeliveryState.REVERTED),
        (Observed(day(2), None, day(3)), day(4), DeliveryState.REVERTED),
    ],
)
def test_the_state_on_each_side_of_every_boundary(
    observed: Observed, at: dt.datetime, state: DeliveryState
) -> None:
    assert standing_of(observed, at=at).state == state


@given(OBSERVED, MOMENTS)
def test_held_means_in_production_for_the_whole_window_and_not_undone(
    observed: Observed, at: dt.datetime
) -> None:
    standing = standing_of(observed, at=at)
    assert (standing.held_at is not None) == (standing.state == DeliveryState.HELD)
    if standing.held_at is not None:
        assert observed.delivered_at is not None
        entered = observed.delivered_at
        if observed.rolled_back_at is not None and observed.rolled_back_at <= at:
            assert observed.restored_at is not None
            entered = observed.restored_at
        assert standing.held_at == entered + SURVIVAL_WINDOW
        assert standing.held_at <= at
        assert observed.reverted_at is None or observed.reverted_at > at


@given(OBSERVED, MOMENTS)
def test_what_has_not_happened_yet_changes_nothing(observed: Observed, at: dt.datetime) -> None:
    known = Observed(*(moment if moment and moment <= at else None for moment in observed))
    assert standing_of(known, at=at) == standing_of(observed, at=at)


@given(
    st.builds(Observed, MOMENTS, st.none() | MOMENTS, st.none(), st.none(), st.none()),
    MOMENTS,
    MOMENTS,
)
def test_without_an_undoing_time_only_moves_a_delivery_forward(
    observed: Observed, first: dt.datetime, second: dt.datetime
) -> None:
    earlier, later = sorted((first, second))
    before, after = standing_of(observed, at=earlier), standing_of(observed, at=later)
    assert ORDER.index(before.state) <= ORDER.index(after.state)


@given(OBSERVED, MOMENTS)
def test_every_state_says_why_in_a_sentence_that_fits_its_column(
    observed: Observed, at: dt.datetime
) -> None:
    reason = standing_of(observed, at=at).reason
    assert reason.endswith(".")
    assert 10 < len(reason) <= 200


@given(st.builds(Observed, MOMENTS, st.none() | MOMENTS, MOMENTS, st.none(), st.none()), MOMENTS)
def test_an_undone_change_never_counts(observed: Observed, at: dt.datetime) -> None:
    merged, reverted = observed.merged_at, observed.reverted_at
    assert merged is not None
    assert reverted is not None
    if max(merged, reverted) <= at:
        assert standing_of(observed, at=at).state == DeliveryState.REVERTED
