"""`allocate` and `explain`: what they print is what is stored, to the last digit."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from billing.models import AllocationRule, Charge, DailyCost
from billing.models.allocation import WHOLE
from tests.adoption.factories import make_use_case
from tests.billing.factories import give_all, make_rule
from tests.billing.sweeps import sweep_both_engines
from tests.imports import Clock, line, make_connection, run_import

pytestmark = pytest.mark.django_db


def said(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def document(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said(*arguments, "--json"))
    return found


# --- explain --------------------------------------------------------------------------------


@pytest.mark.both_engines
def test_a_figure_is_explained_down_to_file_and_line() -> None:
    case = make_use_case(title="Answer drafts")
    make_rule((case, WHOLE // 4), name="Drafts")
    run_import(make_connection(), [line(3, "1.000000002"), line(4, "-4", ChargeCategory="Credit")])
    found = document("explain", "cost:use_case=answer-drafts,month=2026-05,measure=billed")
    assert found["figure"] == "cost:use_case=answer-drafts,month=2026-05,measure=billed"
    (total,) = found["sums"]
    assert (total["currency"], total["basis"], total["billed"], total["lines"]) == (
        "USD", "invoiced", "-0.749999999", 2,
    )  # fmt: skip
    assert total["status"] == "provisional"
    assert total["imported_at"].startswith("2026-11-20T12:00")
    assert [
        (each["billed"], each["charge_billed"], each["rule"], each["file"], each["line"])
        for each in found["allocations"]
    ] == [
        ("0.250000001", "1.000000002", "drafts v1", "part-0.csv", 2),
        ("-1", "-4", "drafts v1", "part-0.csv", 3),
    ]
    text = said("explain", "cost:use_case=answer-drafts,month=2026-05", "--limit", "1")
    assert "part-0.csv:2" in text
    assert "and 1 more lines" in text


@sweep_both_engines
def test_a_figure_is_explained_as_it_was() -> None:
    cloud, clock = make_connection(), Clock()
    give_all(make_use_case(title="Answer drafts"), at=clock())
    run_import(cloud, [line(3, "1")], clock=clock)
    before = clock.now.isoformat()
    run_import(cloud, [line(3, "5")], clock=clock)
    reference = "cost:use_case=answer-drafts"
    assert [each["billed"] for each in document("explain", reference)["sums"]] == ["5"]
    then = document("explain", reference, "--as-of", before)
    assert [each["billed"] for each in then["sums"]] == ["1"]
    assert [each["billed"] for each in then["allocations"]] == ["1"]
    assert document("explain", reference, "--as-of", "2020-01-01")["sums"] == []


@sweep_both_engines
def test_a_charge_is_explained_with_its_raw_record_and_versions() -> None:
    cloud, clock = make_connection(), Clock()
    run_import(cloud, [line(3, "1")], clock=clock)
    before = clock.now.isoformat()
    run_import(cloud, [line(3, "5")], clock=clock)
    newest = Charge.objects.get(superseded_at__isnull=True)
    found = document("explain", f"charge:{newest.pk}")
    assert (found["charge"]["billed"], found["charge"]["line"]) == ("5", 2)
    assert found["charge"]["tags"] == {"team": "core", "use_case": "triage"}
    assert [(each["state"], each["billed"]) for each in found["versions"]] == [
        ("live", "5"),
        ("superseded", "1"),
    ]
    assert "Tokens, input" in found["raw"]["text"]
    assert found["allocations"][0]["rule"] == "no_rule"
    then = document("explain", f"charge:{newest.pk}", "--as-of", before)
    assert then["charge"]["billed"] == "1"
    assert "raw record" in said("explain", f"charge:{newest.pk}")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["cost:colour=red"], "unknown key 'colour'"),
        (["cost:use_case=nobody"], "no use case 'nobody'"),
        (["charge:x"], "names no charge"),
        (["charge:99"], "no charge 99"),
        (["cost:", "--as-of", "soon"], "no moment"),
    ],
)
def test_what_cannot_be_explained_is_an_error(arguments: list[str], problem: str) -> None:
    with pytest.raises(CommandError, match=problem):
        said("explain", *arguments)


# --- allocate -------------------------------------------------------------------------------


@sweep_both_engines
def test_allocating_again_gives_the_same_and_counts_the_charges() -> None:
    case = make_use_case()
    run_import(make_connection(), [line(day, "1") for day in (1, 2, 31)])
    give_all(case)
    before = list(DailyCost.objects.order_by("day").values_list("day", "use_case", "billed_nano"))
    assert document("allocate") == {"charges": 3, "connections": {"cloud": 3}}
    assert document("allocate", "--from", "2026-05", "--to", "2026-05")["charges"] == 3
    assert document("allocate", "--from", "2026-05-02", "--to", "2026-05-30")["charges"] == 1
    after = list(DailyCost.objects.order_by("day").values_list("day", "use_case", "billed_nano"))
    assert after == before
    assert "no charges" in said("allocate", "--from", "2027-01-01")


@pytest.mark.both_engines
def test_allocating_mends_what_a_lost_worker_left() -> None:
    case = make_use_case()
    run_import(make_connection(), [line(3, "1")])
    rule = give_all(case)
    AllocationRule.objects.filter(pk=rule.pk).update(pending_since=rule.created_at)
    assert "cloud: 1 charges allocated" in said("allocate")
    assert not AllocationRule.objects.filter(pending_since__isnull=False).exists()


@pytest.mark.parametrize("bounds", [["--from", "May"], ["--from", "2026-05", "--to", "2026-04"]])
def test_a_range_that_makes_no_sense_is_refused(bounds: list[str]) -> None:
    with pytest.raises(CommandError):
        said("allocate", *bounds)
