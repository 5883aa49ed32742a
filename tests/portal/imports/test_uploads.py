"""Giving files to a connection in the browser's way."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from kombu.exceptions import OperationalError

from portal.choices import RunStatus, RunTrigger
from portal.models import Connection, ImportRun, User
from portal.tasks import run_import as task
from tests.billing.sources.focus.focus_files import csv_bytes
from tests.imports import line
from tests.portal.imports.test_connections import text_of

PATH = "/imports/connections/cloud/upload/"


def upload(name: str = "may.csv", content: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, csv_bytes([line()]) if content is None else content)


def test_an_upload_queues_a_run_and_tells_the_queue_after_the_commit(
    fin_client: Client,
    fin: User,
    cloud: Connection,
    sent: list[int],
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        response = fin_client.post(
            PATH,
            {
                "uploads": [upload("a.csv"), upload("b.csv")],
                "window_start": "2026-05-01",
                "window_end": "2026-06-01",
                "is_dry_run": "on",
            },
        )
    run = ImportRun.objects.get()
    assert response.headers["Location"] == f"/imports/runs/{run.pk}/"
    assert (run.status, run.trigger, run.requested_by) == (
        RunStatus.QUEUED,
        RunTrigger.UPLOAD,
        fin,
    )
    assert run.is_dry_run
    assert (run.window_start, run.window_end) == (date(2026, 5, 1), date(2026, 6, 1))
    assert [file.name for file in run.files.all()] == ["a.csv", "b.csv"]
    assert sent == [run.pk]
    assert len(callbacks) == 1


def test_nothing_is_sent_when_the_transaction_is_not_committed(
    fin_client: Client, cloud: Connection, sent: list[int]
) -> None:
    fin_client.post(PATH, {"uploads": upload()})
    assert ImportRun.objects.count() == 1
    assert sent == []


@pytest.mark.django_db(transaction=True)
def test_with_the_broker_away_the_run_waits_and_the_page_says_so(
    fin_client: Client, cloud: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(**_: Any) -> None:
        raise OperationalError("no socket")

    monkeypatch.setattr(task, "apply_async", away)
    response = fin_client.post(PATH, {"uploads": upload()})
    page = text_of(fin_client.get(response.headers["Location"]))
    assert "The queue cannot be reached" in page
    assert "starts by itself" in page
    assert ImportRun.objects.get().status == RunStatus.QUEUED


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "This field is required"),
        ({"uploads": upload(content=b"")}, "empty"),
        ({"uploads": upload(), "window_start": "soon"}, "valid date"),
        (
            {"uploads": upload(), "window_start": "2026-05-02", "window_end": "2026-05-02"},
            "after the first day covered",
        ),
    ],
)
def test_a_mistake_is_named_and_queues_nothing(
    fin_client: Client, cloud: Connection, data: dict[str, Any], said: str
) -> None:
    for each in data.values():
        if isinstance(each, SimpleUploadedFile):
            each.seek(0)
    assert said in text_of(fin_client.post(PATH, data))
    assert not ImportRun.objects.exists()


def test_a_file_larger_than_the_portal_takes_is_named(
    fin_client: Client, cloud: Connection, settings: Any
) -> None:
    settings.IMPORT_MAX_BYTES = 100
    page = text_of(fin_client.post(PATH, {"uploads": upload("large.csv")}))
    assert "large.csv" in page
    assert "at most 100 bytes" in page
    assert not ImportRun.objects.exists()


def test_a_connection_that_is_switched_off_takes_nothing(
    fin_client: Client, cloud: Connection
) -> None:
    Connection.objects.update(is_active=False)
    for response in (fin_client.get(PATH), fin_client.post(PATH, {"uploads": upload()})):
        assert response.headers["Location"] == "/imports/connections/cloud/"
    assert not ImportRun.objects.exists()


def test_the_form_says_what_to_give_it(fin_client: Client, cloud: Connection) -> None:
    html = fin_client.get(PATH).content.decode()
    assert 'accept=".csv,.gz,.parquet"' in html
    assert "multiple" in html
    assert "FOCUS 1.0 to 1.4" in html
