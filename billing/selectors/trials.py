"""Reading what trial allocations need: rules, charges and bases as recorded at any moment."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet

from adoption.selectors.principals import team_spells, use_cases_of_teams
from billing.allocation.match import Attributes, Exclusion, RuleMatch
from billing.allocation.people import NOBODY, People, Span, Spell, TeamUseCase
from billing.allocation.sharing import BaseKey, Bases, Line, Part, Weights
from billing.allocation.trial import Setting, TrialAllocator, TrialRule
from billing.choices import SplitKind
from billing.models import (
    AllocationRule,
    AllocationShare,
    Charge,
    ChargeDimension,
    SpendOverlap,
    SplitBase,
)
from billing.selectors.conditions import conditions_of
from billing.selectors.references import CHARGE_LIMITS, Scope, limits_of
from portal.models import Connection

_CHUNK = 5_000
_LINE = (
    "pk",
    "currency",
    "cost_basis",
    "slice_id",
    "dimension_id",
    "slice__connection_id",
    "day",
    "billed_nano",
    "effective_nano",
)
_STORED = ("rule_id", "use_case_id", "unallocated_reason", "billed_nano", "effective_nano")


def recorded_at(at: dt.datetime) -> Q:
    """Rows that were live at a moment: `recorded_at <= at < superseded_at`."""
    return Q(recorded_at__lte=at) & (Q(superseded_at__isnull=True) | Q(superseded_at__gt=at))


def in_force(at: dt.datetime | None) -> Q:
    """Rules and overlaps that were in force at a moment; None is now."""
    if at is None:
        return Q(retired_at__isnull=True)
    return Q(created_at__lte=at) & (Q(retired_at__isnull=True) | Q(retired_at__gt=at))


def rules_recorded_at(at: dt.datetime | None = None) -> list[TrialRule]:
    """The rules that were in force at a moment (None: now), in the order in which they apply."""
    return trial_rules(AllocationRule.objects.filter(in_force(at)))


def trial_rules(rows: QuerySet[AllocationRule]) -> list[TrialRule]:
    """These rules with their shares, in the order in which they apply. Two queries."""
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
            match_of(rule),
            tuple(shares.get(rule.pk, ())),
            rule.key,
            rule.name,
            rule.version,
            rule.split,
        )
        for rule in rules
    ]


def match_of(rule: AllocationRule) -> RuleMatch:
    """What a stored rule looks for."""
    return RuleMatch(rule.pk, conditions_of(rule), rule.starts_on, rule.ends_on, rule.connection_id)


def bases_recorded_at(rule_ids: Iterable[int], at: dt.datetime | None = None) -> Bases:
    """What proportional splits went by at a moment (None: now)."""
    live = Q(superseded_at__isnull=True) if at is None else recorded_at(at)
    rows = SplitBase.objects.filter(live, rule_id__in=list(rule_ids)).order_by("pk")
    return {
        BaseKey(row.rule_id, row.month, row.currency, row.cost_basis): weights_of(row.weights)
        for row in rows
    }


def weights_of(text: str) -> Weights:
    """Weights as a base keeps them."""
    return tuple((use_case, weight) for use_case, weight in json.loads(text))


def exclusions_recorded_at(at: dt.datetime | None = None) -> list[Exclusion]:
    """What another source counted at a moment (None: now)."""
    rows = SpendOverlap.objects.filter(in_force(at), is_excluded=True).order_by("pk")
    return [
        Exclusion(other, provider, Span(starts, ends))
        for other, provider, starts, ends in rows.values_list(
            "other_id", "provider", "starts_on", "ends_on"
        )
    ]


def people_for(
    rules: Sequence[TrialRule], principals: Iterable[str], *, at: dt.datetime | None = None
) -> People:
    """Teams of these principals and their use cases, as recorded at a moment (None: now).

    Nobody when no rule asks for teams.
    """
    if not any(rule.needs_people for rule in rules):
        return NOBODY
    spells = {
        name: tuple(Spell(Span(each.starts_on, each.ends_on), each.line) for each in found)
        for name, found in team_spells(principals, at=at).items()
    }
    use_cases: dict[str, tuple[TeamUseCase, ...]] = {}
    for team, pk, starts_on, ended_on in use_cases_of_teams(at=at):
        case = TeamUseCase(pk, Span(starts_on, ended_on))
        use_cases[team] = (*use_cases.get(team, ()), case)
    return People(spells, use_cases)


def connection_slugs() -> dict[int, str]:
    """The address of every source. One query."""
    return dict(Connection.objects.values_list("pk", "slug"))


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
    return rows.filter(limits_of(wanted, CHARGE_LIMITS))


def attributes_of(charges: QuerySet[Charge]) -> dict[int, Attributes]:
    """What rules look at, for every dimension of these charges. One query."""
    rows = (
        ChargeDimension.objects.filter(pk__in=charges.order_by().values("dimension_id"))
        .order_by()
        .values_list("pk", *Attributes._fields)
    )
    return {pk: Attributes(*rest) for pk, *rest in rows.iterator(chunk_size=_CHUNK)}


class TrialCharge(NamedTuple):
    """A charge on its way through a trial."""

    pk: int
    currency: str
    basis: str
    line: Line
    slice_id: int


def stream_charges(charges: QuerySet[Charge]) -> Iterator[TrialCharge]:
    """Charges by day and number, in bounded memory."""
    rows = charges.order_by("day", "pk").values_list(*_LINE)
    for row in rows.iterator(chunk_size=_CHUNK):
        yield _trial_charge(row)


def stream_stored(charges: QuerySet[Charge]) -> Iterator[tuple[TrialCharge, list[Part]]]:
    """The same of live charges, each with the parts that are stored for it."""
    found = charges.order_by("day", "pk").values_list(
        *_LINE, *(f"allocations__{name}" for name in _STORED)
    )
    rows = found.iterator(chunk_size=_CHUNK)
    for _, parts in groupby(rows, key=itemgetter(0)):
        each = list(parts)
        yield _trial_charge(each[0][: len(_LINE)]), [Part(*row[len(_LINE) :]) for row in each]


def _trial_charge(row: tuple[Any, ...]) -> TrialCharge:
    pk, currency, basis, owner, dimension, source, day, billed, effective = row
    line = Line(dimension, source, day, billed, effective, currency, basis)
    return TrialCharge(pk, currency, basis, line, owner)


def setting_for(
    rules: Sequence[TrialRule], attributes: Mapping[int, Attributes], *, at: dt.datetime | None
) -> Setting:
    """What allocation looks at besides rules and charges, as recorded at a moment (None: now)."""
    proportional = [r.match.rule_id for r in rules if r.split == SplitKind.PROPORTIONAL]
    return Setting(
        connections=connection_slugs(),
        bases=bases_recorded_at(proportional, at) if proportional else {},
        people=people_for(rules, {each.principal_id for each in attributes.values()}, at=at),
        exclusions=exclusions_recorded_at(at),
    )


def allocator_for(
    charges: QuerySet[Charge], rules: Sequence[TrialRule], *, at: dt.datetime | None = None
) -> TrialAllocator:
    """An allocator that knows every dimension of these charges."""
    attributes = attributes_of(charges)
    return TrialAllocator(rules, attributes, setting_for(rules, attributes, at=at))
