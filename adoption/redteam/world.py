"""A small organisation for trying attacks: teams, what they merge, deploy, break and consume. Pure.

Everything is drawn from a seed. Each team has one use case and two services; teams differ in how
often they deliver and how often it goes wrong, so that an attack has something to hide.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, field, replace
from decimal import Decimal

from adoption.metrics import ndu
from adoption.metrics.windows import Window

BEGINS = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)  # a Monday
DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)
BASELINE = Window(dt.date(2026, 1, 12), dt.date(2026, 4, 6), "UTC")  # 12 weeks
AFTER = Window(dt.date(2026, 4, 13), dt.date(2026, 7, 6), "UTC")  # 12 weeks
AS_OF = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Change:
    """A merged change. `undone_at` is when it was reverted, `trailers` what it says about AI,
    `is_promised` whether somebody logged it for an open milestone."""

    key: str
    author: str
    began_at: dt.datetime | None
    paths: tuple[str, ...] = ("src/app.py",)
    lines: int = 80
    trailers: tuple[str, ...] = ()
    undone_at: dt.datetime | None = None
    is_revert: bool = False
    is_promised: bool = True


@dataclass(frozen=True, slots=True)
class Rollout:
    """A successful production deployment with all changes in it, new or not."""

    key: str
    at: dt.datetime
    changes: tuple[Change, ...]
    version: str
    region: str = "eu"
    kind: str = ndu.DEPLOY
    mended_at: dt.datetime | None = None
    undoes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident; `severities` in the order in which they were said."""

    key: str
    at: dt.datetime
    severities: tuple[str, ...]
    human_actioned: bool | None
    caused_by: str = ""
    resolved_at: dt.datetime | None = None


@dataclass(frozen=True)
class Service:
    """What a service did. `came_from` is the service that it was split off."""

    name: str
    rollouts: tuple[Rollout, ...] = ()
    incidents: tuple[Incident, ...] = ()
    came_from: str = ""
    has_pager: bool = True


@dataclass(frozen=True)
class Team:
    """A team with its services, and what it consumed."""

    name: str
    people: int
    services: tuple[Service, ...]
    tokens: int
    credits: tuple[Decimal, ...]
    base_units: int = 0  # of the baseline, as it was registered

    @property
    def pull_requests(self) -> int:
        """How many changes it merged."""
        return len({c.key for s in self.services for r in s.rollouts for c in r.changes})


@dataclass(frozen=True)
class Organisation:
    """All teams. `dropped_weeks` are weeks that the team under attack does not report."""

    teams: tuple[Team, ...]
    dropped_weeks: frozenset[int] = field(default_factory=frozenset)

    def team(self, name: str) -> Team:
        """The team of that name."""
        return next(each for each in self.teams if each.name == name)

    def with_team(self, team: Team) -> Organisation:
        """With this team in place of its former self."""
        return replace(
            self, teams=tuple(team if each.name == team.name else each for each in self.teams)
        )


def make_organisation(seed: int, teams: int = 6, weeks: int = 26) -> Organisation:
    """Teams `team-1`, `team-2` and so on."""
    draw = random.Random(seed)  # noqa: S311  (a simulation, nothing secret)
    logging = random.Random(seed + 1)  # noqa: S311  (of its own: the rest stays as it was drawn)
    made = [_team(draw, f"team-{n + 1}", weeks) for n in range(teams)]
    return Organisation(tuple(_logged(logging, each) for each in made))


def _logged(draw: random.Random, team: Team) -> Team:
    """Nine of ten changes are logged for a milestone; people forget some."""
    return replace(
        team,
        services=tuple(
            replace(
                service,
                rollouts=tuple(
                    replace(
                        each,
                        changes=tuple(
                            replace(one, is_promised=draw.random() < 0.9) for one in each.changes
                        ),
                    )
                    for each in service.rollouts
                ),
            )
            for service in team.services
        ),
    )


def _team(draw: random.Random, name: str, weeks: int) -> Team:
    services = tuple(_service(draw, f"{name}/{part}", weeks) for part in ("shop", "search"))
    return Team(
        name=name,
        people=draw.randint(6, 9),
        services=services,
        tokens=draw.randint(5, 60) * 1_000_000,
        credits=tuple(Decimal(draw.randint(10, 90)) for _ in range(20)),
    )


def _service(draw: random.Random, name: str, weeks: int) -> Service:
    rollouts = [Rollout(f"{name}:0", BEGINS, (), "v0", kind=ndu.BASELINE)]
    incidents: list[Incident] = []
    for day in range(1, weeks * 7):
        at = BEGINS + day * DAY + 9 * HOUR + draw.randint(0, 20) * HOUR / 10
        if at.weekday() > 4 or draw.random() > 0.75:
            continue
        changes = tuple(_change(draw, f"{name}:{day}.{n}", at) for n in range(draw.randint(1, 3)))
        one = Rollout(f"{name}:{day}", at, changes, f"v{day}")
        if draw.random() < 0.08:
            one = replace(one, mended_at=at + 5 * HOUR)
            incidents.append(
                Incident(
                    f"{name}:i{day}",
                    at + HOUR,
                    (draw.choice(("critical", "high", "medium")),),
                    True,
                    one.version,
                    at + 6 * HOUR,
                )
            )
        rollouts.append(one)
    return Service(name, tuple(rollouts), tuple(incidents))


def _change(draw: random.Random, key: str, at: dt.datetime) -> Change:
    undone = at + draw.randint(1, 40) * DAY if draw.random() < 0.05 else None
    trailer = ("Co-Authored-By: Claude <noreply@anthropic.com>",) if draw.random() < 0.4 else ()
    return Change(
        key=key,
        author=f"{key.partition('/')[0]}-p{draw.randint(1, 7)}",
        began_at=at - draw.randint(3, 200) * HOUR,
        lines=draw.randint(5, 400),
        trailers=trailer,
        undone_at=undone,
    )
