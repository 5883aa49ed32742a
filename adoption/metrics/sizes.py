"""Whether what was delivered is of a size with what was delivered before. Pure.

Counting units compares like with like only while changes are alike. Where many more of them are
small than before, in their own service's measure, there is no value until the measure has caught
up: the reason names both shares. There is no size in it that one could stay above: the limit is a
quarter of the median of the service itself, before.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any

from adoption.metrics.contracts import Computed, Facts
from adoption.metrics.telltales import Share, has_shifted

BOUND = 20  # points by which the share of small changes may rise
QUARTER = 4


def size_facts(before: Iterable[int | None], now: Iterable[int | None]) -> dict[str, int]:
    """How many changes were small, as facts.

    Args:
        before, now: changed lines of each product change; None where the source does not say, which
            is taken for small, so that hiding sizes hides nothing.
    """
    first, second = list(before), list(now)
    known = [each for each in first if each is not None]
    limit = int(statistics.median_low(known)) // QUARTER if known else 0
    return {
        "limit": limit,
        "small_before": _small(first, limit),
        "whole_before": len(first),
        "small_now": _small(second, limit),
        "whole_now": len(second),
    }


def _small(sizes: Sequence[int | None], limit: int) -> int:
    return sum(each is None or each <= limit for each in sizes)


def shrunk(sizes: dict[str, int]) -> str:
    """What is wrong with the sizes, for a person; empty when they are alike."""
    before = Share(sizes["small_before"], sizes["whole_before"])
    now = Share(sizes["small_now"], sizes["whole_now"])
    has_risen = now.part * before.whole > before.part * now.whole
    if not has_risen or not has_shifted(before, now, BOUND):
        return ""
    return (
        f"changes of a size with those before: {now.percent} % of {now.whole} have at most "
        f"{sizes['limit']} lines, {before.percent} % of {before.whole} before"
    )


def of_like_size(calculate: Callable[[Facts], Computed]) -> Callable[[Facts], Computed]:
    """The calculation where changes are of a size with those before; otherwise no value."""

    @wraps(calculate)
    def checked(facts: Facts) -> Computed:
        found = calculate(facts)
        sizes: dict[str, Any] | None = facts.get("sizes")
        missing = shrunk(sizes) if sizes is not None and found.nano is not None else ""
        if not missing:
            return found
        return Computed(
            nano=None,
            reason="not_evaluable",
            missing=missing,
            n=found.n,
            contributors=found.contributors,
            coverage_nano=found.coverage_nano,
        )

    return checked
