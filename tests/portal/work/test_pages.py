"""The pages about background work: what they say, to whom, and what a decision does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.choices import Role, WorkAction, WorkStatus
from portal.models import SignOfLife, User, WorkDecision, WorkItem
from portal.services.work import note_sign_of_life
from portal.views import work as views
from portal.work.registry import QUEUES, WorkKind, work_kinds
from tests.imports import make_connection, make_person, request
from tests.plugins import work_kinds as test_kinds

pytestmark = pytest.mark.django_db

KIND = WorkKind(
    key="test.of-leads",
    label="Test: of leads",
    run=test_kinds.behave,
    roles=frozenset({Role.PROGRAMME_LEAD}),
)
work_kinds.register(KIND)


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(make_person("root", Role.ADMINISTRATOR))
    return client


@pytest.fixture
def lengths(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """What the broker says about its queues."""
    found = dict.fromkeys(QUEUES, 0)
    monkeypatch.setattr(views, "queue_lengths", lambda: found)
    return found


def held(kind: str = KIND.key, **fields: Any) -> WorkItem:
    given = {"status": WorkStatus.HELD, "problem": "Given up after 3 attempts.", "attempt": 3}
    now = timezone.now()
    return WorkItem.objects.create(
        kind=kind, queue="default", look_at=now, requested_at=now, **{**given, **fields}
    )


def page(client: Client, address: str, **query: str) -> str:
    response = client.get(address, query)
    assert response.status_code == 200
    return response.content.decode()


def text_of_list(client: Client, **query: str) -> str:
    return page(client, reverse("work-list"), **query)


def test_the_list_says_that_nobody_serves_a_queue_until_a_sign_of_life_comes(
    root: Client, lengths: dict[str, int]
) -> None:
    assert text_of_list(root).count("Nobody serves the queue") == len(QUEUES)
    for queue in QUEUES:
        note_sign_of_life(name=f"queue:{queue}", at=timezone.now())
    assert "Nobody serves" not in text_of_list(root)
    SignOfLife.objects.update(seen_at=timezone.now() - timedelta(minutes=5))
    assert "for 5 min" in text_of_list(root)
    # A worker deep in long work shows no sign, but its work has a heartbeat.
    now = timezone.now()
    held(
        status=WorkStatus.RUNNING,
        heartbeat_at=now,
        started_at=now,
        token="1" * 32,
        problem="",
    )
    assert text_of_list(root).count("Nobody serves the queue") == 1


@pytest.mark.both_engines
def test_a_sign_of_life_never_moves_back() -> None:
    now = timezone.now()
    for at in (now, now - timedelta(seconds=9)):
        note_sign_of_life(name="queue:default", at=at)
    assert SignOfLife.objects.get().seen_at == now


def test_the_list_says_that_the_broker_is_away(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "queue_lengths", lambda: None)
    assert "The broker does not answer." in text_of_list(root)


def test_the_list_says_how_long_the_oldest_waits_but_not_of_work_for_later(
    root: Client, lengths: dict[str, int]
) -> None:
    long_ago = timezone.now() - timedelta(minutes=20)
    waiting = held(status=WorkStatus.QUEUED, problem="", not_before=timezone.now() + timedelta(1))
    WorkItem.objects.update(requested_at=long_ago)
    assert "The oldest waits" not in text_of_list(root)
    WorkItem.objects.filter(pk=waiting.pk).update(not_before=None)
    assert "The oldest waits for 20 min" in text_of_list(root)


def test_the_list_filters_sorts_and_exports(root: Client, lengths: dict[str, int]) -> None:
    held(key="alpha")
    held(key="beta", status=WorkStatus.FAILED)
    assert "alpha" in text_of_list(root, status="held")
    assert "beta" not in text_of_list(root, status="held")
    assert "alpha" not in text_of_list(root, q="beta")
    assert "beta" in text_of_list(root, kind=KIND.key, sort="number")
    response = root.get(reverse("work-list"), {"export": "csv", "status": "held"})
    exported = b"".join(response).decode()
    assert "Test: of leads" in exported
    assert "Given up" in exported


def test_open_import_runs_stand_on_the_page_too(root: Client, lengths: dict[str, int]) -> None:
    run = request(make_connection(), b"nonsense\n")
    assert f'href="{reverse("import-run", args=[run.pk])}"' in text_of_list(root)


def test_leads_see_and_decide_about_the_kinds_of_theirs_only(
    client: Client, lengths: dict[str, int]
) -> None:
    client.force_login(make_person("lead", Role.PROGRAMME_LEAD))
    mine, other = held(key="of-mine"), held("test.whole", key="of-others")
    listed = text_of_list(client)
    assert "of-mine" in listed
    assert "of-others" not in listed
    assert client.get(reverse("work-item", args=[other.pk])).status_code == 404
    retried = client.post(reverse("work-item-retry", args=[mine.pk]), {"reason": "Mended."})
    assert retried.status_code == 302
    hidden = client.post(reverse("work-item-retry", args=[other.pk]), {"reason": "Mended."})
    assert hidden.status_code == 404
    assert WorkItem.objects.get(pk=other.pk).status == WorkStatus.HELD


def test_a_retry_needs_a_reason_and_keeps_it_with_what_had_stopped_the_work(root: Client) -> None:
    item = held()
    address = reverse("work-item-retry", args=[item.pk])
    assert root.post(address, {"reason": "  "}).status_code == 400
    assert not WorkDecision.objects.exists()
    root.post(address, {"reason": "The disk has room again."})
    item.refresh_from_db()
    assert (item.status, item.attempt) == (WorkStatus.QUEUED, 0)
    decision = WorkDecision.objects.get()
    assert decision.action == WorkAction.RETRY
    assert decision.reason == "The disk has room again."
    assert decision.problem == "Given up after 3 attempts."
    assert decision.decided_by == User.objects.get(username="root")
    assert "The disk has room again." in page(root, reverse("work-item", args=[item.pk]))


@pytest.mark.both_engines
def test_discarded_work_is_not_done_and_cannot_be_decided_about_again(root: Client) -> None:
    item = held()
    root.post(reverse("work-item-discard", args=[item.pk]), {"reason": "Not wanted."})
    item.refresh_from_db()
    assert item.status == WorkStatus.DISCARDED
    again = root.post(
        reverse("work-item-retry", args=[item.pk]), {"reason": "After all."}, follow=True
    )
    assert "is not held or failed (any more)" in again.content.decode()
    assert WorkDecision.objects.count() == 1


@pytest.mark.both_engines
def test_work_that_was_asked_for_again_meanwhile_is_not_opened_twice(root: Client) -> None:
    item = held(key="same")
    held(key="same", status=WorkStatus.QUEUED, problem="")
    answer = root.post(
        reverse("work-item-retry", args=[item.pk]), {"reason": "Mended."}, follow=True
    )
    assert "has been asked for again" in answer.content.decode()
    item.refresh_from_db()
    assert item.status == WorkStatus.HELD


def test_home_shows_held_work_to_those_who_decide_about_it(client: Client) -> None:
    held()
    for name, role, sees in (
        ("admin", Role.ADMINISTRATOR, True),
        ("lead", Role.PROGRAMME_LEAD, True),
        ("fin", Role.FINANCE, False),
        ("audit", Role.AUDITOR, False),
    ):
        client.force_login(make_person(name, role))
        assert ("Background work that was given up" in page(client, "/")) is sees


def test_a_running_piece_shows_its_progress_and_asks_for_itself(root: Client) -> None:
    now = timezone.now()
    item = held(
        status=WorkStatus.RUNNING,
        problem="",
        token="1" * 32,
        started_at=now,
        heartbeat_at=now,
        progress_done=1200,
        progress_total=4000,
        phase="Measuring",
    )
    text = page(root, reverse("work-item", args=[item.pk]))
    assert "Measuring" in text
    assert "1,200" in text
    assert 'hx-trigger="every 2s"' in text
    WorkItem.objects.update(status=WorkStatus.DONE)
    response = root.get(reverse("work-item", args=[item.pk]), headers={"HX-Request": "true"})
    assert "every 2s" not in response.content.decode()
    assert "<html" not in response.content.decode()
