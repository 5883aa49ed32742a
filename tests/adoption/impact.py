"""Registered effects for tests: a metric whose weeks a test sets, and a whole story around it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

from adoption.choices import Comparator, ScopeKind, Stage
from adoption.metrics.contracts import (
    Better,
    Computed,
    Dimension,
    Facts,
    Sample,
    Windowed,
)
from adoption.metrics.registry import NANO, MetricDefinition, metrics
from adoption.metrics.windows import Window, WindowKind
from adoption.models import ImpactRegistration, UseCase
from adoption.services.impact_registrations import register_impact
from adoption.services.impact_wishes import Wish
from adoption.validation import weekly
from portal.models import ApprovalRequest
from tests.adoption.factories import make_use_case, move_stage
from tests.approving import approve

LAUNCH = dt.date(2026, 6, 1)
WRITTEN = dt.datetime(2026, 5, 20, 9, 0, tzinfo=dt.UTC)
CLOSED = dt.datetime(2026, 9, 10, 9, 0, tzinfo=dt.UTC)  # the window ends on 7 September
Answer = Callable[[int, dt.date], int | None]


class WeeklyMetric:
    """A metric of use cases; `answer(use_case_id, first day)` gives a week's events, or None."""

    def __init__(self, key: str, unit: str = "count", k: int = 0) -> None:
        self.key = key
        self.calls = 0
        self.contributors = 9
        self.answer: Answer = lambda pk, day: 4
        self.definition = MetricDefinition(
            key=key,
            version="1.0.0",
            label=key.replace("_", " ").capitalize(),
            unit=unit,
            formula="What the test says.",
            inputs=frozenset({"deliveries"}),
            comparators=tuple(Comparator),
            measure=None,
            decision="Whether the code under test is right.",
            windowed=Windowed(
                number=13,
                scope=ScopeKind.USE_CASE,
                window=WindowKind.WEEK,
                collect=self.collect,
                calculate=self.calculate,
                sample=self.sample,
                k=k,
                better=Better.HIGHER,
                dimension=Dimension.PERFORMANCE,
                readers="Tests.",
            ),
        )

    def set(self, before: Sequence[int], after: Sequence[int], *, launch: dt.date = LAUNCH) -> None:
        """Counts week by week, repeated as needed, from whichever day a window starts."""
        start = dt.date(2025, 1, 1)

        def answer(_pk: int, day: dt.date) -> int:
            week = (day - start).days // 7
            counts = before if day < launch else after
            return counts[week % len(counts)]

        self.answer = answer

    def collect(
        self, ids: Sequence[int], window: Window, as_of: dt.datetime
    ) -> Mapping[int, Facts]:
        self.calls += 1
        found = {}
        for pk in ids:
            count = self.answer(pk, window.starts_on)
            if count is not None:
                found[pk] = {"count": count, "contributors": self.contributors}
        return found

    @staticmethod
    def calculate(facts: Facts) -> Computed:
        return Computed(
            nano=facts["count"] * NANO, n=facts["count"], contributors=facts["contributors"]
        )

    @staticmethod
    def sample(facts: Facts) -> Sample:
        return Sample(events=facts["count"])


@contextmanager
def weekly_metric(key: str = "handled_cases", *, k: int = 0) -> Iterator[WeeklyMetric]:
    """Registered for as long as the block lasts."""
    made = WeeklyMetric(key, k=k)
    metrics.register(made.definition)
    try:
        yield made
    finally:
        metrics._items.pop(key)


@contextmanager
def hasty_promises() -> Iterator[None]:
    """Promises from few simulated roll-outs, for tests that look at something else."""
    few = {"runs": 60}
    with (
        mock.patch.dict(weekly.weekly_power.__kwdefaults__, few),
        mock.patch.dict(weekly.weekly_smallest.__kwdefaults__, few),
    ):
        yield


def piloted(**fields: Any) -> UseCase:
    """A use case in its pilot since 1 June, the day of the launch."""
    at = dt.datetime(2026, 5, 1, 9, 0, tzinfo=dt.UTC)
    use_case = make_use_case(stop_rule="Stop when it does not hold.", at=at, **fields)
    move_stage(use_case, Stage.APPROVED, at=at)
    return move_stage(use_case, Stage.PILOT, at=dt.datetime(2026, 6, 1, 8, 0, tzinfo=dt.UTC))


def wish(**fields: Any) -> Wish:
    """More handled cases by a quarter at least, launched on 1 June."""
    values: dict[str, Any] = {
        "hypothesis": "If drafts are prepared, a quarter more cases are handled.",
        "direction": "increase",
        "metric_key": "handled_cases",
        "launch_on": LAUNCH,
        "interest_nano": 1_250_000_000,
    }
    return Wish(**(values | fields))


def register(
    use_case: UseCase, *, at: dt.datetime = WRITTEN, is_approved: bool = True, **fields: Any
) -> ImpactRegistration:
    """Registered, and approved by a second person unless told otherwise."""
    replaces = fields.pop("replaces_id", None)
    made = register_impact(
        use_case_id=use_case.pk,
        wish=wish(**fields),
        replaces_id=replaces,
        actor=use_case.owner,
        at=at,
    )
    if is_approved:
        approve(request_of(made), at=at)
    return ImpactRegistration.objects.get(pk=made.pk)


def request_of(registration: ImpactRegistration) -> ApprovalRequest:
    """What waits for a second person."""
    return ApprovalRequest.objects.get(
        kind="adoption.registration", subject=str(registration.pk), status="pending"
    )
