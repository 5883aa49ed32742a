"""Taking a list of teams and who belongs to them, from a file, a provider or sign-in groups.

First a plan, which shows what would change; applying works the plan out again within its
transaction. A list ends only memberships that the same list began, and never deletes one. With one
problem nothing is taken: a name that could not be read would look like somebody who left.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping

import structlog
from django.db import transaction

from adoption.models import Membership, Team
from adoption.services.dated_rows import overlapping
from adoption.services.refusals import RefusedError
from adoption.services.slugs import save_with_slug
from adoption.team_files import Problem, SaidMember, SaidTeam, TeamList
from portal.models import User

log = structlog.get_logger(__name__)


class TeamListRefusedError(RefusedError):
    """The list has problems; nothing was taken."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"Nothing was taken: {problems[0]}{more}.")


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One thing that would change, in words."""

    what: str  # create, move, start, end
    team: str
    person: str = ""
    day: dt.date | None = None
    until: dt.date | None = None

    def __str__(self) -> str:
        if self.what == "create":
            return f"“{self.team}” is created"
        if self.what == "move":
            return f"“{self.team}” moves below “{self.person}”"
        if self.what == "end":
            return f"{self.person} leaves “{self.team}” on {self.day}"
        until = f" up to {self.until}" if self.until else ""
        return f"{self.person} belongs to “{self.team}” from {self.day}{until}"


@dataclasses.dataclass
class TeamPlan:
    """What applying a list would do."""

    steps: list[Step] = dataclasses.field(default_factory=list)
    unchanged: int = 0
    problems: tuple[Problem, ...] = ()

    def count(self, what: str) -> int:
        return sum(step.what == what for step in self.steps)

    def as_document(self) -> dict[str, object]:
        """For `--json`: counts, what would change, and what is wrong."""
        return {
            "teams_created": self.count("create"),
            "teams_moved": self.count("move"),
            "started": self.count("start"),
            "ended": self.count("end"),
            "unchanged": self.unchanged,
            "changes": [str(step) for step in self.steps],
            "problems": [problem._asdict() for problem in self.problems],
        }


def plan_team_list(*, said: TeamList, origin: str, on: dt.date) -> TeamPlan:
    """What the list would change on that day, found by doing it and taking it back.

    Args:
        origin: which list it is; see `Membership.origin`.
    """
    plan = TeamPlan()
    try:
        with transaction.atomic():
            plan = _Import(said, origin, on).run()
            raise _UndoError
    except _UndoError:
        return plan


def apply_team_list(
    *, said: TeamList, origin: str, on: dt.date, actor: User | None, at: dt.datetime
) -> TeamPlan:
    """Take the list, whole, in one transaction.

    Raises:
        TeamListRefusedError: it has problems.
    """
    with transaction.atomic():
        # Two lists at once would each plan on what the other is changing.
        list(Team.objects.select_for_update().order_by("pk").values_list("pk"))
        plan = _Import(said, origin, on).run()
        if plan.problems:
            raise TeamListRefusedError(plan.problems)
    log.info(
        "teams_imported",
        origin=origin,
        changes=len(plan.steps),
        actor=actor.pk if actor else None,
        at=at.isoformat(),
    )
    return plan


class _UndoError(Exception):
    """Ends the rehearsal of a plan."""


class _Import:
    """One pass: works on rows within the caller's transaction, so that a plan is what would
    happen and not a second opinion about it."""

    def __init__(self, said: TeamList, origin: str, on: dt.date) -> None:
        self.said, self.origin, self.on = said, origin, on
        self.plan = TeamPlan()
        self.problems: list[Problem] = list(said.problems)

    def run(self) -> TeamPlan:
        if not self.problems:
            teams = self._teams()
            people = self._people()
            if not self.problems:
                self._members(teams, people)
        self.plan.problems = tuple(self.problems)
        if self.problems:
            self.plan.steps, self.plan.unchanged = [], 0
        return self.plan

    # --- teams --------------------------------------------------------------------------------

    def _teams(self) -> dict[str, Team]:
        found: dict[str, Team] = {}
        for team in Team.objects.select_related("parent").order_by("-pk"):
            found[team.name.casefold()] = team
        for team in list(found.values()):
            found.setdefault(team.slug.casefold(), team)
        named = {each.name.casefold(): each for each in self.said.teams}
        for said in self.said.teams:
            self._team(said, found, named, ())
        return found

    def _team(
        self,
        said: SaidTeam,
        found: dict[str, Team],
        named: Mapping[str, SaidTeam],
        above: tuple[str, ...],
    ) -> Team | None:
        key = said.name.casefold()
        if key in above:
            self.problems.append(Problem(said.line, "below", said.below or "", "no ring of teams"))
            return None
        parent = None
        if said.below:
            wanted = said.below.casefold()
            if wanted in named:
                parent = self._team(named[wanted], found, named, (*above, key))
            else:
                parent = found.get(wanted)
            if parent is None:
                if not self.problems:
                    expected = "a team of this list, or one that is here already"
                    self.problems.append(Problem(said.line, "below", said.below, expected))
                return None
        team = found.get(key)
        if team is None:
            team = found[key] = self._create(said.name, parent)
        elif parent is not None and team.parent_id != parent.pk:
            self._move(said, team, parent)
        return team

    def _create(self, name: str, parent: Team | None) -> Team:
        self.plan.steps.append(Step("create", name))
        return save_with_slug(Team(name=name, parent=parent), name, fallback="team")

    def _move(self, said: SaidTeam, team: Team, parent: Team) -> None:
        above: Team | None = parent
        while above is not None:
            if above.pk == team.pk:
                expected = f"a team that does not lie below “{team.name}”"
                self.problems.append(Problem(said.line, "below", parent.name, expected))
                return
            above = above.parent
        self.plan.steps.append(Step("move", team.name, parent.name))
        team.parent = parent
        team.full_clean()
        team.save(update_fields=["parent"])

    # --- members ------------------------------------------------------------------------------

    def _people(self) -> dict[str, User]:
        """Accounts by what the list calls them: user name or e-mail, in small letters."""
        found: dict[str, set[User]] = {}
        for user in User.objects.order_by("pk"):
            for text in {user.username.casefold(), user.email.casefold()} - {""}:
                found.setdefault(text, set()).add(user)
        people = {}
        for member in self.said.members:
            named = found.get(member.person.casefold(), set())
            active = {user for user in named if user.is_active} or named
            if len(active) == 1:
                people[member.person.casefold()] = next(iter(active))
            else:
                expected = (
                    "the user name, because several accounts have this address"
                    if named
                    else "user name or e-mail address of an account"
                )
                self.problems.append(Problem(member.line, "person", member.person, expected))
        return people

    def _members(self, teams: Mapping[str, Team], people: Mapping[str, User]) -> None:
        kept: set[int] = set()
        for member in self.said.members:
            team = teams[member.team.casefold()]
            kept |= self._member(member, team, people[member.person.casefold()])
        listed = {teams[each.name.casefold()].pk for each in self.said.teams}
        gone = (
            Membership.objects.select_for_update(of=("self",))
            .select_related("team", "user")
            .filter(team_id__in=listed, origin=self.origin)
            .exclude(pk__in=kept)
        )
        for row in overlapping(gone, starts_on=self.on, ends_on=None):
            self._end(row)

    def _member(self, said: SaidMember, team: Team, user: User) -> set[int]:
        """Keys of the memberships that the row stands for; one that reaches into its days goes on
        from where it began, whoever said so."""
        start = said.starts_on or self.on
        others = Membership.objects.filter(team=team, user=user)
        known = list(overlapping(others, starts_on=start, ends_on=said.ends_on))
        if len(known) > 1 or (
            known and said.starts_on is not None and known[0].starts_on != said.starts_on
            and known[0].origin != self.origin
        ):  # fmt: skip
            expected = f"days that fit what is here: {user} from {known[0].starts_on}"
            self.problems.append(Problem(said.line, "starts_on", start.isoformat(), expected))
            return {row.pk for row in known}
        if not known:
            row = Membership(
                team=team, user=user, starts_on=start, ends_on=said.ends_on, origin=self.origin
            )
            row.full_clean()
            row.save()
            self.plan.steps.append(Step("start", team.name, str(user), start, said.ends_on))
            return {row.pk}
        return {self._adjust(known[0], said).pk}

    def _adjust(self, row: Membership, said: SaidMember) -> Membership:
        start = said.starts_on or row.starts_on
        # An end that a person set is not taken back by a list that gives none.
        end = said.ends_on or (row.ends_on if row.origin != self.origin else None)
        if (row.starts_on, row.ends_on) == (start, end):
            self.plan.unchanged += 1
            return row
        row.starts_on, row.ends_on = start, end
        row.full_clean()
        row.save(update_fields=["starts_on", "ends_on"])
        self.plan.steps.append(Step("start", row.team.name, str(row.user), start, end))
        return row

    def _end(self, row: Membership) -> None:
        """On the day of the list; one that begins today or later never was: it ends as it begins,
        the day after, because nothing is deleted."""
        end = max(self.on, row.starts_on + dt.timedelta(days=1))
        if row.ends_on is not None and row.ends_on <= end:
            self.plan.unchanged += 1
            return
        row.ends_on = end
        row.save(update_fields=["ends_on"])
        self.plan.steps.append(Step("end", row.team.name, str(row.user), end))
