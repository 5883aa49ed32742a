"""What a sign-in through the provider brings: teams follow groups; a fault keeps nobody out."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client

from adoption.models import Membership, Team
from adoption.services.group_teams import map_group
from adoption.services.teams import create_team
from portal.models import User
from portal.signin.follow_ups import SignInFollowUp, follow_sign_in, sign_in_follow_ups
from tests.adoption.factories import NOW, make_user
from tests.portal.signin.conftest import provider, rules  # noqa: F401  (fixtures)
from tests.portal.signin.identity_provider import Provider
from tests.portal.signin.test_oidc import sign_in, signed_in_as

pytestmark = [pytest.mark.django_db, pytest.mark.both_engines]


def mapped(group: str, name: str = "Search") -> Team:
    lead = make_user()
    team = create_team(name=name, actor=lead, at=NOW)
    map_group(group=group, team=team, actor=lead, at=NOW)
    return team


def test_a_sign_in_makes_teams_follow_the_groups_of_the_provider(
    client: Client,
    provider: Provider,  # noqa: F811  (the fixture)
) -> None:
    team = mapped("cn=search")
    provider.person["groups"] = ["cn=search", "cn=other"]
    sign_in(client)
    assert signed_in_as(client) == "ines"
    ines = User.objects.get(username="ines")
    found = Membership.objects.get(user=ines)
    assert (found.team, found.origin, found.ends_on) == (team, "groups", None)
    provider.person["groups"] = ["cn=other"]
    sign_in(Client())
    found.refresh_from_db()
    assert found.ends_on == found.starts_on + dt.timedelta(days=1)  # it never was less than a day


def test_a_fault_in_one_follow_up_keeps_nobody_out_and_stops_no_other(
    client: Client,
    provider: Provider,  # noqa: F811  (the fixture)
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mapped("cn=search")
    provider.person["groups"] = ["cn=search"]
    ran: list[str] = []

    def fail(user: User, groups: frozenset[str], at: dt.datetime) -> None:
        Team.objects.create(name="Half", slug="half")
        raise RuntimeError("a fault")

    def note(user: User, groups: frozenset[str], at: dt.datetime) -> None:
        ran.append(user.username)

    items: dict[str, Any] = {
        "a.broken": SignInFollowUp("a.broken", fail), **sign_in_follow_ups._items,
        "z.last": SignInFollowUp("z.last", note),
    }  # fmt: skip
    monkeypatch.setattr(sign_in_follow_ups, "_items", items)
    sign_in(client)
    assert signed_in_as(client) == "ines"
    assert ran == ["ines"]
    assert Membership.objects.filter(user__username="ines").count() == 1
    assert not Team.objects.filter(slug="half").exists()  # what it had written is taken back


def test_the_same_sign_in_twice_changes_nothing() -> None:
    mapped("cn=search")
    user = make_user()
    for hours in (0, 1):
        follow_sign_in(user, frozenset({"cn=search"}), NOW + dt.timedelta(hours=hours))
    assert Membership.objects.filter(user=user).count() == 1
