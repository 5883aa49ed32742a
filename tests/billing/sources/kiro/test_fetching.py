"""Reports are fetched from their bucket: every day whose objects changed, whole, once."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.test import Client

from billing.models import Usage
from portal.choices import Role, RunStatus
from portal.imports.contracts import ImportRefusedError, SourceUnavailableError
from portal.models import Connection, ImportFile, ImportRun
from portal.services.connections import create_connection
from portal.services.file_fetching import probe_files, request_due_file_fetches
from tests.billing.engine import bring
from tests.billing.services.charges import assert_books_balance, fingerprint
from tests.billing.sources.fake_s3 import SECRET
from tests.billing.sources.faulty_s3 import FAULTS, SURVIVED, FaultyS3, Once
from tests.billing.sources.fetched_files import connect, look, reach_buckets
from tests.billing.sources.kiro.kiro_files import (
    ACCOUNT,
    FOLDER,
    beyond,
    key_of,
    legacy,
    object_of,
    price,
    report,
    row,
)
from tests.imports import START, Clock, make_person
from tests.plugins.sweeping import sampled

pytestmark = pytest.mark.django_db
IDE, CLI = "KIRO_IDE", "KIRO_CLI"
APRIL, MAY = "2026-04-30", "2026-05-01"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyS3]:
    reach_buckets(monkeypatch)
    with FaultyS3(page_size=2) as fake:
        yield fake


@pytest.fixture
def kiro(bucket: FaultyS3) -> Connection:
    """A connection to the bucket, after a plan that prices its credits."""
    price()
    return connect("kiro", bucket, prefix="kiro")


def days_of(runs: int) -> list[str]:
    """The days of the newest runs, in the order in which they came."""
    names = ImportFile.objects.filter(index=0).order_by("-run_id").values_list("name", flat=True)
    return [name[:10] for name in names[:runs]][::-1]


# --- what is fetched --------------------------------------------------------------------------


def test_each_day_becomes_a_run_and_is_not_read_again(bucket: FaultyS3, kiro: Connection) -> None:
    bucket.objects = {
        **object_of(MAY, "3"),
        **object_of(APRIL, "1", "2"),
        **object_of(APRIL, "5", client=CLI),
        f"kiro/AWSLogs/{ACCOUNT}/KiroLogs/GenerateAssistantResponse/us-east-1/x.json.gz": b"words",
    }
    assert not look(kiro, Clock())
    assert days_of(9) == [APRIL, MAY]
    assert beyond() == {(APRIL, IDE): 3, (APRIL, CLI): 5, (MAY, IDE): 3}
    names = ImportRun.objects.order_by("pk")[0].files.order_by("index").values_list("name")
    assert [name.split(" ")[2:] for (name,) in names] == [
        [ACCOUNT, "us-east-1", f"{client}_{ACCOUNT}_user_report_202605010200.csv"]
        for client in (CLI, IDE)
    ]
    asked = len(bucket.asked)
    assert not look(kiro, Clock())
    assert ImportRun.objects.count() == 2
    assert all("list-type" in path for path in bucket.asked[asked:])
    assert not any("Generate" in path for path in bucket.asked)
    assert not bucket.refused
    assert_books_balance()


@pytest.mark.parametrize("time", ["0200", "0900"], ids=["in_place", "beside"])
def test_a_later_object_replaces_an_older_one_of_its_day(
    time: str, bucket: FaultyS3, kiro: Connection
) -> None:
    bucket.deliver(object_of(APRIL, "1", "2") | object_of(MAY, "3"), START)
    look(kiro, Clock())
    bucket.deliver(object_of(APRIL, "7", time=time), START)
    assert not look(kiro, Clock())
    assert days_of(1) == [APRIL]  # over the end of the month, and nothing but the day that changed
    assert ImportRun.objects.count() == 3
    assert beyond() == {(APRIL, IDE): 7, (MAY, IDE): 3}
    assert_books_balance()


def test_a_bucket_that_goes_back_to_an_earlier_state_is_read_again(
    bucket: FaultyS3, kiro: Connection
) -> None:
    for hour, credits in enumerate(["1", "2", "1"]):
        bucket.deliver(object_of(MAY, credits), START.replace(hour=hour))
        assert not look(kiro, Clock())
        assert beyond() == {(MAY, IDE): Decimal(credits)}


def test_days_without_anybody_are_empty_and_hide_nothing(
    bucket: FaultyS3, kiro: Connection
) -> None:
    bucket.objects = object_of(APRIL) | object_of(MAY) | object_of(MAY, "4", client=CLI)
    assert not look(kiro, Clock())
    empty, mixed = ImportRun.objects.order_by("pk")
    assert "nothing_there" in dict(empty.notes)
    assert "nothing_there" not in dict(mixed.notes)
    assert beyond() == {(MAY, CLI): 4}


def test_the_reports_of_two_regions_are_both_taken(bucket: FaultyS3, kiro: Connection) -> None:
    frankfurt = FOLDER.replace("us-east-1", "eu-central-1")
    later = object_of(MAY, "2", time="0201", folder=frankfurt)
    bucket.objects = object_of(MAY, "1") | later
    assert not look(kiro, Clock())
    assert beyond() == {(MAY, IDE): 3}


def test_parts_of_amazon_q_come_together(bucket: FaultyS3, kiro: Connection) -> None:
    folder = f"kiro/AWSLogs/{ACCOUNT}/QDeveloperLogs/by_user_analytic/us-east-1/2026/05/04/00"
    bucket.objects = {
        f"{folder}/{ACCOUNT}_by_user_analytic_202605050000_part_{n}.csv": legacy(
            f"u{n},05-04-2026,10,2,0,1,,5,21"
        )
        for n in (1, 2)
    }
    assert not look(kiro, Clock())
    messages = Usage.objects.get(dimension__metric="activity.Chat_MessagesSent")
    assert messages.quantity_micro == 4 * 10**6


def test_what_people_bring_is_taken_as_ever(bucket: FaultyS3, kiro: Connection) -> None:
    assert bring(kiro, report(row())).status == RunStatus.APPLIED
    by_hand = create_connection(slug="by-hand", source="kiro", config={}, at=START)
    (item,) = request_due_file_fetches(at=START)
    assert item.payload == {"connection": kiro.pk}
    with pytest.raises(ImportRefusedError, match="names no place to fetch from"):
        probe_files(connection=by_hand)


# --- what goes wrong --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault", sampled(FAULTS, "busy_seconds", "truncated", "halved", "lost_key", "stale")
)
def test_each_fault_alone(fault: str, bucket: FaultyS3, kiro: Connection) -> None:
    first = object_of(APRIL, "1") | object_of(APRIL, "2", client=CLI) | object_of(MAY, "3")
    bucket.deliver(first, START)
    look(kiro, Clock())
    before = beyond()
    # Written again in place, and beside: what an incomplete look takes is older than what is there.
    bucket.deliver(object_of(APRIL, "7") | object_of(APRIL, "8", client=CLI, time="0900"), START)
    mark, bucket.chances = fingerprint(), Once(bucket, fault)
    problem = look(kiro, Clock())
    assert bucket.met == [fault]
    if fault in SURVIVED:
        assert not problem
    else:
        assert problem
        assert (beyond(), fingerprint()) == (before, mark)
    assert not look(kiro, Clock())
    assert beyond() == {(APRIL, IDE): 7, (APRIL, CLI): 8, (MAY, IDE): 3}
    assert_books_balance()


def test_every_day_is_whole_and_moves_on_whatever_the_bucket_does(
    bucket: FaultyS3, kiro: Connection
) -> None:
    chance, truth = bucket.chance, _Truth()
    chance.seed(3)
    bucket.chances = dict.fromkeys(FAULTS, 0.012)
    for turn in range(6):
        for _ in range(4):
            day, client = f"2026-05-{chance.randrange(1, 6):02}", chance.choice([IDE, CLI])
            truth.deliver(bucket, day, client, time=chance.choice(["0200", f"{3 + turn:02}00"]))
        before = beyond()
        look(kiro, Clock())
        after, now = beyond(), truth.now()
        for day in {day for day, _ in now}:
            assert _on(after, day) in (_on(before, day), _on(now, day)), (day, bucket.met)
    bucket.chances = {}
    assert not look(kiro, Clock())
    assert beyond() == truth.now()
    assert bucket.met
    assert_books_balance()


class _Truth:
    """What was written for each day and client, by the time in the object's name."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], dict[str, Decimal]] = {}
        self.number = 0

    def deliver(self, bucket: FaultyS3, day: str, client: str, *, time: str) -> None:
        self.number += 1
        self.held.setdefault((day, client), {})[time] = Decimal(self.number)
        bucket.deliver(object_of(day, f"{self.number}", client=client, time=time), START)

    def now(self) -> dict[tuple[str, str], Decimal]:
        return {place: by_time[max(by_time)] for place, by_time in self.held.items()}


def _on(found: dict[tuple[str, str], Decimal], day: str) -> dict[str, Decimal]:
    return {client: credits for (each, client), credits in found.items() if each == day}


def test_a_report_that_is_written_meanwhile_is_taken_the_next_time(
    bucket: FaultyS3, kiro: Connection
) -> None:
    bucket.objects = object_of(MAY, "1")
    written = iter([object_of(MAY, "2"), {}])

    def write(path: str) -> None:
        if path.endswith(".csv"):
            bucket.objects |= next(written)

    bucket.before = write
    assert "changed while it was fetched" in look(kiro, Clock())
    assert not ImportRun.objects.exists()
    assert not look(kiro, Clock())
    assert beyond() == {(MAY, IDE): 2}


# --- the probe, and the buttons ---------------------------------------------------------------


def test_a_probe_reads_one_report_and_stores_nothing(bucket: FaultyS3, kiro: Connection) -> None:
    bucket.objects = object_of(APRIL, "1") | object_of(MAY, "1") | {f"{FOLDER}/a.txt": b"x"}
    probe_files(connection=kiro)
    assert len([path for path in bucket.asked if path.endswith(".csv")]) == 1
    bucket.objects = {"kiro/AWSLogs/elsewhere.csv": b"", key_of(MAY).removeprefix("kiro/"): b""}
    with pytest.raises(ImportRefusedError, match=r"no report below this prefix \(found 'kiro/AWS"):
        probe_files(connection=kiro)
    assert not ImportRun.objects.exists()


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"bucket": "none-such"}, "the bucket cannot be listed: 127.0.0.1"),
        ({"bucket": "none-such"}, "(found 'none-such'); expected a bucket of this name"),
        ({"region": "us-west-2"}, "403: the credential is not accepted or may not read this"),
    ],
)
def test_a_probe_says_what_is_wrong(
    config: dict[str, str], said: str, bucket: FaultyS3, kiro: Connection
) -> None:
    bucket.objects = object_of(MAY, "1")
    kiro.config |= config
    kiro.save()
    with pytest.raises(ImportRefusedError) as caught:
        probe_files(connection=kiro)
    assert said in str(caught.value)
    assert look(kiro, Clock()) == str(caught.value)
    assert not ImportRun.objects.exists()


def test_a_probe_of_a_store_that_is_not_there_says_so(bucket: FaultyS3, kiro: Connection) -> None:
    bucket.chances = {"error_503": 1.0}
    with pytest.raises(SourceUnavailableError, match="answered 503"):
        probe_files(connection=kiro)


def test_the_buttons_are_there_where_a_bucket_is_named(
    bucket: FaultyS3, kiro: Connection, client: Client
) -> None:
    bucket.objects = object_of(MAY, "1")
    client.force_login(make_person("fin", Role.FINANCE))
    page = client.get("/imports/connections/kiro/").content.decode()
    assert "Test connection" in page
    assert "Fetch now" in page
    told = client.post("/imports/connections/kiro/probe/", follow=True).content.decode()
    assert "The connection works" in told
    assert SECRET not in told
    Connection.objects.update(config={})
    page = client.get("/imports/connections/kiro/").content.decode()
    assert "Test connection" not in page
