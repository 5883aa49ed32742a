"""The interval of a share."""

from __future__ import annotations

from adoption.validation import numerics


def wilson(count: int, total: int, *, alpha: float = 0.05) -> tuple[float, float]:
    """Wilson's interval of `count` out of `total`, which is above 0; each end from 0 to 1."""
    low, high = numerics.proportion.proportion_confint(count, total, alpha=alpha, method="wilson")
    return float(low), float(high)
