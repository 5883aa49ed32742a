"""Who is behind the standings of a metric: read for all of them at once, or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from adoption.models import MetricStanding
from adoption.selectors.metric_standings import add_people, standings_of, versions_of
from portal.choices import Role
from tests.adoption.factories import make_use_case, make_user
from tests.adoption.metrics.windowed import (
    KEY,
    approve_standing,
    fill_year,
    make_standing,
    registered_things,
)

pytestmark = [pytest.mark.django_db, pytest.mark.both_engines]


def people_of(standings: list[MetricStanding]) -> list[tuple[str, str]]:
    return [
        (each.owner.username, each.approval.closed_by.username)
        for each in standings
        if each.approval is not None and each.approval.closed_by is not None
    ]


@pytest.mark.parametrize("number", [1, 4])
def test_the_people_behind_any_number_of_standings_are_three_queries(
    number: int, django_assert_num_queries: Any
) -> None:
    with registered_things() as things:
        for place in range(number):
            case = make_use_case(title=f"Case {place}")
            fill_year(things, case)
            approve_standing(make_standing(make_user(Role.PROGRAMME_LEAD), case.pk))
    reader, versions = make_user(), versions_of(KEY)
    whole = people_of(standings_of(versions, reader))
    assert len(whole) == number
    bare = standings_of(versions, reader, bare=True)
    with django_assert_num_queries(3):
        add_people(bare)
    with django_assert_num_queries(0):
        assert people_of(bare) == whole
