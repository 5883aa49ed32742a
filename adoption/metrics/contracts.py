"""What a metric of the catalogue promises: facts in, one value with everything it must say.

A value is made in two steps. `collect` reads facts from the database: plain JSON, frozen beside the
value, no names of people. `calculate` is pure: the same facts give the same value to the last bit,
years later and on another machine. Whoever wants to know where a number came from reads the facts;
whoever doubts it calculates again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from adoption.choices import ScopeKind
from adoption.metrics.windows import Window, WindowKind

# What may stand in facts: text, whole numbers, booleans, null, lists and objects of them. No
# fractions: they differ in their last digit between machines, so amounts are in nano-units.
Facts = Mapping[str, Any]


class Better(StrEnum):
    """Which way is better. A cost is a `CONTEXT`: spending less is not doing well."""

    HIGHER = "higher"
    LOWER = "lower"
    CONTEXT = "context"


class Dimension(StrEnum):
    """The dimension of SPACE (https://queue.acm.org/detail.cfm?id=3454124) that it looks at."""

    SATISFACTION = "satisfaction"
    PERFORMANCE = "performance"
    ACTIVITY = "activity"
    COMMUNICATION = "communication"
    EFFICIENCY = "efficiency"


@dataclass(frozen=True, slots=True)
class ValueInterval:
    """An interval around a value, in nano-units of its unit; an open end is None."""

    low_nano: int | None
    high_nano: int | None
    method: str
    level_percent: int = 95


@dataclass(frozen=True, slots=True)
class Computed:
    """One value of one scope in one window, or the reason why there is none.

    Attributes:
        nano: in nano-units (10⁻⁹) of the metric's unit; None with a `reason`.
        reason: stable code when `nano` is None, such as `no_data`, `below_minimum`,
            `not_evaluable`, `mixed_currencies`, `small_group`.
        missing: what an installation lacks when the reason is `not_evaluable`, for a person.
        n: how many things it was counted or averaged over.
        contributors: how many distinct people contributed in the window; None when it is not about
            what people did (an invoice).
        coverage_nano: share of the inputs that were there, 0 to 10⁹; None when not applicable.
        unknown_share_nano: share of changes of which nobody knows whether AI helped.
        currency, basis: for money.
    """

    nano: int | None
    reason: str = ""
    missing: str = ""
    n: int = 0
    contributors: int | None = None
    interval: ValueInterval | None = None
    coverage_nano: int | None = None
    unknown_share_nano: int | None = None
    currency: str = ""
    basis: str = ""

    def __post_init__(self) -> None:
        if (self.nano is None) == (not self.reason):
            raise ValueError("a value, or the reason why there is none: exactly one of them")


@dataclass(frozen=True, slots=True)
class Sample:
    """What a window gives to a test of an effect: a count of events, or single measurements."""

    events: int | None = None
    measurements: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Windowed:
    """How a metric is computed window by window. The rest of what the catalogue says about it.

    Attributes:
        number: in the catalogue of the metrics reference, 1 to 20; 0 for one beside it.
        scope, window: the grain.
        collect: `collect(scope_ids, window, as_of)` → facts of each scope, in a constant number of
            queries; honours `as_of`. A scope without an entry has no data.
        calculate: facts → value; pure.
        sample: facts → what a test of an effect takes; None for a metric that cannot be primary.
        matures_after: how long after a window its values may still change by the passing of time
            alone (the survival window); a value is provisional until then.
        minimum_n: below it there is no value, with the reason `below_minimum`.
        k: fewest contributors; 0 for what is not about people.
        coverage_bound_nano: by how much the coverage of two windows may differ for a comparison of
            their values to mean anything.
        is_value: whether more of it is claimed to be good. Usage must not reach these.
        guardrails: keys of the metrics that must not get worse when this one gets better.
        resists: attacks of the catalogue → the test that shows it (`path::name`).
        readers: for whom it is; withheld_from: who must not see it.
    """

    number: int
    scope: ScopeKind
    window: WindowKind
    collect: Callable[[Sequence[int], Window, dt.datetime], Mapping[int, Facts]]
    calculate: Callable[[Facts], Computed]
    sample: Callable[[Facts], Sample] | None = None
    matures_after: dt.timedelta = dt.timedelta(0)
    minimum_n: int = 1
    k: int = 5
    coverage_bound_nano: int = 100_000_000
    better: Better
    dimension: Dimension
    is_value: bool = True
    guardrails: tuple[str, ...] = ()
    resists: Mapping[str, str] = field(default_factory=dict)
    readers: str
    withheld_from: str = ""


def canonical(facts: object) -> str:
    """The one way to write facts down: keys sorted, no blanks, text as UTF-8.

    Raises:
        ValueError: they hold a fraction, or something else that JSON writes in several ways.
    """
    _check(facts)
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _check(value: object) -> None:
    if isinstance(value, Mapping):
        for key, each in value.items():
            if not isinstance(key, str):
                raise ValueError(f"facts have the key {key!r}, which is not text")
            _check(each)
    elif isinstance(value, list | tuple):
        for each in value:
            _check(each)
    elif value is not None and not isinstance(value, str | int):
        raise ValueError(f"facts hold {value!r}, which has no one way to be written")


def facts_sha256(facts: object) -> str:
    """What the facts are known by."""
    return hashlib.sha256(canonical(facts).encode()).hexdigest()
