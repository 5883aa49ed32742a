"""An export is fetched from its bucket: the newest whole delivery of each month, once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from pydantic import SecretStr

from portal.choices import Role, RunStatus
from portal.imports.contracts import ImportRefusedError, SourceUnavailableError
from portal.imports.runner import execute_run
from portal.models import Connection, ImportRun, WorkItem
from portal.services import file_fetching
from portal.services.connections import create_connection
from portal.services.file_fetching import (
    FILE_FETCH_KIND,
    probe_files,
    request_due_file_fetches,
    request_file_fetch,
    run_file_fetch,
)
from portal.work.registry import Work, WorkRefusedError
from tests.billing.services.charges import billed
from tests.billing.sources.aws.exports import (
    cur,
    data_key,
    export_objects,
    manifest_key,
    packed,
)
from tests.billing.sources.fake_s3 import BUCKET, KEY_ID, REGION, SECRET, FakeS3
from tests.imports import START, Clock, make_person
from tests.portal.imports.outbound.faults import LOOPBACK

pytestmark = pytest.mark.django_db
OLD, NEW = "20260914T030000Z-e-1", "20260915T030000Z-e-2"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeS3]:
    secret = SecretStr(f"{KEY_ID}:{SECRET}")
    monkeypatch.setattr(file_fetching, "outbound_policy", lambda: LOOPBACK)
    monkeypatch.setattr(file_fetching, "credential_of", lambda connection: secret)
    with FakeS3(page_size=2) as fake:
        yield fake


def connect(bucket: FakeS3, **config: Any) -> Connection:
    where = {
        "bucket": BUCKET,
        "prefix": "billing/cur-hourly",
        "region": REGION,
        "endpoint": bucket.origin,
        "hold_jump_percent": 10_000,
        "hold_jump_floor": 10**9,
    }
    return create_connection(slug="aws", source="aws", config=where | config, at=START)


def fetch(connection: Connection) -> list[ImportRun]:
    """Fetch as the worker does; returns the runs that it queued."""
    known = set(ImportRun.objects.values_list("pk", flat=True))
    item = request_file_fetch(connection=connection, actor=None, at=START)
    assert item.kind == FILE_FETCH_KIND
    run_file_fetch(
        Work(
            item_id=item.pk,
            key=item.key,
            payload=item.payload,
            attempt=1,
            at=START,
            clock=lambda: START,
        )
    )
    return list(ImportRun.objects.exclude(pk__in=known).order_by("pk"))


def fetched(connection: Connection, clock: Clock) -> list[ImportRun]:
    return [execute_run(run.pk, clock=clock) for run in fetch(connection)]


def test_the_newest_delivery_of_each_month_becomes_a_run_of_its_own(bucket: FakeS3) -> None:
    october = cur(2, "7", bill_billing_period_start_date="2026-10-01T00:00:00Z")
    bucket.objects = (
        export_objects([cur(1, "1")], execution=OLD)
        | export_objects([cur(1, "2")], [cur(2, "3")], execution=NEW)
        | export_objects([october], execution=NEW, period="2026-10")
    )
    connection, clock = connect(bucket), Clock()
    runs = fetched(connection, clock)
    assert [run.status for run in runs] == [RunStatus.APPLIED] * 2
    assert [list(run.facts["exports"]) for run in runs] == [["2026-09"], ["2026-10"]]
    assert billed(connection) == 12
    names = [file.name for file in runs[0].files.order_by("index")]
    assert names[0].startswith("export 2026-09 20260915T030000Z ")
    assert names[1:] == [f"2026-09 000{n} cur-hourly-0000{n}.csv.gz" for n in (1, 2)]
    assert not bucket.refused
    assert fetch(connection) == []


@pytest.mark.sweep
def test_an_export_that_overwrites_is_fetched_again_when_its_manifest_changes(
    bucket: FakeS3,
) -> None:
    bucket.objects = export_objects([cur(1, "1")])
    connection, clock = connect(bucket), Clock()
    fetched(connection, clock)
    bucket.objects = export_objects([cur(1, "1")], [cur(2, "5")])
    bucket.modified = dict.fromkeys(bucket.objects, START)
    (run,) = fetched(connection, clock)
    assert run.facts["exports"]["2026-09"]["made_at"] == "2026-11-20T12:00:00Z"
    assert billed(connection) == 6


def test_a_delivery_that_is_not_whole_leaves_nothing_behind(bucket: FakeS3) -> None:
    bucket.objects = export_objects([cur(1, "1")], [cur(2, "5")])
    del bucket.objects[data_key("2026-09", 2)]
    connection = connect(bucket)
    with pytest.raises(SourceUnavailableError, match="the export is not whole"):
        fetch(connection)
    assert not ImportRun.objects.exists()


@pytest.mark.sweep
def test_a_delivery_that_changes_meanwhile_is_not_taken(bucket: FakeS3) -> None:
    bucket.objects = export_objects([cur(1, "1")], [cur(2, "5")])
    connection = connect(bucket)

    def deliver_anew(path: str) -> None:
        if path.endswith("00002.csv.gz"):
            bucket.objects |= export_objects([cur(1, "9")])

    bucket.before = deliver_anew
    with pytest.raises(SourceUnavailableError, match="delivered anew"):
        fetch(connection)
    assert not ImportRun.objects.exists()


def test_a_refused_credential_or_manifest_is_for_a_person(bucket: FakeS3) -> None:
    connection = connect(bucket, region="us-west-2")
    with pytest.raises(WorkRefusedError, match="credential is not accepted"):
        fetch(connection)
    connection.config["region"] = REGION
    connection.save()
    bucket.objects = {manifest_key("2026-09"): b"{}"}
    with pytest.raises(WorkRefusedError, match="no manifest of an export"):
        fetch(connection)


def test_a_probe_reads_a_manifest_and_stores_nothing(bucket: FakeS3) -> None:
    bucket.objects = export_objects([cur()])
    connection = connect(bucket)
    probe_files(connection=connection)
    assert not any(path.endswith(".gz") for path in bucket.asked)
    bucket.objects = {"elsewhere": packed([cur()])}
    with pytest.raises(ImportRefusedError, match="no manifest below this prefix"):
        probe_files(connection=connection)
    assert not ImportRun.objects.exists()


@pytest.mark.sweep
def test_only_connections_with_a_bucket_are_looked_at(bucket: FakeS3) -> None:
    connection = connect(bucket)
    create_connection(slug="by-hand", source="aws", config={}, at=START)
    (item,) = request_due_file_fetches(at=START)
    assert item.payload == {"connection": connection.pk}


@pytest.fixture
def person(client: Client) -> Client:
    client.force_login(make_person("fin", Role.FINANCE))
    return client


def said(person: Client, path: str, **data: str) -> str:
    """What the page says after a button was pressed, blanks folded."""
    response = person.post(f"/imports/connections/aws/{path}/", data, follow=True)
    assert response.redirect_chain
    return " ".join(response.content.decode().split())


def test_the_buttons_of_a_bucket_test_it_and_look_for_new_files(
    bucket: FakeS3, person: Client
) -> None:
    bucket.objects = export_objects([cur()])
    connection = connect(bucket)
    page = person.get("/imports/connections/aws/").content.decode()
    assert "Test connection" in page
    assert "Fetch now" in page
    assert "The connection works" in said(person, "probe")
    assert SECRET not in said(person, "probe")
    form = person.get("/imports/connections/aws/fetch/").content.decode()
    assert 'type="date"' not in form  # a store is looked at as a whole
    assert "A look at the files is asked for" in said(person, "fetch")
    said(person, "fetch")
    (item,) = WorkItem.objects.filter(kind=FILE_FETCH_KIND)  # twice asked, once queued
    assert item.requested_by is not None
    run_file_fetch(
        Work(
            item_id=item.pk, key=item.key, payload=item.payload, attempt=1, at=START,
            clock=lambda: START,
        )
    )  # fmt: skip
    (run,) = ImportRun.objects.all()
    assert run.requested_by == item.requested_by
    assert execute_run(run.pk, clock=Clock()).status == RunStatus.APPLIED
    assert billed(connection) > 0


@pytest.mark.sweep
def test_a_bucket_that_does_not_work_is_said_at_once(bucket: FakeS3, person: Client) -> None:
    connect(bucket, region="us-west-2")
    assert "does not work" in said(person, "probe")
    assert len(bucket.refused) == 1  # a person waits, so it is tried once
    Connection.objects.update(config={})
    assert "Test connection" not in person.get("/imports/connections/aws/").content.decode()
    assert "takes files and is not fetched" in said(person, "probe")
