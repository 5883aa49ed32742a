"""Identities, and lists of who belongs to which team."""

from __future__ import annotations

import datetime as dt

from celery.schedules import crontab

from adoption.policies import may_see_identities
from adoption.services.group_teams import follow_groups
from adoption.services.personal_data import IDENTITIES
from adoption.services.provider_teams import FOLLOW_TEAMS, follow_teams
from adoption.vocabularies import IDENTITY_STATES
from portal.audit.registry import governed
from portal.choices import Role
from portal.models import User
from portal.personal_data import personal_stores
from portal.schedule import ScheduledJob, scheduled_jobs
from portal.shell.navigation import NavigationEntry, navigation
from portal.shell.statuses import vocabularies
from portal.signin.follow_ups import SignInFollowUp, sign_in_follow_ups
from portal.work.registry import WorkKind, work_kinds

vocabularies.register(IDENTITY_STATES)
work_kinds.register(
    WorkKind(
        key=FOLLOW_TEAMS,
        label="Read teams of a provider",
        run=follow_teams,
        queue="imports",
        is_atomic=False,  # it waits for a network
        roles=frozenset({Role.PROGRAMME_LEAD}),
    )
)
scheduled_jobs.register(
    ScheduledJob(
        key="read-teams",
        task="adoption.tasks.read_teams",
        when=crontab(hour=2, minute=40),
        reason="Memberships are dated by day, so teams are read once a day.",
        roles=frozenset({Role.PROGRAMME_LEAD}),
    )
)
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
personal_stores.register(IDENTITIES)
governed("adoption.IdentityLink")
governed("adoption.GroupTeam")


def _follow(user: User, groups: frozenset[str], at: dt.datetime) -> None:
    follow_groups(user=user, groups=groups, at=at)


sign_in_follow_ups.register(SignInFollowUp("adoption.teams", _follow))
