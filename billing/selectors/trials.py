"""Reading what trial allocations need: rules and charges as recorded at any moment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from django.db.models import Q, QuerySet

from billing.allocation.match import Attributes, RuleMatch
from billing.allocation.trial import Line, TrialAllocator, TrialRule
from billing.models import AllocationRule, AllocationShare, Charge, ChargeDimension
from billing.selectors.references import Scope

_CHUNK = 5_000


def recorded_at(at: dt.datetime) -> Q:
    """Charges that were live at a moment: `recorded_at <= at < superseded_at`."""
    return Q(recorded_at__lte=at) & (Q(superseded_at__isnull=True) | Q(superseded_at__gt=at))


def rules_recorded_at(at: dt.datetime | None = None) -> list[TrialRule]:
    """The rules that were in force at a moment (None: now), in the order in which they apply."""
    rows = AllocationRule.objects.all()
    if at is None:
        rows = rows.filter(retired_at__isnull=True)
    else:
        rows = rows.filter(Q(retired_at__isnull=True) | Q(retired_at__gt=at), created_at__lte=at)
    rules = list(rows.order_by("priority", "created_at", "pk"))
    shares: dict[int, list[tuple[int, int]]] = {}
    for rule_id, use_case_id, share in (
        AllocationShare.objects.filter(rule_id__in=[rule.pk for rule in rules])
        .order_by("rule_id", "pk")
        .values_list("rule_id", "use_case_id", "share")
    ):
        shares.setdefault(rule_id, []).append((use_case_id, share))
    return [
        TrialRule(
            RuleMatch(
                rule.pk,
                rule.field,
                rule.tag_key,
                rule.mode,
                rule.value,
                rule.starts_on,
                rule.ends_on,
                rule.connection_id,
            ),
            tuple(shares.get(rule.pk, ())),
            rule.key,
            rule.name,
            rule.version,
        )
        for rule in rules
    ]


def charges_in(scope: Scope, *, at: dt.datetime | None = None) -> QuerySet[Charge]:
    """Charges in the window, service, … of a figure, whoever they are allocated to.

    Args:
        at: as they were recorded at this moment; None is now.
    """
    wanted = scope.reference
    rows = Charge.objects.filter(Q(superseded_at__isnull=True) if at is None else recorded_at(at))
    if wanted.start:
        rows = rows.filter(day__gte=wanted.start)
    if wanted.end:
        rows = rows.filter(day__lt=wanted.end)
    for column, value in (
        ("dimension__service_name", wanted.service),
        ("dimension__provider", wanted.provider),
        ("currency", wanted.currency),
        ("cost_basis", wanted.basis),
    ):
        if value:
            rows = rows.filter(**{column: value})
    return rows


def attributes_of(charges: QuerySet[Charge]) -> dict[int, Attributes]:
    """What rules look at, for every dimension of these charges. One query."""
    rows = (
        ChargeDimension.objects.filter(pk__in=charges.order_by().values("dimension_id"))
        .order_by()
        .values_list(
            "pk", "sub_account_id", "sub_account_name", "service_name", "resource_id", "tags"
        )
    )
    return {pk: Attributes(*rest) for pk, *rest in rows.iterator(chunk_size=_CHUNK)}


class TrialCharge(NamedTuple):
    """A charge on its way through a trial."""

    pk: int
    currency: str
    basis: str
    line: Line


def stream_charges(charges: QuerySet[Charge]) -> Iterator[TrialCharge]:
    """Charges by day and number, in bounded memory."""
    rows = charges.order_by("day", "pk").values_list(
        "pk",
        "currency",
        "cost_basis",
        "dimension_id",
        "slice__connection_id",
        "day",
        "billed_nano",
        "effective_nano",
    )
    for pk, currency, basis, dimension, connection, day, billed, effective in rows.iterator(
        chunk_size=_CHUNK
    ):
        line = Line(dimension, connection, day, billed, effective)
        yield TrialCharge(pk, currency, basis, line)


def allocator_for(charges: QuerySet[Charge], rules: Sequence[TrialRule]) -> TrialAllocator:
    """An allocator that knows every dimension of these charges."""
    return TrialAllocator(rules, attributes_of(charges))
