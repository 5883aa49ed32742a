"""What a milestone may promise, and what a measured value makes of it. Pure: nothing is written."""

from __future__ import annotations

import datetime as dt
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from zoneinfo import ZoneInfo

from adoption.choices import Comparator, MilestoneState
from adoption.metrics.alternatives import usage_in
from adoption.metrics.registry import NANO, Measured, MetricDefinition, milestone_metrics
from adoption.models import Programme
from adoption.services.refusals import RefusedError
from portal.shell.money import MAX_NANO
from portal.shell.periods import day_of

RESTATED = "restated"  # it was reached; what was counted has been withdrawn since
MOVED_SINCE = "moved_since"  # it was reached and is kept; the value has moved on since
CURRENCY_DIFFERS = "currency_differs"
NOT_MEASURED = "not_measured"
UNKNOWN_METRIC = "unknown_metric"
WAITS_FOR_ATTESTATION = "waits_for_attestation"
ATTESTED = "attested"  # reached by a confirmed attestation, so there is no value

_HOLDS: dict[str, Callable[[int, int], bool]] = {
    Comparator.AT_LEAST: operator.ge,
    Comparator.MORE_THAN: operator.gt,
    Comparator.AT_MOST: operator.le,
    Comparator.BELOW: operator.lt,
}
UPWARD = (Comparator.AT_LEAST, Comparator.MORE_THAN)


class BadMilestoneError(RefusedError):
    """A milestone that cannot be measured, cannot fail, or lies outside its programme."""


def holds(comparator: str, nano: int, threshold_nano: int) -> bool:
    """Whether the value satisfies the comparator against the threshold."""
    return _HOLDS[comparator](nano, threshold_nano)


def metric_for_milestone(key: str) -> MetricDefinition:
    """The metric with this key.

    Raises:
        BadMilestoneError: there is none; usage figures have none on purpose.
    """
    offered = milestone_metrics()
    for metric in offered:
        if metric.key == key:
            return metric
    usage = usage_in(key)
    if usage is not None:
        raise BadMilestoneError(usage.reason, field="metric_key")
    known = ", ".join(metric.label for metric in offered) or "none yet"
    raise BadMilestoneError(
        f"A milestone cannot be measured by {key!r}. It promises an outcome, so tokens, seats, "
        f"prompts, sessions, lines and self-reported hours are not offered. Choose: {known}.",
        field="metric_key",
    )


def _check_count(comparator: str, threshold_nano: int) -> str:
    if threshold_nano % NANO:
        return "Things are counted whole; give a whole number."
    if threshold_nano < 0 or (comparator == Comparator.AT_LEAST and threshold_nano == 0):
        return "Every use case has at least 0 of them already; choose a target that can be missed."
    if comparator == Comparator.BELOW and threshold_nano == 0:
        return "A count is never below 0, so this could not be reached."
    return ""


def _check_share(comparator: str, threshold_nano: int) -> str:
    if not 0 <= threshold_nano <= NANO:
        return "A share lies between 0 and 1 (0 % and 100 %)."
    if (comparator, threshold_nano) in {(Comparator.AT_LEAST, 0), (Comparator.AT_MOST, NANO)}:
        return "Every share satisfies this; choose a target that can be missed."
    if (comparator, threshold_nano) in {(Comparator.MORE_THAN, NANO), (Comparator.BELOW, 0)}:
        return "No share can satisfy this."
    return ""


def _check_level(comparator: str, threshold_nano: int) -> str:
    if threshold_nano < 0 or (threshold_nano == 0 and comparator != Comparator.MORE_THAN):
        return "Give a value above 0."
    return ""


def check_measure(
    *,
    metric_key: str,
    comparator: str,
    threshold_nano: int,
    currency: str,
    programme: Programme,
) -> MetricDefinition:
    """Refuse a measure that is unknown, that cannot be missed or cannot be reached.

    Args:
        threshold_nano: in nano-units of the metric's unit.
        currency: for money metrics the programme's own; empty for the rest.

    Raises:
        BadMilestoneError: naming the field.
    """
    metric = metric_for_milestone(metric_key)
    if comparator not in metric.comparators:
        possible = ", ".join(str(item.label) for item in metric.comparators)
        raise BadMilestoneError(
            f"“{metric.label}” can be promised as: {possible}.", field="comparator"
        )
    if abs(threshold_nano) > MAX_NANO:
        raise BadMilestoneError("That number is too large.", field="threshold")
    checks = {"count": _check_count, "share": _check_share}
    problem = checks.get(metric.unit, _check_level)(comparator, threshold_nano)
    if problem:
        raise BadMilestoneError(problem, field="threshold")
    expected = programme.currency if metric.unit == "money" else ""
    if currency != expected:
        raise BadMilestoneError(
            f"This programme reports in {expected}; promise the amount in {expected}."
            if expected
            else f"“{metric.label}” is no amount of money, so it has no currency.",
            field="threshold",
        )
    return metric


def check_due_date(due_on: dt.date, programme: Programme) -> None:
    """Refuse a due date outside the programme's period.

    Raises:
        BadMilestoneError: it lies before the start, or on or after the end.
    """
    is_late = programme.ends_on is not None and due_on >= programme.ends_on
    if due_on < programme.starts_on or is_late:
        last = programme.ends_on - dt.timedelta(days=1) if programme.ends_on else None
        until = f"to {last}" if last else "onwards"
        raise BadMilestoneError(
            f"“{programme}” runs from {programme.starts_on} {until}; choose a day within.",
            field="due_on",
        )


@dataclass(frozen=True, slots=True)
class Promise:
    """What a milestone says and where it stands, as `decide` needs it."""

    due_on: dt.date
    comparator: str
    threshold_nano: int
    currency: str
    state: str
    measured_nano: int | None
    measured_reason: str
    reached_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a milestone stands after measuring."""

    state: MilestoneState
    nano: int | None
    reason: str
    reached_at: dt.datetime | None = None


def _moment_reached(promise: Promise, measured: Measured) -> dt.datetime:
    """For an upward count the moment of the thing that filled it, else when it was looked at."""
    if promise.comparator in UPWARD and measured.happened_at:
        threshold = Fraction(promise.threshold_nano, NANO)
        is_at_least = promise.comparator == Comparator.AT_LEAST
        number = math.ceil(threshold) if is_at_least else math.floor(threshold) + 1
        if 1 <= number <= len(measured.happened_at):
            return measured.happened_at[number - 1]
    return measured.as_of


def was_reached(promise: Promise) -> bool:
    """Whether the last measuring found it reached."""
    return promise.state == MilestoneState.REACHED


def needs_look_back(promise: Promise, measured: Measured, unit: str) -> bool:
    """Whether the past must be asked before a reached milestone is opened again.

    A count that rose to its threshold falls below it only when counted things are withdrawn. Any
    other value may move on with new facts, which takes nothing back.
    """
    if not was_reached(promise) or measured.nano is None:
        return False
    if holds(promise.comparator, measured.nano, promise.threshold_nano):
        return False
    return not (unit == "count" and promise.comparator in UPWARD)


def decide(
    promise: Promise,
    measured: Measured,
    *,
    at: dt.datetime,
    zone: ZoneInfo,
    still_supported: bool = False,
) -> Standing:
    """What `measured` makes of the promise.

    Reached: the comparator holds. Reached is kept while the value is unknown, and when a value has
    merely moved on (`still_supported`: what is known today about the day on which it was reached
    still says so). Otherwise it was restated and is open again. Missed: the due date, a day in
    `zone`, is over and it is not reached.
    """
    nano, reason = measured.nano, measured.reason
    if nano is not None and measured.currency != promise.currency:
        nano, reason = None, CURRENCY_DIFFERS
    if nano is not None and holds(promise.comparator, nano, promise.threshold_nano):
        reached_at = _moment_reached(promise, measured)
        is_level = reached_at == measured.as_of
        if was_reached(promise) and is_level and promise.reached_at is not None:
            reached_at = promise.reached_at
        return Standing(MilestoneState.REACHED, nano, "", reached_at)
    if was_reached(promise) and (nano is None or still_supported):
        kept_reason = reason if nano is None else MOVED_SINCE
        return Standing(
            MilestoneState.REACHED, promise.measured_nano, kept_reason, promise.reached_at
        )
    if nano is not None and (was_reached(promise) or promise.measured_reason == RESTATED):
        reason = RESTATED
    is_over = day_of(at, zone) > promise.due_on
    return Standing(MilestoneState.MISSED if is_over else MilestoneState.OPEN, nano, reason)
