"""The two commands, and the sample of the public inventory against its figures."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from adoption.models import UseCase
from portal.shell.exports import unescape_cell
from tests.adoption.factories import make_programme, make_use_case
from tests.adoption.inventories.test_forms import CELLS, omb_file

pytestmark = pytest.mark.django_db


def call(name: str, *arguments: object) -> Any:
    out = io.StringIO()
    call_command(name, *map(str, arguments), "--json", stdout=out, stderr=io.StringIO())
    return json.loads(out.getvalue())


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_public_sample_goes_in_and_comes_out_equal_in_every_field(
    shared_data: Path, tmp_path: Path
) -> None:
    make_programme()
    sample = shared_data / "registry" / "omb2025_sample.csv"
    expected = json.loads((shared_data / "registry" / "expected.json").read_text())
    done = call("import_registry", sample)
    assert (done["status"], done["read"], done["created"]) == ("applied", expected["rows"], 400)
    out = tmp_path / "out.csv"
    assert call("export_registry", out, "--format", "omb-csv")["written"] == 400
    before, after = rows_of(sample), rows_of(out)
    assert before == after  # no cell of the sample needs the guard against formulas
    for column in ("agency", "development_stage", "is_high_impact", "topic_area",
                   "classification", "has_pii", "contracting_usage"):  # fmt: skip
        found = Counter(row[column] or "(empty)" for row in after)
        name = f"by_{column.removeprefix('is_')}" if column != "is_high_impact" else f"by_{column}"
        assert found == expected[name]
    # Of 205 stated benefits six have an amount; the others are somebody's to mend.
    assert len(done["vague_benefits"]) == 199
    assert Counter(each["problem"] for each in done["vague_benefits"]) == {
        "no_number": 114, "nothing_measurable": 85,
    }  # fmt: skip
    assert UseCase.objects.filter(stage="retired").count() == 33


def test_a_bad_row_is_named_and_nothing_is_imported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_programme()
    path = tmp_path / "omb.csv"
    path.write_bytes(omb_file(CELLS, CELLS | {"id": "DOX-2", "operational_date": "spring"}))
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError, match="nothing was imported") as refused:
        call_command("import_registry", str(path), "--json", stdout=out, stderr=err)
    assert refused.value.returncode == 2
    document = json.loads(out.getvalue())
    assert document["status"] == "refused"
    assert document["rejected"] == [
        {
            "file": "omb.csv", "line": 4, "field": "operational_date", "value": "spring",
            "code": "bad_cell", "expected": "a day, as 2026-11-29",
        }
    ]  # fmt: skip
    assert "omb.csv, line 4, operational_date “spring”: expected a day" in err.getvalue()
    assert not UseCase.objects.exists()


def test_a_cell_that_a_spreadsheet_would_run_is_guarded_and_read_back(tmp_path: Path) -> None:
    make_programme()
    formula = CELLS | {"benefits": "=HYPERLINK(1)", "vendor_name": "'@x"}
    first, out = tmp_path / "in.csv", tmp_path / "out.csv"
    first.write_bytes(omb_file(formula))
    call("import_registry", first)
    call("export_registry", out, "--format", "omb-csv")
    (row,) = rows_of(out)
    assert row["benefits"] == "'=HYPERLINK(1)"
    assert unescape_cell(row["benefits"]) == formula["benefits"]
    assert call("import_registry", out)["unchanged"] == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.csv"], "No such file"),
        (["{path}", "--programme", "none"], "--programme: there is no programme 'none'"),
        (["{path}", "--team", "none"], "--team"),
        (["{path}", "--owner", "none"], "--owner"),
        (["{path}", "--actor", "none"], "--actor"),
        (["{path}", "--format", "json"], "no JSON"),
    ],
)
def test_what_cannot_be_is_said(tmp_path: Path, arguments: list[str], words: str) -> None:
    path = tmp_path / "omb.csv"
    path.write_bytes(omb_file(CELLS))
    with pytest.raises(CommandError, match=words):
        call("import_registry", *(each.format(path=path) for each in arguments))


def test_an_export_is_whole_and_can_be_of_one_programme(tmp_path: Path) -> None:
    first, second = make_use_case(risk_tier="high"), make_use_case()
    out = tmp_path / "out.json"
    assert call("export_registry", out, "--format", "json")["written"] == 2
    done = call("export_registry", out, "--format", "json", "--programme", second.programme.slug)
    assert done["written"] == 1
    (item,) = json.loads(out.read_text())["use_cases"]
    assert item["slug"] == second.slug
    assert item["record"]["expected"] is None
    call("export_registry", out, "--format", "annex-viii")
    assert [each["reference"] for each in json.loads(out.read_text())["systems"]] == [first.slug]
    assert [each.name for each in tmp_path.iterdir()] == ["out.json"]
    with pytest.raises(CommandError, match="no programme"):
        call("export_registry", out, "--format", "json", "--programme", "none")
    with pytest.raises(CommandError, match="No such file"):
        call("export_registry", tmp_path / "none" / "out.json", "--format", "json")
