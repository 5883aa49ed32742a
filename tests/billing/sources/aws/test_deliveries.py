"""An export is taken when all of it is there: manifests, files, periods, newest delivery."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from billing.sources.aws.deliveries import (
    Delivered,
    collect_export,
    delivery_document,
    read_parts,
)
from billing.sources.aws.manifests import read_manifest
from billing.sources.records import ExportPart
from portal.imports.contracts import ImportRefusedError
from tests.billing.services.charges import to_parquet
from tests.billing.sources.aws.exports import (
    cur,
    data_key,
    export_objects,
    manifest,
    manifest_key,
    packed,
    write_objects,
)
from tests.billing.sources.focus.focus_files import BASE_ROW, Outcome, csv_bytes, landed

Read = Callable[..., Outcome]
OLD, NEW = "20260914T030000Z-e-1", "20260915T030000Z-e-2"


def parts_of(outcome: Outcome) -> list[ExportPart]:
    records: list[Any] = list(outcome.records)
    return [each for each in records if isinstance(each, ExportPart)]


def digests(outcome: Outcome) -> Counter[Any]:
    return Counter(
        (each.identity, each.content)
        for each in outcome.records
        if not isinstance(each, ExportPart)
    )


def refusal(read: Callable[..., Any], *arguments: Any) -> ImportRefusedError:
    with pytest.raises(ImportRefusedError) as caught:
        read(*arguments)
    return caught.value


# --- whole ------------------------------------------------------------------------------------


def test_every_file_of_every_period_is_read(read_objects: Read) -> None:
    october = cur(bill_billing_period_start_date="2026-10-01T00:00:00Z")
    objects = export_objects([cur(1)], [cur(2), cur(3)]) | export_objects(
        [october], period="2026-10"
    )
    outcome = read_objects(objects)
    assert [(part.period_start, part.data_set) for part in parts_of(outcome)] == [
        (dt.date(2026, 9, 1), "cur2"),
        (dt.date(2026, 10, 1), "cur2"),
    ]
    assert digests(outcome).total() == 4


def test_a_missing_file_refuses_the_whole(read_objects: Read) -> None:
    objects = export_objects([cur(1)], [cur(2)])
    del objects[data_key("2026-09", 2)]
    found = refusal(read_objects, objects)
    assert (found.code, found.value) == ("missing_file", data_key("2026-09", 2))


def test_a_file_that_is_cut_on_its_way_is_refused(tmp_path: Path) -> None:
    content = packed([cur()])
    key = data_key("2026-09")
    made = read_manifest(manifest([key]).decode(), manifest_key("2026-09"))
    paths = [tmp_path / "delivery.json", tmp_path / "data"]
    paths[0].write_bytes(delivery_document([(made, [Delivered(key, len(content))])]))
    paths[1].write_bytes(content[:-1])
    found = refusal(read_parts, [landed(path, index) for index, path in enumerate(paths)])
    assert (found.code, found.expected) == ("cut_file", f"{len(content)} bytes")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (packed([cur()])[:-6], "truncated_gzip"),
        (csv_bytes([cur()])[:-1], "truncated_file"),
        (csv_bytes([cur()])[:-40], "too_few_cells"),
        (b"", "empty_file"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0), "missing_columns"),
    ],
)
def test_a_damaged_file_is_refused(read_objects: Read, content: bytes, code: str) -> None:
    found = refusal(read_objects, export_objects([cur()], content))
    assert found.code in {code, "truncated_file"} if code == "too_few_cells" else found.code == code


def test_csv_gzip_and_parquet_are_the_same_rows(
    tmp_path: Path, read_paths: Callable[..., Outcome]
) -> None:
    rows = [cur(day, f"{day}.5", resource_tags='{"user_team": "a"}') for day in (1, 2, 3)]
    found = []
    for name, content in (
        ("gzip", packed(rows)),
        ("csv", csv_bytes(rows)),
        ("parquet", to_parquet(csv_bytes(rows), tmp_path)),
    ):
        folder = write_objects(tmp_path / name, export_objects(content))
        spool = tmp_path / f"{name}-spool"
        spool.mkdir()
        found.append(digests(read_paths(collect_export([folder], spool))))
    assert found[0] == found[1] == found[2]
    assert found[0].total() == 3


def test_a_focus_export_is_read_as_focus(read_objects: Read) -> None:
    outcome = read_objects(export_objects([BASE_ROW], period="2026-05"))
    (part,) = parts_of(outcome)
    assert part.data_set == "focus"
    assert outcome.records[1].dimension.service_name == "Model Service"


def test_a_row_of_another_billing_period_is_refused(read_objects: Read) -> None:
    stray = cur(bill_billing_period_start_date="2026-08-01T00:00:00Z")
    found = refusal(read_objects, export_objects([cur(), stray]))
    assert (found.code, found.value, found.line) == ("other_billing_period", "2026-08", 3)


def test_two_currencies_are_refused(read_objects: Read) -> None:
    found = refusal(read_objects, export_objects([cur(), cur(line_item_currency_code="CNY")]))
    assert (found.code, found.value) == ("two_currencies", "CNY")


# --- which delivery ---------------------------------------------------------------------------


def test_of_deliveries_that_are_kept_the_newest_is_taken(read_objects: Read) -> None:
    objects = export_objects([cur(cost="1")], execution=OLD) | export_objects(
        [cur(cost="2")], execution=NEW
    )
    outcome = read_objects(objects)
    (part,) = parts_of(outcome)
    assert (part.made_at, part.execution) == ("2026-09-15T03:00:00Z", NEW)
    assert outcome.records[1].billed_nano == 2 * 10**9
    assert "older_deliveries" in outcome.note_codes


def test_an_export_that_overwrites_is_as_old_as_its_manifest(
    tmp_path: Path, read_paths: Callable[..., Outcome]
) -> None:
    folder = write_objects(tmp_path, export_objects([cur()]))
    os.utime(folder / manifest_key("2026-09"), (1_789_000_000, 1_789_000_000))
    spool = tmp_path / "spool"
    spool.mkdir()
    (part,) = parts_of(read_paths(collect_export([folder], spool)))
    made_at = dt.datetime.fromtimestamp(1_789_000_000, dt.UTC)
    assert part.made_at == made_at.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_any_part_of_the_buckets_paths_may_be_the_folder(
    tmp_path: Path, read_paths: Callable[..., Outcome]
) -> None:
    write_objects(tmp_path, export_objects([cur()]))
    spool = tmp_path / "spool"
    spool.mkdir()
    outcome = read_paths(collect_export([tmp_path / "billing" / "cur-hourly"], spool))
    assert digests(outcome).total() == 1


def test_files_uploaded_by_hand_find_their_manifest_by_name(
    tmp_path: Path, read_paths: Callable[..., Outcome]
) -> None:
    (tmp_path / "cur-hourly-00001.csv.gz").write_bytes(packed([cur()]))
    (tmp_path / "cur-hourly-Manifest.json").write_bytes(manifest([data_key("2026-09")]))
    outcome = read_paths(sorted(tmp_path.iterdir()))
    assert parts_of(outcome)[0].made_at == ""
    assert digests(outcome).total() == 1


def test_a_file_without_a_manifest_is_refused(
    tmp_path: Path, read_paths: Callable[..., Outcome]
) -> None:
    (tmp_path / "a.csv.gz").write_bytes(packed([cur()]))
    assert refusal(read_paths, [tmp_path / "a.csv.gz"]).code == "no_manifest"
    (tmp_path / "b.csv.gz").write_bytes(packed([cur()]))
    keys = ["x/data/BILLING_PERIOD=2026-09/a.csv.gz"]
    (tmp_path / "x-Manifest.json").write_bytes(manifest(keys))
    found = refusal(read_paths, sorted(tmp_path.iterdir()))
    assert (found.code, found.file) == ("file_without_manifest", "b.csv.gz")


def test_two_undated_manifests_of_a_month_are_refused(
    tmp_path: Path, read_paths: Callable[..., Outcome]
) -> None:
    for name in ("a", "b"):
        keys = [f"x/data/BILLING_PERIOD=2026-09/{name}.csv.gz"]
        (tmp_path / f"{name}.csv.gz").write_bytes(packed([cur()]))
        (tmp_path / f"{name}-Manifest.json").write_bytes(manifest(keys))
    assert refusal(read_paths, sorted(tmp_path.iterdir())).code == "two_manifests"


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    write_objects(tmp_path, {data_key("2026-09"): packed([cur()])})
    assert refusal(collect_export, [tmp_path], tmp_path).code == "no_manifest"


# --- hostile manifests ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        json.dumps({"dataFiles": []}),
        json.dumps({"dataFiles": "s3://b/x"}),
        json.dumps({"dataFiles": [1]}),
        json.dumps({"dataFiles": ["s3://b/data/BILLING_PERIOD=2026-09/../../../etc/passwd"]}),
        json.dumps({"dataFiles": ["https://b/data/BILLING_PERIOD=2026-09/x"]}),
        json.dumps({"dataFiles": ["s3://b/data/BILLING_PERIOD=2026-13/x"]}),
        json.dumps({"dataFiles": ["s3://b/data/x"]}),
        json.dumps({"dataFiles": [f"s3://b/BILLING_PERIOD=2026-0{n}/x" for n in (8, 9)]}),
        json.dumps({"dataFiles": ["s3://b/BILLING_PERIOD=2026-09/x"] * 2}),
        "[" * 100_000,
    ],
)
def test_what_is_no_manifest_is_refused(text: str) -> None:
    assert refusal(read_manifest, text, "m.json").code == "bad_manifest"
