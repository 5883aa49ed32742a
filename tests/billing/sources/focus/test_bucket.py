"""FOCUS files are fetched from a bucket: every month whose objects changed, whole, once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal

import pytest

from portal.choices import RunStatus
from portal.models import Connection, ImportFile, ImportRun
from portal.services.connections import create_connection
from portal.services.file_fetching import request_due_file_fetches
from tests.billing.services.charges import assert_books_balance, fingerprint
from tests.billing.sources.fake_s3 import FakeS3
from tests.billing.sources.faulty_s3 import FAULTS, SURVIVED, FaultyS3, Once
from tests.billing.sources.fetched_files import connect, look, reach_buckets
from tests.billing.sources.focus.bucket_files import (
    cost,
    daily,
    gateway,
    header_alone,
    hourly,
    monthly,
    packed,
    stored,
)
from tests.imports import START, Clock, run_import
from tests.plugins.sweeping import sampled

pytestmark = pytest.mark.django_db
ONE, TWO, THREE = Decimal(1), Decimal(2), Decimal(3)
MANIFEST = {"runInfo": {"submittedTime": "2026-09-15T03:00:00.0000000Z"}}


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyS3]:
    reach_buckets(monkeypatch)
    with FaultyS3(page_size=2) as fake:
        yield fake


@pytest.fixture
def focus(bucket: FaultyS3) -> Connection:
    return connect("focus", bucket)


def months_of(runs: int) -> list[str]:
    """The months of the newest runs, in the order in which they came."""
    names = ImportFile.objects.filter(index=0).order_by("-run_id").values_list("name", flat=True)
    return [name.split(" ")[1] for name in names[:runs]][::-1]


def last_run() -> ImportRun:
    return ImportRun.objects.latest("pk")


def attempt(connection: Connection) -> str:
    """Look, where a run may be refused or held; the problem of the newest."""
    try:
        look(connection, Clock())
    except AssertionError:
        return last_run().problem or last_run().held_reason
    raise AssertionError("it was applied")


# --- what is fetched --------------------------------------------------------------------------


@pytest.mark.both_engines
def test_each_month_becomes_a_run_and_is_not_read_again(
    bucket: FaultyS3, focus: Connection
) -> None:
    bucket.objects = {
        **daily("2026-08-30", cost("2026-08-30", "1")),
        **daily("2026-09-01", cost("2026-09-01", "2"), cost("2026-08-31", "3")),
        **daily("2026-09-14", cost("2026-09-14", "4")),
        "FOCUS Reports/readme.txt": b"words",
        "FOCUS Reports/2026/09/14/_SUCCESS": b"",
        "FOCUS Reports/2026/09/14/manifest.json": b"{}",
    }
    assert not look(focus, Clock())
    assert months_of(9) == ["2026-08", "2026-09"]
    assert stored() == {
        "2026-08-30": ONE, "2026-08-31": THREE, "2026-09-01": TWO, "2026-09-14": Decimal(4),
    }  # fmt: skip
    august, september = ImportRun.objects.order_by("pk")
    assert [run.status for run in (august, september)] == [RunStatus.APPLIED] * 2
    assert dict(august.notes)["other_month"] == "rows of 2026-09 are left to that month: 1"
    assert "readme.txt" in dict(september.notes)["ignored_objects"]
    assert "manifest" not in dict(september.notes)["ignored_objects"]
    asked = len(bucket.asked)
    assert not look(focus, Clock())
    assert ImportRun.objects.count() == 2
    assert all("list-type" in path for path in bucket.asked[asked:])
    assert not any("readme" in path for path in bucket.asked)
    assert_books_balance()


def test_a_late_row_has_its_month_read_again_whole(bucket: FaultyS3, focus: Connection) -> None:
    bucket.objects = daily("2026-08-30", cost("2026-08-30", "1"))
    look(focus, Clock())
    late = cost("2026-08-30", "3", hour=11)
    bucket.deliver(daily("2026-09-02", late, cost("2026-09-02", "2")), START)
    assert not look(focus, Clock())
    assert stored() == {"2026-08-30": Decimal(4), "2026-09-02": TWO}
    bucket.deliver(daily("2026-09-20", cost("2026-09-20", "5")), START)
    look(focus, Clock())
    assert months_of(1) == ["2026-09"]  # what cannot hold late rows concerns its own month alone
    assert ImportRun.objects.count() == 4


def test_a_row_that_comes_later_than_late_is_refused_and_named(
    bucket: FaultyS3, focus: Connection
) -> None:
    bucket.objects = daily("2026-09-06", cost("2026-09-06", "1"), cost("2026-08-30", "2"))
    problem = attempt(focus)
    assert "FOCUS Reports/2026/09/06/a.csv.gz has a row of another billing period" in problem
    assert "line 3, column BillingPeriodStart" in problem
    assert not stored()
    focus.config["late_days"] = 6
    focus.save()
    assert not look(focus, Clock())
    assert stored() == {"2026-09-06": ONE}


def test_months_before_the_first_are_left_out(bucket: FaultyS3, focus: Connection) -> None:
    focus.config["first_month"] = "2026-09"
    focus.save()
    bucket.objects = daily("2026-08-30", cost("2026-08-30", "1")) | daily(
        "2026-09-01", cost("2026-09-01", "2"), cost("2026-08-30", "3")
    )
    assert not look(focus, Clock())
    assert stored() == {"2026-09-01": TWO}


@pytest.mark.parametrize("run", ["", "new"], ids=["in_place", "in_another_folder"])
def test_a_month_is_replaced_by_what_the_export_wrote_last(
    run: str, bucket: FaultyS3, focus: Connection
) -> None:
    first = monthly("2026-09", cost("2026-09-01", "1"), cost("2026-09-02", "2"), run=run and "old")
    bucket.objects = first | monthly("2026-08", cost("2026-08-01", "9"))
    look(focus, Clock())
    for key in first if run else ():
        del bucket.objects[key]
    bucket.deliver(
        monthly("2026-09", cost("2026-09-01", "3"), cost("2026-09-02", "2"), run=run), START
    )
    assert not look(focus, Clock())
    assert months_of(1) == ["2026-09"]
    assert stored() == {"2026-08-01": Decimal(9), "2026-09-01": THREE, "2026-09-02": TWO}
    assert_books_balance()


def test_parts_of_a_month_are_added(bucket: FaultyS3, focus: Connection) -> None:
    bucket.objects = monthly("2026-09", cost("2026-09-01", "1")) | monthly(
        "2026-09", cost("2026-09-01", "2", hour=11), part=2
    )
    assert not look(focus, Clock())
    assert stored() == {"2026-09-01": THREE}


def test_a_day_that_a_whole_month_lost_waits_for_a_person(
    bucket: FaultyS3, focus: Connection
) -> None:
    bucket.deliver(monthly("2026-09", cost("2026-09-01", "1"), cost("2026-09-02", "2")), START)
    look(focus, Clock())
    bucket.deliver(monthly("2026-09", cost("2026-09-01", "1")), START)
    assert "came back empty (days 2026-09-02)" in attempt(focus)
    assert last_run().status == RunStatus.HELD
    assert stored() == {"2026-09-01": ONE, "2026-09-02": TWO}


def test_one_object_that_names_no_date_is_an_export_of_its_own(
    bucket: FaultyS3, focus: Connection
) -> None:
    for amount in ("1", "2"):
        bucket.deliver({"costs/focus.csv": packed(cost("2026-09-01", amount))}, START)
        assert not look(focus, Clock())
        assert stored() == {"2026-09-01": Decimal(amount)}


def test_a_month_without_rows_is_empty_and_hides_nothing(
    bucket: FaultyS3, focus: Connection
) -> None:
    empty = dict.fromkeys(monthly("2026-09", cost("2026-09-01", "1")), header_alone())
    bucket.objects = {**empty}
    assert not look(focus, Clock())
    assert "nothing_there" in dict(last_run().notes)
    bucket.deliver(monthly("2026-09", cost("2026-09-01", "1"), part=2), START)
    assert not look(focus, Clock())
    assert "nothing_there" not in dict(last_run().notes)
    assert stored() == {"2026-09-01": ONE}


# --- runs of one month ------------------------------------------------------------------------


def runs(first: str, second: str, *, manifests: bool = False) -> dict[str, bytes]:
    """Two runs of a month, the first of which says 1 and the second 2."""
    made = monthly("2026-09", cost("2026-09-01", "1"), run=first) | monthly(
        "2026-09", cost("2026-09-01", "2"), run=second
    )
    if manifests:
        for number, key in enumerate(list(made)):
            said = {"runInfo": {"submittedTime": f"2026-09-1{9 - number}T03:00:00.0000000Z"}}
            made[f"{key.rpartition('/')[0]}/manifest.json"] = json.dumps(said).encode()
    return made


def test_of_several_runs_of_a_month_the_newest_counts(bucket: FaultyS3, focus: Connection) -> None:
    bucket.objects = runs("202609140300", "202609150300")
    assert not look(focus, Clock())
    assert stored() == {"2026-09-01": TWO}
    assert not any("202609140300" in path for path in bucket.asked if "list-type" not in path)


def test_a_manifest_says_when_a_run_was_asked_for(bucket: FaultyS3, focus: Connection) -> None:
    bucket.objects = runs("b5f3", "a1c2", manifests=True)
    assert not look(focus, Clock())
    assert stored() == {"2026-09-01": ONE}  # the nineteenth, whatever the folder's name


def test_runs_of_which_nobody_knows_the_age_are_refused_with_both_names(
    bucket: FaultyS3, focus: Connection
) -> None:
    bucket.objects = runs("b5f3", "a1c2") | monthly("2026-08", cost("2026-08-01", "9"))
    problem = look(focus, Clock())
    assert "nothing says which is newer" in problem
    assert "a1c2/part_0_0001.csv" in problem
    assert "b5f3/part_0_0001.csv" in problem
    assert stored() == {"2026-08-01": Decimal(9)}  # a month that is whole does not wait for it


def test_a_run_whose_manifest_is_missing_is_not_whole_yet(
    bucket: FaultyS3, focus: Connection
) -> None:
    found = runs("202609140300", "202609150300", manifests=True)
    last = next(key for key in found if "150300/manifest" in key)
    bucket.objects = {key: found[key] for key in found if key != last}
    assert not look(focus, Clock())
    assert stored() == {"2026-09-01": ONE}
    bucket.objects = found
    assert not look(focus, Clock())
    assert stored() == {"2026-09-01": TWO}


# --- the same cost again ----------------------------------------------------------------------


def test_objects_that_repeat_one_another_are_refused_with_both_names(
    bucket: FaultyS3, focus: Connection
) -> None:
    so_far = [cost(f"2026-09-{day:02}", f"{day}") for day in range(1, 15)]
    bucket.objects = daily("2026-09-13", *so_far[:-1]) | daily("2026-09-14", *so_far)
    problem = attempt(focus)
    assert "most lines of this object stand in another one too" in problem
    assert "2026/09/13/a.csv.gz" in problem
    assert "2026/09/14/a.csv.gz" in problem
    assert not stored()


def test_a_gateway_s_later_sum_of_a_day_stands_for_its_earlier_one(bucket: FaultyS3) -> None:
    connection = connect("focus", bucket, cost_basis="estimated")
    bucket.objects = {
        **hourly(
            "2026-09-13", 23, gateway("2026-09-13", "1"), gateway("2026-09-13", "2", model="b")
        ),
        **hourly("2026-09-14", 0, gateway("2026-09-13", "5", BillingAccountName="Renamed")),
        **hourly("2026-09-14", 1, gateway("2026-09-14", "7"), gateway("2026-09-14", "1", key="k2")),
    }
    assert not look(connection, Clock())
    assert stored() == {"2026-09-13": Decimal(7), "2026-09-14": Decimal(8)}
    assert "left out: 1" in dict(last_run().notes)["newer_sums"]
    bucket.deliver(hourly("2026-09-14", 2, gateway("2026-09-14", "9")), START)
    assert not look(connection, Clock())
    assert stored() == {"2026-09-13": Decimal(7), "2026-09-14": Decimal(10)}
    assert_books_balance()


def test_sums_of_a_gateway_that_cannot_be_told_apart_are_refused(bucket: FaultyS3) -> None:
    connection = connect("focus", bucket, cost_basis="estimated")
    bucket.objects = hourly(
        "2026-09-14", 0, gateway("2026-09-14", "1"), gateway("2026-09-14", "2", x_Project="e")
    ) | hourly("2026-09-14", 1, gateway("2026-09-14", "5", key="k2"))
    assert "which of them a later object replaces cannot be seen" in attempt(connection)


def test_a_gateway_s_estimate_is_not_taken_for_a_bill(bucket: FaultyS3, focus: Connection) -> None:
    bucket.objects = hourly("2026-09-14", 0, gateway("2026-09-14", "1"))
    assert "estimate_as_bill" in attempt(focus)


# --- what goes away ---------------------------------------------------------------------------


def test_what_is_gone_from_the_bucket_takes_nothing_back(
    bucket: FaultyS3, focus: Connection
) -> None:
    first = daily("2026-09-13", cost("2026-09-13", "1"))
    bucket.objects = first | daily("2026-09-14", cost("2026-09-14", "2"))
    look(focus, Clock())
    bucket.objects = daily("2026-09-14", cost("2026-09-14", "2"))
    assert not look(focus, Clock())
    assert ImportRun.objects.count() == 1
    late = daily("2026-09-15", cost("2026-09-15", "3"), cost("2026-09-13", "9", hour=3))
    bucket.deliver(late, START)
    problem = look(focus, Clock())
    assert "objects of 2026-09 that were read before are not in the bucket any more" in problem
    assert stored() == {"2026-09-13": ONE, "2026-09-14": TWO}
    bucket.deliver(first, START)
    assert not look(focus, Clock())
    assert stored() == {"2026-09-13": Decimal(10), "2026-09-14": TWO, "2026-09-15": THREE}


# --- what goes wrong --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault", sampled(FAULTS, "busy_seconds", "truncated", "halved", "lost_key", "stale")
)
def test_each_fault_alone(fault: str, bucket: FaultyS3, focus: Connection) -> None:
    bucket.deliver(
        daily("2026-08-30", cost("2026-08-30", "1")) | daily("2026-09-13", cost("2026-09-13", "1")),
        START,
    )
    look(focus, Clock())
    before = stored()
    bucket.deliver(
        daily("2026-09-13", cost("2026-09-13", "7"))
        | daily("2026-09-14", cost("2026-09-14", "8"), cost("2026-09-13", "1", hour=3)),
        START,
    )
    mark, bucket.chances = fingerprint(), Once(bucket, fault)
    problem = look(focus, Clock())
    assert bucket.met == [fault]
    if fault in SURVIVED:
        assert not problem
    else:
        assert problem
        assert (stored(), fingerprint()) == (before, mark)
    assert not look(focus, Clock())
    assert stored() == {"2026-08-30": ONE, "2026-09-13": Decimal(8), "2026-09-14": Decimal(8)}
    assert_books_balance()


def test_what_people_bring_is_taken_as_ever(bucket: FakeS3, focus: Connection) -> None:
    """A day that a file does not have stays as it is."""
    by_hand = create_connection(slug="by-hand", source="focus", config={}, at=START)
    for rows in ([cost("2026-09-01", "1"), cost("2026-09-02", "2")], [cost("2026-09-01", "3")]):
        assert run_import(by_hand, packed(*rows)).status == RunStatus.APPLIED
    assert stored() == {"2026-09-01": THREE, "2026-09-02": TWO}
    assert "exports" not in last_run().facts
    (item,) = request_due_file_fetches(at=START)
    assert item.payload == {"connection": focus.pk}
