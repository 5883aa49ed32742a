"""What looked like the same money through two sources at an earlier moment, and was not answered.

Worked out as now (`suspicions.py`), from the lines of then by the rules and overlaps of then.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from billing.models import Charge, SpendOverlap
from billing.selectors.costs import SumDraft
from billing.selectors.open_suspicions import Suspicion, suspicions
from billing.selectors.past_costs import CostKey, past_costs
from billing.selectors.references import FigureReference, scope_of
from billing.selectors.suspicions import (
    Channel,
    alike_pairs,
    pairs_of,
    same_provider_name,
    unanswered,
)
from billing.selectors.trials import in_force, recorded_at
from portal.shell.periods import Month


def past_suspicions_of_month(month: Month, at: dt.datetime) -> list[Suspicion]:
    """What `suspicions_of_month` said at `at`. One query where no two sources had money of one
    provider in the month (UTC), else about sixteen.

    Raises:
        TooManyChargesError: there are more charges than are worked out as of a moment.
    """
    lines = Charge.objects.filter(
        recorded_at(at), day__gte=month.start, day__lt=month.end
    ).order_by()
    rows = lines.values_list(
        "slice__connection_id",
        "dimension__provider",
        "currency",
        "cost_basis",
        "slice__billing_account_id",
    ).distinct()
    channels: set[Channel] = set()
    accounts: dict[int, set[str]] = {}
    for connection_id, provider, currency, basis, account in rows:
        channels.add(Channel(connection_id, same_provider_name(provider), currency, basis))
        if account:
            accounts.setdefault(connection_id, set()).add(account)
    if not pairs_of(channels):
        return []
    scope = scope_of(FigureReference(first=month, last=month), None)
    days, names = _daily_sums(past_costs(scope, at).costs.items())
    found = alike_pairs(pairs_of(days), days, names, accounts)
    return suspicions(unanswered(found, SpendOverlap.objects.filter(in_force(at))))


def _daily_sums(
    costs: Iterable[tuple[CostKey, SumDraft]],
) -> tuple[dict[Channel, dict[dt.date, int]], dict[Channel, str]]:
    """Billed by channel and day of what counted, and how each channel's provider is written."""
    found: dict[Channel, dict[dt.date, int]] = {}
    names: dict[Channel, str] = {}
    for key, cost in costs:
        channel = Channel(
            key.connection_id, same_provider_name(key.provider), key.currency, key.cost_basis
        )
        names[channel] = key.provider
        days = found.setdefault(channel, {})
        days[key.day] = days.get(key.day, 0) + cost.billed
    return found, names
