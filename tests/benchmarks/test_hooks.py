"""How long a sender waits for its answer at 50 hooks a second, and how fast hooks are processed."""

# ruff: noqa: T201 - a benchmark prints what it measured

from __future__ import annotations

import time

import pytest
from django.utils import timezone

from adoption.models import StoredHook
from adoption.services.hooks import process_hooks
from portal.work.registry import Work
from tests.adoption.hook_stories import story
from tests.adoption.sending import Sender, make_connection

A_SECOND = 50
SECONDS = 8


@pytest.mark.benchmark
@pytest.mark.both_engines
@pytest.mark.django_db(transaction=True)
def test_answers_to_hooks(capsys: pytest.CaptureFixture[str]) -> None:
    """One process, transactions and messages to the broker as in production, without a network."""
    sender = Sender(make_connection("github"))
    messages = story(A_SECOND * SECONDS)
    for message in story(10, repositories=2)[5:]:  # warm: first imports, first connections
        sender.send(message.body, message.event, f"warm-{message.delivery}")
    times = []
    began = time.perf_counter()
    for number, message in enumerate(messages):
        pause = began + number / A_SECOND - time.perf_counter()
        if pause > 0:
            time.sleep(pause)
        started = time.perf_counter()
        answer = sender.send(message.body, message.event, message.delivery)
        times.append((time.perf_counter() - started) * 1000)
        assert answer.status_code == 202
    rate = len(messages) / (time.perf_counter() - began)
    times.sort()
    started = time.perf_counter()
    work = Work(1, "", {}, 1, timezone.now(), timezone.now)
    process_hooks(connection=sender.connection, work=work)
    length = time.perf_counter() - started
    hooks = StoredHook.objects.count()
    assert not StoredHook.objects.filter(state="stored").exists()
    with capsys.disabled():
        print(
            f"\nhooks at {rate:.0f}/s: p50 {times[len(times) // 2]:.1f} ms, "
            f"p95 {times[len(times) * 95 // 100]:.1f} ms; "
            f"processed {hooks / length:.0f}/s"
        )
