"""Tasks: each loads by id and makes one service call; and the hints that bring them about."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import structlog
from celery import current_app, shared_task
from django.utils import timezone
from kombu.exceptions import KombuError, OperationalError
from redis.exceptions import RedisError

from portal.imports.runner import execute_run
from portal.services import (
    approvals,
    audit,
    break_glass,
    digests,
    fetching,
    file_fetching,
    imports,
    people_files,
    schedule,
    work,
)
from portal.work.heart import beating
from portal.work.hints import Hint, use_sender
from portal.work.runner import execute_item

log = structlog.get_logger(__name__)
# Seconds for each of two tries; without the last three kombu would try for six seconds more.
HINT_TIMEOUTS = {
    "socket_timeout": 1.0,
    "socket_connect_timeout": 1.0,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
}
# After this long no further hint of a transaction is begun: with one that hangs it is 2.5 s in all.
HINTS_BEGIN_WITHIN = 0.4  # seconds
SILENCE_AFTER_FAILURE = 10.0  # seconds in which a broker that was away is not asked again
BROKER_ERRORS = (OperationalError, KombuError, RedisError, OSError)


class Silence:
    """Spares whoever waits for a page the second, third and tenth attempt at a broker that is away.

    What is not sent is found by the sweeper.
    """

    def __init__(self) -> None:
        self._until = 0.0

    @property
    def holds(self) -> bool:
        return time.monotonic() < self._until

    def begin(self) -> None:
        self._until = time.monotonic() + SILENCE_AFTER_FAILURE

    def end(self) -> None:
        self._until = 0.0


silence = Silence()


@shared_task(name="portal.tasks.seal_audit")
def seal_audit() -> None:
    """Seal what is new in the audit."""
    audit.seal_audit(at=timezone.now())


@shared_task(name="portal.tasks.seal_audit_daily")
def seal_audit_daily() -> None:
    """Seal the audit, also when nothing is new: a day without a head would be noticed."""
    audit.seal_audit(at=timezone.now(), even_if_empty=True)


@shared_task(name="portal.tasks.run_import")
def run_import(*, run_id: int) -> None:
    """Execute a queued import run; what follows it is queued with its end."""
    execute_run(run_id, clock=timezone.now)


@shared_task(name="portal.tasks.request_fetches")
def request_fetches() -> None:
    """Queue what is due of connections that are fetched."""
    fetching.request_due_fetches(at=timezone.now())


@shared_task(name="portal.tasks.request_file_fetches")
def request_file_fetches() -> None:
    """Queue a look at the files of connections that say where they are."""
    file_fetching.request_due_file_fetches(at=timezone.now())


@shared_task(name="portal.tasks.remove_people_files")
def remove_people_files() -> None:
    """Remove landed files that name people and are old."""
    people_files.remove_old_people_files(at=timezone.now())


@shared_task(name="portal.tasks.sweep_imports")
def sweep_imports() -> None:
    """Send runs again whose message or worker was lost."""
    for run_id in imports.runs_to_send_again(at=timezone.now()):
        run_import.delay(run_id=run_id)


@shared_task(name="portal.tasks.run_work")
def run_work(*, item_id: int) -> None:
    """Do a piece of work, unless it is done, not due, or alive elsewhere."""
    execute_item(item_id, clock=timezone.now, keeper=beating)


@shared_task(name="portal.tasks.sweep_work")
def sweep_work() -> None:
    """Send work again whose message or worker was lost, or whose time has come."""
    waiting = work.claim_to_send(at=timezone.now())
    if not waiting:
        return
    sent = 0
    try:
        with current_app.connection_for_write() as connection:
            for hint in waiting:
                run_work.apply_async(
                    kwargs={"item_id": hint.item_id}, queue=hint.queue, connection=connection
                )
                sent += 1
    except BROKER_ERRORS as error:
        log.warning("broker_unreachable", unsent=len(waiting) - sent, detail=str(error))
        work.unclaim(items=waiting[sent:], at=timezone.now())


@shared_task(name="portal.tasks.claim_due_slots")
def claim_due_slots() -> None:
    """Queue every scheduled job that is due, once."""
    schedule.claim_due_slots(at=timezone.now())


@shared_task(name="portal.tasks.show_life")
def show_life(*, queue: str) -> None:
    """Show that scheduler, broker and a worker of this queue do their part."""
    work.note_sign_of_life(name=f"queue:{queue}", at=timezone.now())


@shared_task(name="portal.tasks.expire_approvals")
def expire_approvals() -> None:
    """Close requests that nobody decided in time, and break-glass that is over."""
    now = timezone.now()
    approvals.expire_due(at=now)
    break_glass.close_expired(at=now)


@shared_task(name="portal.tasks.tidy_work")
def tidy_work() -> None:
    """Delete finished work that is older than two weeks."""
    work.tidy_work(at=timezone.now())


@shared_task(name="portal.tasks.send_digests")
def send_digests() -> None:
    """Tell people their digests whose hour has come."""
    digests.send_due_digests(at=timezone.now())


def hint_import(run_id: int) -> bool:
    """Tell the queue that a run waits. The row is the truth, so a dead broker is no error.

    Returns:
        whether the broker took the message.
    """
    return _send([(run_import, {"run_id": run_id}, {})]) == 1


def send_hints(hints: Sequence[Hint]) -> int:
    """Tell the queue that work waits; returns how many of the messages the broker took."""
    return _send(
        [
            (run_work, {"item_id": hint.item_id}, {"queue": hint.queue, "countdown": hint.after})
            for hint in hints
        ]
    )


def _send(messages: Sequence[tuple[object, dict[str, int], dict[str, Any]]]) -> int:
    """Send what can be sent within three seconds, since somebody waits for the page.

    A broker that takes the connection and then says nothing is given up in time; workers listen
    with a longer timeout.
    """
    if silence.holds:
        return 0
    sent = 0
    began = time.monotonic()
    options = {**current_app.conf.broker_transport_options, **HINT_TIMEOUTS}
    try:
        with current_app.connection_for_write(transport_options=options) as connection:
            for task, arguments, where in messages:
                if time.monotonic() - began > HINTS_BEGIN_WITHIN:
                    break
                task.apply_async(kwargs=arguments, connection=connection, retry=False, **where)  # type: ignore[attr-defined]
                sent += 1
    except BROKER_ERRORS as error:
        silence.begin()
        log.warning("broker_unreachable", unsent=len(messages) - sent, detail=str(error))
    return sent


use_sender(send_hints)
