"""Eligible teams with a held delivery: who is eligible, what counts, and what cannot raise it."""

from __future__ import annotations

import datetime as dt

import pytest

from adoption.choices import AiAssistance, DeliveryState
from adoption.metrics.registry import NANO, metrics
from adoption.metrics.scoped import measure_scopes, target_metrics
from adoption.metrics.team_outcomes import (
    count_for_programmes,
    count_for_use_cases,
    programme_outcomes,
    share_for_programmes,
)
from adoption.models import Delivery, Membership, Team, UseCase
from portal.models import User
from tests.adoption.factories import NOW, make_programme, make_team, make_use_case, make_user

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db]


def members(team: Team, count: int) -> list[User]:
    people = [make_user() for _ in range(count)]
    for person in people:
        Membership.objects.create(team=team, user=person, starts_on=dt.date(2026, 1, 1))
    return people


def held(use_case: UseCase, person: User, *, days_ago: float = 3) -> Delivery:
    moment = NOW - dt.timedelta(days=days_ago)
    return Delivery.objects.create(
        use_case=use_case, title="A delivery", claimed_by=person, assistance=AiAssistance.ASSISTED,
        claimed_at=moment - dt.timedelta(days=20), state=DeliveryState.HELD, held_at=moment,
    )  # fmt: skip


def test_a_team_counts_once_and_small_teams_on_neither_side() -> None:
    programme = make_programme()
    one, two, small = make_team(), make_team(), make_team()
    first, _, few = members(one, 5), members(two, 6), members(small, 4)
    use_case = make_use_case(programme=programme, team=one)
    for person in first[:3]:
        held(use_case, person)
    held(use_case, few[0])
    found = programme_outcomes([programme.pk], NOW)[programme.pk]
    assert found.eligible == {one.pk, two.pk}
    assert found.too_small == {small.pk}
    assert found.delivered == {one.pk}
    count = count_for_programmes([programme.pk], NOW)[programme.pk]
    share = share_for_programmes([programme.pk], NOW)[programme.pk]
    assert (count.nano, count.count) == (NANO, 2)
    assert share.nano == NANO // 2


def test_only_the_last_28_days_and_only_what_held() -> None:
    team = make_team()
    person = members(team, 5)[0]
    use_case = make_use_case(team=team)
    delivery = held(use_case, person, days_ago=28)
    assert count_for_use_cases([use_case.pk], NOW)[use_case.pk].nano == 0
    Delivery.objects.filter(pk=delivery.pk).update(held_at=NOW - dt.timedelta(days=27.99))
    assert count_for_use_cases([use_case.pk], NOW)[use_case.pk].nano == NANO
    # Asked about the past, it was not held yet.
    before = NOW - dt.timedelta(days=28)
    assert count_for_use_cases([use_case.pk], before)[use_case.pk].nano == 0
    Delivery.objects.filter(pk=delivery.pk).update(state=DeliveryState.REVERTED, reverted_at=NOW)
    assert count_for_use_cases([use_case.pk], NOW)[use_case.pk].nano == 0


def test_one_delivery_never_fills_two_teams() -> None:
    programme = make_programme()
    one, two = make_team(), make_team()
    members(one, 5), members(two, 5)
    both = make_user()
    for team in (one, two):
        Membership.objects.create(team=team, user=both, starts_on=dt.date(2026, 1, 1))
    held(make_use_case(programme=programme), both)  # of a third team
    assert programme_outcomes([programme.pk], NOW)[programme.pk].delivered == frozenset()
    held(make_use_case(programme=programme, team=two), both)
    assert programme_outcomes([programme.pk], NOW)[programme.pk].delivered == {two.pk}


def test_memberships_are_those_of_the_day() -> None:
    team = make_team()
    people = members(team, 5)
    use_case = make_use_case(team=team)
    held(use_case, people[0])
    Membership.objects.filter(user=people[0]).update(ends_on=dt.date(2026, 11, 15))
    new = make_user()
    Membership.objects.create(team=team, user=new, starts_on=dt.date(2026, 11, 16))
    # Who logged it has left since; the team delivered all the same, and five are in it today.
    assert count_for_use_cases([use_case.pk], NOW)[use_case.pk].nano == NANO
    Membership.objects.filter(user=new).update(starts_on=dt.date(2026, 11, 21))
    found = count_for_use_cases([use_case.pk], NOW)[use_case.pk]
    assert (found.nano, found.reason) == (None, "no_eligible_team")


def test_more_deliveries_and_claims_by_usage_change_nothing() -> None:
    """A1: a team that logs a hundred counts as one that logs one; claims alone count for none."""
    team = make_team()
    person = members(team, 5)[0]
    use_case = make_use_case(team=team)
    held(use_case, person)
    once = count_for_use_cases([use_case.pk], NOW)
    for _ in range(30):
        held(use_case, person)
        Delivery.objects.create(
            use_case=use_case, title="Claimed", claimed_by=person, claimed_at=NOW
        )
    assert count_for_use_cases([use_case.pk], NOW) == once


def test_which_scopes_a_metric_is_known_for() -> None:
    keys = {metric.key for metric in target_metrics("programme")}
    assert {"held_deliveries", "teams_with_held_delivery"} <= keys
    assert "ai_production_deployments" not in keys


def test_held_deliveries_of_a_programme_and_a_team_are_sums() -> None:
    parent = make_team()
    team = make_team(parent=parent)
    programme = make_programme()
    person = make_user()
    cases = [make_use_case(programme=programme, team=team), make_use_case(programme=programme)]
    for case, count in zip(cases, (2, 3), strict=True):
        for _ in range(count):
            held(case, person)
    metric = metrics.get("held_deliveries")
    assert measure_scopes(metric, "programme", [programme.pk], NOW)[programme.pk].nano == 5 * NANO
    by_team = measure_scopes(metric, "team", [parent.pk, team.pk, cases[1].team_id], NOW)
    assert [each.nano for each in by_team.values()] == [2 * NANO, 2 * NANO, 3 * NANO]
