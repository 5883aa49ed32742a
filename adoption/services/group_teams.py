"""Teams that follow the groups of the identity provider, at each sign-in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import structlog
from django.db import IntegrityError, transaction

from adoption.models import GroupTeam, Membership, Team
from adoption.services.dated_rows import overlapping
from adoption.services.refusals import RefusedError
from portal.models import User

log = structlog.get_logger(__name__)
ORIGIN = "groups"


def map_group(*, group: str, team: Team, actor: User, at: dt.datetime) -> GroupTeam:
    """Say that people of a group belong to a team; it counts from their next sign-in.

    Raises:
        RefusedError: that is said already.
    """
    row = GroupTeam(group=group.strip(), team=team)
    row.full_clean(validate_unique=False, validate_constraints=False)
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise RefusedError(f"“{group}” is mapped to “{team}” already.", field="group") from None
    log.info("group_mapped", group=row.pk, team=team.pk, actor=actor.pk, at=at.isoformat())
    return row


def unmap_group(*, mapping: GroupTeam, actor: User, at: dt.datetime) -> None:
    """Take a mapping away; memberships end at the next sign-in of each person."""
    log.info("group_unmapped", group=mapping.pk, actor=actor.pk, at=at.isoformat())
    mapping.delete()


@transaction.atomic
def follow_groups(*, user: User, groups: Iterable[str], at: dt.datetime) -> None:
    """Memberships that groups gave follow the groups from this day on; others are left alone.

    A person who is in the team already for another reason gets no second membership.
    """
    today = at.date()
    wanted = set(GroupTeam.objects.filter(group__in=set(groups)).values_list("team_id", flat=True))
    mine = Membership.objects.select_for_update(of=("self",)).filter(user=user)
    running = overlapping(mine, starts_on=today, ends_on=None)
    held = {row.team_id for row in running}
    for row in running:
        if row.origin == ORIGIN and row.team_id not in wanted and row.ends_on is None:
            row.ends_on = max(today, row.starts_on + dt.timedelta(days=1))
            row.save(update_fields=["ends_on"])
    for team_id in sorted(wanted - held):
        row = Membership(team_id=team_id, user=user, starts_on=today, origin=ORIGIN)
        row.full_clean()
        row.save()
