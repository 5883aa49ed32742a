"""How a worker goes through waiting hooks: what it asks for, and whom it lets in between."""

from __future__ import annotations

import pytest
from django.db import connection as database
from django.utils import timezone

from adoption.services import hooks as service
from adoption.services.deploy_store import PLACE_CHANGES, PLACING_RESTS
from adoption.services.hooks import PROCESS_HOOKS
from portal.models import WorkItem
from portal.work import hints
from portal.work.runner import execute_item
from tests.adoption.hook_stories import story
from tests.adoption.sending import Sender, make_connection


def wait_for_a_worker(number: int, repositories: int) -> int:
    """So many hooks that are stored and not processed; the work item that asks for it."""
    sender = Sender(make_connection("github"))
    for message in story(number, repositories=repositories):
        sender.send(message.body, message.event, message.delivery)
    return WorkItem.objects.get(kind=PROCESS_HOOKS).pk


@pytest.mark.both_engines
@pytest.mark.django_db(transaction=True)
def test_many_hooks_of_a_repository_ask_once_for_its_placement_and_for_a_little_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    item = wait_for_a_worker(24, repositories=2)
    sent: list[hints.Hint] = []
    monkeypatch.setattr(hints, "_sender", [sent.extend])
    execute_item(item, clock=timezone.now)
    asked = WorkItem.objects.filter(kind=PLACE_CHANGES).order_by("pk")
    assert len(asked) == 2
    assert sorted(sent) == [hints.Hint(each.pk, each.queue, PLACING_RESTS) for each in asked]


@pytest.mark.both_engines
@pytest.mark.django_db
def test_whoever_waits_for_sqlite_is_given_as_long_as_the_hooks_before_took(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hints, "_sender", [])
    item = wait_for_a_worker(12, repositories=1)
    slept: list[float] = []
    monkeypatch.setattr("adoption.services.hooks.time.sleep", slept.append)
    execute_item(item, clock=timezone.now)
    batches = -(-12 // service.IN_ONE_TRANSACTION)
    assert len(slept) == (batches if database.vendor == "sqlite" else 0)
    assert all(0 < pause <= service.LONGEST_WINDOW for pause in slept)
