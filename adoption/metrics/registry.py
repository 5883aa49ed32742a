"""Metric definitions as data and code. Rooms register theirs; milestones are measured by them.

A metric that usage could improve has no place here: `inputs` names what a metric rests on, and the
check below refuses tokens, seats, prompts, sessions, lines and self-reported hours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.core.checks import CheckMessage, Error

from adoption.choices import Comparator
from adoption.metrics.contracts import Windowed
from portal.registry import Registry

NANO = 1_000_000_000
K_FLOOR = 5  # fewest people of whom anything is said
VERSION = re.compile(r"(0|[1-9][0-9]{0,4})\.(0|[1-9][0-9]{0,4})\.(0|[1-9][0-9]{0,4})")
USAGE_INPUTS = frozenset(
    {"tokens", "seats", "prompts", "sessions", "lines", "requests", "credits", "reported_hours"}
)
KNOWN_INPUTS = frozenset(
    {
        "anomalies",
        "billed_cost",
        "budgets",
        "changes",
        "deliveries",
        "deployments",
        "effective_cost",
        "evidence",
        "forecasts",
        "incidents",
        "milestones",
        "people_cost",
        "registrations",
        "reviews",
        "survey",
        "targets",
        "teams",
        "use_signs",
    }
)
UNITS = frozenset({"count", "money", "days", "hours", "share", "ratio", "score"})


@dataclass(frozen=True)
class Measured:
    """A measured value of one use case, or the reason why there is none.

    Attributes:
        nano: the value in nano-units (10⁻⁹) of the unit; None with a `reason` when unknown.
        reason: stable code when `nano` is None, for example `no_production_deployment`.
        as_of: up to when the inputs were looked at (UTC).
        count: how many things it was counted or averaged over.
        currency: for money.
        basis: for money: the cost basis; for the rest empty.
        happened_at: for counts, when each counted thing happened, oldest first, so that the day on
            which a threshold was reached is known and not guessed. Empty otherwise.
        lineage_url: where a person sees what it was made of.
    """

    nano: int | None
    as_of: datetime
    reason: str = ""
    count: int = 0
    currency: str = ""
    basis: str = ""
    happened_at: tuple[datetime, ...] = ()
    lineage_url: str = ""


@dataclass(frozen=True)
class MetricDefinition:
    """What a metric is.

    Attributes:
        key: its name for ever.
        version: semantic version; a change of meaning raises the first number.
        label: what a person reads.
        unit: one of `UNITS`.
        formula: in words that a controller can check.
        inputs: what it rests on, out of `KNOWN_INPUTS`.
        comparators: how a milestone may hold it against a threshold.
        measure: `measure(use_case_ids, as_of)` → one value a use case, in a constant number of
            queries; None for a metric that no milestone can be held against.
        decision: the decision it supports.
        is_level: a count that may fall again by the passing of time (the last 28 days), unlike one
            that only withdrawn facts lower.
        windowed: how the catalogue computes it window by window; None for one that only milestones
            use.
        superseded_versions: earlier definitions that are still computed beside this one, so that
            both series stand; a version that is no longer listed here keeps the values it has.
    """

    key: str
    version: str
    label: str
    unit: str
    formula: str
    inputs: frozenset[str]
    comparators: tuple[Comparator, ...]
    measure: Callable[[Iterable[int], datetime], dict[int, Measured]] | None
    decision: str
    windowed: Windowed | None = None
    superseded_versions: tuple[MetricDefinition, ...] = ()
    is_level: bool = False

    @property
    def measurable(self) -> Callable[[Iterable[int], datetime], dict[int, Measured]]:
        """`measure` of a metric that milestones use.

        Raises:
            TypeError: it has none.
        """
        if self.measure is None:
            raise TypeError(f"no milestone can be held against {self.key!r}")
        return self.measure


def _check_metric(item: MetricDefinition) -> list[CheckMessage]:
    problems: list[CheckMessage] = []
    usage = item.inputs & USAGE_INPUTS
    if usage:
        problems.append(
            Error(
                f"metric {item.key!r} rests on usage ({', '.join(sorted(usage))}), "
                "which anybody can raise without delivering anything",
                id="adoption.E001",
            )
        )
    unknown = item.inputs - KNOWN_INPUTS - USAGE_INPUTS
    if unknown:
        problems.append(
            Error(f"metric {item.key!r} names unknown inputs {sorted(unknown)}", id="adoption.E002")
        )
    if item.unit not in UNITS:
        problems.append(
            Error(f"metric {item.key!r}: unknown unit {item.unit!r}", id="adoption.E003")
        )
    if item.measure is not None and not item.comparators:
        problems.append(
            Error(f"metric {item.key!r} can be held against nothing", id="adoption.E004")
        )
    if item.measure is None and item.windowed is None:
        problems.append(Error(f"metric {item.key!r} is never computed", id="adoption.E005"))
    return [*problems, *_check_catalogue(item), *_check_superseded(item)]


def _check_catalogue(item: MetricDefinition) -> list[CheckMessage]:
    """A metric of the catalogue says all that a reader needs before trusting it."""
    if item.windowed is None:
        return []
    windowed = item.windowed
    missing = [
        word
        for word, is_there in (
            ("a guardrail", bool(windowed.guardrails)),
            ("the attacks that it resists", bool(windowed.resists)),
            ("its readers", bool(windowed.readers)),
            ("the decision that it supports", bool(item.decision)),
            ("a minimum n of at least 1", windowed.minimum_n >= 1),
            (f"a k of 0 (not about people) or at least {K_FLOOR}", _is_floor(windowed.k)),
        )
        if not is_there
    ]
    problems: list[CheckMessage] = [
        Error(f"metric {item.key!r} does not name {each}", id="adoption.E006") for each in missing
    ]
    if item.key in windowed.guardrails:
        problems.append(Error(f"metric {item.key!r} guards itself", id="adoption.E007"))
    if not VERSION.fullmatch(item.version):
        text = f"metric {item.key!r}: {item.version!r} is no semantic version"
        problems.append(Error(text, id="adoption.E008"))
    return problems


def _is_floor(k: int) -> bool:
    return k == 0 or k >= K_FLOOR


def _check_superseded(item: MetricDefinition) -> list[CheckMessage]:
    """Earlier versions have the same key, are lower, and are computed."""
    problems: list[CheckMessage] = []
    versions = [item.version]
    for earlier in item.superseded_versions:
        if earlier.key != item.key or earlier.windowed is None or earlier.superseded_versions:
            problems.append(
                Error(
                    f"metric {item.key!r}: {earlier.key} {earlier.version} is no earlier version "
                    "of it that is computed window by window",
                    id="adoption.E009",
                )
            )
            continue
        versions.append(earlier.version)
        problems += _check_catalogue(earlier)
    if all(map(VERSION.fullmatch, versions)):
        ordered = [version_order(version) for version in versions]
        if ordered != sorted(set(ordered), reverse=True):
            problems.append(
                Error(
                    f"metric {item.key!r}: {', '.join(versions)} are not from the newest to the "
                    "oldest, each once",
                    id="adoption.E010",
                )
            )
    return problems


def version_order(version: str) -> tuple[int, ...]:
    """A semantic version as numbers that sort."""
    return tuple(int(part) for part in version.split("."))


def computed_versions(item: MetricDefinition) -> tuple[MetricDefinition, ...]:
    """The definitions under one key that are computed window by window, newest first."""
    return tuple(each for each in (item, *item.superseded_versions) if each.windowed is not None)


metrics: Registry[MetricDefinition] = Registry("metric", _check_metric)


def milestone_metrics() -> list[MetricDefinition]:
    """Those that a milestone can be held against, by label."""
    found = [metric for metric in metrics if metric.measure is not None]
    return sorted(found, key=lambda metric: metric.label)
