"""Whether what must not get worse did, in the same scope and window as a value."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from adoption.metrics.contracts import Better
from adoption.models import MetricVersion
from adoption.selectors.metric_standings import (
    is_served,
    standing_in,
    standings_of,
    versions_of,
)
from adoption.selectors.metric_values import ShownValue, values_of, with_previous
from portal.policies import AnyUser

_LOOK_BACK = dt.timedelta(days=100)


@dataclass(frozen=True, slots=True)
class Guardrail:
    """A guardrail of one value: `ok`, `worse`, or why that is not said."""

    metric: str
    version: str | None
    state: str


def guardrails_of(
    version: MetricVersion, values: Sequence[ShownValue], *, viewer: AnyUser
) -> dict[int, list[Guardrail]]:
    """The guardrails of each value, in a constant number of queries.

    States: `ok`, `worse`; `unknown` without two comparable windows; `not_approved` where the
    guardrail is not served in this scope; `other_grain` where it is computed for something else.
    """
    found: dict[int, list[Guardrail]] = defaultdict(list)
    if not values:
        return found
    for key in version.definition["catalogue"]["guardrails"]:
        guards = versions_of(key)
        states = _states(guards[0], version, values, viewer) if guards else {}
        for value in values:
            state = states.get(value.id, "unknown" if guards else "not_approved")
            found[value.id].append(Guardrail(key, guards[0].version if guards else None, state))
    return found


def _states(
    guard: MetricVersion, version: MetricVersion, values: Sequence[ShownValue], viewer: AnyUser
) -> dict[int, str]:
    catalogue = guard.definition.get("catalogue")
    if catalogue is None:
        return {value.id: "not_approved" for value in values}
    mine = version.definition["catalogue"]
    if (catalogue["scope"], catalogue["window"]) != (mine["scope"], mine["window"]):
        return {value.id: "other_grain" for value in values}
    standings = standings_of([guard], viewer)
    rows = values_of(
        guard,
        viewer=viewer,
        scope_ids={value.scope_id for value in values},
        first=min(value.window.starts_on for value in values) - _LOOK_BACK,
        last=max(value.window.ends_on for value in values),
    )
    held = with_previous(rows, bound_nano=catalogue["coverage_bound_nano"])
    moved = {
        (row.scope_id, row.window.starts_on): held[row.id].nano for row in rows if row.id in held
    }
    return {
        value.id: _state(moved.get((value.scope_id, value.window.starts_on)), catalogue["better"])
        if is_served(standing_in(standings, value.scope_id))
        else "not_approved"
        for value in values
    }


def _state(moved: int | None, better: str) -> str:
    if moved is None or better == Better.CONTEXT:
        return "unknown"
    is_worse = moved < 0 if better == Better.HIGHER else moved > 0
    return "worse" if is_worse else "ok"
