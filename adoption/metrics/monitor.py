"""Which telltales the monitor looks for. Rooms above add theirs, such as spend without deliveries.

The signs of AI that one of them counts are read here and nowhere in the values.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from adoption.choices import EnvironmentTier, ScopeKind, Strength
from adoption.metrics.change_series import is_bot
from adoption.metrics.programme_counts import link_periods
from adoption.metrics.telltales import (
    Found,
    Share,
    density_below_limits,
    downgrade_rate,
    small_change_drift,
    trailer_shift,
)
from adoption.metrics.windows import Window
from adoption.models import Change, Incident, Service, Team, UseCase
from portal.registry import Registry

BEFORE = dt.timedelta(weeks=12)
FEWEST_PEOPLE = 5


@dataclass(frozen=True, slots=True)
class Noticed:
    """A telltale of one group."""

    scope_kind: ScopeKind
    scope_id: int
    scope_name: str
    found: Found


@dataclass(frozen=True, slots=True)
class Telltale:
    """What to look for.

    Attributes:
        find: `find(window, as_of)` → what was noticed; groups of fewer than five people are left
            out, since a finding about them would be one about a person.
        attack: number of the attack that it tells of.
    """

    key: str
    label: str
    attack: str
    find: Callable[[Window, dt.datetime], Iterable[Noticed]]


telltales: Registry[Telltale] = Registry("telltale", lambda item: [])


@dataclass(frozen=True, slots=True)
class _Shipped:
    """A change that reached production: its size, and whether it shows AI assistance."""

    is_now: bool
    lines: int | None
    author: int | None
    shows_ai: bool


Group = tuple[ScopeKind, int]


def _shipped(window: Window, as_of: dt.datetime) -> dict[Group, list[_Shipped]]:
    """By service, and by team, what was delivered in the window and in the twelve weeks before.

    A team's are the changes merged while their repository belonged to a use case of that team. So
    what is spread over several services, little in each, is seen where it comes together.
    """
    rows = Change.objects.filter(
        delivered_by__tier=EnvironmentTier.PRODUCTION,
        delivered_by__is_baseline=False,
        delivered_at__gte=window.starts_at - BEFORE,
        delivered_at__lt=min(window.ends_at, as_of),
        part_of__isnull=True,
        reverts__isnull=True,
    )
    teams = _Teams()
    found: dict[Group, list[_Shipped]] = defaultdict(list)
    for service, repository, merged, at, added, deleted, author, strength, value, name in (
        rows.values_list(
            "delivered_by__service_id", "repository_id", "merged_at", "delivered_at", "additions",
            "deletions", "author_id", "strength", "author__value", "author__display_name",
        )
    ):  # fmt: skip
        if at is None or is_bot(filter(None, (value, name))):
            continue
        one = _Shipped(
            is_now=at >= window.starts_at,
            lines=None if added is None or deleted is None else added + deleted,
            author=author,
            shows_ai=strength not in ("", Strength.INFERRED),
        )
        found[ScopeKind.SERVICE, service].append(one)
        for team in teams.of(repository, merged):
            found[ScopeKind.TEAM, team].append(one)
    return {
        group: part
        for group, part in found.items()
        if len({each.author for each in part if each.is_now}) >= FEWEST_PEOPLE
    }


class _Teams:
    """For which teams a repository worked, when."""

    def __init__(self) -> None:
        self._team = dict(UseCase.objects.values_list("pk", "team_id"))
        self._periods = link_periods(self._team)

    def of(self, repository_id: int, at: dt.datetime) -> set[int]:
        """Teams of the use cases that the repository belonged to at that moment."""
        return {
            self._team[period.use_case_id]
            for period in self._periods.get(repository_id, ())
            if period.contains(at)
        }


def _lines(part: Iterable[_Shipped], *, now: bool) -> list[int]:
    return [each.lines for each in part if each.is_now is now and each.lines is not None]


def _named(found: Iterable[tuple[Group, Found | None]]) -> Iterator[Noticed]:
    known = [(kind, pk, each) for (kind, pk), each in found if each is not None]
    names = {
        (kind, pk): name
        for kind, model in ((ScopeKind.SERVICE, Service), (ScopeKind.TEAM, Team))
        for pk, name in model.objects.filter(
            pk__in=[pk for one, pk, _ in known if one == kind]
        ).values_list("pk", "name")
    }
    for kind, pk, each in known:
        yield Noticed(kind, pk, names[kind, pk], each)


def _small_changes(window: Window, as_of: dt.datetime) -> Iterator[Noticed]:
    return _named(
        (group, small_change_drift(_lines(part, now=False), _lines(part, now=True)))
        for group, part in _shipped(window, as_of).items()
    )


def _density(window: Window, as_of: dt.datetime) -> Iterator[Noticed]:
    return _named(
        (group, density_below_limits(_lines(part, now=True)))
        for group, part in _shipped(window, as_of).items()
    )


def _trailers(window: Window, as_of: dt.datetime) -> Iterator[Noticed]:
    def share(part: Iterable[_Shipped], now: bool) -> Share:
        side = [each.shows_ai for each in part if each.is_now is now]
        return Share(sum(side), len(side))

    return _named(
        (group, trailer_shift(share(part, False), share(part, True)))
        for group, part in _shipped(window, as_of).items()
    )


def _downgrades(window: Window, as_of: dt.datetime) -> Iterator[Noticed]:
    """Incidents are of services, and nobody's: the number of people does not matter."""
    services = {
        key: (pk, repository)
        for key, pk, repository in Service.objects.values_list("key", "pk", "repository_id")
    }
    teams = _Teams()
    counts: dict[Group, list[int]] = defaultdict(lambda: [0, 0])
    rows = Incident.objects.filter(
        opened_at__gte=window.starts_at, opened_at__lt=min(window.ends_at, as_of)
    )
    for key, lowered, opened in rows.values_list("service_key", "downgraded_from", "opened_at"):
        if key not in services or opened is None:
            continue
        pk, repository = services[key]
        groups = [(ScopeKind.SERVICE, pk)]
        groups += [(ScopeKind.TEAM, team) for team in teams.of(repository, opened)]
        for group in groups:
            counts[group][0] += bool(lowered)
            counts[group][1] += 1
    return _named((group, downgrade_rate(*each)) for group, each in sorted(counts.items()))


for _telltale in (
    Telltale("small_changes", "Small-change drift", "A7", _small_changes),
    Telltale("below_limits", "Sizes just below a limit", "A8", _density),
    Telltale("trailer_shift", "Shift of AI signs", "A9", _trailers),
    Telltale("downgrades", "Severities lowered afterwards", "A19", _downgrades),
):
    telltales.register(_telltale)
