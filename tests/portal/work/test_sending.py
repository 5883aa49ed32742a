"""Hints and the sweeper: what is sent, when, how often, and that nobody waits for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.db import transaction

from portal.choices import WorkStatus
from portal.models import WorkItem
from portal.services.work import GRACE, LONGEST_SEND_DELAY, claim_to_send, enqueue, unclaim
from portal.work import hints, ledger
from portal.work.hints import Hint, withheld
from tests.imports import START
from tests.portal.work.conftest import Ask, after

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The batches of items that the queue was told about, instead of telling it."""
    batches: list[list[int]] = []

    def send(batch: Sequence[Hint]) -> int:
        batches.append([hint.item_id for hint in batch])
        return len(batch)

    monkeypatch.setattr(hints, "_sender", [send])
    return batches


def test_hints_go_out_after_the_commit_and_all_of_one_transaction_together(
    ask: Ask, sent: list[list[int]], django_capture_on_commit_callbacks: object
) -> None:
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        items = [ask() for _ in range(3)]
        assert sent == []
    assert sent == [[item.pk for item in items]]


def test_hints_of_what_was_rolled_back_are_not_sent(
    ask: Ask, sent: list[list[int]], django_capture_on_commit_callbacks: object
) -> None:
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        kept = ask()
        with transaction.atomic():
            ask()
            transaction.set_rollback(True)
    assert sent == [[kept.pk]]


def test_withheld_hints_are_given_to_who_does_the_work_instead(
    ask: Ask, sent: list[list[int]], django_capture_on_commit_callbacks: object
) -> None:
    with django_capture_on_commit_callbacks(execute=True), withheld() as mine:  # type: ignore[operator]
        item = ask()
    assert mine == [item.pk]
    assert sent == []


def test_work_for_later_is_neither_hinted_at_nor_swept_before_its_time(
    sent: list[list[int]], django_capture_on_commit_callbacks: object
) -> None:
    later = START + timedelta(hours=1)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        item = enqueue(kind="test.whole", actor=None, at=START, not_before=later)
    assert sent == []
    assert claim_to_send(at=later - timedelta(seconds=1)) == []
    assert ledger.take(item.pk, at=later - timedelta(seconds=1)) is None
    assert [hint.item_id for hint in claim_to_send(at=later + GRACE)] == [item.pk]


def test_the_sweeper_sends_the_oldest_first_and_not_all_at_once(ask: Ask) -> None:
    items = [ask().pk for _ in range(5)]
    assert claim_to_send(at=START + GRACE - timedelta(seconds=1)) == []
    late = START + GRACE
    batches = [claim_to_send(at=late, limit=2) for _ in range(4)]
    assert [[hint.item_id for hint in batch] for batch in batches] == [
        items[:2],
        items[2:4],
        items[4:],
        [],
    ]


def test_what_stays_open_is_sent_again_after_growing_pauses(ask: Ask) -> None:
    item = ask()
    at = START + GRACE
    pauses = []
    for _ in range(8):
        (hint,) = claim_to_send(at=at)
        assert hint.item_id == item.pk
        item.refresh_from_db()
        pauses.append(item.look_at - at)
        at = item.look_at
    assert pauses == sorted(pauses)
    assert pauses[0] == GRACE
    assert pauses[-1] == LONGEST_SEND_DELAY


def test_what_could_not_be_sent_is_due_as_before(ask: Ask) -> None:
    ask()
    late = START + GRACE
    claimed = claim_to_send(at=late)
    unclaim(items=claimed, at=late)
    assert claim_to_send(at=late) == claimed
    assert WorkItem.objects.get().sends == 1


def test_the_sweeper_finds_what_fell_silent_and_leaves_what_lives(ask: Ask) -> None:
    silent, alive, done = ask(), ask(), ask()
    for item in (silent, alive, done):
        assert ledger.take(item.pk, at=START) is not None
    ledger.beat_heart(WorkItem.objects.get(pk=alive.pk), at=after(20))
    ledger.finish(WorkItem.objects.get(pk=done.pk), at=after(20))
    assert [hint.item_id for hint in claim_to_send(at=after(31))] == [silent.pk]
    assert WorkItem.objects.get(pk=done.pk).status == WorkStatus.DONE


def test_a_burst_of_asking_is_one_message_and_one_more_after_each_grace(
    sent: list[list[int]], django_capture_on_commit_callbacks: object
) -> None:
    """So that a thousand hooks in a minute do not wait for a thousand messages."""
    moments = [0.0, 0.1, 3.0, 9.9, 10.0, 10.1, 19.9, 20.0]
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        for seconds in moments:
            enqueue(kind="test.whole", actor=None, at=START + timedelta(seconds=seconds))
    item = WorkItem.objects.get()
    assert sent == [[item.pk] * 3]  # at 0, 10 and 20
    assert item.requests == len(moments)


def test_asking_does_not_put_off_the_look_at_a_worker_that_fell_silent(ask: Ask) -> None:
    item = ask()
    assert ledger.take(item.pk, at=START) is not None
    before = WorkItem.objects.get(pk=item.pk).look_at
    enqueue(kind=item.kind, key=item.key, actor=None, at=before + timedelta(minutes=1))
    assert WorkItem.objects.get(pk=item.pk).look_at == before
