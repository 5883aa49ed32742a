"""Splitting months anew whose direct cost has changed since they were split."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from billing.allocation.sharing import BaseKey, Weights
from billing.allocation.trial import TrialRule
from billing.choices import SplitKind
from billing.models import Allocation
from billing.selectors.costs import Kind
from billing.selectors.split_bases import Direct, direct_costs
from billing.selectors.trials import bases_recorded_at, rules_recorded_at
from billing.services.allocations import reallocate
from billing.services.split_bases import replace_base
from portal.imports.lock import lock_connection
from portal.shell.periods import Month


def refresh_split_bases(*, at: dt.datetime) -> int:
    """Bring every base of a live rule up to date, and split what it splits anew.

    One transaction for each rule and month. Safe to repeat and to run twice.

    Returns:
        how many bases have changed.
    """
    rules = {
        rule.match.rule_id: rule
        for rule in rules_recorded_at()
        if rule.split == SplitKind.PROPORTIONAL
    }
    months: dict[dt.date, set[int]] = {}
    for key in bases_recorded_at(rules):
        months.setdefault(key.month, set()).add(key.rule_id)
    changed = 0
    for month, rule_ids in sorted(months.items()):
        direct = direct_costs(month)
        for rule_id in sorted(rule_ids):
            if _stale(rules[rule_id], month, direct):
                changed += _split_anew(rules[rule_id], month, at=at)
    return changed


def _stale(rule: TrialRule, month: dt.date, direct: Direct) -> dict[BaseKey, Weights]:
    """The bases of a rule in a month that are not what they would be now."""
    return {
        key: now
        for key, kept in bases_recorded_at([rule.match.rule_id]).items()
        if key.month == month
        and (now := rule.sharing.base_of(direct.get(Kind(key.currency, key.basis), {}))) != kept
    }


@transaction.atomic
def _split_anew(rule: TrialRule, month: dt.date, *, at: dt.datetime) -> int:
    """All sources at once, so that no moment has parts by two bases; locked in one order."""
    bounds = Month.of(month)
    rule_id = rule.match.rule_id
    sources = sorted(
        Allocation.objects.filter(
            rule_id=rule_id,
            charge__day__gte=bounds.start,
            charge__day__lt=bounds.end,
            charge__superseded_at__isnull=True,
        )
        .order_by()
        .values_list("charge__slice__connection_id", flat=True)
        .distinct()
    )
    for connection_id in sources:
        lock_connection(connection_id)
    stale = _stale(rule, month, direct_costs(month))  # again, behind the locks
    for key, weights in stale.items():
        replace_base(key=key, weights=weights, at=at)
    for connection_id in sources if stale else ():
        reallocate(
            connection_id=connection_id,
            start=bounds.start,
            end=bounds.end,
            at=at,
            rule_id=rule_id,
        )
    return len(stale)
