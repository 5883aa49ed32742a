"""Writing the organisation tree and dated memberships."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import structlog
from django.db import transaction

from adoption.models import Membership, Team
from adoption.services.dated_rows import ending_problem, overlapping, period_problem
from adoption.services.refusals import RefusedError
from adoption.services.slugs import save_with_slug
from portal.models import User

logger = structlog.get_logger(__name__)


class BadTeamError(RefusedError):
    """The tree would not be a tree any more."""


class BadMembershipError(RefusedError):
    """The period of a membership cannot be, or overlaps another one."""


def create_team(*, name: str, parent: Team | None = None, actor: User, at: dt.datetime) -> Team:
    """Create a team below `parent` (None: at the top); its slug is made from the name, once.

    Raises:
        ValidationError: a field is wrong.
    """
    with transaction.atomic():
        team = save_with_slug(Team(name=name.strip(), parent=parent), name, fallback="team")
    logger.info("team_created", team=team.pk, actor=actor.pk, at=at.isoformat())
    return team


def _ancestors(team: Team, parents: Mapping[int, int | None]) -> list[int]:
    found: list[int] = []
    current: int | None = team.pk
    while current is not None and current not in found:
        found.append(current)
        current = parents.get(current)
    return found


def update_team(
    *, team_id: int, name: str, parent: Team | None, actor: User, at: dt.datetime
) -> Team:
    """Rename a team or hang it elsewhere in the tree; the slug stays.

    Raises:
        BadTeamError: the new parent is the team itself or lies below it.
        ValidationError: a field is wrong.
    """
    with transaction.atomic():
        # The whole tree is locked: two moves at once could close a ring that neither sees.
        parents = dict(
            Team.objects.select_for_update().order_by("pk").values_list("pk", "parent_id")
        )
        team = Team.objects.get(pk=team_id)
        if parent is not None and team.pk in _ancestors(parent, parents):
            raise BadTeamError(
                f"“{parent}” is “{team}” itself or lies below it. Choose a team that does not.",
                field="parent",
            )
        team.name = name.strip()
        team.parent = parent
        team.full_clean()
        team.save()
    logger.info("team_updated", team=team.pk, actor=actor.pk, at=at.isoformat())
    return team


def add_membership(
    *,
    team_id: int,
    user: User,
    starts_on: dt.date,
    ends_on: dt.date | None = None,
    actor: User,
    at: dt.datetime,
) -> Membership:
    """Say that `user` belongs to the team from `starts_on` up to, not including, `ends_on`.

    Raises:
        BadMembershipError: the period is empty, or the person is in this team already on one of
            its days.
        ValidationError: a field is wrong.
    """
    if problem := period_problem(starts_on, ends_on):
        raise BadMembershipError(problem, field="ends_on")
    with transaction.atomic():
        team = Team.objects.select_for_update().get(pk=team_id)
        others = team.memberships.filter(user=user)
        known = overlapping(others, starts_on=starts_on, ends_on=ends_on).first()
        if known is not None:
            until = f"up to {known.ends_on}" if known.ends_on else "without an end"
            raise BadMembershipError(
                f"{user} is in “{team}” already, from {known.starts_on} {until}. "
                "End that membership first, or choose days outside it.",
                field="starts_on",
            )
        membership = Membership(team=team, user=user, starts_on=starts_on, ends_on=ends_on)
        membership.full_clean()
        membership.save()
    logger.info("membership_added", membership=membership.pk, actor=actor.pk, at=at.isoformat())
    return membership


def end_membership(
    *, membership_id: int, ends_on: dt.date, actor: User, at: dt.datetime
) -> Membership:
    """End a membership; `ends_on` is the first day on which it no longer holds.

    Raises:
        BadMembershipError: it has ended already, or would end before it starts.
    """
    with transaction.atomic():
        membership = Membership.objects.select_for_update().get(pk=membership_id)
        if problem := ending_problem(membership, ends_on):
            raise BadMembershipError(problem, field="ends_on")
        membership.ends_on = ends_on
        membership.full_clean()
        membership.save(update_fields=["ends_on"])
    logger.info("membership_ended", membership=membership.pk, actor=actor.pk, at=at.isoformat())
    return membership
