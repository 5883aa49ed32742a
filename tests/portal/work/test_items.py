"""An item from being asked for to its end: once each, counted, fenced, put aside when poisonous."""

from __future__ import annotations

import errno
from datetime import datetime, timedelta
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError, transaction

from portal.audit.context import Channel, acting, current_actor
from portal.choices import WorkStatus
from portal.models import WorkItem
from portal.services.work import PayloadRefusedError, enqueue
from portal.work import hints, ledger
from portal.work.hints import Hint
from portal.work.registry import FencedOffError, Work, WorkKind, work_kinds
from portal.work.runner import Outcome, execute_item
from tests.imports import START, Clock, make_person
from tests.plugins import work_kinds as kinds
from tests.plugins.work_kinds import Effects
from tests.portal.work.conftest import Ask, after, state

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db]


def execute(item: WorkItem, at: datetime = START) -> Outcome:
    return execute_item(item.pk, clock=Clock(at))


@pytest.fixture
def kind(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Registers a kind for one test."""

    def register(run: Any, **options: Any) -> str:
        found = WorkKind(key="test.own", label="Own", run=run, **options)
        monkeypatch.setitem(work_kinds._items, found.key, found)
        return found.key

    return register


def test_an_item_is_done_once_however_often_its_message_comes(ask: Ask, effects: Effects) -> None:
    item = ask()
    assert [execute(item) for _ in range(5)] == [Outcome.DONE] + [Outcome.NOTHING] * 4
    assert state(item) == (WorkStatus.DONE, 1)
    assert effects.rows() == [(item.pk, 1)]


def test_an_item_of_a_transaction_that_was_rolled_back_is_not_there(ask: Ask) -> None:
    with transaction.atomic():
        item = ask()
        transaction.set_rollback(True)
    assert execute(item) == Outcome.NOTHING
    assert not WorkItem.objects.exists()


def test_asking_again_for_what_is_queued_changes_only_the_count(ask: Ask, effects: Effects) -> None:
    first, second = ask(key="one"), ask(key="one")
    assert first == second
    assert WorkItem.objects.get().requests == 2
    other = ask(key="two")
    for item in (first, second, other):
        execute(item)
    assert effects.items() == [first.pk, other.pk]


def test_what_is_asked_for_while_it_runs_is_done_once_more(
    ask: Ask, effects: Effects, kind: Any
) -> None:
    asked: list[WorkItem] = []

    def run(work: Work) -> None:
        kinds.leave_effect(work)
        if not asked:
            asked.append(ask("test.own", key="one"))

    item = ask(kind(run, is_atomic=False), key="one")
    assert execute(item) == Outcome.AGAIN
    assert asked == [item]
    assert state(item) == (WorkStatus.QUEUED, 0)
    assert execute(item) == Outcome.DONE
    assert effects.items() == [item.pk, item.pk]


def test_what_rests_between_attempts_is_hinted_at_for_later(
    ask: Ask,
    effects: Effects,
    kind: Any,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    sent: list[Hint] = []
    monkeypatch.setattr(hints, "_sender", [sent.extend])
    own = kind(lambda work: ask("test.own", key="one"), is_atomic=False, rest=3.0)
    with django_capture_on_commit_callbacks(execute=True):
        item = ask(own, key="one")
    with django_capture_on_commit_callbacks(execute=True):
        assert execute(item) == Outcome.AGAIN
    assert sent == [Hint(item.pk, item.queue), Hint(item.pk, item.queue, after=3.0)]


def test_a_message_about_a_living_attempt_is_dropped_and_not_counted(ask: Ask) -> None:
    item = ask()
    assert ledger.take(item.pk, at=START) is not None
    for _ in range(50):
        assert execute(item, after(10)) == Outcome.NOTHING
    assert state(item) == (WorkStatus.RUNNING, 1)


def test_an_attempt_that_fell_silent_is_taken_over_and_fenced_off(
    ask: Ask, effects: Effects
) -> None:
    item = ask()
    frozen = ledger.take(item.pk, at=START)
    assert frozen is not None
    assert execute(item, after(31)) == Outcome.DONE
    for late in (ledger.finish, ledger.beat_heart):
        with pytest.raises(FencedOffError):
            late(frozen, at=after(40))
    with pytest.raises(FencedOffError), transaction.atomic():
        ledger.lock_mine(frozen)
    assert state(item) == (WorkStatus.DONE, 2)
    assert effects.rows() == [(item.pk, 2)]


def test_a_frozen_attempt_is_fenced_off_also_after_a_person_started_the_count_anew(
    ask: Ask,
) -> None:
    item = ask()
    frozen = ledger.take(item.pk, at=START)
    assert frozen is not None
    # As after a retry: the next attempt is the first again.
    WorkItem.objects.update(status=WorkStatus.QUEUED, attempt=0)
    again = ledger.take(item.pk, at=after(1))
    assert again is not None
    assert again.attempt == frozen.attempt == 1
    with pytest.raises(FencedOffError):
        ledger.finish(frozen, at=after(2))


def test_an_effect_is_gone_when_its_attempt_was_fenced_off(
    ask: Ask, effects: Effects, kind: Any
) -> None:
    def run(work: Work) -> None:
        kinds.leave_effect(work)
        if work.attempt == 1:
            WorkItem.objects.update(token="00000000-0000-0000-0000-000000000000")

    item = ask(kind(run))
    assert execute(item) == Outcome.FENCED_OFF
    assert effects.rows() == []
    assert state(item) == (WorkStatus.RUNNING, 1)


@pytest.mark.parametrize(
    ("kind_key", "attempts"),
    [("test.whole", [2]), ("test.repeatable", [1]), ("test.fenced", [1, 2])],
    ids=["one transaction", "harmless when repeated", "not written for it"],
)
def test_work_killed_between_its_effect_and_its_end_is_begun_again(
    ask: Ask,
    effects: Effects,
    monkeypatch: pytest.MonkeyPatch,
    kind_key: str,
    attempts: list[int],
) -> None:
    """Why work in several transactions must be harmless when it is repeated: nothing else helps."""
    item = ask(kind_key)

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "finish", die)
        with pytest.raises(KeyboardInterrupt):
            execute(item)
    assert execute(item, after(31)) == Outcome.DONE
    assert effects.rows() == [(item.pk, attempt) for attempt in attempts]


def test_a_failing_item_is_tried_three_times_with_pauses_and_then_held_with_its_reason(
    ask: Ask, effects: Effects
) -> None:
    item = ask(how="raise")
    at, pauses = START, []
    for attempt in (1, 2, 3):
        assert execute(item, at) == Outcome.FAILED
        item.refresh_from_db()
        assert item.attempt == attempt
        if item.not_before:
            assert execute(item, item.not_before - timedelta(seconds=2)) == Outcome.NOTHING
            pauses.append(item.not_before - at)
            at = item.not_before
    assert state(item) == (WorkStatus.HELD, 3)
    assert pauses == sorted(pauses)
    assert "Given up after 3 attempts" in item.problem
    assert "RuntimeError" in item.problem
    assert "as told" not in item.problem, "what an error says may be a secret"
    assert execute(item, after(10**6)) == Outcome.NOTHING
    assert effects.rows() == []


def test_an_item_whose_attempts_end_without_a_word_is_held_after_three(ask: Ask) -> None:
    item = ask()
    for number in range(3):
        assert ledger.take(item.pk, at=after(31 * number)) is not None
    assert ledger.take(item.pk, at=after(93)) is None
    assert state(item) == (WorkStatus.HELD, 3)
    assert "without a word" in item.problem


def test_work_that_cannot_be_done_fails_at_once_with_its_sentence(ask: Ask) -> None:
    item = ask(how="refuse")
    assert execute(item) == Outcome.FAILED
    assert state(item) == (WorkStatus.FAILED, 1)
    assert item.problem == "There is nothing of that name."


def test_the_time_limit_is_a_counted_failure_with_a_sentence(ask: Ask, kind: Any) -> None:
    def run(_: Work) -> None:
        raise SoftTimeLimitExceeded

    item = ask(kind(run))
    assert execute(item) == Outcome.FAILED
    assert state(item) == (WorkStatus.QUEUED, 1)
    assert "took longer than the" in item.problem


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "The disk failed: [Errno 28] No space"),
        (OperationalError("deadlock detected\nDETAIL: more"), "The database failed: deadlock de"),
        (FileNotFoundError(errno.ENOENT, "gone"), "A fault of the portal: FileNotFoundError"),
    ],
)
def test_an_item_says_what_interrupted_it_and_is_tried_again(
    ask: Ask, kind: Any, error: Exception, said: str
) -> None:
    def run(work: Work) -> None:
        raise error

    item = ask(kind(run))
    assert execute(item) == Outcome.FAILED
    item.refresh_from_db()
    assert (item.status, item.attempt) == (WorkStatus.QUEUED, 1)
    assert item.problem.startswith(said)


def test_work_of_an_unknown_kind_is_held_for_a_person(ask: Ask) -> None:
    item = ask()
    WorkItem.objects.update(kind="gone.away")
    assert execute(item) == Outcome.FAILED
    assert state(item) == (WorkStatus.HELD, 1)
    assert "gone.away" in item.problem


def test_work_is_written_in_the_name_of_who_asked_for_it(ask: Ask, kind: Any) -> None:
    seen = []
    person = make_person("ada")
    with acting(request_id="abc-1", channel=Channel.PAGE):
        item = enqueue(kind=kind(lambda _: seen.append(current_actor())), actor=person, at=START)
    assert execute(item) == Outcome.DONE
    (actor,) = seen
    assert (actor.channel, actor.user_id, actor.request_id) == (Channel.TASK, person.pk, "abc-1")
    assert current_actor().user_id is None


@pytest.mark.parametrize("payload", [{"rows": [1]}, {"cost": 1.5}, {"text": "x" * 2001}])
def test_a_payload_that_is_no_set_of_ids_is_refused(ask: Ask, payload: dict[str, Any]) -> None:
    with pytest.raises(PayloadRefusedError):
        ask(**payload)
