"""A random house whose every contributor the test knows, and the numbers by which values are known.

Each stored value is a number of seven digits that no other value, and no difference or bound of
values, can be: so whatever a page, an answer or a file is made like, what it tells is read off it.
"""

from __future__ import annotations

import datetime as dt
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from adoption.choices import ScopeKind, StandingStatus, TileKind
from adoption.metrics.contracts import Dimension
from adoption.models import (
    Dashboard,
    MetricStanding,
    MetricValue,
    MetricVersion,
    Programme,
    Team,
    UseCase,
)
from adoption.selectors.metric_scopes import scopes_of
from adoption.services.dashboards import add_tile, create_dashboard
from adoption.services.metric_standings import open_standing
from adoption.services.snapshots import publish_snapshot
from portal.choices import Role
from portal.models import User
from tests.adoption.factories import make_programme, make_team, make_use_case, make_user
from tests.adoption.metrics.windowed import (
    FILLED,
    ThingsMetric,
    approve_standing,
    registered_things,
)
from tests.adoption.served import submit
from tests.approving import approve

MONTHS = (dt.date(2026, 1, 1), dt.date(2026, 2, 1), dt.date(2026, 3, 1))
AFTER = dt.date(2026, 4, 1)
DAY = dt.timedelta(days=1)
MOMENTS = (FILLED, FILLED + DAY, FILLED + 2 * DAY)
_STEP, _REST = 9973, 4999  # a difference of two marks is no mark, nor is one more or less
_NUMBER = re.compile(r"(?<![\d.])\d(?:\d{6}|[,\u202f\u00a0]\d{3}[,\u202f\u00a0]\d{3})(?!\d)")
METRICS = (
    ("test_by_case", ScopeKind.USE_CASE, Dimension.PERFORMANCE),
    ("test_by_case_too", ScopeKind.USE_CASE, Dimension.EFFICIENCY),
    ("test_by_team", ScopeKind.TEAM, Dimension.SATISFACTION),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One stored value and, what nobody else knows, who contributed to it."""

    pk: int
    metric: str
    window: dt.date
    since: dt.datetime
    until: dt.datetime | None
    people: frozenset[int]
    families: tuple[str, ...]

    def stood_at(self, moment: dt.datetime) -> bool:
        return self.since <= moment and (self.until is None or moment < self.until)


@dataclass
class House:
    """Everything that is stored, and who asks."""

    people: dict[str, User]
    rows: list[Row]
    by_mark: dict[int, Row]
    board: Dashboard | None
    scope_refs: list[tuple[str, str]]  # metric and scope
    standings: list[MetricStanding] = field(default_factory=list)

    def told_in(self, text: str) -> frozenset[int]:
        """Keys of the values of which this text tells the number, or one beside it."""
        found = set()
        for each in _NUMBER.findall(text):
            number = int(re.sub(r"\D", "", each))
            for mark in (number - 1, number, number + 1):
                if mark % _STEP == _REST and mark in self.by_mark:
                    found.add(self.by_mark[mark].pk)
        return frozenset(found)

    def recovered(self, known: Iterable[int], k: int) -> str:
        """What somebody finds who knows these values, and each total at one moment of their choice.

        The total of a family less all that is known of it is the sum of the rest. When fewer than
        `k` people made that rest, it says something about them. Where nothing of a family is known,
        it is the total itself that they have, and nothing was found by asking.
        """
        seen = set(known)
        for row in self.rows:
            if row.pk in seen and len(row.people) < k:
                return f"shown, of {len(row.people)}: {row}"
        asked = {(row.metric, row.window) for row in self.rows if row.pk in seen}
        for metric, window in asked:
            held = [row for row in self.rows if (row.metric, row.window) == (metric, window)]
            for moment in {row.since for row in held}:
                standing = [row for row in held if row.stood_at(moment)]
                if found := _rest_is_small(standing, seen, k):
                    return f"{metric} {window} at {moment:%d %b}: {found}"
        return ""


def _rest_is_small(standing: Sequence[Row], known: set[int], k: int) -> str:
    for family in {family for row in standing for family in row.families}:
        inside = [row for row in standing if family in row.families]
        rest = [row for row in inside if row.pk not in known]
        people = frozenset().union(*(row.people for row in rest))
        if len(rest) < len(inside) and 0 < len(people) < k:
            return f"of {family}, the rest is {len(people)} people: {rest}"
    return ""


def _marks(source: random.Random) -> Iterator[int]:
    for place in source.sample(range(101, 1002), 900):
        yield place * _STEP + _REST


def _groups(source: random.Random, count: int) -> list[set[int]]:
    """Who works where in one window: teams by nature, use cases by chance; some in two."""
    people = range(source.randint(12, 90))
    groups: list[set[int]] = [set() for _ in range(count)]
    for person in people:
        for place in source.sample(range(count), source.choice((1, 1, 1, 2))):
            groups[place].add(person)
    return groups


def _moved(source: random.Random, groups: list[set[int]]) -> list[int]:
    """A late correction: somebody was in another group, or worked too. Which groups it changes."""
    first, second = source.sample(range(len(groups)), 2)
    if groups[first] and source.random() < 0.7:
        person = source.choice(sorted(groups[first]))
        groups[first].discard(person)
        groups[second].add(person)
        return [first, second]
    groups[second].add(1000 + source.randrange(50))
    return [second]


def _people(case: UseCase) -> dict[str, User]:
    roles = (Role.PROGRAMME_LEAD, Role.FINANCE, Role.APPROVER, Role.AUDITOR, Role.ADMINISTRATOR)
    return {
        "employee": make_user(),
        "owner": case.owner,
        **{role.value: make_user(role) for role in roles},
    }


def _scopes(source: random.Random) -> tuple[list[UseCase], list[Team]]:
    programmes: list[Programme] = [make_programme() for _ in range(source.choice((1, 2)))]
    roots = [make_team() for _ in range(source.choice((1, 2)))]
    teams = roots + [make_team(parent=source.choice(roots)) for _ in range(source.randint(2, 4))]
    cases = [
        make_use_case(programme=source.choice(programmes), team=source.choice(teams))
        for _ in range(source.randint(3, 6))
    ]
    return cases, teams


@contextmanager
def random_house(source: random.Random, *, is_published: bool = True) -> Iterator[House]:
    """Three metrics over three months, revised twice, certified, on a board and in a snapshot."""
    cases, teams = _scopes(source)
    marks = _marks(source)
    crowd: dict[int, frozenset[int]] = {}  # by mark
    with ExitStack() as stack:
        metrics = [
            (stack.enter_context(registered_things(key=key, scope=scope, dimension=side)), scope)
            for key, scope, side in METRICS
        ]
        work: dict[tuple[int, dt.date], list[set[int]]] = {}
        for moment in MOMENTS:
            for place, (things, kind) in enumerate(metrics):
                pks = [each.pk for each in (cases if kind is ScopeKind.USE_CASE else teams)]
                for month in MONTHS:
                    _happen(source, things, pks, month, work, place, marks, crowd)
                things.fill(moment, since=MONTHS[0], until=AFTER)
        yield _built(cases, crowd, is_published=is_published)


def _happen(
    source: random.Random,
    things: ThingsMetric,
    pks: list[int],
    month: dt.date,
    work: dict[tuple[int, dt.date], list[set[int]]],
    place: int,
    marks: Iterator[int],
    crowd: dict[int, frozenset[int]],
) -> None:
    """What is known of one month by the next fill: all of it first, then now and then a change."""
    changed: list[int]
    if (place, month) not in work:
        work[place, month] = _groups(source, len(pks))
        changed = list(range(len(pks)))
    elif source.random() < 0.5:
        changed = _moved(source, work[place, month])
    else:
        return
    for each in changed:
        people = work[place, month][each]
        if not people:
            things.facts.pop((pks[each], month), None)
            continue
        mark = next(marks)
        crowd[mark] = frozenset(people)
        things.set(pks[each], month, mark, contributors=len(people))


def _built(cases: list[UseCase], crowd: dict[int, frozenset[int]], *, is_published: bool) -> House:
    names = [key for key, _, _ in METRICS]
    values = list(MetricValue.objects.filter(metric_version__key__in=names))
    families = {
        (kind, pk): scope.families
        for kind in (ScopeKind.USE_CASE, ScopeKind.TEAM)
        for pk, scope in scopes_of(kind).items()
    }
    by_mark: dict[int, Row] = {}
    rows = []
    for value in values:
        if value.value_nano is None:
            continue  # nobody worked there: known to add nothing
        mark = value.value_nano // 10**9
        row = Row(
            pk=value.pk,
            metric=value.metric_version.key,
            window=value.window_starts_on,
            since=value.computed_at,
            until=value.superseded_at,
            people=crowd[mark],
            families=families[ScopeKind(value.scope_kind), value.scope_id],
        )
        rows.append(row)
        by_mark[mark] = row
    house = House(_people(cases[0]), rows, by_mark, None, _refs())
    lead = house.people[Role.PROGRAMME_LEAD.value]
    house.standings = [_certified(key, lead) for key in names]
    if is_published:
        house.board = _board(cases)
        publish_snapshot(at=MOMENTS[-1])
    return house


def _refs() -> list[tuple[str, str]]:
    return [
        (key, scope.ref) for key, kind, _ in METRICS for scope in scopes_of(kind).values()
    ]  # fmt: skip


def _certified(key: str, owner: User) -> MetricStanding:
    standing = open_standing(
        key=key, version="1.0.0", scope_id=0, owner=owner, actor=owner, at=MOMENTS[-1]
    )
    approve_standing(standing, StandingStatus.CERTIFIED, at=MOMENTS[-1])
    return standing


def _board(cases: list[UseCase]) -> Dashboard:
    """Tables, trends and numbers of every use case and team that there is room for."""
    from tests.adoption.factories import make_milestone, registered_metric

    at: dict[str, Any] = {"actor": cases[0].owner, "at": MOMENTS[-1]}
    with registered_metric():
        goal = make_milestone(cases[0])
    board = create_dashboard(title="What came of it", purpose="To go on.", milestone=goal, **at)
    for key, kind, _ in METRICS:
        version = MetricVersion.objects.get(key=key)
        for place, pk in enumerate(sorted(scopes_of(kind))[:7]):
            board = add_tile(
                dashboard_id=board.pk, expected_version=board.version, version_id=version.pk,
                scope_kind=kind, scope_id=pk,
                kind=(TileKind.TABLE, TileKind.TREND, TileKind.NUMBER)[place % 3], **at,
            )  # fmt: skip
    approve(submit(board, at=MOMENTS[-1]), at=MOMENTS[-1])
    board.refresh_from_db()
    return board
