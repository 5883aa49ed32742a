"""Which keys of a bucket are reports, of which day, and what the day is called here."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from billing.sources.kiro.keys import by_day, landed_names, listed_below, origin_of, place_of
from billing.sources.kiro.reports import check_parts
from billing.sources.objects import StoredObject
from portal.imports.contracts import ImportRefusedError, LandedFile
from tests.billing.sources.fake_s3 import MODIFIED
from tests.billing.sources.kiro.kiro_files import ACCOUNT, FOLDER, key_of

LEGACY = f"AWSLogs/{ACCOUNT}/QDeveloperLogs/by_user_analytic/eu-central-1/2026/05/04/00"


def stored(key: str, etag: str = "a") -> StoredObject:
    return StoredObject(key, 3, etag, MODIFIED)


@pytest.mark.parametrize(
    "key",
    [
        key_of("2026-05-04"),
        key_of("2026-05-04").removeprefix("kiro/"),
        key_of("2026-05-04").replace("/00/", "/"),
        key_of("2026-05-04") + ".gz",
        f"{LEGACY}/{ACCOUNT}_by_user_analytic_202605050000_part_1.csv",
        f"deep/er/{LEGACY.replace('QDeveloper', 'Kiro')}/{ACCOUNT}_by_user_analytic_1.csv",
    ],
)
def test_the_documented_layout_is_read(key: str) -> None:
    place = place_of(key)
    assert place is not None
    assert (place.account, place.day) == (ACCOUNT, date(2026, 5, 4))
    assert key.endswith(place.name)


@pytest.mark.parametrize(
    "key",
    [
        key_of("2026-05-04").replace("user_report/", "GenerateAssistantResponse/"),  # prompts
        key_of("2026-05-04").replace("KiroLogs", "CloudTrail"),
        key_of("2026-05-04").replace("AWSLogs", "MyAWSLogs"),
        key_of("2026-05-04").replace("/05/04/", "/02/30/"),
        key_of("2026-05-04").replace(".csv", ".json"),
        key_of("2026-05-04") + "/",
        f"{FOLDER}/2026/05/report.csv",
        f"{FOLDER}/2026/05/04/00/\n.csv",
        "",
    ],
)
def test_other_objects_of_the_bucket_are_none(key: str) -> None:
    assert place_of(key) is None


def test_days_are_told_apart_over_the_end_of_a_month_whatever_the_order_of_the_listing() -> None:
    days = ["2028-02-28", "2028-02-29", "2028-03-01", "2028-12-31", "2029-01-01"]
    keys = [key_of(day, client) for day in days for client in ("KIRO_CLI", "KIRO_IDE")]
    found = by_day(map(stored, [*reversed(keys), f"{FOLDER}/readme.txt"]))
    assert [f"{day}" for day in found] == days
    assert [each.key for group in found.values() for each in group] == keys


def test_a_days_name_changes_with_anything_that_is_written_to_it() -> None:
    keys = [key_of("2026-05-04", client) for client in ("KIRO_CLI", "KIRO_IDE")]
    found = [stored(key) for key in keys]
    names = landed_names(found)
    assert names == landed_names(list(found))
    assert origin_of(names[0]) == (ACCOUNT, "us-east-1")
    changed = [
        landed_names(found[:1]),
        landed_names([found[0], replace(found[1], etag="b")]),
        landed_names([found[0], replace(found[1], modified=MODIFIED.replace(day=15))]),
    ]
    assert len({names[0], *(each[0] for each in changed)}) == 4
    assert origin_of(key_of("2026-05-04").rpartition("/")[2]) == ("", "")


def test_parts_are_still_told_by_their_names() -> None:
    keys = [f"{LEGACY}/{ACCOUNT}_by_user_analytic_202605050000_part_{n}.csv" for n in (1, 2, 3)]
    files = [LandedFile(0, name, None, "", 0) for name in landed_names([*map(stored, keys)])]  # type: ignore[arg-type]
    check_parts(files)
    with pytest.raises(ImportRefusedError, match="part 2"):
        check_parts([files[0], files[2]])


@pytest.mark.parametrize(
    ("prefix", "below"),
    [
        ("", "AWSLogs/"),
        ("kiro", "kiro/AWSLogs/"),
        (FOLDER, f"{FOLDER}/"),
    ],
)
def test_only_the_layouts_folder_is_listed(prefix: str, below: str) -> None:
    assert listed_below(prefix) == below
