"""Every real and official file: its sums to the last digit, or a refusal that names why."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from portal.imports.contracts import ImportRefusedError
from tests.billing.sources.focus.focus_files import landed, read_landed

# Worked examples that show only some columns, and a data set that is not cost.
REFUSED = {
    "official_examples/commitment_discount_flexibility/"
    "one_hundred_percent_utilization_with_commitment_discount_flexibility_with_1_resource.csv": (
        "missing_columns",
        "BillingCurrency",
    ),
    "official_examples/commitment_discount_flexibility/"
    "zero_percent_utilization_without_commitment_discount_flexibility.csv": (
        "missing_columns",
        "BillingCurrency",
    ),
    **{
        f"official_examples/commitment_discount_scenarios/commitment_discount_{name}.csv": (
            "missing_columns",
            "BillingCurrency",
        )
        for name in (
            "purchase_scenario_1",
            "purchase_scenario_3",
            "usage_scenario_1",
            "usage_scenario_3",
        )
    },
    "toolkit_golden/aws_1_3_contract_commitment_rows100_seed42.csv": (
        "not_cost_data",
        "BilledCost",
    ),
    "toolkit_golden/scenarios_correction_set.csv": ("missing_columns", "EffectiveCost"),
    "toolkit_golden/scenarios_sca_equal.csv": ("missing_columns", "BillingCurrency"),
}
FILES_TOTAL = 26


@cache
def expectations(folder: Path) -> dict[str, Any]:
    with (folder / "focus" / "expected.json").open(encoding="utf-8") as stream:
        files: dict[str, Any] = json.load(stream)["files"]
    return files


def sum_of(amounts: list[Decimal | None]) -> Decimal:
    return sum((amount for amount in amounts if amount is not None), Decimal(0))


def test_every_expected_file_is_there_and_either_read_or_refused(shared_data: Path) -> None:
    names = expectations(shared_data)
    assert len(names) == FILES_TOTAL
    assert set(REFUSED) <= set(names)


def test_every_file_that_can_be_summed_gives_its_sums_to_the_last_digit(shared_data: Path) -> None:
    for name, expected in expectations(shared_data).items():
        if name in REFUSED:
            continue
        outcome = read_landed([landed(shared_data / "focus" / name)])
        sums = expected["by_currency"]["USD"]
        assert len(expected["by_currency"]) == 1
        assert len(outcome.records) == expected["rows"], name
        assert not outcome.rejections, name
        assert {record.currency for record in outcome.records} == {"USD"}
        billed = sum_of([record.billed_exact for record in outcome.records])
        effective = sum_of([record.effective_exact for record in outcome.records])
        assert billed == Decimal(sums["BilledCost"]), name
        assert effective == Decimal(sums["EffectiveCost"]), name


def test_every_other_file_is_refused_by_name_with_its_missing_columns(shared_data: Path) -> None:
    for name, (code, column) in REFUSED.items():
        path = shared_data / "focus" / name
        with pytest.raises(ImportRefusedError) as caught:
            read_landed([landed(path)])
        refusal = caught.value
        assert (refusal.code, refusal.file, refusal.line) == (code, path.name, 1)
        assert column in refusal.column
        assert refusal.expected


def test_the_commitment_file_is_called_by_the_name_of_its_data_set(shared_data: Path) -> None:
    name = "toolkit_golden/aws_1_3_contract_commitment_rows100_seed42.csv"
    with pytest.raises(ImportRefusedError, match="FOCUS data set Contract Commitment"):
        read_landed([landed(shared_data / "focus" / name)])


def test_null_contracted_cost_of_the_sample_is_unknown_and_not_zero(shared_data: Path) -> None:
    outcome = read_landed([landed(shared_data / "focus" / "focus_sample.csv")])
    unknown = [record for record in outcome.records if record.contracted_nano is None]
    assert len(unknown) == 7
    assert sum(record.contracted_nano == 0 for record in outcome.records) > 0


def test_the_sample_tells_what_was_assumed_and_ignored(shared_data: Path) -> None:
    outcome = read_landed([landed(shared_data / "focus" / "focus_sample.csv")])
    notes = {note.code: note.message for note in outcome.notes}
    assert set(notes) == {"unknown_columns", "utc_assumed"}
    assert notes["unknown_columns"].endswith(": Id")
    assert "UTC" in notes["utc_assumed"]


def test_the_file_pair_of_equal_bytes_gives_equal_digests(shared_data: Path) -> None:
    base = shared_data / "focus" / "toolkit_golden" / "gcp_1_3_cost_and_usage_rows25_seed7"
    one = read_landed([landed(base.with_suffix(".csv"))])
    other = read_landed([landed(base.with_name(base.name + "_credits.csv"))])
    assert one.digests == other.digests
    assert sum(one.digests.values()) == 25
