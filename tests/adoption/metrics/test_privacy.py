"""Who may see which value: decided over a whole window, and nothing is found by subtracting."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adoption.metrics.privacy import Cell, floor_of, withheld
from adoption.metrics.registry import NANO
from adoption.models import MetricVersion
from adoption.selectors.metric_values import (
    compare,
    digest_of,
    facts_of,
    history_of,
    shown_facts,
    value_or_none,
    values_of,
    with_previous,
)
from portal.choices import Role
from portal.models import User
from tests.adoption.factories import make_programme, make_use_case, make_user
from tests.adoption.metrics.windowed import (
    FEBRUARY,
    FILLED,
    JANUARY,
    KEY,
    MARCH,
    ThingsMetric,
    registered_things,
)
from tests.plugins.proofs import Figures

DAY = dt.timedelta(days=1)


def cell(key: int, contributors: int | None, *, has_value: bool = True, **more: Any) -> Cell:
    return Cell(
        key=key,
        families=more.get("families", ("house",)),
        has_value=has_value,
        contributors=contributors,
        size=more.get("size", contributors or 0),
    )


def hidden(*contributors: int | None, k: int = 5) -> list[int]:
    cells = [cell(index, count) for index, count in enumerate(contributors)]
    return sorted(withheld(cells, k))


def test_a_small_group_takes_the_smallest_large_one_with_it() -> None:
    assert hidden(12, 7, 4) == [1, 2]
    assert hidden(12, 7, 5) == []
    assert hidden(4) == [0]
    assert hidden(6, 4, k=0) == []


def test_small_groups_cover_each_other_only_if_they_cannot_be_the_same_people() -> None:
    """Three and three may be the same three; only a large one makes the remainder large."""
    assert hidden(12, 7, 3, 3) == [1, 2, 3]


def test_the_ten_and_six_of_the_catalogue() -> None:
    """Team of 10, sub-filter of 6: the remaining 4 are not derivable."""
    assert hidden(6, 4) == [0, 1]


def test_each_total_is_covered_by_a_scope_of_its_own() -> None:
    cells = [
        cell(1, 3, families=("house", "a")),
        cell(2, 20, families=("house", "a")),
        cell(3, 6, families=("house", "b")),
    ]
    assert sorted(withheld(cells, 5)) == [1, 2]


def test_nobody_working_is_about_a_group_and_an_unknown_group_is_no_group() -> None:
    assert hidden(12, 9, 0) == [1, 2]
    assert withheld([cell(1, None)], 5) == {1: "contributors_unknown"}
    assert withheld([cell(1, None, has_value=False)], 5) == {}


def test_a_value_that_is_missing_covers_nothing() -> None:
    cells = [cell(1, 3), cell(2, 6, has_value=False), cell(3, 30)]
    assert sorted(withheld(cells, 5)) == [1, 3]


def test_the_floor_is_never_below_five_and_ten_for_managers() -> None:
    assert [floor_of(k, for_managers=False) for k in (0, 1, 5, 8)] == [0, 5, 5, 8]
    assert [floor_of(k, for_managers=True) for k in (0, 5, 12)] == [0, 10, 12]


PEOPLE = st.sets(st.integers(0, 15), max_size=12)


@given(groups=st.lists(PEOPLE, min_size=1, max_size=8), data=st.data())
@settings(max_examples=60)
def test_no_subtraction_is_about_fewer_than_k(groups: list[set[int]], data: st.DataObject) -> None:
    """Known totals less everything shown leave nobody, or at least k people, in every family."""
    families = [
        ("house", data.draw(st.sampled_from(("a", "b")), label=f"family {index}"))
        for index in range(len(groups))
    ]
    cells = [
        cell(index, len(group), families=families[index]) for index, group in enumerate(groups)
    ]
    found = withheld(cells, 5)
    assert found == withheld(reversed(cells), 5)
    for family in ("house", "a", "b"):
        inside = [index for index in range(len(groups)) if family in families[index]]
        left = set().union(*(groups[index] for index in inside if index in found))
        shown = [index for index in inside if index not in found]
        assert all(len(groups[index]) >= 5 for index in shown)
        kept = [index for index in inside if index in found]
        everything_is_hidden = not shown
        assert not kept or everything_is_hidden or len(left) >= 5


def recovered(source: random.Random) -> str:
    """A random house, and two random queries of it: what their difference says of whom.

    Whoever asks sums what is shown of any scopes, and knows every total. The difference of two such
    sums, or of a total and one, is about the people of the scopes by which they differ.
    """
    people = range(source.randint(3, 40))
    groups = [
        set(source.sample(people, source.randint(0, min(len(people), 14))))
        for _ in range(source.randint(1, 9))
    ]
    families = [("house", source.choice("abc")) for _ in groups]
    cells = [
        cell(index, len(group), families=families[index]) for index, group in enumerate(groups)
    ]
    found = withheld(cells, 5)
    family = source.choice(("house", "a", "b", "c"))
    inside = [index for index in range(len(groups)) if family in families[index]]
    asked = [
        [index for index in inside if source.random() < 0.7 and index not in found]
        for _ in range(2)
    ]
    for left, right in (asked, asked[::-1], (inside, asked[0]), (inside, asked[1])):
        differ = set(left) ^ set(right)
        about = set().union(*(groups[index] for index in differ))
        one_is_shown = any(index not in found for index in inside)
        if differ and 0 < len(about) < 5 and one_is_shown:
            return f"{groups} {families} {differ}"
    return ""


def test_few_differences_of_queries_recover_nobody() -> None:
    source = random.Random(20261129)  # noqa: S311  (a story, not a secret)
    assert [each for _ in range(2_000) if (each := recovered(source))] == []


def test_without_cover_the_same_differences_do_recover_small_groups(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The check can fail: with nothing but the floor, subtraction finds what is hidden."""
    monkeypatch.setattr("adoption.metrics.privacy._cover", lambda members, hidden, k: {})
    source = random.Random(20261129)  # noqa: S311  (a story, not a secret)
    assert [each for _ in range(2_000) if (each := recovered(source))]


@pytest.mark.prove("Differences of queries")
def test_differences_of_queries_recover_nobody(figures: Figures) -> None:
    pairs = figures.scaled(100_000)
    for _ in figures.progress(range(pairs), "pairs of queries"):
        if each := recovered(figures.random):
            figures.bad(each)
    figures("pairs of queries", pairs, pairs)


# --- read from the database -----------------------------------------------------------------------


@pytest.fixture
def things(db: None) -> Iterator[ThingsMetric]:
    with registered_things() as metric:
        yield metric


@pytest.fixture
def employee(db: None) -> User:
    return make_user()


def version() -> MetricVersion:
    return MetricVersion.objects.get(key=KEY)


def shown(viewer: User | None, **wanted: Any) -> dict[int, int | None]:
    found = values_of(version(), viewer=viewer, **wanted)
    return {value.scope_id: value.nano for value in found}


def test_filters_ranges_and_moments_withhold_the_same(things: ThingsMetric, employee: User) -> None:
    programme = make_programme()
    cases = [make_use_case(programme=programme) for _ in range(3)]
    for case, people in zip(cases, (20, 9, 3), strict=True):
        for day in (JANUARY, FEBRUARY):
            things.set(case.pk, day, 2 * people, contributors=people)
    things.fill()
    first, second, third = (case.pk for case in cases)
    expected = {first: 40 * NANO, second: None, third: None}
    whole: dict[str, Any] = {"first": JANUARY, "last": FEBRUARY}
    assert shown(employee, **whole) == expected
    for pk in expected:
        assert shown(employee, scope_ids=[pk], **whole) == {pk: expected[pk]}
    assert shown(employee, last=FEBRUARY, as_of=FILLED + DAY) == expected
    small = next(each for each in values_of(version(), viewer=employee) if each.scope_id == third)
    assert (small.reason, small.n, small.low_nano, small.facts_sha256) == (
        "small_group", None, None, "",
    )  # fmt: skip
    assert facts_of([small]) == {}
    found = value_or_none(small.id, viewer=employee)
    assert found is not None
    assert found[1].nano is None
    assert [each.nano for each in history_of(version(), small, viewer=employee)] == [None]


def test_managers_and_what_is_written_down_see_groups_of_ten(
    things: ThingsMetric, employee: User
) -> None:
    case = make_use_case()
    things.set(case.pk, JANUARY, 5, contributors=7)
    things.fill()
    limits: dict[str, Any] = {"first": JANUARY, "last": FEBRUARY}
    assert shown(employee, **limits) == {case.pk: 5 * NANO}
    assert shown(case.owner, **limits) == {case.pk: None}
    assert shown(make_user(Role.PROGRAMME_LEAD), **limits) == {case.pk: None}
    assert shown(None, **limits) == {case.pk: None}


def test_who_joined_later_is_not_found_by_subtracting_moments(
    things: ThingsMetric, employee: User
) -> None:
    """A window that gains people is withheld or shown as a whole at each moment."""
    case = make_use_case()
    things.set(case.pk, JANUARY, 4, contributors=4)
    things.fill(FILLED)
    things.set(case.pk, JANUARY, 5, contributors=5)
    things.fill(FILLED + DAY)
    limits: dict[str, Any] = {"first": JANUARY, "last": FEBRUARY}
    assert shown(employee, as_of=FILLED, **limits) == {case.pk: None}
    assert shown(employee, as_of=FILLED + DAY, **limits) == {case.pk: 5 * NANO}
    newest = values_of(version(), viewer=employee, **limits)[0]
    assert [each.nano for each in history_of(version(), newest, viewer=employee)] == [
        5 * NANO, None,
    ]  # fmt: skip


def test_as_of_gives_any_earlier_answer_again(things: ThingsMetric, employee: User) -> None:
    case = make_use_case()
    things.set(case.pk, JANUARY, 1)
    things.fill(FILLED)
    things.set(case.pk, JANUARY, 2)
    things.fill(FILLED + DAY)
    limits: dict[str, Any] = {"first": JANUARY, "last": FEBRUARY}
    assert shown(employee, as_of=FILLED - DAY, **limits) == {}
    assert shown(employee, as_of=FILLED, **limits) == {case.pk: NANO}
    assert shown(employee, as_of=FILLED + DAY, **limits) == {case.pk: 2 * NANO}
    assert shown(employee, **limits) == {case.pk: 2 * NANO}


def test_windows_of_unlike_coverage_are_not_compared(things: ThingsMetric, employee: User) -> None:
    case = make_use_case()
    things.set(case.pk, JANUARY, 1, coverage=NANO)
    things.set(case.pk, FEBRUARY, 5, coverage=NANO // 2)
    things.set(case.pk, MARCH, 6, coverage=NANO // 2)
    things.fill()
    found = values_of(version(), viewer=employee, last=dt.date(2026, 4, 1))
    held = list(with_previous(found, bound_nano=NANO // 10).values())
    assert [(each.nano, each.reason) for each in held] == [
        (None, "unlike_coverage"),
        (NANO, ""),
    ]
    april = values_of(version(), viewer=employee, first=dt.date(2026, 4, 1))[0]
    assert compare(found[2], april, bound_nano=NANO).reason == "no_data"


def told_facts(text: str) -> Any:
    """As everybody at once may see them."""
    return shown_facts(MetricVersion(definition={}), text, viewer=None)


def test_facts_say_of_contributors_only_that_they_are_enough() -> None:
    assert told_facts('{"a":[{"contributors":17,"n":1}],"contributors":["x"]}') == {
        "a": [{"contributors": "enough", "n": 1}],
        "contributors": "enough",
    }


def test_facts_of_which_a_part_is_about_few_people_are_not_shown() -> None:
    """The value of the whole group is; single answers and small parts of it are not."""
    assert told_facts('{"contributors":17,"survey":{"answers":[1,5,5]}}') is None
    assert told_facts('{"contributors":17,"teams":[{"contributors":3,"n":1}]}') is None


def test_the_seal_covers_what_is_withheld(things: ThingsMetric) -> None:
    case = make_use_case()
    things.set(case.pk, JANUARY, 1, contributors=2)
    things.fill()
    before = digest_of(version(), 0, FEBRUARY)
    things.set(case.pk, JANUARY, 2, contributors=2)
    things.fill(FILLED + DAY)
    assert digest_of(version(), 0, FEBRUARY) != before
    assert digest_of(version(), case.pk + 1, FEBRUARY) != before
