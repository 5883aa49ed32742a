"""Small real objects of the registry, made through the services that pages use."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from adoption.choices import STAGES_THAT_NEED_APPROVAL, Comparator, Stage, ValueType
from adoption.metrics.registry import NANO, Measured, MetricDefinition, metrics
from adoption.models import Milestone, Programme, Team, UseCase
from adoption.services.milestones import create_milestone
from adoption.services.programmes import create_programme
from adoption.services.stages import end_use_case, request_stage
from adoption.services.teams import create_team
from adoption.services.use_cases import create_use_case
from portal.choices import Role
from portal.models import RoleGrant, User
from tests.approving import approve

NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
_numbers = itertools.count(1)


def make_user(*roles: Role, name: str = "", **fields: Any) -> User:
    """A person who can sign in (password `secret-enough-1`) and holds `roles`."""
    number = next(_numbers)
    user = User.objects.create_user(
        username=f"person{number}",
        password="secret-enough-1",  # noqa: S106  (lives for one test)
        full_name=name or f"Person {number}",
        **fields,
    )
    for role in roles:
        RoleGrant.objects.create(user=user, role=role, granted_at=NOW)
    return user


def make_programme(**fields: Any) -> Programme:
    """A programme of 2026, in USD and UTC."""
    owner = fields.pop("owner", None) or make_user()
    values: dict[str, Any] = {
        "name": f"Programme {next(_numbers)}",
        "currency": "USD",
        "starts_on": dt.date(2026, 1, 1),
        "ends_on": dt.date(2027, 1, 1),
    }
    return create_programme(**(values | fields), owner=owner, actor=owner, at=NOW)


def make_team(name: str = "", parent: Team | None = None) -> Team:
    actor = User.objects.order_by("pk").first() or make_user()
    return create_team(name=name or f"Team {next(_numbers)}", parent=parent, actor=actor, at=NOW)


def make_use_case(**fields: Any) -> UseCase:
    """A proposed use case with a programme, team and owner of its own unless given."""
    owner = fields.pop("owner", None) or make_user()
    at = fields.pop("at", NOW)
    values: dict[str, Any] = {
        "title": f"Use case {next(_numbers)}",
        "value_type": ValueType.QUALITY,
        "hypothesis": "If drafts are prepared, then fewer answers are corrected.",
    }
    values |= fields
    values["programme"] = values.get("programme") or make_programme(owner=owner)
    values["team"] = values.get("team") or make_team()
    return create_use_case(**values, owner=owner, actor=owner, at=at)


@contextmanager
def open_gates() -> Iterator[None]:
    """Stages ask for no evidence inside; what they ask for has tests of its own."""
    with patch("adoption.services.stages.missing_for", lambda _stage, _facts: ()):
        yield


def move_stage(
    use_case: UseCase,
    to: str,
    *,
    reason: str = "",
    actor: User | None = None,
    at: dt.datetime = NOW,
) -> UseCase:
    """To another stage, approved by a second person where that is needed; gates stand open."""
    asked: dict[str, Any] = {
        "use_case_id": use_case.pk,
        "to_stage": to,
        "expected_version": UseCase.objects.get(pk=use_case.pk).version,
        "reason": reason,
        "actor": actor or use_case.owner,
        "at": at,
    }
    if to in STAGES_THAT_NEED_APPROVAL:
        with open_gates():
            approve(request_stage(**asked))
    else:
        end_use_case(**asked)
    return UseCase.objects.get(pk=use_case.pk)


def walk_to(use_case: UseCase, stage: str) -> UseCase:
    """From `proposed` to that stage, step by step."""
    for step in (*STAGES_THAT_NEED_APPROVAL, None):
        if stage in (Stage.STOPPED, Stage.RETIRED):
            return move_stage(use_case, stage, reason="It was enough.")
        if step is None or UseCase.objects.get(pk=use_case.pk).stage == stage:
            break
        use_case = move_stage(use_case, step)
    return use_case


def make_milestone(use_case: UseCase, **fields: Any) -> Milestone:
    """Two things counted by the fake metric (register it first) by the end of 2026."""
    values: dict[str, Any] = {
        "title": f"Milestone {next(_numbers)}",
        "due_on": dt.date(2026, 12, 31),
        "metric_key": "things",
        "comparator": Comparator.AT_LEAST,
        "threshold_nano": 2 * NANO,
        "actor": use_case.owner,
        "at": NOW,
    }
    return create_milestone(use_case_id=use_case.pk, **(values | fields))


class FakeMetric:
    """A metric whose values a test sets; `calls` keeps what it was asked."""

    def __init__(self, key: str = "things", unit: str = "count") -> None:
        self.key = key
        self.values: dict[int, Measured] = {}
        self.calls: list[tuple[list[int], dt.datetime]] = []
        self.answer: Callable[[int, dt.datetime], Measured | None] = self._from_values
        self.definition = MetricDefinition(
            key=key,
            version="1.0.0",
            label=f"Fake {key}",
            unit=unit,
            formula="What the test says.",
            inputs=frozenset({"deliveries"}),
            comparators=tuple(Comparator),
            measure=self.measure,
            decision="Whether the code under test is right.",
        )

    def _from_values(self, use_case_id: int, as_of: dt.datetime) -> Measured | None:
        return self.values.get(use_case_id)

    def measure(self, use_case_ids: Iterable[int], as_of: dt.datetime) -> dict[int, Measured]:
        """As a registered metric: one value a use case that has one."""
        wanted = list(use_case_ids)
        self.calls.append((wanted, as_of))
        found = {pk: self.answer(pk, as_of) for pk in wanted}
        return {pk: value for pk, value in found.items() if value is not None}

    def set(self, use_case: UseCase, *days: int, as_of: dt.datetime = NOW) -> None:
        """Things that happened on these days of October 2026, at noon UTC."""
        moments = tuple(dt.datetime(2026, 10, day, 12, 0, tzinfo=dt.UTC) for day in sorted(days))
        self.values[use_case.pk] = Measured(
            nano=len(moments) * NANO, as_of=as_of, count=len(moments), happened_at=moments
        )


@contextmanager
def registered_metric(key: str = "things", unit: str = "count") -> Iterator[FakeMetric]:
    """A fake metric, registered for as long as the block lasts."""
    fake = FakeMetric(key, unit)
    metrics.register(fake.definition)
    try:
        yield fake
    finally:
        metrics._items.pop(key)
