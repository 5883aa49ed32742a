"""The public FOCUS sample, imported whole: one rule by tag, and every sum ties to the bill."""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from billing.models import DailyCost
from billing.models.allocation import WHOLE
from billing.selectors.as_of import figure_as_of
from billing.selectors.costs import Group, cost_sums
from billing.selectors.lineage import stream_lines
from billing.selectors.references import FigureReference, Scope, scope_of
from portal.shell.money import from_nano, to_nano
from tests.adoption.factories import make_use_case
from tests.billing.factories import make_rule
from tests.billing.sweeps import sweep_both_engines
from tests.imports import START, make_connection, run_import

pytestmark = pytest.mark.django_db
NOW = START + dt.timedelta(hours=1)
TAG, VALUE = "environment", "dev"


def expected_by_service(path: Path) -> dict[str, int]:
    """Billed nano-units of the tagged rows by service, read with nothing but the csv module."""
    found: dict[str, int] = defaultdict(int)
    with path.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            tags = json.loads(row["Tags"]) if row["Tags"] not in ("", "NULL") else {}
            if tags.get(TAG) == VALUE:
                found[row["ServiceName"]] += to_nano(Decimal(row["BilledCost"]))
    return dict(found)


@sweep_both_engines
def test_one_rule_by_tag_takes_exactly_the_tagged_rows(shared_data: Path) -> None:
    path = shared_data / "focus" / "focus_sample.csv"
    expected = expected_by_service(path)
    assert len(expected) > 3
    case = make_use_case(title="Vienna")
    make_rule((case, WHOLE), tag_key=TAG, value=VALUE, starts_on=dt.date(2024, 9, 1))
    run_import(make_connection(), path.read_bytes())
    sums = cost_sums(DailyCost.objects.filter(use_case=case), by=(Group.SERVICE,), now=NOW)
    assert {each.key[0]: each.billed_nano for each in sums} == expected


@pytest.mark.both_engines
def test_allocated_and_unallocated_are_the_whole_bill(shared_data: Path) -> None:
    path = shared_data / "focus" / "focus_sample.csv"
    cases = [make_use_case() for _ in range(3)]
    make_rule(
        *((case, WHOLE // 3) for case in cases),
        tag_key=TAG,
        value=VALUE,
        starts_on=dt.date(2024, 9, 1),
    )
    run = run_import(make_connection(), path.read_bytes())
    (total,) = cost_sums(DailyCost.objects.all(), now=NOW)
    told = json.loads((shared_data / "focus" / "expected.json").read_text())
    of_file = told["files"]["focus_sample.csv"]["by_currency"]["USD"]
    residue = run.totals_residue["USD"]
    for nano, column, measure in (
        (total.billed_nano, "BilledCost", "billed"),
        (total.effective_nano, "EffectiveCost", "effective"),
    ):
        assert nano is not None
        assert from_nano(nano) + Decimal(residue[measure]) == Decimal(of_file[column])
    by_case = cost_sums(DailyCost.objects.all(), by=(Group.USE_CASE,), now=NOW)
    assert sum(each.billed_nano for each in by_case) == total.billed_nano
    past = figure_as_of(Scope(FigureReference()), NOW)
    assert [each.billed_nano for each in past.sums] == [total.billed_nano]


@sweep_both_engines
def test_each_line_of_a_figure_names_the_line_of_the_file(shared_data: Path) -> None:
    path = shared_data / "focus" / "focus_sample.csv"
    case = make_use_case(title="Vienna")
    make_rule((case, WHOLE), tag_key=TAG, value=VALUE, starts_on=dt.date(2024, 9, 1))
    run_import(make_connection(), path.read_bytes())
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    lines = list(stream_lines(scope_of(FigureReference(use_case=case.slug), None)))
    assert lines
    for found in lines:
        row = rows[found["line"] - 2]  # the sample has no line breaks inside its cells
        assert json.loads(row["Tags"])[TAG] == VALUE
        assert to_nano(Decimal(row["BilledCost"])) == found["billed_nano"]
