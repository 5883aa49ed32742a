"""Quantities beside what they cost, by connection, model and month: a diagnostic, nothing else.

Never by person, key or workspace; not in the API, not exported, no input of a metric. The order is
by name: there is no "most" here.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Sum

from billing.models import MonthlyCost, Usage
from billing.policies import may_see_costs
from billing.selectors.costs import Kind
from billing.selectors.sums import read_nano, roll_up_sums
from portal.models import Connection
from portal.policies import AnyUser
from portal.shell.periods import Month

MICRO_PLACES = 6


@dataclass(frozen=True, slots=True)
class UsageLine:
    """One model of one connection in a month.

    Attributes:
        quantities: metric, unit and amount, by name of the metric.
        costs: kind and nano-units billed of the same connection and model; none where the bill does
            not say the model.
    """

    connection: str
    model: str
    quantities: tuple[tuple[str, str, Decimal], ...]
    costs: tuple[tuple[Kind, int], ...]


def usage_lines(user: AnyUser, month: Month) -> list[UsageLine]:
    """Quantities of a month (UTC) by connection and model, with the cost of it. Three queries."""
    if not may_see_costs(user):
        return []
    rows = (
        Usage.objects.filter(superseded_at__isnull=True, day__gte=month.start, day__lt=month.end)
        .order_by()
        .values("slice__connection_id", "dimension__model", "dimension__metric", "dimension__unit")
        .annotate(
            units=Sum("quantity_micro"),
        )
    )
    quantities: dict[tuple[int, str], list[tuple[str, str, Decimal]]] = {}
    for row in rows:
        amount = Decimal(row["units"]).scaleb(-MICRO_PLACES)
        place = (row["slice__connection_id"], row["dimension__model"])
        line = (row["dimension__metric"], row["dimension__unit"], amount)
        quantities.setdefault(place, []).append(line)
    costs = _costs(month)
    names = dict(Connection.objects.values_list("pk", "name"))
    return sorted(
        (
            UsageLine(names[pk], model, tuple(sorted(found)), tuple(costs.get((pk, model), ())))
            for (pk, model), found in quantities.items()
        ),
        key=lambda each: (each.connection, each.model),
    )


def _costs(month: Month) -> dict[tuple[int, str], list[tuple[Kind, int]]]:
    rows = (
        MonthlyCost.objects.filter(day=month.start)
        .exclude(model="")
        .order_by("currency", "cost_basis")
        .values("connection_id", "model", "currency", "cost_basis")
        .annotate(**roll_up_sums(MonthlyCost))
    )
    found: dict[tuple[int, str], list[tuple[Kind, int]]] = {}
    for row in rows:
        kind = Kind(row["currency"], row["cost_basis"])
        place = (row["connection_id"], row["model"])
        found.setdefault(place, []).append((kind, read_nano(row, "billed")))
    return found


def months_with_usage(user: AnyUser) -> list[Month]:
    """Months that have any quantity, newest first. One query."""
    if not may_see_costs(user):
        return []
    days = Usage.objects.filter(superseded_at__isnull=True).dates("day", "month", order="DESC")
    return [Month.of(day) for day in days]
