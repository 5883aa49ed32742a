"""The state of a delivery as a function of what was observed: pure, so that it can be proved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from adoption.choices import DeliveryState
from portal.shell.formats import date_text

SURVIVAL_WINDOW = timedelta(days=14)  # in production for this long without being undone: it held


class SeenChange(Protocol):
    """A stored change, as far as it matters here."""

    merged_at: datetime
    delivered_at: datetime | None
    reverted_at: datetime | None
    rolled_back_at: datetime | None
    restored_at: datetime | None


class Observed(NamedTuple):
    """What is known of the change behind a delivery. Times are aware, None means not (yet).

    `rolled_back_at`: a deployment went back to what was there before it; `restored_at`: a later
    one contains it again.
    """

    merged_at: datetime | None
    delivered_at: datetime | None
    reverted_at: datetime | None
    rolled_back_at: datetime | None = None
    restored_at: datetime | None = None

    @classmethod
    def of(cls, change: SeenChange) -> Observed:
        """What is stored about a change."""
        return cls(
            change.merged_at,
            change.delivered_at,
            change.reverted_at,
            change.rolled_back_at,
            change.restored_at,
        )


class Standing(NamedTuple):
    """State, the reason in words, and the day on which the delivery held, if it did."""

    state: DeliveryState
    reason: str
    held_at: datetime | None


def _day(moment: datetime) -> str:
    """The UTC day: a reason is stored once, for readers in every zone."""
    return date_text(moment.astimezone(UTC).date())


def standing_of(observed: Observed, *, at: datetime) -> Standing:
    """Where a delivery of a code change stands at a moment.

    A change that was undone is reverted, whenever that happened: what was taken back no longer
    counts as delivered. Production is the *first* deployment that contained the change.
    """
    merged, delivered, reverted, rolled_back, restored = observed
    if merged is None or merged > at:
        return Standing(DeliveryState.CLAIMED, "The change is not merged yet.", None)
    if reverted is not None and reverted <= at:
        return Standing(DeliveryState.REVERTED, f"Undone on {_day(reverted)}.", None)
    if delivered is None or delivered > at:
        return Standing(DeliveryState.MERGED, "Merged; in no production deployment yet.", None)
    if rolled_back is not None and rolled_back <= at:
        if restored is None or restored > at:
            reason = f"Rolled back on {_day(rolled_back)}; in no production deployment since."
            return Standing(DeliveryState.MERGED, reason, None)
        delivered = restored  # it has to hold from then on
        since = f"In production again since {_day(restored)}, rolled back on {_day(rolled_back)}"
    else:
        since = f"In production since {_day(delivered)}"
    held_at = delivered + SURVIVAL_WINDOW
    if held_at <= at:
        reason = f"{since}, not undone for {SURVIVAL_WINDOW.days} days."
        return Standing(DeliveryState.HELD, reason, held_at)
    return Standing(DeliveryState.DEPLOYED, f"{since}; holds on {_day(held_at)}.", None)


def why_moved(before: str, after: str, reason: str) -> str:
    """The line of the log for a move: why it stands where it does now, and what that takes back."""
    if before == DeliveryState.REVERTED:
        return f"What undid it was undone itself, so it counts again. {reason}"
    if before == DeliveryState.HELD and after != DeliveryState.REVERTED:
        return f"It had held and does not any more. {reason}"
    return reason
