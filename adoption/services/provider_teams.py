"""Teams that follow teams of GitHub and groups of GitLab: members → identities → people."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import structlog
from django.db import transaction

from adoption.deploys.config import read_table
from adoption.models import Identity, Membership
from adoption.services.deploy_store import deploy_config
from adoption.services.pull_requests import identity_id
from adoption.services.team_import import TeamPlan, apply_team_list, plan_team_list
from adoption.sources.github.teams import team_members
from adoption.sources.gitlab.groups import group_members
from adoption.sources.records import Account
from adoption.team_files import Problem, SaidMember, SaidTeam, TeamList
from portal.credentials.resolve import credential_of
from portal.imports.contracts import ImportRefusedError, SourceUnavailableError
from portal.imports.fetching import asking
from portal.models import Connection, User
from portal.services.fetching import fetch_spec
from portal.services.work import enqueue
from portal.work.registry import Work, WorkLaterError, WorkRefusedError

log = structlog.get_logger(__name__)
FOLLOW_TEAMS = "adoption.follow-teams"
READERS: Mapping[str, Callable[[Any, Any, str], list[Account]]] = {
    "github": team_members,
    "gitlab": group_members,
}
Members = dict[str, list[Account]]  # team here → its accounts there


def fetch_members(connection: Connection) -> Members:
    """Ask the provider for all members of all teams that the connection names, whole.

    Raises:
        ImportRefusedError, SourceUnavailableError: what is wrong, as a sentence.
    """
    spec, config = fetch_spec(connection), deploy_config(connection)
    if spec is None or connection.source not in READERS:
        raise ImportRefusedError("not_fetched", "teams are read from GitHub and GitLab only")
    read = READERS[connection.source]
    found: Members = {}
    with (
        tempfile.TemporaryFile() as spool,
        asking(spec, connection.config, credential_of(connection), spool) as ask,
    ):
        for theirs, ours in read_table(config.teams).items():
            found.setdefault(ours, []).extend(read(ask, config, theirs))
    return found


def take_members(
    *, connection: Connection, members: Members, actor: User | None, at: datetime, is_dry: bool
) -> TeamPlan:
    """Make the teams' memberships those of the provider, from this day on.

    An account that nobody has resolved waits among the identities and belongs to no team until
    then. A team that had members and comes back without any is a problem: a token that may see
    less than before looks the same.

    Raises:
        TeamListRefusedError: it has problems.
    """
    origin = f"connection:{connection.slug}"
    with transaction.atomic():
        said = _said(members, origin)
    if is_dry:
        return plan_team_list(said=said, origin=origin, on=at.date())
    return apply_team_list(said=said, origin=origin, on=at.date(), actor=actor, at=at)


def _said(members: Members, origin: str) -> TeamList:
    found: list[SaidMember] = []
    problems: list[Problem] = []
    running = Membership.objects.filter(origin=origin, ends_on=None)
    for line, (team, accounts) in enumerate(members.items(), 1):
        if not accounts and running.filter(team__name__iexact=team).exists():
            expected = "at least one member; it had some, and the provider now lists none"
            problems.append(Problem(line, "team", team, expected))
        keys = [key for account in accounts if (key := identity_id(account)) is not None]
        known = Identity.objects.filter(pk__in=keys, user__is_active=True).order_by("user_id")
        names = sorted(set(known.values_list("user__username", flat=True)))
        found += [SaidMember(line, team, name) for name in names if name]
    teams = tuple(SaidTeam(line, team, None) for line, team in enumerate(members, 1))
    return TeamList(teams, tuple(found), tuple(problems))


def request_team_reads(*, at: datetime) -> int:
    """Queue a read of every connection that names teams; how many."""
    count = 0
    for connection in Connection.objects.filter(is_active=True, source__in=READERS):
        if connection.config.get("teams", "").strip():
            enqueue(
                kind=FOLLOW_TEAMS,
                key=f"connection:{connection.pk}",
                payload={"connection": connection.pk},
                actor=None,
                at=at,
            )
            count += 1
    return count


def follow_teams(work: Work) -> None:
    """Read the teams of one connection and take them; the body of the work kind.

    Raises:
        WorkRefusedError: a person must act.
        WorkLaterError: it may go well later.
    """
    connection = Connection.objects.get(pk=work.payload["connection"])
    try:
        members = fetch_members(connection)
        take_members(connection=connection, members=members, actor=None, at=work.at, is_dry=False)
    except SourceUnavailableError as error:
        raise WorkLaterError(str(error)) from error
    except (ImportRefusedError, ValueError) as error:
        raise WorkRefusedError(str(error)) from error
