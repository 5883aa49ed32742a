"""The cost of scopes in a window as facts: sums of one currency and basis each, never added."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adoption.metrics.contracts import Facts
from adoption.metrics.windows import Window
from billing.choices import CostBasis
from billing.models import DailyCost
from billing.selectors.costs import CostSum, Group, cost_sums

# Best first: what was invoiced is known, the rest is somebody's reckoning.
AUTHORITY = (CostBasis.INVOICED, CostBasis.METERED, CostBasis.DERIVED, CostBasis.ESTIMATED)


@dataclass(frozen=True, slots=True)
class OneSum:
    """The one sum that a value may rest on, or the reason why there is none.

    `nano` is effective cost in nano-units of `currency`; None with a `reason`.
    """

    nano: int | None
    reason: str = ""
    currency: str = ""
    basis: str = ""
    lines: int = 0


def as_fact(found: CostSum) -> dict[str, Any]:
    """A sum as it is frozen: `effective_nano` is null when a line states no effective cost."""
    return {
        "currency": found.kind.currency,
        "basis": found.kind.basis,
        "effective_nano": found.effective_known_nano if found.is_complete else None,
        "lines": found.lines,
    }


def cost_of_use_cases(
    use_case_ids: Sequence[int], window: Window, as_of: dt.datetime
) -> dict[int, list[dict[str, Any]]]:
    """Effective cost allocated to each use case on the days (UTC) of the window; three queries."""
    rows = DailyCost.objects.filter(
        use_case_id__in=list(use_case_ids), day__gte=window.starts_on, day__lt=window.ends_on
    )
    found: dict[int, list[dict[str, Any]]] = {}
    for each in cost_sums(rows, by=(Group.USE_CASE,), now=as_of):
        found.setdefault(each.key[0], []).append(as_fact(each))
    return found


def only_sum(facts: Facts) -> OneSum:
    """The effective cost of facts that hold `sums`: one currency and one basis, every line stated.

    Anything else is a reason and not an amount: part of a cost would flatter.
    """
    sums: list[Mapping[str, Any]] = facts["sums"]
    if not sums:
        return OneSum(None, "no_cost")
    if len({each["currency"] for each in sums}) > 1:
        return OneSum(None, "mixed_currencies")
    if len(sums) > 1:
        return OneSum(None, "mixed_bases")
    one = sums[0]
    if one["effective_nano"] is None:
        return OneSum(None, "effective_cost_not_stated")
    return OneSum(one["effective_nano"], "", one["currency"], one["basis"], one["lines"])
