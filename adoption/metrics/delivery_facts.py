"""Facts of the delivery metrics: of services, and of use cases through their repositories.

Each is read under a rule of `ndu`: under one that asks for promises the facts hold which changes
served one, and of which sizes changes were (`sizes.py`). Facts of the earlier rule stay as they
were, to the byte.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from adoption.metrics import ndu
from adoption.metrics.baselines import registered_windows
from adoption.metrics.change_series import VERSION, Series
from adoption.metrics.contracts import Facts
from adoption.metrics.delivery_rows import (
    LOOK_BACK,
    DeliveredChange,
    Deployed,
    History,
    IncidentRow,
    blamed,
    histories,
    mended_by_fix,
    rollouts,
    roots,
)
from adoption.metrics.sizes import size_facts
from adoption.metrics.window_facts import moments_of
from adoption.metrics.windows import Window
from adoption.models import RepositoryLink, Service
from portal.shell.periods import day_bounds

_WEEK = dt.timedelta(weeks=1)
_FEW_WEEKS, _BEFORE = dt.timedelta(weeks=4), dt.timedelta(weeks=9)  # together `LOOK_BACK`
Keeps = Callable[[DeliveredChange], bool]


def _everything(change: DeliveredChange) -> bool:
    return True


def _ripe(
    services: Iterable[Mapping[str, Any]], window: Window, as_of: dt.datetime, rule: ndu.Rule
) -> str:
    """The last moment up to `as_of` at which a unit became old enough to tell: which ones are is
    the same at both, and this one stays until there is another."""
    moments = (
        ndu.read_moment(each["at"]) + rule.span + rule.survival
        for service in services
        for each in service["rollouts"]
    )
    known = min(as_of, window.ends_at)
    return ndu.moment_text(max((each for each in moments if each <= as_of), default=known))


def _within(changes: Iterable[DeliveredChange], window: Window) -> list[DeliveredChange]:
    start, end = window.starts_at, window.ends_at
    return [each for each in changes if start <= each.delivered_at < end]


def _sizes(
    changes: Iterable[DeliveredChange], window: Window, rule: ndu.Rule, before: Window | None = None
) -> dict[str, Any]:
    """Sizes of product changes in the window, or in four weeks up to its end where it is shorter,
    and in the nine weeks before that, or in the window `before`; nothing under an earlier rule."""
    if not rule.needs_promise:
        return {}
    start = min(window.starts_at, window.ends_at - _FEW_WEEKS)
    first, last = start - _BEFORE, start
    if before is not None:
        start, first, last = window.starts_at, before.starts_at, before.ends_at
    product = [each for each in changes if each.series == Series.PRODUCT]
    return {
        "sizes": size_facts(
            (each.size for each in product if first <= each.delivered_at < last),
            (each.size for each in product if start <= each.delivered_at < window.ends_at),
        )
    }


def _units_of(
    group: Iterable[History], window: Window, keep: Keeps, rule: ndu.Rule
) -> dict[str, Any]:
    """Rollouts from before the window, so that its first unit is exact, up to its end; of services
    that came out of one another together."""
    histories_ = list(group)
    kept = [[each for each in history.changes if keep(each)] for history in histories_]
    product = [each for part in kept for each in part if each.series == Series.PRODUCT]
    since = ndu.lead_in([each.delivered_at for each in product], window.starts_at)
    if rule.needs_promise:
        served = [each.delivered_at for each in product if each.is_promised]
        since = min(since, ndu.lead_in(served, window.starts_at))
    found: list[ndu.Rollout] = []
    mended: dict[str, dt.datetime] = {}
    for history, part in zip(histories_, kept, strict=True):
        found += rollouts(history, part)
        mended |= mended_by_fix(history)
    found = sorted(
        (each for each in found if since <= each.at < window.ends_at),
        key=lambda each: (each.at, each.key),
    )
    return {
        "rollouts": [ndu.rollout_fact(each, rule) for each in found],
        "mended": {
            each.key: ndu.moment_text(mended[each.key]) for each in found if each.key in mended
        },
    }


def _people(changes: Iterable[DeliveredChange]) -> int:
    return len({each.author for each in changes if each.series == Series.PRODUCT})


def _paths(changes: Sequence[DeliveredChange]) -> dict[str, int]:
    return {"changes": len(changes), "paths_known": sum(each.paths_known for each in changes)}


def collect_units(
    service_ids: Sequence[int], window: Window, as_of: dt.datetime, rule: ndu.Rule = ndu.RULE
) -> Mapping[int, Facts]:
    """Rollouts of each service that reached production before the window ended."""
    since = window.starts_at - LOOK_BACK
    found = histories(service_ids, since, window.ends_at, as_of, with_promises=rule.needs_promise)
    facts: dict[int, Facts] = {}
    for pk, history in found.items():
        if history.first_at is None or history.first_at >= window.ends_at:
            continue
        inside = _within(history.changes, window)
        facts[pk] = {
            **moments_of(window, as_of),
            "rule": ndu.rule_fact(rule),
            "series_version": VERSION,
            "weeks_known": max(0, (window.ends_at - history.first_at) // _WEEK),
            "contributors": _people(inside),
            **_paths(inside),
            **_units_of([history], window, _everything, rule),
            **_sizes(history.changes, window, rule),
        }
    return facts


def collect_lead_times(
    service_ids: Sequence[int], window: Window, as_of: dt.datetime, rule: ndu.Rule = ndu.RULE
) -> Mapping[int, Facts]:
    """Seconds from the first commit to production, of each product change delivered in it."""
    since = window.starts_at - (LOOK_BACK if rule.needs_promise else dt.timedelta(0))
    found = histories(service_ids, since, window.ends_at, as_of)
    return {
        pk: {
            **moments_of(window, as_of),
            "series_version": VERSION,
            "contributors": _people(_within(history.changes, window)),
            "changes": [
                _lead_time(each)
                for each in _within(history.changes, window)
                if each.series == Series.PRODUCT
            ],
            **_sizes(history.changes, window, rule),
        }
        for pk, history in found.items()
        if history.first_at is not None and history.first_at < window.ends_at
    }


def _lead_time(change: DeliveredChange) -> dict[str, Any]:
    """What was rolled back and came back arrived when it came back."""
    arrived = max(change.delivered_at, change.restored_at or change.delivered_at)
    began = change.first_commit_at
    seconds = None if began is None else int((arrived - began).total_seconds())
    return {
        "key": change.name,
        "deployment": f"deployment:{change.deployment}",
        "seconds": seconds if seconds is not None and seconds >= 0 else None,
    }


def collect_failures(
    service_ids: Sequence[int], window: Window, as_of: dt.datetime
) -> Mapping[int, Facts]:
    """Production deployments of each service with what went wrong with them."""
    found = histories(service_ids, window.starts_at - LOOK_BACK, window.ends_at, as_of)
    facts: dict[int, Facts] = {}
    for pk, history in found.items():
        if history.first_at is None or history.first_at >= window.ends_at:
            continue
        brings = {each.deployment for each in history.changes if each.series == Series.PRODUCT}
        caused = blamed(history)
        facts[pk] = {
            **moments_of(window, as_of),
            "series_version": VERSION,
            "contributors": _people(_within(history.changes, window)),
            "deployments": [
                *(_deployment(each, (), brings=False) for each in _copied(history, window)),
                *(
                    _deployment(each, caused.get(each.key, ()), brings=each.key in brings)
                    for each in history.deployments
                    if each.at >= window.starts_at
                ),
            ],
        }
    return facts


def _copied(history: History, window: Window) -> list[Deployed]:
    """Deployments before the window of which one within it may be a copy. What became of them is
    no fact of this window."""
    names = {
        name for each in history.deployments if each.at >= window.starts_at for name in each.same_as
    }
    return [
        replace(each, mended_at=None, mended_how="")
        for each in history.deployments
        if each.at < window.starts_at and each.kind != ndu.ROLLBACK and names & set(each.same_as)
    ]


def _deployment(
    deployed: Deployed, caused: Sequence[IncidentRow], *, brings: bool
) -> dict[str, Any]:
    return {
        "key": f"deployment:{deployed.key}",
        "at": ndu.moment_text(deployed.at),
        "kind": deployed.kind,
        "same_as": list(deployed.same_as),
        "brings": brings,
        "mended_at": ndu.moment_text(deployed.mended_at) if deployed.mended_at else None,
        "incidents": [
            {
                "key": each.key,
                "opened_at": ndu.moment_text(each.opened_at),
                "resolved_at": ndu.moment_text(each.resolved_at) if each.resolved_at else None,
            }
            for each in caused
            if each.human_actioned is not False
        ],
    }


# --- use cases --------------------------------------------------------------------------------


class _Links:
    """Which services deliver for which use case, and which of their changes belong to it."""

    def __init__(self, use_case_ids: Sequence[int]) -> None:
        self.periods: dict[int, dict[int, list[tuple[dt.datetime, dt.datetime | None]]]]
        self.periods = defaultdict(lambda: defaultdict(list))
        links = RepositoryLink.objects.filter(use_case_id__in=list(use_case_ids))
        for link in links.select_related("use_case__programme").order_by("pk"):
            zone = ZoneInfo(link.use_case.programme.time_zone)
            starts = day_bounds(link.starts_on, zone)[0]
            ends = day_bounds(link.ends_on, zone)[0] if link.ends_on else None
            self.periods[link.use_case_id][link.repository_id].append((starts, ends))
        repositories = {pk for each in self.periods.values() for pk in each}
        self.services: dict[int, list[int]] = defaultdict(list)
        self.keys: dict[int, str] = {}
        for pk, key, repository in Service.objects.filter(
            repository_id__in=repositories
        ).values_list("pk", "key", "repository_id"):
            self.services[repository].append(pk)
            self.keys[pk] = key

    def services_of(self, use_case_id: int) -> list[int]:
        """Services of its repositories, in order."""
        return sorted(
            pk for repository in self.periods[use_case_id] for pk in self.services[repository]
        )

    def keeps(self, use_case_id: int) -> Keeps:
        """Whether a change was merged while its repository belonged to the use case."""
        periods = self.periods[use_case_id]

        def keep(change: DeliveredChange) -> bool:
            return any(
                starts <= change.merged_at and (ends is None or change.merged_at < ends)
                for starts, ends in periods.get(change.repository, ())
            )

        return keep


def collect_use_case_units(
    use_case_ids: Sequence[int], window: Window, as_of: dt.datetime, rule: ndu.Rule = ndu.RULE
) -> Mapping[int, Facts]:
    """Rollouts of every service of a use case, with the incidents of the window."""
    links = _Links(use_case_ids)
    since = window.starts_at - LOOK_BACK
    found = histories(links.keys, since, window.ends_at, as_of, with_promises=rule.needs_promise)
    root = roots(links.keys)
    facts: dict[int, Facts] = {}
    for pk in links.periods:
        services = [each for each in links.services_of(pk) if each in found]
        keep = links.keeps(pk)
        own = [one for each in services for one in found[each].changes if keep(one)]
        inside = _within(own, window)
        families: dict[int, list[int]] = defaultdict(list)
        for each in services:
            families[root[each]].append(each)
        parts = [
            {
                "services": [links.keys[each] for each in family],
                "has_incident_source": all(
                    found[each].has_incident_source(window.starts_at) for each in family
                ),
                **_units_of([found[each] for each in family], window, keep, rule),
                "incidents": [one for each in family for one in _incidents(found[each], window)],
            }
            for _, family in sorted(families.items())
        ]
        facts[pk] = {
            **moments_of(window, as_of),
            "as_of": _ripe(parts, window, as_of, rule),
            "rule": ndu.rule_fact(rule),
            "series_version": VERSION,
            "contributors": _people(inside),
            **_paths(inside),
            **_sizes(own, window, rule),
            "services": parts,
        }
    return facts


def _incidents(history: History, window: Window) -> list[dict[str, Any]]:
    return [
        {
            "key": each.key,
            "severity": each.severity,
            "human_actioned": each.human_actioned,
            "lowered": each.lowered,
        }
        for each in history.incidents
        if window.starts_at <= each.opened_at < window.ends_at
    ]


def collect_index(
    use_case_ids: Sequence[int], window: Window, as_of: dt.datetime, rule: ndu.Rule = ndu.RULE
) -> Mapping[int, Facts]:
    """Both registered windows of each use case whose later one ends within `window`.

    Services that came out of one another are one family, since a split is no delivery.
    """
    registered = registered_windows(use_case_ids, window, as_of)
    links = _Links(use_case_ids)
    facts: dict[int, Facts] = {
        pk: {**moments_of(window, as_of), "registration": None} for pk in use_case_ids
    }
    if not registered:
        return facts
    root = roots(links.keys)
    names = dict(Service.objects.filter(pk__in=set(root.values())).values_list("pk", "key"))
    since = min(each.baseline.starts_at for each in registered.values()) - LOOK_BACK
    until = max(each.after.ends_at for each in registered.values())
    found = histories(links.keys, since, until, as_of, with_promises=rule.needs_promise)
    for pk, windows in registered.items():
        keep = links.keeps(pk)
        families: dict[int, list[ndu.Rollout]] = defaultdict(list)
        own: list[DeliveredChange] = []
        for service in links.services_of(pk):
            if service in found:
                kept = [each for each in found[service].changes if keep(each)]
                own += kept
                families[root[service]] += rollouts(found[service], kept)
        facts[pk] = {
            **moments_of(window, as_of),
            "rule": ndu.rule_fact(rule),
            "series_version": VERSION,
            "contributors": _people(_within(own, windows.baseline) + _within(own, windows.after)),
            **_sizes(own, windows.after, rule, windows.baseline),
            "registration": windows.as_fact(),
            "families": [
                {
                    "service": names[each],
                    "rollouts": [ndu.rollout_fact(rollout, rule) for rollout in families[each]],
                }
                for each in sorted(families, key=names.__getitem__)
            ],
        }
    return facts
