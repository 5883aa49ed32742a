"""A metric of the catalogue whose facts a test writes down, and what tests do with its values."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from django.utils import timezone

from adoption.choices import Comparator, ScopeKind, StandingStatus
from adoption.metrics.contracts import Better, Computed, Dimension, Facts, ValueInterval, Windowed
from adoption.metrics.registry import NANO, MetricDefinition, metrics
from adoption.metrics.windows import Window, WindowKind
from adoption.models import MetricStanding, UseCase
from adoption.services.metric_filling import fill_metrics
from adoption.services.metric_standings import open_standing, request_standing
from portal.choices import Role
from portal.models import ApprovalRequest, RoleGrant, User
from tests.approving import approve, second_person

KEY = "test_things"
JANUARY = dt.date(2026, 1, 1)
FEBRUARY = dt.date(2026, 2, 1)
MARCH = dt.date(2026, 3, 1)
# January to October are over and matured then; November is not over.
FILLED = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)


def calculate(facts: Facts) -> Computed:
    """As many things as there are, with a share of the inputs that is covered."""
    if "things" not in facts:
        return Computed(nano=None, reason="not_evaluable", missing="Nobody counts things.")
    things = facts["things"] * NANO
    return Computed(
        nano=things,
        n=facts["things"],
        contributors=facts.get("contributors", 12),
        interval=ValueInterval(things - NANO, things + NANO, "test"),
        coverage_nano=facts.get("coverage", NANO),
        currency=facts.get("currency", ""),
        basis=facts.get("basis", ""),
    )


class ThingsMetric:
    """Facts by scope and first day of the window; `calls` counts how often they were read."""

    def __init__(self, **changes: Any) -> None:
        self.facts: dict[tuple[int, dt.date], dict[str, Any]] = {}
        self.calls = 0
        self.before_collect: Callable[[Window], None] = lambda window: None
        windowed: dict[str, Any] = {
            "number": 0,
            "scope": ScopeKind.USE_CASE,
            "window": WindowKind.MONTH,
            "collect": self.collect,
            "calculate": calculate,
            "better": Better.HIGHER,
            "dimension": Dimension.PERFORMANCE,
            "guardrails": ("held_deliveries",),
            "resists": {"A3": "tests/adoption/metrics/windowed.py::none"},
            "readers": "Whoever runs the tests",
        }
        names = set(Windowed.__dataclass_fields__)
        windowed |= {name: changes.pop(name) for name in list(changes) if name in names}
        values: dict[str, Any] = {
            "key": KEY,
            "version": "1.0.0",
            "label": "Things of the test",
            "unit": "count",
            "formula": "The number of things that the test says.",
            "inputs": frozenset({"deliveries"}),
            "comparators": (Comparator.AT_LEAST,),
            "measure": None,
            "decision": "Whether the code under test is right.",
        }
        self.definition = MetricDefinition(**(values | changes), windowed=Windowed(**windowed))

    def collect(
        self, scope_ids: Sequence[int], window: Window, as_of: dt.datetime
    ) -> Mapping[int, Facts]:
        self.calls += 1
        self.before_collect(window)
        return {
            pk: self.facts[pk, window.starts_on]
            for pk in scope_ids
            if (pk, window.starts_on) in self.facts
        }

    def set(self, scope_id: int, day: dt.date, things: int | None, **more: Any) -> None:
        """What is known of one window; None: that nobody counts."""
        self.facts[scope_id, day] = more if things is None else {"things": things, **more}

    def fill(self, at: dt.datetime = FILLED, **more: Any) -> Any:
        """Fill it and give what was done to its newest version."""
        return fill_metrics(at=at, keys=[self.definition.key], **more)[-1]

    def change(self, **changes: Any) -> None:
        """Change the registered definition in place, as a careless edit of the code would."""
        self.definition = replace(self.definition, **changes)
        metrics._items[self.definition.key] = self.definition


@contextmanager
def registered_things(**changes: Any) -> Iterator[ThingsMetric]:
    """The metric, registered for as long as the block lasts."""
    things = ThingsMetric(**changes)
    metrics.register(things.definition)
    try:
        yield things
    finally:
        metrics._items.pop(things.definition.key)


def person_of_finance() -> User:
    """Somebody of finance with a hand in nothing else of the test."""
    person, is_new = User.objects.get_or_create(
        username="second-of-finance", defaults={"full_name": "Fenna Finance"}
    )
    if is_new:
        moment = timezone.now() - dt.timedelta(days=365)
        RoleGrant.objects.create(user=person, role=Role.FINANCE, granted_at=moment)
    return person


def make_standing(owner: User, scope_id: int = 0, version: str = "1.0.0") -> MetricStanding:
    return open_standing(
        key=KEY, version=version, scope_id=scope_id, owner=owner, actor=owner, at=FILLED
    )


def approve_standing(
    standing: MetricStanding,
    to: StandingStatus = StandingStatus.APPROVED,
    *,
    at: dt.datetime = FILLED,
    by: User | None = None,
) -> ApprovalRequest:
    """Have a second person bring it there; certified takes both steps."""
    if to is StandingStatus.CERTIFIED and standing.status != StandingStatus.APPROVED:
        approve_standing(standing, at=at)
    request = request_standing(standing_id=standing.pk, to=to, actor=standing.owner, at=at)
    is_money = to is StandingStatus.CERTIFIED and standing.needs_finance
    approve(request, at=at, by=by or (person_of_finance() if is_money else second_person()))
    standing.refresh_from_db()
    return request


def fill_year(things: ThingsMetric, use_case: UseCase, *, most: int = 10) -> None:
    """January 1 thing, February 2, and so on, all settled."""
    for month in range(1, most + 1):
        things.set(use_case.pk, dt.date(2026, month, 1), month)
    things.fill()
