"""Splitting: the worked example of shared cost to the cent, and exactness whatever the weights."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.allocation.people import NOBODY, People, Span, Spell, TeamUseCase, common, merged
from billing.allocation.sharing import BaseKey, Line, Sharing
from billing.allocation.split import split_by_weight
from billing.choices import SplitKind, UnallocatedReason

DAY = dt.date(2026, 5, 3)
A, B, C = 1, 2, 3
DIRECT = {A: 600, B: 300, C: 100}
CENTS = 100_000  # the shared 1,000.00


def parts_of(sharing: Sharing, amount: int, **given: object) -> list[tuple[int | None, int, str]]:
    line = Line(1, 1, DAY, amount, amount, "USD", "invoiced")
    context = {"principal": "", "bases": {}, "people": NOBODY} | given
    parts = sharing.parts(line, **context)  # type: ignore[arg-type]
    assert [each.billed for each in parts] == [each.effective for each in parts]
    return [(each.use_case_id, each.billed, each.reason) for each in parts]


def base(sharing: Sharing, direct: dict[int, int]) -> dict[BaseKey, tuple[tuple[int, int], ...]]:
    return {BaseKey(7, DAY.replace(day=1), "USD", "invoiced"): sharing.base_of(direct)}


@pytest.mark.parametrize(
    ("kind", "shares", "expected"),
    [
        (SplitKind.EVEN, ((A, 1), (B, 1), (C, 1)), (33_334, 33_333, 33_333)),
        (SplitKind.PROPORTIONAL, (), (60_000, 30_000, 10_000)),
        (SplitKind.FIXED, ((A, 500_000), (B, 300_000), (C, 200_000)), (50_000, 30_000, 20_000)),
    ],
)
def test_shared_cost_of_the_worked_example(
    kind: str, shares: tuple[tuple[int, int], ...], expected: tuple[int, ...]
) -> None:
    sharing = Sharing(7, kind, shares)
    found = parts_of(sharing, CENTS, bases=base(sharing, DIRECT))
    assert found == [(case, part, "") for case, part in zip((A, B, C), expected, strict=True)]
    returned = parts_of(sharing, -CENTS, bases=base(sharing, DIRECT))
    assert sum(part for _, part, _ in returned) == -CENTS


def test_nothing_to_share_by_stays_unallocated_and_divides_by_nothing() -> None:
    sharing = Sharing(7, SplitKind.PROPORTIONAL, ((A, 1), (B, 1)))
    for direct in ({}, {A: 0, B: 0}, {A: -5}, {C: 100}):
        found = parts_of(sharing, CENTS, bases=base(sharing, direct))
        assert found == [(None, CENTS, UnallocatedReason.NO_BASE)]


def test_a_use_case_whose_credits_outweigh_its_cost_weighs_nothing() -> None:
    sharing = Sharing(7, SplitKind.PROPORTIONAL, ())
    assert sharing.base_of({A: -600, B: 300, C: 100}) == ((B, 300), (C, 100))


weights = st.lists(st.integers(0, 2**62), min_size=1, max_size=6).filter(any)


@given(amount=st.integers(-(2**63), 2**63 - 1), parts=weights)
def test_parts_sum_to_the_amount_for_any_weights_and_either_sign(
    amount: int, parts: list[int]
) -> None:
    found = split_by_weight(amount, parts)
    assert sum(found) == amount
    total = sum(parts)
    for part, weight in zip(found, parts, strict=True):
        assert abs(part * total - amount * weight) < total  # less than one unit from the exact part
        assert weight or not part


# --- teams ----------------------------------------------------------------------------------


def test_the_team_of_the_day_decides_and_its_use_cases_share_evenly() -> None:
    until, since = Span(dt.date(2026, 1, 1), DAY), Span(DAY, None)
    people = People(
        {"anna": (Spell(until, ("old", "all")), Spell(since, ("new", "all")))},
        {
            "new": (TeamUseCase(A, Span(dt.date.min, None)), TeamUseCase(B, Span(DAY, None))),
            "old": (TeamUseCase(C, Span(dt.date.min, None)),),
        },
    )
    sharing = Sharing(7, SplitKind.TEAM, ())
    assert parts_of(sharing, 5, principal="anna", people=people) == [(A, 3, ""), (B, 2, "")]
    assert parts_of(sharing, 5, principal="bert", people=people) == [
        (None, 5, UnallocatedReason.UNKNOWN_TEAM)
    ]
    bare = People(people.spells, {})
    assert parts_of(sharing, 5, principal="anna", people=bare) == [
        (None, 5, UnallocatedReason.NO_TEAM_USE_CASE)
    ]


spans = st.lists(
    st.tuples(st.integers(0, 12), st.one_of(st.none(), st.integers(1, 6))).map(
        lambda pair: Span(
            DAY + dt.timedelta(pair[0]),
            None if pair[1] is None else DAY + dt.timedelta(pair[0] + pair[1]),
        )
    ),
    max_size=4,
)


@given(spans, spans)
def test_days_of_spans_are_those_of_sets(first: list[Span], second: list[Span]) -> None:
    days = [DAY + dt.timedelta(number) for number in range(30)]

    def on(found: list[Span], day: dt.date) -> bool:
        return any(span.contains(day) for span in found)

    for day in days:
        assert on(common(first, second), day) == (on(first, day) and on(second, day))
        assert sum(span.contains(day) for span in merged(first)) == on(first, day)
