"""Identities, and lists of who belongs to which team."""

from __future__ import annotations

import datetime as dt

from adoption.policies import may_see_identities
from adoption.services.group_teams import follow_groups
from adoption.vocabularies import IDENTITY_STATES
from portal.audit.registry import governed
from portal.models import User
from portal.shell.navigation import NavigationEntry, navigation
from portal.shell.statuses import vocabularies
from portal.signin.follow_ups import SignInFollowUp, sign_in_follow_ups

vocabularies.register(IDENTITY_STATES)
navigation.register(
    NavigationEntry(
        "adoption.identities",
        "Identities",
        "identity-list",
        "Data",
        50,
        "people",
        may_see_identities,  # type: ignore[arg-type]
    )
)
governed("adoption.IdentityLink")
governed("adoption.GroupTeam")


def _follow(user: User, groups: frozenset[str], at: dt.datetime) -> None:
    follow_groups(user=user, groups=groups, at=at)


sign_in_follow_ups.register(SignInFollowUp("adoption.teams", _follow))
