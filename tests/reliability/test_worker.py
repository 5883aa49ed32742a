"""From the upload in the browser's way to the figure, through a real broker and a real worker."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from portal.choices import Role, RunStatus
from portal.imports.ledger import STALE_AFTER
from portal.models import ImportRun
from portal.tasks import sweep_imports
from tests.billing.services.charges import assert_books_balance, live
from tests.billing.sources.focus.focus_files import csv_bytes
from tests.imports import line, make_connection, make_person, request
from tests.plugins.workers import WorkerFactory

pytestmark = [pytest.mark.worker, pytest.mark.django_db(transaction=True)]


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.02)


def status_of(run: ImportRun) -> str:
    return ImportRun.objects.values_list("status", flat=True).get(pk=run.pk)


def test_an_upload_is_applied_by_a_worker(
    celery_worker_process: WorkerFactory, client: Client
) -> None:
    make_connection()
    client.force_login(make_person("fin", Role.FINANCE))
    content = csv_bytes([line(1), line(2)])
    response = client.post(
        "/imports/connections/cloud/upload/",
        {"uploads": SimpleUploadedFile("may.csv", content)},
    )
    run = ImportRun.objects.get()
    assert response.headers["Location"] == f"/imports/runs/{run.pk}/"
    assert run.status == RunStatus.QUEUED
    celery_worker_process()
    wait_until(lambda: status_of(run) == RunStatus.APPLIED, "the worker applies the run")
    assert "Applied" in client.get(response.headers["Location"]).content.decode()
    assert live().total() == 2


@pytest.mark.both_engines
def test_a_run_whose_worker_is_killed_is_swept_and_finished_once(
    celery_worker_process: WorkerFactory, tmp_path: Path
) -> None:
    rows = [line(1 + n % 28, "1", ServiceName=f"Service {n % 40}") for n in range(4_000)]
    run = request(make_connection(), rows, at=timezone.now())
    worker = celery_worker_process()
    ImportRun.objects.filter(pk=run.pk).update(requested_at=timezone.now() - timedelta(minutes=2))
    sweep_imports()
    wait_until(lambda: status_of(run) == RunStatus.RUNNING, "the worker takes the run up")
    worker.kill()
    assert status_of(run) == RunStatus.RUNNING, "the kill came too late"
    assert not live()
    sweep_imports()
    assert ImportRun.objects.get(pk=run.pk).attempt == 1
    # A minute later, as far as the sweeper can see.
    ImportRun.objects.filter(pk=run.pk).update(
        heartbeat_at=timezone.now() - STALE_AFTER - timedelta(seconds=1)
    )
    sweep_imports()
    celery_worker_process()
    wait_until(lambda: status_of(run) == RunStatus.APPLIED, "another worker finishes the run")
    assert ImportRun.objects.get(pk=run.pk).attempt == 2
    assert live().total() == len(rows)
    assert_books_balance()
