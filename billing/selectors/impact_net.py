"""What a judged effect is proven to be worth after what it cost."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adoption.choices import ScopeKind, VerdictWord
from adoption.selectors.impact import Benefit, benefit_of, unit_value_of
from billing.metrics.cost_facts import OneSum, as_fact, only_sum
from billing.models import DailyCost
from billing.selectors.costs import CostSum, cost_sums
from billing.selectors.exchange import Rate, rates_between

_DAY = dt.timedelta(days=1)
_NOT_QUOTABLE = (VerdictWord.NOT_EVALUABLE, VerdictWord.EXPLORATORY)
_REASONS = {
    "no_cost": "no cost is allocated in that window, so what it cost is not known",
    "mixed_currencies": "it cost in several currencies, which are not added",
    "mixed_bases": "its cost is known on several bases, which are not added",
    "effective_cost_not_stated": "a line of its cost states no effective cost",
}


@dataclass(frozen=True, slots=True)
class NetBenefit:
    """Proven benefit less cost, over one window.

    Attributes:
        first, last: days of the cost (UTC), both included: from the launch to the end of the
            window after. The wash-out costs and proves nothing.
        use_cases: how many bear the cost: the treated ones.
        cost: effective cost in its own currency and basis, or the reason why it is not known.
        sums: what the cost is made of, for its status and freshness.
        rate: with which the cost is read in `currency`; None when it is stated in it.
        nano: net benefit in nano-units of `currency`; negative when it cost more than is proven.
        reason: why there is none; empty when there is one.
    """

    first: dt.date
    last: dt.date
    use_cases: int
    benefit: Benefit
    cost: OneSum
    sums: Sequence[CostSum]
    rate: Rate | None
    currency: str
    nano: int | None
    reason: str

    @property
    def cost_reason(self) -> str:
        """Why the cost is not known, as words; empty when it is."""
        return _REASONS.get(self.cost.reason, self.cost.reason)


def net_benefit_of(verdict: Any, use_case: Any, *, now: dt.datetime) -> NetBenefit:
    """The conservative net benefit of one verdict: its near bound, valued, less full cost.

    Effective cost of the treated use cases, or of the registering one where services or teams were
    treated. In the currency of the unit's value, else in the programme's.

    Args:
        verdict: an `ImpactVerdict`.
        use_case: the one that registered it, with its programme.
    """
    plan = json.loads(verdict.protocol)["plan"]
    first = dt.date.fromisoformat(plan["launch_on"])
    last = dt.date.fromisoformat(plan["after_ends_on"]) - _DAY
    is_own = plan["unit_kind"] == ScopeKind.USE_CASE
    bearing = plan["unit_ids"] if is_own else [use_case.pk]
    rows = DailyCost.objects.filter(use_case_id__in=bearing, day__gte=first, day__lte=last)
    sums = cost_sums(rows, now=now)
    cost = only_sum({"sums": [as_fact(each) for each in sums]})
    benefit = benefit_of(verdict, unit_value_of(use_case, plan["metric_key"]))
    currency = benefit.currency or use_case.programme.currency
    rate, borne, reason = _read_in(cost, currency, last)
    proven = 0 if not benefit.units else benefit.nano
    if verdict.verdict in _NOT_QUOTABLE:
        proven, reason = None, "nothing may be quoted of this verdict"
    elif proven is None:
        reason = benefit.reason
    nano = None if proven is None or borne is None else proven - borne
    return NetBenefit(
        first=first,
        last=last,
        use_cases=len(bearing),
        benefit=benefit,
        cost=cost,
        sums=sums,
        rate=rate,
        currency=currency,
        nano=nano,
        reason="" if nano is not None else reason,
    )


def _read_in(cost: OneSum, currency: str, on: dt.date) -> tuple[Rate | None, int | None, str]:
    """The rate, the cost in nano-units of `currency`, and why there is none."""
    if cost.nano is None:
        return None, None, _REASONS.get(cost.reason, cost.reason)
    if cost.currency == currency:
        return None, cost.nano, ""
    read = rates_between({cost.currency}, currency).convert(cost.nano, cost.currency, currency, on)
    return read.rate, read.nano, read.reason
