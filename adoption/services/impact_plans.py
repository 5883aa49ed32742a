"""What a registration says, as plain values: windows, units, guardrails, and its one hash.

A plan is what a person asks for, what is stored, and what a verdict carries out: the same object in
all three places, so that nothing is lost between them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from adoption.metrics.contracts import Windowed, canonical, facts_sha256
from adoption.metrics.registry import MetricDefinition, computed_versions, metrics
from adoption.metrics.windows import Window
from adoption.models import ImpactRegistration
from adoption.validation.methods import Method
from adoption.validation.protocol import GuardrailPlan, Protocol
from adoption.validation.verdict import Direction

NANO = 1_000_000_000
WEEK = dt.timedelta(weeks=1)
DAYS = (
    "trigger_month",
    "baseline_starts_on",
    "baseline_ends_on",
    "launch_on",
    "after_starts_on",
    "after_ends_on",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardrailWish:
    """A metric that must not get worse by more than a margin, in nano-units.

    The margin is a ratio for counts (1.10: a tenth more), a difference for measurements.
    """

    metric_key: str
    metric_version: str
    worse: str
    margin_nano: int

    @property
    def key(self) -> str:
        return f"{self.metric_key}@{self.metric_version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is registered; fields as of `ImpactRegistration`."""

    hypothesis: str
    direction: str
    metric_key: str
    metric_version: str
    unit_kind: str
    unit_ids: tuple[int, ...]
    comparison_ids: tuple[int, ...]
    zone: str
    trigger_month: dt.date
    baseline_starts_on: dt.date
    baseline_ends_on: dt.date
    launch_on: dt.date
    after_starts_on: dt.date
    after_ends_on: dt.date
    interest_nano: int
    method: str
    alpha_percent: int
    guardrails: tuple[GuardrailWish, ...]
    minimum_n: int
    stop_rule: str
    seed: int = 0

    @property
    def key(self) -> str:
        """Of the primary metric: key and version."""
        return f"{self.metric_key}@{self.metric_version}"

    @property
    def weeks_before(self) -> list[Window]:
        return weeks_between(self.baseline_starts_on, self.baseline_ends_on, self.zone)

    @property
    def weeks_after(self) -> list[Window]:
        return weeks_between(self.after_starts_on, self.after_ends_on, self.zone)

    @property
    def all_ids(self) -> tuple[int, ...]:
        """Treated units first."""
        return (*self.unit_ids, *self.comparison_ids)

    @property
    def launches_at(self) -> dt.datetime:
        """The first moment of the day of the launch (UTC)."""
        return Window(self.launch_on, self.launch_on + dt.timedelta(days=1), self.zone).starts_at

    @property
    def closes_at(self) -> dt.datetime:
        """The first moment after the window (UTC)."""
        return Window(self.after_starts_on, self.after_ends_on, self.zone).ends_at

    @property
    def protocol(self) -> Protocol:
        """For the arithmetic."""
        return Protocol(
            method=Method(self.method),
            direction=Direction(self.direction),
            interest=self.interest_nano / NANO,
            alpha=self.alpha_percent / 100,
            seed=self.seed,
            minimum_n=self.minimum_n,
            gap=(self.after_starts_on - self.baseline_ends_on) // WEEK,
            guardrails=tuple(
                GuardrailPlan(each.key, Direction(each.worse), each.margin_nano / NANO)
                for each in self.guardrails
            ),
        )

    def document(self) -> dict[str, Any]:
        """All of it as plain values, for the hash and for whoever reads it in years."""
        found = asdict(self)
        for name in DAYS:
            found[name] = found[name].isoformat()
        found["guardrails"] = [dict(each) for each in found["guardrails"]]
        return found

    def with_seed(self) -> Plan:
        """The same with the seed that follows from it: nobody chooses a lucky one."""
        bare = replace(self, seed=0)
        return replace(self, seed=int(facts_sha256(bare.document())[:8], 16))

    @property
    def content(self) -> str:
        return canonical(self.document())


def weeks_between(starts_on: dt.date, ends_on: dt.date, zone: str) -> list[Window]:
    """Whole weeks counted from the first day, whichever weekday that is."""
    found = []
    while starts_on + WEEK <= ends_on:
        found.append(Window(starts_on, starts_on + WEEK, zone))
        starts_on += WEEK
    return found


def plan_of(registration: ImpactRegistration, *, amended: bool = False) -> Plan:
    """The plan as registered, or with its amendments laid over it in their order."""
    values = {name: getattr(registration, name) for name in Plan.__dataclass_fields__}
    plan = plan_from(values)
    if not amended:
        return plan
    for amendment in registration.amendments.all():
        plan = plan_from(_flat(plan) | dict(amendment.changes))
    return plan


def _flat(plan: Plan) -> dict[str, Any]:
    return {name: getattr(plan, name) for name in Plan.__dataclass_fields__}


def plan_from(values: Mapping[str, Any]) -> Plan:
    """A plan from stored values: days as days or as text, guardrails as objects or as rows."""
    found = dict(values)
    for name in DAYS:
        if isinstance(found[name], str):
            found[name] = dt.date.fromisoformat(found[name])
    found["unit_ids"] = tuple(found["unit_ids"])
    found["comparison_ids"] = tuple(found["comparison_ids"])
    found["guardrails"] = tuple(
        each if isinstance(each, GuardrailWish) else GuardrailWish(**each)
        for each in found["guardrails"]
    )
    return Plan(**found)


def primary_metrics() -> list[MetricDefinition]:
    """Those that an effect can be tested on, by label."""
    found = [each for each in metrics if each.windowed is not None and each.windowed.sample]
    return sorted(found, key=lambda each: each.label)


def windowed_of(key: str, version: str) -> Windowed | None:
    """How the metric of exactly this version is computed, when the code still has it."""
    versions = computed_versions(metrics.get(key)) if key in metrics else ()
    for each in versions:
        if each.version == version and each.windowed is not None and each.windowed.sample:
            return each.windowed
    return None


def metric_label(key: str) -> str:
    """What a person reads; the key of a metric that the code no longer has."""
    return metrics.get(key).label if key in metrics else key


def guardrail_keys(plan: Plan) -> Sequence[tuple[str, str]]:
    """Keys and versions of the guardrails."""
    return [(each.metric_key, each.metric_version) for each in plan.guardrails]
