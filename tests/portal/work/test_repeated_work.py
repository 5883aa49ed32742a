"""Work in several transactions, done once more from its beginning, leaves what it left at first.

A worker that dies between the effect of such work and the note that it is done has it begun again.
Every such kind is done twice here, in the world of the access tests a month later, with the clock
standing still; those that are not say why.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.db import models

from portal.celery import app as celery_app
from portal.choices import WorkStatus
from portal.models import WorkItem
from portal.schedule import scheduled_jobs, work_kind_of
from portal.work.registry import Work, work_kinds
from tests.access.conftest import world
from tests.access.world import World
from tests.adoption.factories import NOW
from tests.plugins.proofs import Figures

__all__ = ["world"]
pytestmark = [pytest.mark.both_engines, pytest.mark.django_db]

LATER = NOW + dt.timedelta(days=33)
ROOMS = ("portal", "adoption", "billing")
# What is asked for twice is one item, and what was done is told of twice.
NOT_COMPARED = {"WorkItem", "AuditEvent", "AuditPersonal"}
A_FEW = 3  # items of one kind: metrics and notices are many and alike
ASKED_WITHOUT_IDS = (
    *("billing.recheck-closes", "billing.apply-overlaps", "billing.apply-pending-rules"),
    *("billing.refresh-split-bases", "adoption.reclassify-evidence"),
)
NOT_REPEATED = {
    "portal.chat-notice": "it goes out at least once; a chat has no way to know it again",
    "portal.deliver-webhook": "it goes out at least once; the delivery's id tells the receiver",
    "portal.fetch-connection": "an import of the same days: test_metamorphic.py",
    "portal.fetch-files": "an import of the same files: test_metamorphic.py",
    "adoption.follow-teams": "it asks a provider, and sets what it hears: test_team_import.py",
    "adoption.calibrate-story": "minutes of simulation, and one transaction that writes",
}
MAY_GROW = {
    # A seal more says the same of the same head.
    "scheduled:seal-audit": {"AuditSeal"},
    "scheduled:seal-audit-daily": {"AuditSeal"},
}
# These find something to do here: a world without work would prove nothing.
WRITES = {
    *("scheduled:send-digests", "scheduled:expire-approvals", "scheduled:publish-snapshot"),
    *("scheduled:refresh-outcomes", "scheduled:tend-evidence", "scheduled:seal-audit"),
    *("portal.mail-notice", "adoption.fill-metric"),
}
State = dict[str, str]


def contents(model: type[models.Model]) -> str:
    """How many rows, and a hash of what they say without their keys."""
    names = [field.attname for field in model._meta.concrete_fields if not field.primary_key]
    rows = sorted(map(repr, model._default_manager.values_list(*names)))
    return f"{len(rows)} rows {hashlib.sha256(''.join(rows).encode()).hexdigest()[:12]}"


def state() -> State:
    return {
        model.__name__: contents(model)
        for room in ROOMS
        for model in apps.get_app_config(room).get_models()
        if model.__name__ not in NOT_COMPARED
    }


def moved(before: State, after: State) -> set[str]:
    return {name for name in after if after[name] != before[name]}


class Repeater:
    """Does work twice and keeps what it wrote, and what the second time changed."""

    def __init__(self, may_grow: Mapping[str, set[str]] = MAY_GROW) -> None:
        self._may_grow = may_grow
        self.wrote: dict[str, set[str]] = {}
        self.times: dict[str, int] = {}
        self.problems: list[str] = []

    def twice(self, kind: str, payload: Mapping[str, Any], *, key: str = "", item: int = 0) -> None:
        before = state()
        work = Work(item, key, payload, attempt=1, at=LATER, clock=lambda: LATER)
        work_kinds.get(kind).run(work)
        first = state()
        work_kinds.get(kind).run(work)
        again = moved(first, state()) - self._may_grow.get(kind, set())
        self.wrote.setdefault(kind, set()).update(moved(before, first))
        self.times[kind] = self.times.get(kind, 0) + 1
        if again:
            self.problems.append(f"{kind} {dict(payload)} done again changed {sorted(again)}")


def waiting() -> Iterator[WorkItem]:
    """What waits, and what that asks for, each item once."""
    seen: set[int] = set()
    while True:
        found = WorkItem.objects.filter(status=WorkStatus.QUEUED).exclude(pk__in=seen)
        item = found.order_by("pk").first()
        if item is None:
            return
        seen.add(item.pk)
        yield item


@pytest.mark.prove("Work in several transactions, done twice")
def test_what_is_not_atomic_changes_nothing_when_it_is_done_again(
    world: World, figures: Figures
) -> None:
    celery_app.autodiscover_tasks(force=True)
    repeated = Repeater()
    with time_machine.travel(LATER, tick=False):
        for job in scheduled_jobs:
            payload = {"job": job.key, "slot": LATER.isoformat()}
            repeated.twice(work_kind_of(job), payload)
        for kind in ASKED_WITHOUT_IDS:
            repeated.twice(kind, {})
        for item in waiting():
            if item.kind not in NOT_REPEATED and repeated.times.get(item.kind, 0) < A_FEW:
                repeated.twice(item.kind, item.payload, key=item.key, item=item.pk)
    assert repeated.problems == []
    assert {kind for kind in WRITES if not repeated.wrote[kind]} == set()
    ours = [kind for kind in work_kinds if not kind.key.startswith("test.")]
    wanted = {kind.key for kind in ours if not kind.is_atomic} - {*NOT_REPEATED}
    assert wanted - {*repeated.times} == set()
    figures("kinds of work done twice", len(repeated.times), len(wanted))


@pytest.mark.prove("Work that adds each time is noticed")
def test_work_that_adds_each_time_is_noticed(world: World, figures: Figures) -> None:
    celery_app.autodiscover_tasks(force=True)
    repeated = Repeater(may_grow={})
    with time_machine.travel(LATER, tick=False):
        repeated.twice("scheduled:seal-audit-daily", {"job": "seal-audit-daily"})
    figures("kinds found", len(repeated.problems), 1)
