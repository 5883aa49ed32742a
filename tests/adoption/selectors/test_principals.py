"""Who was in which team, as it was recorded at a moment: later writes do not change the answer."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from adoption.choices import Stage
from adoption.models import Identity, Membership, Team, UseCase
from adoption.selectors.principals import TeamCase, TeamSpell, team_spells, use_cases_of_teams
from portal.models import User
from tests.adoption.factories import make_team, make_use_case, make_user, move_stage

pytestmark = [pytest.mark.django_db, pytest.mark.both_engines]
JANUARY, MAY = dt.date(2026, 1, 1), dt.date(2026, 5, 1)
NAMES = ["anna@example.com", "bert", "carl", "dora@example.com"]


def joins(user: User, team: Team) -> Membership:
    return Membership.objects.create(team=team, user=user, starts_on=JANUARY)


def test_people_of_a_moment_are_those_recorded_by_then() -> None:
    above, team = make_team("Above"), make_team("Core")
    anna, bert, carl, dora = (make_user() for _ in range(4))
    User.objects.filter(pk=bert.pk).update(username="bert")
    User.objects.filter(pk=carl.pk).update(username="carl")
    mine = Identity.objects.create(kind="git_email", value="anna@example.com", user=anna)
    joins(anna, team)
    ended, gone = joins(bert, team), joins(carl, team)
    then = timezone.now()
    known = team_spells(NAMES)
    assert known == dict.fromkeys(NAMES[:3], [TeamSpell(JANUARY, None, ("core",))])
    Identity.objects.filter(pk=mine.pk).update(user=dora)
    Identity.objects.create(kind="git_email", value="dora@example.com", user=dora)
    joins(dora, above)
    Membership.objects.filter(pk=ended.pk).update(ends_on=MAY)
    gone.delete()
    Team.objects.filter(pk=team.pk).update(parent=above)
    assert team_spells(NAMES) == {
        "anna@example.com": [TeamSpell(JANUARY, None, ("above",))],
        "bert": [TeamSpell(JANUARY, MAY, ("core", "above"))],
        "dora@example.com": [TeamSpell(JANUARY, None, ("above",))],
    }
    assert team_spells(NAMES, at=then) == known


def test_use_cases_of_a_moment_are_those_decided_by_then() -> None:
    team, other = make_team("Core"), make_team("Other")
    now = timezone.now()
    days = [now - dt.timedelta(days=days) for days in (40, 30, 20)]
    case = move_stage(make_use_case(team=team, at=days[0]), Stage.APPROVED, at=days[1])
    make_use_case(team=team, at=days[0])
    then = timezone.now()
    known = use_cases_of_teams()
    zone_days = [team_case.starts_on for team_case in known]
    assert known == [TeamCase("core", case.pk, zone_days[0], None)]
    assert abs(zone_days[0] - days[1].date()) <= dt.timedelta(days=1)
    assert use_cases_of_teams(at=days[1] - dt.timedelta(seconds=1)) == []
    later = timezone.now()
    move_stage(case, Stage.STOPPED, reason="It was enough.", at=later)
    UseCase.objects.filter(pk=case.pk).update(team=other)
    (ended,) = use_cases_of_teams()
    assert (ended.team, ended.use_case_id, ended.ended_on is None) == ("other", case.pk, False)
    assert use_cases_of_teams(at=then) == known
