"""Tasks: each loads by id and makes one service call."""

from __future__ import annotations

import structlog
from celery import current_app, shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from portal.imports.runner import execute_run
from portal.services import imports

log = structlog.get_logger(__name__)
# Seconds for each of two tries; without the last three kombu would try for six seconds more.
HINT_TIMEOUTS = {
    "socket_timeout": 1.25,
    "socket_connect_timeout": 1.25,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
}


@shared_task(name="portal.tasks.run_import")
def run_import(*, run_id: int) -> None:
    """Execute a queued import run and what follows it."""
    run = execute_run(run_id, clock=timezone.now)
    imports.follow_up(run=run, at=timezone.now())


@shared_task(name="portal.tasks.sweep_imports")
def sweep_imports() -> None:
    """Send runs again whose message or worker was lost."""
    for run_id in imports.runs_to_send_again(at=timezone.now()):
        run_import.delay(run_id=run_id)


def hint_import(run_id: int) -> bool:
    """Tell the queue that a run waits. The row is the truth, so a dead broker is no error.

    A broker that takes the connection and then says nothing is given up within three seconds,
    since somebody waits for the page; workers listen with a longer timeout.

    Returns:
        whether the broker took the message.
    """
    options = {**current_app.conf.broker_transport_options, **HINT_TIMEOUTS}
    try:
        with current_app.connection_for_write(transport_options=options) as connection:
            run_import.apply_async(kwargs={"run_id": run_id}, connection=connection, retry=False)
    except OperationalError as error:
        log.warning("broker_unreachable", run_id=run_id, detail=str(error))
        return False
    return True
