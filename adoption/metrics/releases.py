"""Facts → what became of releases: how often, how many failed, how many were repairs, how long.

A release is one thing brought to production; its copies in other regions, and the same again
later, are that release. It counts when it brought a product change, or when it failed. A baseline
is none: what it contains was there before anybody looked.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from adoption.metrics import ndu
from adoption.metrics.contracts import Computed, Facts, Sample, ValueInterval
from adoption.metrics.exact import SECONDS_OF_HOUR, median_interval, nano, poisson, quantile, wilson

MINIMUM = 30
_HOUR = Fraction(1, SECONDS_OF_HOUR)
_WEEK = dt.timedelta(weeks=1)


@dataclass
class Release:
    """One release of a service.

    `failed_at` is when it was in production and wrong, `over_at` when that ended; None: not yet.
    """

    at: dt.datetime
    kind: str
    brings: bool = False
    has_failed: bool = False
    over_at: dt.datetime | None = None
    same_as: set[str] = field(default_factory=set)

    @property
    def is_rework(self) -> bool:
        """Whether it was unplanned: it repaired or took back another one."""
        return self.kind in (ndu.ROLLBACK, ndu.HOTFIX)


def releases_of(facts: Facts) -> list[Release]:
    """Releases of the window, copies put together. Rollbacks stand for themselves."""
    known: dict[str, Release] = {}
    found: list[Release] = []
    for deployment in facts["deployments"]:
        at, kind = ndu.read_moment(deployment["at"]), deployment["kind"]
        copies = [known[name] for name in deployment["same_as"] if name in known]
        if kind == ndu.ROLLBACK or not copies:
            release = Release(at, kind)
            found.append(release)
        else:
            release = copies[0]
        if kind != ndu.ROLLBACK:
            for name in deployment["same_as"]:
                known.setdefault(name, release)
        release.brings = release.brings or deployment["brings"]
        _fail(release, deployment)
    start, end = ndu.read_moment(facts["starts_at"]), ndu.read_moment(facts["ends_at"])
    return [each for each in found if start <= each.at < end and each.kind != ndu.BASELINE]


def _fail(release: Release, deployment: dict[str, Any]) -> None:
    """It failed when it was rolled back or fixed, or caused an incident. It is over when the last
    of these is; an incident that is still open keeps it so."""
    ends: list[str | None] = [each["resolved_at"] for each in deployment["incidents"]]
    if deployment["mended_at"]:
        ends.append(deployment["mended_at"])
    if not ends:
        return
    was_open = release.has_failed and release.over_at is None
    release.has_failed = True
    if was_open or any(each is None for each in ends):
        release.over_at = None
        return
    last = max(ndu.read_moment(each) for each in ends if each is not None)
    release.over_at = max(last, release.over_at or last)


def _counted(releases: Iterable[Release]) -> list[Release]:
    return [each for each in releases if each.brings or each.has_failed]


def _share(part: int, whole: int, people: int) -> Computed:
    if not whole:
        return Computed(nano=None, reason="no_data", contributors=people)
    if whole < MINIMUM:
        return Computed(nano=None, reason="below_minimum", n=whole, contributors=people)
    return Computed(
        nano=nano(Fraction(part, whole)),
        n=whole,
        contributors=people,
        interval=wilson(part, whole),
    )


def calculate_fail_rate(facts: Facts) -> Computed:
    """Of the releases, the share that needed immediate intervention."""
    counted = _counted(releases_of(facts))
    return _share(sum(each.has_failed for each in counted), len(counted), facts["contributors"])


def calculate_rework_rate(facts: Facts) -> Computed:
    """Of the releases, rollbacks among them, the share that was unplanned repair."""
    counted = [
        each for each in releases_of(facts) if each.brings or each.has_failed or each.is_rework
    ]
    return _share(sum(each.is_rework for each in counted), len(counted), facts["contributors"])


def sample_failures(facts: Facts) -> Sample:
    """Failed releases, as events."""
    return Sample(events=sum(each.has_failed for each in releases_of(facts)))


def calculate_frequency(facts: Facts) -> Computed:
    """Releases in a week. Zero is a value: the service was in production and nothing came."""
    counted = [each for each in releases_of(facts) if each.brings]
    start, end = ndu.read_moment(facts["starts_at"]), ndu.read_moment(facts["ends_at"])
    per_week = Fraction(_WEEK // dt.timedelta(seconds=1)) / int((end - start).total_seconds())
    return Computed(
        nano=nano(len(counted) * per_week),
        n=len(counted),
        contributors=facts["contributors"],
        interval=poisson(len(counted), per_week),
    )


def calculate_recovery(facts: Facts) -> Computed:
    """The median of hours from a failed release to its recovery; open ones rank as the longest."""
    failed = [each for each in releases_of(facts) if each.has_failed]
    times = [int((each.over_at - each.at).total_seconds()) for each in failed if each.over_at]
    times = [each for each in times if each >= 0]
    people, open_ones = facts["contributors"], len(failed) - len(times)
    if not failed:
        return Computed(nano=None, reason="no_failure", contributors=people)
    found = quantile(times, open_ones, Fraction(1, 2))
    if found is None:
        return Computed(
            nano=None,
            reason="not_evaluable",
            missing=f"the end of {open_ones} of {len(failed)} failures",
            n=len(failed),
            contributors=people,
        )
    interval: ValueInterval = median_interval(times, open_ones, _HOUR)
    return Computed(nano=nano(found * _HOUR), n=len(failed), contributors=people, interval=interval)
