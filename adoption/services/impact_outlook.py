"""What could be seen, and what else could be done, from the real baseline, before submission."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from adoption.choices import ScopeKind
from adoption.metrics.contracts import canonical
from adoption.metrics.registry import metrics
from adoption.models import UseCase
from adoption.services.impact_plans import WEEK, Plan, primary_metrics
from adoption.services.impact_samples import collect, units_of
from adoption.services.impact_wishes import pool_of, units_offered
from adoption.validation.documents import digits
from adoption.validation.methods import Method, UnitWeeks, counts_of
from adoption.validation.promises import Promise, promise

MOST_POOLED = 50
LONGEST_AFTER = 104


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another way to see more, with what it would show; `words` is a whole sentence."""

    kind: str
    label: str
    words: str
    smallest: float | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a plan could show.

    Attributes:
        counts: of each week of the baseline; None where a week has no data, or measures.
        baseline: the canonical facts that it rests on.
        sees_interest: whether the smallest effect of interest would probably be found.
        is_late: whether the launch is not after now, so that nothing better than exploratory comes.
    """

    promise: Promise
    weeks: list[dt.date]
    counts: list[float | None]
    alternatives: list[Alternative]
    baseline: str
    sees_interest: bool
    is_late: bool

    def document(self) -> dict[str, Any]:
        """What is stored with the registration; fractions as texts."""
        made = self.promise
        return {
            "n": made.n,
            "weeks": list(made.weeks),
            "smallest": digits(made.smallest),
            "power_for_interest": digits(made.power),
            "weeks_needed": made.weeks_needed,
            "dispersion": digits(made.dispersion),
            "has_drifted": made.has_drifted,
            "words": made.words,
        }


def noun_of(metric_key: str) -> str:
    """What is counted, in the plural, as it stands in a sentence."""
    label = metrics.get(metric_key).label
    return label[:1].lower() + label[1:]


def unit_word(metric_key: str) -> str:
    unit = metrics.get(metric_key).unit
    return "" if unit in ("count", "ratio", "score") else unit


def _promised(plan: Plan, units: Sequence[UnitWeeks], weeks_after: int | None = None) -> Promise:
    is_compared = Method(plan.method).compares_units
    unit = unit_word(plan.metric_key)
    return promise(
        plan.protocol,
        units,
        len(plan.weeks_after) if weeks_after is None else weeks_after,
        noun="treated units" if is_compared else noun_of(plan.metric_key),
        unit="a week and unit" if is_compared and not unit else unit,
    )


def outlook(plan: Plan, use_case: UseCase, *, at: dt.datetime, is_short: bool = False) -> Outlook:
    """Compute the baseline and what it promises; nothing after it is looked at.

    Args:
        is_short: leave the alternatives out.
    """
    snapshot = collect(plan, at=at, sides=("before",))
    units = units_of(snapshot, plan.key, plan.unit_ids)
    made = _promised(plan, units)
    direction = plan.protocol.direction
    return Outlook(
        promise=made,
        weeks=[week.starts_on for week in plan.weeks_before],
        counts=_drawn(units),
        alternatives=[] if is_short else _alternatives(plan, use_case, units, made, at),
        baseline=canonical(snapshot),
        sees_interest=made.sees(plan.protocol.interest, direction),
        is_late=plan.launches_at <= at,
    )


def _drawn(units: Sequence[UnitWeeks]) -> list[float | None]:
    """Events of each week, or the mean of its measurements."""
    treated = [unit for unit in units if unit.is_treated]
    if any(week.events is not None for unit in treated for week in unit.before):
        return [None if count is None else float(count) for count in counts_of(units, "before")]
    drawn: list[float | None] = []
    for weeks in zip(*(unit.before for unit in treated), strict=True):
        values = [value for week in weeks for value in week.measurements]
        drawn.append(sum(values) / len(values) if values else None)
    return drawn


def _alternatives(
    plan: Plan, use_case: UseCase, units: Sequence[UnitWeeks], made: Promise, at: dt.datetime
) -> list[Alternative]:
    found = [_longer(plan, units, made), _denser(plan, use_case, made, at)]
    found += [_pooled(plan, use_case, at), _staggered(plan, use_case, at)]
    return [each for each in found if each is not None]


def _better(made: Promise, than: Promise) -> bool:
    if made.smallest is None:
        return False
    return than.smallest is None or abs(made.smallest - 1) < abs(than.smallest - 1)


def _longer(plan: Plan, units: Sequence[UnitWeeks], made: Promise) -> Alternative | None:
    needed = made.weeks_needed
    weeks = min(LONGEST_AFTER, max(2 * made.weeks[1], needed or 0))
    seen = _promised(plan, units, weeks)
    if seen.smallest is None or not _better(seen, made):
        return None
    more = (
        f" The smallest effect of interest takes {needed} weeks on each side."
        if needed is not None
        else ""
    )
    return Alternative(
        "longer",
        f"A window of {weeks} weeks after the launch",
        f"With the same baseline you would see {_size(seen)}.{more}",
        seen.smallest,
    )


def _size(made: Promise) -> str:
    if made.smallest is None:
        return "nothing"
    return f"changes of {(made.smallest - 1) * 100:+.0f} % or more".replace("-", "−")


def _of_others(plan: Plan, ids: Sequence[int], at: dt.datetime) -> list[UnitWeeks]:
    pooled = replace(plan, unit_ids=tuple(ids), comparison_ids=(), guardrails=())
    return units_of(collect(pooled, at=at, sides=("before",)), plan.key, ids)


def _denser(plan: Plan, use_case: UseCase, made: Promise, at: dt.datetime) -> Alternative | None:
    """The outcome of the same kind of unit that happens most often."""
    if plan.method != Method.WEEKLY_RATIO:
        return None
    best: tuple[Promise, str] | None = None
    for metric in primary_metrics():
        windowed = metric.windowed
        if metric.key == plan.metric_key or metric.unit != "count" or windowed is None:
            continue
        if windowed.scope != plan.unit_kind or not windowed.is_value:
            continue
        other = replace(plan, metric_key=metric.key, metric_version=metric.version, guardrails=())
        seen = _promised(other, _of_others(other, plan.unit_ids, at))
        if _better(seen, best[0] if best else made):
            best = (seen, metric.label)
    if best is None:
        return None
    return Alternative(
        "denser",
        f"A denser outcome: {best[1]}",
        f"It happened {best[0].n} times in the same weeks; you would see {_size(best[0])}.",
        best[0].smallest,
    )


def _pooled(plan: Plan, use_case: UseCase, at: dt.datetime) -> Alternative | None:
    """The same outcome over all use cases, or all services, of the team."""
    if plan.method != Method.WEEKLY_RATIO:
        return None
    ids = pool_of(use_case, ScopeKind(plan.unit_kind))[:MOST_POOLED]
    if len(ids) < 2 or set(ids) <= set(plan.unit_ids):
        return None
    seen = _promised(plan, _of_others(plan, ids, at))
    if seen.smallest is None:
        return None
    return Alternative(
        "pooled",
        f"One roll-out over the {len(ids)} {_plural(plan.unit_kind)} of the team",
        f"Together they have {seen.n} in the same weeks; you would see {_size(seen)}.",
        seen.smallest,
    )


def _plural(kind: str) -> str:
    return f"{ScopeKind(kind).label.lower()}s"


def _staggered(plan: Plan, use_case: UseCase, at: dt.datetime) -> Alternative | None:
    """Half of the units first, the others later: what the comparison of units would see."""
    if Method(plan.method).compares_units:
        return None
    ids = [pk for pk, _ in units_offered(use_case, ScopeKind(plan.unit_kind))][:MOST_POOLED]
    if len(ids) < 4:
        return None
    half = tuple(ids[::2])
    rest = tuple(pk for pk in ids if pk not in half)
    staggered = replace(
        plan,
        unit_ids=half,
        comparison_ids=rest,
        guardrails=(),
        method=Method.PAIRED_CHANGES.value,
        interest_nano=1,
    )
    snapshot = collect(staggered, at=at, sides=("before",))
    seen = _promised(staggered, units_of(snapshot, plan.key, half))
    if seen.smallest is None:
        return None
    return Alternative(
        "staggered",
        f"A staggered roll-out: {len(half)} {_plural(plan.unit_kind)} first, {len(rest)} later",
        f"Compared with each other you would see a difference of {abs(seen.smallest):.2g} a week "
        "and unit or more, whatever else goes on in that time.",
        seen.smallest,
    )


def series_of(snapshot: Mapping[str, Any], plan: Plan) -> tuple[list[float | None], int]:
    """Both sides of a frozen snapshot to draw, and how many of them are before."""
    units = units_of(snapshot, plan.key, plan.unit_ids)
    before = _drawn(units)
    turned = [replace(unit, before=unit.after, after=()) for unit in units]
    return before + _drawn(turned), len(before)


def weeks_gap(plan: Plan) -> int:
    """Whole weeks between the two sides."""
    return (plan.after_starts_on - plan.baseline_ends_on) // WEEK
