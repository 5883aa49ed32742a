"""Hooks doubled, late, out of order and mixed with garbage end where the tidy run ends."""

from __future__ import annotations

import datetime as dt
import random
import threading
import time
from collections.abc import Sequence

import pytest
from django.db import connection as database
from django.test import Client
from django.utils import timezone

from adoption.choices import HookState
from adoption.models import (
    Artifact,
    Change,
    Commit,
    Deployment,
    Evidence,
    HookReplay,
    HookSecret,
    Identity,
    PullRequest,
    Repository,
    Service,
    StoredHook,
)  # fmt: skip
from adoption.services import hooks as service
from adoption.services.deploy_store import DeployStore
from adoption.services.hook_secrets import (
    SecretRefusedError,
    make_hook_secret,
    valid_secrets,
    withdraw_hook_secret,
)
from adoption.services.hook_work import tidy_hooks
from adoption.services.hooks import (
    HookNotReplayableError,
    body_of,
    process_next,
    purge_hooks,
    replay_hook,
)
from portal.choices import Role
from portal.models import WorkItem
from portal.work.runner import execute_item
from tests.adoption.factories import make_user
from tests.adoption.hook_stories import Message, disturbed, dump, story
from tests.adoption.sending import SECRET, Sender, make_connection, place_all, process_all, states
from tests.plugins.proofs import Figures
from tests.plugins.sweeping import examples

both_engines = pytest.mark.both_engines
PROVED = 100_000


@pytest.fixture(autouse=True)
def _no_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue only hints, and a message a hook is most of the time that a test takes."""
    monkeypatch.setattr("portal.work.hints._sender", [])


def forget() -> None:
    """Everything that hooks make."""
    Evidence.objects.all().delete()
    PullRequest.objects.all().delete()
    Change.objects.update(delivered_by=None, delivered_at=None, part_of=None, reverts=None)
    Change.objects.all().delete()
    for model in (Commit, Deployment, Artifact, Service, Repository, StoredHook, Identity):
        model.objects.all().delete()
    WorkItem.objects.all().delete()


def deliver(sender: Sender, messages: Sequence[Message]) -> dict[int, int]:
    answers: dict[int, int] = {}
    for message in messages:
        status = sender.send(message.body, message.event, message.delivery).status_code
        answers[status] = answers.get(status, 0) + 1
    process_all(sender.connection)
    return answers


def both_ways(size: int, seed: int, repositories: int = 3) -> None:
    tidy = story(size, repositories=repositories)
    sender = Sender(make_connection("github"))
    assert deliver(sender, tidy) == {202: size}
    expected = dump()
    assert expected
    assert any(row[8] for row in expected if len(row) == 14), "nothing was delivered"
    forget()
    mixed = disturbed(tidy, random.Random(seed))  # noqa: S311  (disturbs test data)
    garbage = sum(message.delivery.startswith("garbage") for message in mixed)
    assert deliver(sender, mixed) == {202: len(mixed) - garbage, 400: garbage}
    assert dump() == expected
    assert StoredHook.objects.count() == size
    assert not set(states()) - {HookState.PROCESSED, HookState.IGNORED}


@both_engines
@pytest.mark.django_db
def test_a_disturbed_stream_ends_where_the_tidy_one_does() -> None:
    # Long enough for a second deployment of a repository, which is the first that delivers.
    both_ways(examples(70), 0, repositories=2)


@pytest.mark.prove("disturbed hooks that end where the tidy ones do", adds_up=True)
@both_engines
@pytest.mark.django_db
def test_a_hundred_thousand_disturbed_hooks_end_where_the_tidy_ones_do(figures: Figures) -> None:
    size = figures.scaled(PROVED)
    began = time.perf_counter()
    both_ways(size, figures.seed)
    rate = round(2 * size / (time.perf_counter() - began))
    stored = StoredHook.objects.count()
    figures("hooks that ended as in the tidy run", stored, size)
    figures("hooks a second, sent and processed", rate, 1, level=True)


@both_engines
@pytest.mark.django_db
def test_each_hook_alone_is_enough_to_be_processed_again_without_effect() -> None:
    sender = Sender(make_connection("github"))
    deliver(sender, story(24))
    before = dump()
    lead = make_user(Role.PROGRAMME_LEAD)
    for hook in StoredHook.objects.all():
        replay_hook(hook=hook, reason="To see.", actor=lead, at=timezone.now())
    process_all(sender.connection)
    assert dump() == before
    assert HookReplay.objects.count() == 24
    assert not any("created" in hook.outcome for hook in StoredHook.objects.all())


@both_engines
@pytest.mark.django_db(transaction=True)
def test_the_same_delivery_from_many_at_once_is_one() -> None:
    connection = make_connection("github")
    message = story(1)[0]
    answers: list[int] = []

    def send() -> None:
        try:
            sender = Sender(connection)
            answers.append(sender.send(message.body, message.event, message.delivery).status_code)
        finally:
            database.close()

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [202] * 6
    assert StoredHook.objects.count() == 1


@both_engines
@pytest.mark.django_db(transaction=True)
def test_workers_at_once_take_each_hook_once_and_lose_none() -> None:
    connection = make_connection("github")
    sender = Sender(connection)
    messages = story(24, repositories=2)
    for message in messages:
        sender.send(message.body, message.event, message.delivery)

    def work() -> None:
        try:
            while process_next(connection=connection, at=timezone.now()):
                pass
        finally:
            database.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    place_all()
    hooks = list(StoredHook.objects.values_list("state", "attempts"))
    assert set(hooks) == {(HookState.PROCESSED, 1)}
    at_once = dump()
    forget()
    deliver(sender, messages)
    assert dump() == at_once


@pytest.mark.django_db
def test_with_the_broker_away_hooks_are_stored_and_their_work_waits(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: object
) -> None:
    asked: list[object] = []

    def away(hints: object) -> int:
        asked.append(hints)
        return 0  # as the sender does while the broker does not answer

    monkeypatch.setattr("portal.work.hints._sender", [away])
    sender = Sender(make_connection("github"))
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        message = story(1)[0]
        answer = sender.send(message.body, message.event, message.delivery)
    assert answer.status_code == 202
    assert asked
    item = WorkItem.objects.get(kind="adoption.process-hooks")
    assert item.status == "queued"
    assert states() == {HookState.STORED: 1}


@pytest.mark.django_db
def test_the_work_engine_processes_and_places(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[object] = []
    monkeypatch.setattr("portal.work.hints._sender", [sent.extend])
    monkeypatch.setattr(service, "AT_ONCE", 7)
    sender = Sender(make_connection("github"))
    for message in story(20):
        sender.send(message.body, message.event, message.delivery)
    item = WorkItem.objects.get(kind="adoption.process-hooks")
    assert item.requests == 20
    assert execute_item(item.pk, clock=timezone.now) == "done"
    assert set(states()) == {HookState.PROCESSED}
    placing = WorkItem.objects.get(kind="adoption.place-changes")
    assert execute_item(placing.pk, clock=timezone.now) == "done"
    placing.refresh_from_db()
    assert placing.status == "done"
    assert Deployment.objects.filter(is_baseline=True).exists()


@pytest.mark.django_db
def test_a_fault_of_ours_is_tried_three_times_and_stops_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sender = Sender(make_connection("github"))
    first, second = story(2)
    sender.send(first.body, first.event, first.delivery)
    sender.send(second.body, second.event, second.delivery)
    poisoned = StoredHook.objects.order_by("pk")[0].pk
    real = service._apply

    def apply(hook: StoredHook, store: DeployStore) -> object:
        if hook.pk == poisoned:
            raise ZeroDivisionError
        return real(hook, store)

    monkeypatch.setattr(service, "_apply", apply)
    process_all(sender.connection)
    bad, good = StoredHook.objects.order_by("pk")
    assert (bad.state, bad.attempts) == (HookState.FAILED, 3)
    assert "ZeroDivisionError" in bad.reason
    assert good.state == HookState.PROCESSED
    monkeypatch.setattr(service, "_apply", real)
    replay_hook(hook=bad, reason="Mended.", actor=make_user(), at=timezone.now())
    process_all(sender.connection)
    bad.refresh_from_db()
    assert bad.state == HookState.PROCESSED


@pytest.mark.django_db
def test_replaying_needs_a_reason_and_a_body() -> None:
    sender = Sender(make_connection("github"))
    hook = sender.take(story(1)[0].body, "pull_request")
    person = make_user()
    with pytest.raises(HookNotReplayableError, match="Say why"):
        replay_hook(hook=hook, reason=" ", actor=person, at=timezone.now())
    later = timezone.now() + service.KEPT_FOR + dt.timedelta(seconds=1)
    assert purge_hooks(at=later) == 1
    assert purge_hooks(at=later) == 0
    with pytest.raises(HookNotReplayableError, match="retention"):
        replay_hook(hook=hook, reason="Again.", actor=person, at=later)
    hook.refresh_from_db()
    assert body_of(hook) == b""
    again = sender.send(story(1)[0].body, "pull_request", hook.delivery_id)
    assert again.json()["repeated"] is True  # known for ever


@pytest.mark.django_db
def test_nothing_is_purged_before_it_had_its_effect() -> None:
    sender = Sender(make_connection("github"))
    message = story(1)[0]
    sender.send(message.body, message.event)
    tidy_hooks(at=timezone.now() + dt.timedelta(days=400))
    assert body_of(StoredHook.objects.get()) == message.body


@pytest.mark.django_db
def test_two_secrets_are_valid_while_one_is_replaced() -> None:
    connection = make_connection("github")
    at = timezone.now()
    second = make_hook_secret(connection=connection, actor=None, at=at)
    assert valid_secrets(connection) == [second, SECRET]
    with pytest.raises(SecretRefusedError, match="Two secrets"):
        make_hook_secret(connection=connection, actor=None, at=at)
    withdraw_hook_secret(secret=HookSecret.objects.order_by("pk")[0], at=at)
    assert valid_secrets(connection) == [second]
    assert Sender(connection).send(story(1)[0].body, "pull_request").status_code == 401
    with pytest.raises(SecretRefusedError, match="16"):
        make_hook_secret(connection=connection, actor=None, at=at, given="short")
    assert SECRET not in str(HookSecret.objects.values().first())


@pytest.mark.django_db
def test_the_address_needs_neither_session_nor_csrf_token() -> None:
    sender = Sender(make_connection("github"))
    sender.client = Client(enforce_csrf_checks=True)
    assert sender.send(story(1)[0].body, "pull_request").status_code == 202
