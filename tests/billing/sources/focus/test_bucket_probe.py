"""Testing a bucket of FOCUS files: what works, what is wrong, and what the page offers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from django.test import Client
from pydantic import ValidationError

from billing.sources.focus.config import FocusConfig
from portal.choices import Role, RunStatus
from portal.imports.contracts import ImportRefusedError, SourceUnavailableError
from portal.imports.runner import execute_run
from portal.models import Connection, ImportRun
from portal.services.connections import create_connection
from portal.services.file_fetching import probe_files
from portal.services.imports import replay_run
from tests.billing.services.charges import fingerprint
from tests.billing.sources.fake_s3 import SECRET
from tests.billing.sources.faulty_s3 import FaultyS3
from tests.billing.sources.fetched_files import connect, look, reach_buckets
from tests.billing.sources.focus.bucket_files import cost, daily, monthly, stored
from tests.imports import START, Clock, make_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyS3]:
    reach_buckets(monkeypatch)
    with FaultyS3() as fake:
        yield fake


@pytest.fixture
def focus(bucket: FaultyS3) -> Connection:
    return connect("focus", bucket, prefix="FOCUS Reports")


def test_a_probe_reads_the_smallest_object_and_stores_nothing(
    bucket: FaultyS3, focus: Connection
) -> None:
    small = daily("2026-09-14", cost("2026-09-14", "1"))
    large = daily("2026-09-13", *(cost("2026-09-13", "1", hour=hour) for hour in range(20)))
    bucket.objects = {**large, **small, "elsewhere/2026-09-14/a.csv": b"x"}
    probe_files(connection=focus)
    read = [path for path in bucket.asked if "list-type" not in path]
    assert read == ["/bills/FOCUS%20Reports/2026/09/14/a.csv.gz"]
    assert not ImportRun.objects.exists()


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        ({"elsewhere/2026-09-14/a.csv": b"x"}, "no cost and usage file below this prefix (found"),
        ({"FOCUS Reports/readme.txt": b"x"}, "expected objects that end in .csv, .csv.gz, .parq"),
        ({"FOCUS Reports/2026-09/a.csv": b"x", "FOCUS Reports/a.csv": b"x"}, "names no month"),
    ],
)
def test_a_probe_says_what_it_does_not_find(
    objects: dict[str, bytes], said: str, bucket: FaultyS3, focus: Connection
) -> None:
    bucket.objects = objects
    with pytest.raises(ImportRefusedError) as caught:
        probe_files(connection=focus)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"bucket": "none-such"}, "the bucket cannot be listed: 127.0.0.1"),
        ({"region": "us-west-2"}, "403: the credential is not accepted or may not read this"),
    ],
)
def test_a_probe_and_a_look_say_what_is_wrong(
    config: dict[str, str], said: str, bucket: FaultyS3, focus: Connection
) -> None:
    bucket.objects = daily("2026-09-14", cost("2026-09-14", "1"))
    focus.config |= config
    focus.save()
    with pytest.raises(ImportRefusedError) as caught:
        probe_files(connection=focus)
    assert said in str(caught.value)
    assert look(focus, Clock()) == str(caught.value)
    assert not ImportRun.objects.exists()


def test_a_probe_of_a_store_that_is_not_there_says_so(bucket: FaultyS3, focus: Connection) -> None:
    bucket.chances = {"error_503": 1.0}
    with pytest.raises(SourceUnavailableError, match="answered 503"):
        probe_files(connection=focus)


def test_an_object_that_is_written_meanwhile_is_taken_the_next_time(
    bucket: FaultyS3, focus: Connection
) -> None:
    bucket.objects = daily("2026-09-14", cost("2026-09-14", "1"))
    written = iter([daily("2026-09-14", cost("2026-09-14", "2")), {}])

    def write(path: str) -> None:
        if path.endswith(".csv.gz"):
            bucket.objects |= next(written)

    bucket.before = write
    assert "changed while it was fetched" in look(focus, Clock())
    assert not ImportRun.objects.exists()
    assert not look(focus, Clock())
    assert list(stored().values()) == [2]


def test_what_was_fetched_can_be_read_again_without_the_bucket(
    bucket: FaultyS3, focus: Connection
) -> None:
    focus.config["prefix"] = ""
    focus.save()
    bucket.objects = monthly("2026-09", cost("2026-09-14", "1")) | monthly(
        "2026-09", cost("2026-09-15", "2"), part=2
    )
    look(focus, Clock())
    mark = fingerprint()
    again = replay_run(run=ImportRun.objects.get(), actor=None, at=START)
    assert execute_run(again.pk, clock=Clock()).status == RunStatus.APPLIED
    assert fingerprint() == mark


def test_a_delivery_of_which_a_file_is_missing_is_refused(
    bucket: FaultyS3, focus: Connection
) -> None:
    bucket.objects = daily("2026-09-14", cost("2026-09-14", "1"))
    look(focus, Clock())
    run = ImportRun.objects.get()
    again = replay_run(run=run, actor=None, at=START)
    again.files.filter(index=1).delete()
    closed = execute_run(again.pk, clock=Clock())
    assert (closed.status, "missing_file" in closed.problem) == (RunStatus.REFUSED, True)


def test_the_buttons_are_there_where_a_bucket_is_named(
    bucket: FaultyS3, focus: Connection, client: Client
) -> None:
    bucket.objects = daily("2026-09-14", cost("2026-09-14", "1"))
    client.force_login(make_person("fin", Role.FINANCE))
    page = client.get("/imports/connections/focus/").content.decode()
    assert "Test connection" in page
    assert "Fetch now" in page
    told = client.post("/imports/connections/focus/probe/", follow=True).content.decode()
    assert "The connection works" in told
    assert SECRET not in told
    create_connection(slug="by-hand", source="focus", config={}, at=START)
    page = client.get("/imports/connections/by-hand/").content.decode()
    assert "Test connection" not in page


@pytest.mark.parametrize("text", ["2026-13", "2026-9x", "2026"])
def test_a_first_month_that_is_none_is_said(text: str) -> None:
    with pytest.raises(ValidationError, match="a month such as 2026-01"):
        FocusConfig(first_month=text)
    assert FocusConfig(first_month="2026-09").first_day == date(2026, 9, 1)
