"""Which objects of a bucket are a month together, by their keys; what cannot be told is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from billing.sources.focus.fetched_months import SAMPLE, _Sample
from billing.sources.focus.layouts import dated, months_of, run_time, sort_out
from billing.sources.objects import StoredObject
from portal.imports.contracts import ImportRefusedError

AT = datetime(2026, 9, 15, tzinfo=UTC)


def stored(key: str) -> StoredObject:
    return StoredObject(key, 1, '"e"', AT)


def months(*keys: str, late_days: int = 5, first: date | None = None) -> dict[str, list[str]]:
    """The keys of each month."""
    found = sort_out(map(stored, keys)).data
    units = months_of(found, late_days=late_days, first_month=first)
    return {unit.name: [each.stored.key for each in unit.objects] for unit in units}


@pytest.mark.parametrize(
    ("key", "said", "before", "after"),
    [
        ("FOCUS Reports/2026/09/14/0001.csv.gz", "2026-09-14", "FOCUS Reports", ""),
        ("2026/09/14/0001.csv", "2026-09-14", "", ""),
        ("f/date=2026-09-14/hour=03/u.parquet", "2026-09-14", "f", "hour=03"),
        ("f/2026-09-14/u.parquet", "2026-09-14", "f", ""),
        ("f/year=2026/month=9/day=4/u.parquet", "2026-09-04", "f", ""),
        ("x/20260901-20260930/b5f3/part_0_0001.csv", "2026-09", "x", "b5f3"),
        ("x/20260901-20261001/part_0_0001.csv", "2026-09", "x", ""),
        ("x/BILLING_PERIOD=2026-09/p.snappy.parquet", "2026-09", "x", ""),
        ("x/2026/09/p.csv", "2026-09", "x", ""),
        ("x/2026-09/2026-09-14T03/p.csv", "2026-09", "x", "2026-09-14T03"),
        ("x/focus-2026-09.csv", "2026-09", "x", ""),
        ("x/focus_2026-09-14.csv", "2026-09-14", "x", ""),
        ("x/20260901-20260914/p.csv", "", "x/20260901-20260914", ""),
        ("x/2026-13/p.csv", "", "x/2026-13", ""),
        ("x/2026-02-30/p.csv", "", "x/2026-02-30", ""),
        ("x/focus-123456789012-2026-090.csv", "", "x", ""),
    ],
)
def test_a_key_says_its_month_or_day(key: str, said: str, before: str, after: str) -> None:
    found = dated(stored(key))
    assert (found.said, found.before, found.after) == (said, before, after)


def test_the_days_of_a_month_and_the_first_of_the_next_are_read_newest_first() -> None:
    keys = [f"f/{day}/{name}.csv" for day in ("2026-08-31", "2026-09-01", "2026-09-06")
            for name in "ab"]  # fmt: skip
    assert months(*keys) == {
        "2026-08": [keys[3], keys[2], keys[1], keys[0]],
        "2026-09": [keys[5], keys[4], keys[3], keys[2]],
    }
    assert months(*keys, late_days=0)["2026-08"] == [keys[1], keys[0]]
    assert list(months(*keys, first=date(2026, 9, 1))) == ["2026-09"]


def test_a_year_ends_with_the_first_days_of_the_next() -> None:
    keys = ["f/2026-12-31/a.csv", "f/2027-01-01/a.csv"]
    assert months(*keys)["2026-12"] == keys[::-1]


def test_only_csv_and_parquet_are_read_and_what_stands_beside_is_not_worth_a_word() -> None:
    keys = [
        "x/2026-09/a.csv", "x/2026-09/b.CSV.GZ", "x/2026-09/c.parquet", "x/2026-09/d.csv.zip",
        "x/2026-09/", "x/2026-09/manifest.json", "x/2026-09/_SUCCESS", "x/2026-09/.c.parquet.crc",
        "x/2026-09/export-Manifest.json", "x/2026-09/a.csv.md5", "x/2026-09/e.orc",
        "x/metadata.csv",
    ]  # fmt: skip
    found = sort_out(map(stored, keys))
    assert [each.stored.key for each in found.data] == keys[:3]
    assert list(found.ignored) == ["x/2026-09/d.csv.zip", "x/2026-09/e.orc"]
    assert len(found.manifests) == 2


@pytest.mark.parametrize(
    ("code", "one", "other"),
    [
        ("undated_object", "x/2026-09/a.csv", "x/a.csv"),
        ("undated_object", "x/a.csv", "x/b.csv"),
        ("two_layouts", "x/2026-09/a.csv", "x/2026-09-14/a.csv"),
        ("two_exports", "x/2026-09/a.csv", "y/2026-09/a.csv"),
        ("unknown_layout", "x/2026-09-13/a.csv", "x/2026-09-14/run-1/a.csv"),
        ("several_objects", "x/focus-2026-09 (1).csv", "x/focus-2026-09 (2).csv"),
    ],
)
def test_objects_that_may_repeat_one_another_are_refused_by_name(
    code: str, one: str, other: str
) -> None:
    with pytest.raises(ImportRefusedError) as caught:
        months(one, other)
    assert caught.value.code == code
    assert one in str(caught.value)
    assert other in str(caught.value)


def test_one_object_without_a_date_stands_alone() -> None:
    assert months("x/focus.csv", "x/manifest.json") == {"all": ["x/focus.csv"]}


@pytest.mark.parametrize(
    ("folder", "time"),
    [
        ("202609140300", "20260914030000"),
        ("20260914T030001Z-e-1", "20260914030001"),
        ("20260914030001/b5f3", "20260914030001"),
        ("b5f3", ""),
        ("20260914", ""),
    ],
)
def test_a_run_s_folder_may_begin_with_its_time(folder: str, time: str) -> None:
    assert run_time(folder) == time


@pytest.mark.parametrize("size", [3, 10 * SAMPLE])
def test_a_sample_tells_files_that_repeat_from_parts(size: int) -> None:
    def sample(start: int, end: int) -> _Sample:
        found = _Sample()
        # Digests are spread evenly; a multiplication by an odd number spreads these.
        found._digests = {n * 0x9E3779B97F4A7C15 % 2**64 for n in range(start, end)}
        found.close()
        return found

    whole = sample(0, size)
    assert whole.repeats(sample(0, size + 2))
    assert sample(0, 3 * size).repeats(whole)
    assert not whole.repeats(sample(size, 2 * size))
    assert not whole.repeats(sample(size - size // 4, 2 * size))
