"""The state of a delivery as a function of what was observed: pure, so that it can be proved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
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


class TroubleKind(StrEnum):
    """What went wrong with the deployment that brought a change."""

    INCIDENT = "incident"  # one that names the deployment, or the change, as its cause
    REPAIR = "repair"  # a later deployment names it as the one that it fixes


class Trouble(NamedTuple):
    """One of them, from when up to when. Times are aware; `until` None: it is not over (yet)."""

    since: datetime
    until: datetime | None
    kind: TroubleKind


class Observed(NamedTuple):
    """What is known of the change behind a delivery. Times are aware, None means not (yet).

    `rolled_back_at`: a deployment went back to what was there before it; `restored_at`: a later
    one contains it again. `troubles`: what went wrong with the deployment that brought it.
    """

    merged_at: datetime | None
    delivered_at: datetime | None
    reverted_at: datetime | None
    rolled_back_at: datetime | None = None
    restored_at: datetime | None = None
    troubles: Sequence[Trouble] = ()

    @classmethod
    def of(cls, change: SeenChange, troubles: Sequence[Trouble] = ()) -> Observed:
        """What is stored about a change, and what `selectors.troubles` found of its deployment."""
        return cls(
            change.merged_at,
            change.delivered_at,
            change.reverted_at,
            change.rolled_back_at,
            change.restored_at,
            tuple(troubles),
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
    counts as delivered. Production is the *first* deployment that contained the change. While an
    incident that it caused is open it cannot hold, and once that is over, or a later deployment
    repaired what it broke, it has to hold from then on: it stayed, but it did not do its work.
    """
    merged, delivered, reverted, rolled_back, restored, _ = observed
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
    return _surviving(since, delivered, observed.troubles, at)


def _surviving(
    since: str, entered: datetime, troubles: Sequence[Trouble], at: datetime
) -> Standing:
    """It is in production: whether for the whole window without trouble."""
    known = [each for each in troubles if each.since <= at]
    going_on = [each for each in known if each.until is None or each.until > at]
    if going_on:
        opened = min(each.since for each in going_on)
        reason = f"{since}; an incident of {_day(opened)} that it caused is still open."
        return Standing(DeliveryState.DEPLOYED, reason, None)
    last = max(
        ((each.until, each.kind) for each in known if each.until is not None),
        default=(entered, None),
    )
    if last[1] is not None and last[0] > entered:
        entered = last[0]
        since = f"{since}; {_OVER[last[1]]} {_day(entered)}"
    held_at = entered + SURVIVAL_WINDOW
    if held_at <= at:
        reason = f"{since}, not undone for {SURVIVAL_WINDOW.days} days."
        return Standing(DeliveryState.HELD, reason, held_at)
    return Standing(DeliveryState.DEPLOYED, f"{since}; holds on {_day(held_at)}.", None)


_OVER = {
    TroubleKind.INCIDENT: "an incident that it caused was over on",
    TroubleKind.REPAIR: "what it broke was repaired by a deployment of",
}


def why_moved(before: str, after: str, reason: str) -> str:
    """The line of the log for a move: why it stands where it does now, and what that takes back."""
    if before == DeliveryState.REVERTED:
        return f"What undid it was undone itself, so it counts again. {reason}"
    if before == DeliveryState.HELD and after != DeliveryState.REVERTED:
        return f"It had held and does not any more. {reason}"
    return reason
