"""Splitting an amount so that the parts sum to it, to the last nano-unit."""

from __future__ import annotations

from collections.abc import Sequence


def split_by_weight(amount: int, weights: Sequence[int]) -> list[int]:
    """Split a whole number by weights with the largest-remainder method.

    Each part is the exact share rounded towards minus infinity; the units left over go to the
    largest remainders, ties to the earlier part. Negative amounts (credits) work alike.

    Args:
        amount: nano-units, of either sign.
        weights: at least one, none negative, not all zero.

    Returns:
        as many parts as weights; their sum is `amount`.

    Raises:
        ValueError: the weights are not usable.
    """
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        raise ValueError("weights must not be negative and must not all be zero")
    parts: list[int] = []
    remainders: list[int] = []
    for weight in weights:
        part, remainder = divmod(amount * weight, total)
        parts.append(part)
        remainders.append(remainder)
    left = amount - sum(parts)
    by_remainder = sorted(range(len(weights)), key=lambda i: (-remainders[i], i))
    for i in by_remainder[:left]:
        parts[i] += 1
    return parts
