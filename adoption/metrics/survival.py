"""Facts → of the units of a use case, the share that was still whole after 21 days.

Version 1 counts failures by their moments, not by the units that they fell into. Version 2 is the
catalogue's: units that were undone or mended over units. Only units that served a promise are in
the denominator, while a failure counts whatever it served: leaving bad work unlogged hides nothing.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction

from adoption.metrics import ndu
from adoption.metrics.contracts import Computed, Facts
from adoption.metrics.exact import nano, share_nano, wilson

MINIMUM = 30


def calculate_survival(facts: Facts) -> Computed:
    """Units older than 21 days without a revert, a rollback, a fix or an incident of their own."""
    whole = matured = young = 0
    for service in facts["services"]:
        kept, total, early = _of_service(facts, service)
        whole, matured, young = whole + kept, matured + total, young + early
    people, coverage = facts["contributors"], share_nano(matured, matured + young)
    if not matured:
        return Computed(nano=None, reason="no_data", contributors=people, coverage_nano=coverage)
    if matured < MINIMUM:
        return Computed(
            nano=None,
            reason="below_minimum",
            n=matured,
            contributors=people,
            coverage_nano=coverage,
        )
    return Computed(
        nano=nano(Fraction(whole, matured)),
        n=matured,
        contributors=people,
        interval=wilson(whole, matured),
        coverage_nano=coverage,
    )


def _of_service(facts: Facts, service: Facts) -> tuple[int, int, int]:
    """Units that are whole, units old enough to tell, and units that are too young."""
    rule = ndu.read_rule(facts["rule"])
    start, end, as_of = (ndu.read_moment(facts[name]) for name in ("starts_at", "ends_at", "as_of"))
    rollouts = [ndu.read_rollout(each) for each in service["rollouts"]]
    failures = _failures(rollouts, service["mended"], rule)
    broken: set[dt.datetime] = set()
    matured = young = 0
    failed_units = 0
    for unit in ndu.count_units(rollouts, rule).gross:
        if not start <= unit.at < end:
            continue
        if unit.at + rule.span + rule.survival > as_of:
            young += 1
            continue
        matured += 1
        moments = set().union(*(failures.get(key, ()) for key in unit.changes))
        failed_units += bool(moments)
        broken |= moments
    failed = len(broken)
    if rule.needs_promise:
        apart = _unpromised_failures(rollouts, failures, rule, start, end)
        failed = failed_units + len(apart - broken)
    return matured - min(matured, failed), matured, young


def _unpromised_failures(
    rollouts: Iterable[ndu.Rollout],
    failures: Mapping[str, set[dt.datetime]],
    rule: ndu.Rule,
    start: dt.datetime,
    end: dt.datetime,
) -> set[dt.datetime]:
    """Moments at which product changes that served no promise failed. They are in no unit, so their
    moments are what tells one failure from another."""
    found: set[dt.datetime] = set()
    every = replace(rule, needs_promise=False)
    seen: set[str] = set()
    for rollout in sorted(rollouts, key=lambda each: (each.at, each.key)):
        for change in rollout.changes:
            if change.key in seen:
                continue
            seen.add(change.key)
            is_apart = ndu.counts(change, every) and not ndu.counts(change, rule)
            if is_apart and rollout.kind == ndu.DEPLOY and start <= rollout.at < end:
                found |= failures.get(change.key, set())
    return found


def _failures(
    rollouts: Iterable[ndu.Rollout], mended: Mapping[str, str], rule: ndu.Rule
) -> dict[str, set[dt.datetime]]:
    """By change, when it was undone, or what brought it was mended, within the survival window."""
    found: dict[str, set[dt.datetime]] = defaultdict(set)
    arrived: dict[str, dt.datetime] = {}
    ordered = sorted(rollouts, key=lambda each: (each.at, each.key))
    for rollout in ordered:
        moment = mended.get(rollout.key)
        for change in rollout.changes:
            first = arrived.setdefault(change.key, rollout.at)
            moments = [change.undone_at] if change.undone_at else []
            if moment is not None and first == rollout.at:
                moments.append(ndu.read_moment(moment))
            found[change.key].update(each for each in moments if each < first + rule.survival)
        for key in rollout.undoes:
            if key in arrived and rollout.at < arrived[key] + rule.survival:
                found[key].add(rollout.at)
    return found
