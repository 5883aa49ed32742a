"""The state of a delivery is a function of what was observed and of the moment, nothing else."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adoption.choices import DeliveryState
from adoption.delivery_states import (
    SURVIVAL_WINDOW,
    Observed,
    Trouble,
    TroubleKind,
    standing_of,
    why_moved,
)

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
MOMENTS = st.integers(0, 90 * 24).map(lambda hours: START + dt.timedelta(hours=hours))
TROUBLES = st.lists(
    st.builds(
        lambda since, length, kind: Trouble(
            since, since + dt.timedelta(hours=length) if length is not None else None, kind
        ),
        MOMENTS,
        st.none() | st.integers(0, 400),
        st.sampled_from(TroubleKind),
    ),
    max_size=3,
)
OBSERVED = st.builds(Observed, *(st.none() | MOMENTS for _ in range(5)), TROUBLES)
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
        happened = [each for each in observed.troubles if each.since <= at]
        ends = [each.until for each in happened if each.until is not None]
        assert len(ends) == len(happened)  # while one is open, nothing holds
        entered = max([entered, *ends])
        assert standing.held_at == entered + SURVIVAL_WINDOW
        assert standing.held_at <= at
        assert observed.reverted_at is None or observed.reverted_at > at


@given(OBSERVED, MOMENTS)
def test_what_has_not_happened_yet_changes_nothing(observed: Observed, at: dt.datetime) -> None:
    moments, troubles = observed[:5], observed.troubles
    seen = [
        each._replace(until=each.until if each.until and each.until <= at else None)
        for each in troubles
        if each.since <= at
    ]
    happened = [each if each and each <= at else None for each in moments]
    known = Observed(*happened, troubles=seen)  # type: ignore[misc, arg-type]
    assert standing_of(known, at=at) == standing_of(observed, at=at)


@given(
    st.builds(Observed, MOMENTS, st.none() | MOMENTS, st.none(), st.none(), st.none(), st.just(())),
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


@given(
    st.builds(Observed, MOMENTS, st.none() | MOMENTS, MOMENTS, st.none(), st.none(), TROUBLES),
    MOMENTS,
)
def test_an_undone_change_never_counts(observed: Observed, at: dt.datetime) -> None:
    merged, reverted = observed.merged_at, observed.reverted_at
    assert merged is not None
    assert reverted is not None
    if max(merged, reverted) <= at:
        assert standing_of(observed, at=at).state == DeliveryState.REVERTED


OPEN = Trouble(day(10), None, TroubleKind.INCIDENT)
OVER = Trouble(day(10), day(12), TroubleKind.INCIDENT)
REPAIRED = Trouble(day(11), day(11), TroubleKind.REPAIR)


@pytest.mark.parametrize(
    ("troubles", "at", "state", "words"),
    [
        ([OPEN], day(9), DeliveryState.DEPLOYED, "holds on 19 Jan 2026."),
        ([OPEN], day(10), DeliveryState.DEPLOYED, "an incident of 11 Jan 2026 that it caused"),
        ([OPEN], day(90), DeliveryState.DEPLOYED, "is still open."),
        ([OVER], day(11), DeliveryState.DEPLOYED, "is still open."),
        ([OVER], day(12), DeliveryState.DEPLOYED, "was over on 13 Jan 2026; holds on"),
        ([OVER], day(26), DeliveryState.HELD, "was over on 13 Jan 2026, not undone for 14"),
        ([REPAIRED], day(24), DeliveryState.DEPLOYED, "repaired by a deployment of 12 Jan"),
        ([REPAIRED], day(25), DeliveryState.HELD, "repaired by a deployment of 12 Jan 2026"),
        ([OVER, REPAIRED], day(25), DeliveryState.DEPLOYED, "holds on 27 Jan 2026."),
    ],
)
def test_trouble_with_the_deployment_begins_the_window_anew_and_says_why(
    troubles: list[Trouble], at: dt.datetime, state: DeliveryState, words: str
) -> None:
    standing = standing_of(Observed(day(2), day(4), None, troubles=troubles), at=at)
    assert standing.state == state
    assert words in standing.reason


def test_an_incident_after_it_held_takes_that_back_until_the_window_is_over() -> None:
    late = Observed(
        day(2), day(4), None, troubles=[Trouble(day(40), day(41), TroubleKind.INCIDENT)]
    )
    states = [standing_of(late, at=day(number)).state for number in (39, 40, 41, 54, 55)]
    assert states == ["held", "deployed", "deployed", "deployed", "held"]
    line = why_moved("held", "deployed", standing_of(late, at=day(40)).reason)
    assert line.startswith("It had held and does not any more. In production since")


def test_a_revert_outweighs_every_trouble() -> None:
    seen = Observed(day(2), day(4), day(12), troubles=[OPEN])
    assert standing_of(seen, at=day(13)).state == DeliveryState.REVERTED
