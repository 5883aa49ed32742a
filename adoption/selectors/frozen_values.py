"""Served values with everything that is told about them outside the query layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from adoption.metrics.contracts import Computed, Facts
from adoption.metrics.fill import NO_DATA
from adoption.metrics.snapshot import FrozenValue, value_entry
from adoption.selectors.served_values import ServedValue, code_of, scope_names


def calculate_of(key: str, version: str) -> Callable[[Facts], Computed] | None:
    """How that version is calculated; None when the code no longer has it.

    Where a fill found no facts there was nothing to calculate, then as now.
    """
    metric = code_of(key, version)
    if metric is None or metric.windowed is None:
        return None
    calculate = metric.windowed.calculate
    return lambda facts: calculate(facts) if facts else Computed(nano=None, reason=NO_DATA)


def frozen_values(values: Sequence[ServedValue]) -> list[FrozenValue]:
    """The same values with unit and name of their scope, in the same order."""
    names = scope_names(value.scope for value in values)
    return [_frozen(value, names[value.scope]) for value in values]


def _frozen(value: ServedValue, scope_name: str) -> FrozenValue:
    metric = code_of(value.version.key, value.version.version)
    return FrozenValue(
        metric=value.version.key,
        version=value.version.version,
        definition_sha256=value.version.definition_sha256,
        unit=metric.unit if metric else str(value.version.definition.get("unit", "")),
        scope_kind=value.scope[0],
        scope_id=value.scope[1],
        scope_name=scope_name,
        starts_on=value.starts_on,
        ends_on=value.ends_on,
        zone=value.zone,
        computed=value.computed,
        facts=value.facts,
        k=value.k,
        status=value.status,
        standing=value.standing.status,
        certified_until=value.standing.certified_until,
        data_version=value.data_version,
        data_as_of=value.data_as_of,
    )


def told_values(values: Sequence[ServedValue]) -> list[dict[str, Any]]:
    """As a snapshot would have them, without calculating them again."""
    return [value_entry(frozen, None) for frozen in frozen_values(values)]
