"""What the metrics of the catalogue say about a simulated organisation. Pure.

The facts have the shape that collectors read from the database, and the calculations are the very
ones of the catalogue.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from adoption.deploys.severities import worst_of
from adoption.metrics import ndu
from adoption.metrics.baselines import RegisteredWindows
from adoption.metrics.change_series import VERSION, Series, series_of
from adoption.metrics.contracts import Better, Computed, Facts
from adoption.metrics.registry import metrics
from adoption.metrics.sizes import size_facts
from adoption.metrics.windows import Window
from adoption.redteam.world import AFTER, AS_OF, BASELINE, Change, Organisation, Service, Team

RULE = ndu.PROMISED
SIZES_BEFORE = Window(AFTER.starts_on - dt.timedelta(weeks=12), AFTER.starts_on, "UTC")
# Values: what must not improve. The rest are guardrails and context.
VALUES = (
    "ndu",
    "ndi",
    "change_lead_time",
    "change_lead_time_p90",
    "severe_incidents_per_100_ndu",
    "survival_21_days",
    "use_case_reach",
    "held_deliveries",
)
GUARDRAILS = (
    "change_fail_rate",
    "deployment_rework_rate",
    "deployment_frequency",
    "failed_deployment_recovery_time",
)


def read(organisation: Organisation, name: str) -> dict[str, Computed]:
    """By metric, its value for the team of that name (reach: for all)."""
    team = organisation.team(name)
    facts: dict[str, Callable[[], Facts]] = {
        "ndu": lambda: units_facts(team),
        "ndi": lambda: index_facts(team),
        "change_lead_time": lambda: lead_facts(team),
        "change_lead_time_p90": lambda: lead_facts(team),
        "severe_incidents_per_100_ndu": lambda: use_case_facts(team),
        "survival_21_days": lambda: use_case_facts(team),
        "use_case_reach": lambda: reach_facts(organisation),
        "held_deliveries": lambda: held_facts(team),
        "change_fail_rate": lambda: release_facts(team),
        "deployment_rework_rate": lambda: release_facts(team),
        "deployment_frequency": lambda: release_facts(team),
        "failed_deployment_recovery_time": lambda: release_facts(team),
    }
    return {key: calculate(key, made()) for key, made in facts.items()}


def calculate(key: str, facts: Facts) -> Computed:
    """The catalogue's calculation of a metric."""
    windowed = metrics.get(key).windowed
    if windowed is None:
        raise TypeError(f"{key} is no metric of the catalogue")
    return windowed.calculate(facts)


def better(key: str) -> Better:
    """Which way a metric is better."""
    windowed = metrics.get(key).windowed
    return windowed.better if windowed is not None else Better.CONTEXT


def improved(key: str, before: Computed, after: Computed) -> bool:
    """Whether the second value would look better. None is never better than a value; a value is
    better than None."""
    if after.nano is None:
        return False
    if before.nano is None:
        return True
    if better(key) is Better.HIGHER:
        return after.nano > before.nano
    return better(key) is Better.LOWER and after.nano < before.nano


def _frame(window: Window = AFTER) -> dict[str, Any]:
    return {
        "starts_at": ndu.moment_text(window.starts_at),
        "ends_at": ndu.moment_text(window.ends_at),
        "as_of": ndu.moment_text(AS_OF),
        "series_version": VERSION,
    }


def _series(change: Change) -> Series:
    return series_of(
        author_names=(change.author,),
        paths=list(change.paths),
        lines=change.lines,
        is_revert=change.is_revert,
    )


def rollouts_of(service: Service) -> list[ndu.Rollout]:
    """A service's rollouts as NDU takes them, each with everything in it."""
    return [
        ndu.Rollout(
            each.key,
            each.at,
            tuple(
                ndu.Brought(one.key, _series(one), one.undone_at, one.is_promised)
                for one in each.changes
            ),
            each.kind,
            each.undoes,
        )
        for each in sorted(service.rollouts, key=lambda one: (one.at, one.key))
    ]


def _units(services: Iterable[Service]) -> dict[str, Any]:
    """Of services that came out of one another."""
    incidents: dict[tuple[str, str], list[dt.datetime]] = defaultdict(list)
    found: list[ndu.Rollout] = []
    mended: dict[str, str] = {}
    for service in services:
        found += rollouts_of(service)
        for incident in service.incidents:
            if incident.human_actioned is not False:
                incidents[service.name, incident.caused_by].append(incident.at)
        for each in service.rollouts:
            moments = list(incidents.get((service.name, each.version), ()))
            moments += [each.mended_at] if each.mended_at else []
            if moments:
                mended[each.key] = ndu.moment_text(min(moments))
    found.sort(key=lambda each: (each.at, each.key))
    return {"rollouts": [ndu.rollout_fact(each, RULE) for each in found], "mended": mended}


def _families(team: Team) -> list[list[Service]]:
    found: dict[str, list[Service]] = defaultdict(list)
    for service in team.services:
        found[service.came_from or service.name].append(service)
    return [found[name] for name in sorted(found)]


def _people(team: Team) -> int:
    authors = {c.author for s in team.services for r in s.rollouts for c in r.changes}
    return len(authors)


def _sizes(services: Iterable[Service], before: Window = SIZES_BEFORE) -> dict[str, Any]:
    """Of product changes that arrived in the later window, and in the one before."""
    arrived = [
        (change.lines, first)
        for change, first, _ in _firsts(services)
        if _series(change) is Series.PRODUCT
    ]
    # The moments once for each window: worked out for each change, they were a third of the time.
    bounds = [(each.starts_at, each.ends_at) for each in (before, AFTER)]
    sides = [[lines for lines, at in arrived if start <= at < end] for start, end in bounds]
    return {"sizes": size_facts(*sides)}


def units_facts(team: Team) -> Facts:
    """Of the team's first service and what came out of it, over the later window."""
    service = team.services[0]
    first = min((each.at for each in service.rollouts), default=AFTER.ends_at)
    return {
        **_frame(),
        "rule": ndu.rule_fact(RULE),
        "weeks_known": max(0, (AFTER.ends_at - first) // dt.timedelta(weeks=1)),
        "contributors": _people(team),
        "changes": 1,
        "paths_known": 1,
        **_units([service]),
        **_sizes([service]),
    }


def index_facts(team: Team) -> Facts:
    """Of all services, split ones with the one that they came from."""
    families: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for service in team.services:
        root = service.came_from or service.name
        families[root] += [ndu.rollout_fact(each, RULE) for each in rollouts_of(service)]
    registered = RegisteredWindows("r1", "0" * 64, BASELINE, AFTER, team.base_units)
    return {
        **_frame(),
        "rule": ndu.rule_fact(RULE),
        "contributors": _people(team),
        "registration": registered.as_fact(),
        **_sizes(team.services, BASELINE),
        "families": [{"service": name, "rollouts": families[name]} for name in sorted(families)],
    }


def _firsts(services: Iterable[Service]) -> Iterable[tuple[Change, dt.datetime, dt.datetime]]:
    """Each product change with when it first arrived, and when it last came back, if it was rolled
    back; what a baseline contained was there before."""
    for service in services:
        arrived: dict[str, tuple[Change, dt.datetime, dt.datetime]] = {}
        gone: set[str] = set()
        for rollout in sorted(service.rollouts, key=lambda one: (one.at, one.key)):
            if rollout.kind == ndu.BASELINE:
                continue
            gone |= set(rollout.undoes)
            for change in rollout.changes:
                if change.key not in arrived:
                    arrived[change.key] = (change, rollout.at, rollout.at)
                elif change.key in gone:
                    arrived[change.key] = (change, arrived[change.key][1], rollout.at)
                    gone.discard(change.key)
        yield from arrived.values()


def lead_facts(team: Team) -> Facts:
    """Of all services: seconds from the first commit to production."""
    changes = []
    start, end = AFTER.starts_at, AFTER.ends_at
    for change, first, last in _firsts(team.services):
        if start <= first < end and _series(change) is Series.PRODUCT:
            began = change.began_at
            seconds = None if began is None else int((last - began).total_seconds())
            changes.append({"key": change.key, "deployment": "", "seconds": seconds})
    return {
        **_frame(),
        "contributors": _people(team),
        "changes": changes,
        **_sizes(team.services),
    }


def use_case_facts(team: Team) -> Facts:
    """Of all services, with incidents."""
    return {
        **_frame(),
        "rule": ndu.rule_fact(RULE),
        "contributors": _people(team),
        "changes": 1,
        "paths_known": 1,
        **_sizes(team.services),
        "services": [
            {
                "services": [each.name for each in family],
                "has_incident_source": all(each.has_pager for each in family),
                **_units(family),
                "incidents": [
                    {
                        "key": one.key,
                        "severity": worst_of(one.severities),
                        "human_actioned": one.human_actioned,
                        "lowered": worst_of(one.severities) != one.severities[-1],
                    }
                    for each in family
                    for one in each.incidents
                    if AFTER.starts_at <= one.at < AFTER.ends_at
                ],
            }
            for family in _families(team)
        ],
    }


def release_facts(team: Team) -> Facts:
    """Of the first service: deployments and what went wrong with them."""
    service = team.services[0]
    seen: set[str] = set()
    deployments = []
    for each in sorted(service.rollouts, key=lambda one: (one.at, one.key)):
        new = [one for one in each.changes if one.key not in seen]
        seen |= {one.key for one in each.changes}
        brings = each.kind != ndu.BASELINE and any(_series(one) is Series.PRODUCT for one in new)
        deployments.append(
            {
                "key": each.key,
                "at": ndu.moment_text(each.at),
                "kind": each.kind,
                "same_as": [f"of:{each.version}"],
                "brings": brings,
                "mended_at": ndu.moment_text(each.mended_at) if each.mended_at else None,
                "incidents": [
                    {
                        "key": one.key,
                        "opened_at": ndu.moment_text(one.at),
                        "resolved_at": ndu.moment_text(one.resolved_at)
                        if one.resolved_at
                        else None,
                    }
                    for one in service.incidents
                    if one.caused_by == each.version and one.human_actioned is not False
                ],
            }
        )
    return {
        **_frame(),
        "contributors": _people(team),
        "has_incident_source": service.has_pager,
        "deployments": deployments,
    }


def reach_facts(organisation: Organisation) -> Facts:
    """Of the teams of at least five: those that delivered in the last 28 days."""
    since = AFTER.ends_at - dt.timedelta(days=28)
    eligible = [number for number, team in enumerate(organisation.teams) if team.people >= 5]
    reached = [
        number
        for number in eligible
        if any(
            since <= first < AFTER.ends_at
            and _series(change) is Series.PRODUCT
            and change.undone_at is None
            for change, first, _ in _firsts(organisation.teams[number].services)
        )
    ]
    return {
        **_frame(),
        "team_of": 5,
        "eligible": eligible,
        "reached": reached,
        "signs": ["simulated"],
    }


def held_facts(team: Team) -> Facts:
    """Logged changes that arrived in the later window and were not taken out since: a rollback is
    no revert, what came back holds."""
    held = {
        change.key
        for change, first, _ in _firsts(team.services)
        if AFTER.starts_at <= first < AFTER.ends_at
        and change.is_promised
        and change.undone_at is None
    }
    return {"deliveries": sorted(held), "contributors": _people(team)}


def shares(team: Team) -> Mapping[str, int]:
    """What is shown beside the values and never enters one: how many changes say what about AI."""
    changes = {c.key: c for s in team.services for r in s.rollouts for c in r.changes}
    known = sum(bool(each.trailers) for each in changes.values())
    return {"changes": len(changes), "say_so": known, "unknown": len(changes) - known}
