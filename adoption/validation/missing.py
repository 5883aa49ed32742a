"""Who is not in the data: people who opted out, and tasks that vanished.

In one follow-up study 30 to 50 % of developers skipped the tasks that they would not do without AI.
What is left then says nothing about the rest, whatever its interval.
"""

from __future__ import annotations

from dataclasses import dataclass

from adoption.validation import numerics

MOST_MISSING = 0.3  # of either side: beyond it the rest is no sample of the whole
ALARMING = 0.01


@dataclass(frozen=True, slots=True)
class Side:
    """How many were expected on one side, and what became of them."""

    expected: int
    opted_out: int = 0
    vanished: int = 0

    def __post_init__(self) -> None:
        if min(self.expected, self.opted_out, self.vanished) < 0 or self.lost > self.expected:
            raise ValueError("no more can be lost than was expected, and nothing is negative")

    @property
    def lost(self) -> int:
        """Not in the data, for either reason."""
        return self.opted_out + self.vanished

    @property
    def share_lost(self) -> float | None:
        """Of those expected; None when none were."""
        return self.lost / self.expected if self.expected else None


@dataclass(frozen=True, slots=True)
class Losses:
    """What is missing, and whether it forbids an estimate.

    Attributes:
        forbids: a sentence why nothing can be estimated; empty when something can.
        warnings: stable words for the page.
    """

    before: float | None
    after: float | None
    forbids: str
    warnings: tuple[str, ...]


def losses(before: Side, after: Side) -> Losses:
    """Weigh what is missing on each side, and whether the sides differ in it (Fisher's test)."""
    shares = (before.share_lost, after.share_lost)
    worst = max((share for share in shares if share is not None), default=None)
    forbids = ""
    if worst is None:
        forbids = "Nobody and nothing was expected on either side."
    elif worst > MOST_MISSING:
        forbids = (
            f"{worst:.0%} of one side opted out or vanished; beyond {MOST_MISSING:.0%} what is "
            "left does not speak for the whole."
        )
    warnings = []
    if worst:
        warnings.append("missing_tasks")
    table = [
        [before.lost, before.expected - before.lost],
        [after.lost, after.expected - after.lost],
    ]
    if (
        before.expected
        and after.expected
        and float(numerics.stats.fisher_exact(table).pvalue) < ALARMING
    ):
        warnings.append("unequal_losses")
    return Losses(*shares, forbids, tuple(warnings))
