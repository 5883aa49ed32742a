"""Several metrics at once: one is primary, the others pay for being several (A14)."""

from __future__ import annotations

from collections.abc import Sequence

from adoption.validation import numerics


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values in the given order, by Holm's steps: the family-wise error stays alpha."""
    return _adjusted(p_values, "holm")


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values in the given order, for the false discovery rate: exploration only."""
    return _adjusted(p_values, "fdr_bh")


def _adjusted(p_values: Sequence[float], method: str) -> list[float]:
    if not p_values:
        return []
    return [float(value) for value in numerics.multitest.multipletests(p_values, method=method)[1]]
