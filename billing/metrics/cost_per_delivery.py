"""Metrics that set money against outcomes. They live here because billing sees both."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from adoption.choices import Comparator
from adoption.metrics.registry import Measured, MetricDefinition, metrics
from adoption.selectors.deliveries import held_delivery_counts
from billing.selectors.costs import CostSum, costs_to_date
from billing.selectors.references import FigureReference
from billing.selectors.sums import divide_half_even
from billing.selectors.use_cases import use_case_names

_NOT_MORE = (Comparator.AT_MOST, Comparator.BELOW)


def _missing(reason: str, as_of: dt.datetime, url: str = "") -> Measured:
    return Measured(nano=None, as_of=as_of, reason=reason, lineage_url=url)


def _effective(sums: list[CostSum], as_of: dt.datetime, reference: FigureReference) -> Measured:
    """The effective cost of one use case, or why it cannot be stated as one amount."""
    url = reference.lineage_url
    if not sums:
        return _missing("no_cost", as_of, url)
    if len({each.kind.currency for each in sums}) > 1:
        return _missing("mixed_currencies", as_of, url)
    if len(sums) > 1:
        return _missing("mixed_bases", as_of, url)
    found = sums[0]
    if not found.is_complete:
        # Dividing what is known would flatter: some lines would count as free.
        return _missing("effective_cost_not_stated", as_of, url)
    kind = found.kind
    return Measured(
        nano=found.effective_known_nano,
        as_of=as_of,
        count=found.lines,
        currency=kind.currency,
        basis=kind.basis,
        lineage_url=reference.with_(currency=kind.currency, basis=kind.basis).lineage_url,
    )


def measure_effective_cost(use_case_ids: Iterable[int], as_of: dt.datetime) -> dict[int, Measured]:
    """Effective cost of each use case on days (UTC) up to and with the day of `as_of`."""
    ids = list(use_case_ids)
    until = as_of.astimezone(dt.UTC).date() + dt.timedelta(days=1)
    sums = costs_to_date(ids, now=as_of, until=until)
    return {
        pk: _effective(
            sums.get(pk, []), as_of, FigureReference(use_case=name.slug, measure="effective")
        )
        for pk, name in use_case_names(ids).items()
    }


def measure_cost_per_held_delivery(
    use_case_ids: Iterable[int], as_of: dt.datetime
) -> dict[int, Measured]:
    """Effective cost up to `as_of`, divided by the deliveries held by then."""
    ids = list(use_case_ids)
    held = held_delivery_counts(ids, as_of)
    found: dict[int, Measured] = {}
    for pk, cost in measure_effective_cost(ids, as_of).items():
        count = held.get(pk, 0)
        if not count:
            found[pk] = _missing("no_held_deliveries", as_of, cost.lineage_url)
        elif cost.nano is None:
            found[pk] = cost
        else:
            found[pk] = Measured(
                nano=divide_half_even(cost.nano, count),
                as_of=as_of,
                count=count,
                currency=cost.currency,
                basis=cost.basis,
                lineage_url=cost.lineage_url,
            )
    return found


metrics.register(
    MetricDefinition(
        key="effective_cost_per_held_delivery",
        version="1.0.0",
        label="Effective cost per held delivery",
        unit="money",
        formula=(
            "Effective cost allocated to the use case up to now, credits included, divided by its "
            "deliveries that held. One currency and one basis; without a held delivery, or with a "
            "cost line that states no effective cost, there is no value."
        ),
        inputs=frozenset({"effective_cost", "deliveries"}),
        comparators=_NOT_MORE,
        measure=measure_cost_per_held_delivery,
        decision="Whether what is delivered is worth what it costs, or the use case is stopped.",
    )
)
metrics.register(
    MetricDefinition(
        key="effective_cost_to_date",
        version="1.0.0",
        label="Effective cost to date",
        unit="money",
        formula=(
            "The sum of the effective cost of every cost line allocated to the use case on days "
            "(UTC) up to now, credits included. One currency and one basis."
        ),
        inputs=frozenset({"effective_cost"}),
        comparators=_NOT_MORE,
        measure=measure_effective_cost,
        decision="Whether a use case stays within what it was allowed to cost.",
    )
)
