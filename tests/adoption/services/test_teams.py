"""The tree stays a tree, and nobody is in one team twice on one day."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from adoption.models import Membership, Team
from adoption.services.teams import (
    BadMembershipError,
    BadTeamError,
    add_membership,
    end_membership,
    update_team,
)
from portal.models import User
from tests.adoption.factories import NOW, make_team, make_user

DAY = dt.date(2026, 3, 1)


def _add(team: Team, user: User, start: int, end: int | None) -> Membership:
    return add_membership(
        team_id=team.pk,
        user=user,
        starts_on=DAY + dt.timedelta(days=start),
        ends_on=None if end is None else DAY + dt.timedelta(days=end),
        actor=user,
        at=NOW,
    )


@pytest.mark.django_db
def test_a_team_cannot_hang_below_itself() -> None:
    actor = make_user()
    top = make_team("Top")
    middle = make_team("Middle", top)
    low = make_team("Low", middle)
    for parent in (top, middle, low):
        with pytest.raises(BadTeamError):
            update_team(team_id=top.pk, name="Top", parent=parent, actor=actor, at=NOW)
    moved = update_team(team_id=low.pk, name="Low", parent=top, actor=actor, at=NOW)
    assert moved.parent == top


@pytest.mark.django_db
def test_an_overlap_is_refused_and_a_touch_is_not() -> None:
    team, user = make_team(), make_user()
    _add(team, user, 0, 10)
    with pytest.raises(BadMembershipError, match="already"):
        _add(team, user, 9, None)
    _add(team, user, 10, None)
    with pytest.raises(BadMembershipError):
        _add(team, user, 400, None)
    _add(make_team(), user, 0, None)


@pytest.mark.django_db
def test_a_membership_ends_once_and_after_it_starts() -> None:
    team, user = make_team(), make_user()
    membership = _add(team, user, 0, None)
    with pytest.raises(BadMembershipError):
        end_membership(membership_id=membership.pk, ends_on=DAY, actor=user, at=NOW)
    ended = end_membership(
        membership_id=membership.pk, ends_on=DAY + dt.timedelta(days=1), actor=user, at=NOW
    )
    assert ended.ends_on == DAY + dt.timedelta(days=1)
    with pytest.raises(BadMembershipError, match="already"):
        end_membership(
            membership_id=membership.pk, ends_on=DAY + dt.timedelta(days=2), actor=user, at=NOW
        )


@pytest.mark.django_db
@pytest.mark.both_engines
def test_the_database_itself_refuses_an_empty_membership_and_an_own_parent() -> None:
    team, user = make_team(), make_user()
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(team=team, user=user, starts_on=DAY, ends_on=DAY)
    with pytest.raises(IntegrityError), transaction.atomic():
        Team.objects.filter(pk=team.pk).update(parent=team)


class EveryOrder(TestCase):
    @given(
        periods=st.lists(
            st.tuples(st.integers(0, 12), st.one_of(st.none(), st.integers(1, 6))), max_size=8
        )
    )
    def test_whatever_is_asked_no_day_is_covered_twice(
        self, periods: list[tuple[int, int | None]]
    ) -> None:
        team, user = make_team(), make_user()
        for start, length in periods:
            try:
                _add(team, user, start, None if length is None else start + length)
            except BadMembershipError:
                continue
        far = DAY + dt.timedelta(days=40)
        kept = sorted((m.starts_on, m.ends_on or far) for m in team.memberships.all())
        for earlier, later in zip(kept, kept[1:], strict=False):
            assert earlier[1] <= later[0]
