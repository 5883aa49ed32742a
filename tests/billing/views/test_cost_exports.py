"""Files of cost for other tools: FOCUS rows by the rules of the format, unit costs with reasons."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from adoption.choices import DeliveryState
from adoption.models import Delivery
from billing.models import Charge
from tests.adoption.factories import make_use_case, make_user
from tests.billing.factories import give_all, make_rule
from tests.billing.services.charges import billed, live
from tests.billing.sources.focus.focus_files import make_chunks_small
from tests.imports import line, make_connection, run_import

pytestmark = pytest.mark.django_db
UNIT = 10**9


def test_the_focus_export_is_read_back_to_the_same_sums(finance_alone: Client) -> None:
    cases = [make_use_case() for _ in range(3)]
    make_rule(*zip(cases, (333_333, 333_333, 200_000), strict=True))
    rows = [
        line(3, "10.000000001", ResourceId="a"),
        line(4, "-2.5", ResourceId="b", ChargeCategory="Credit"),
        line(5, "1", ResourceId="c", Tags="{}", ChargeDescription="=1+1"),
    ]
    run_import(make_connection(), rows)
    query = {"first": "2026-05", "last": "2026-05"}
    response = finance_alone.get(reverse("cost-export-focus"), query)
    content = b"".join(response.streaming_content)  # type: ignore[attr-defined]
    exported = list(csv.DictReader(io.StringIO(content.decode())))
    assert len(exported) == 4 + 4 + 1
    assert {row["x_UseCase"] for row in exported} == {*(case.slug for case in cases), ""}
    assert "principal" not in content.decode().casefold()
    sums = {
        measure: sum(Decimal(row[measure]) for row in exported)
        for measure in ("BilledCost", "EffectiveCost")
    }
    assert sums == {"BilledCost": Decimal("8.500000001"), "EffectiveCost": Decimal("8.500000001")}
    lists = sum(Decimal(row["ListCost"]) for row in exported)
    assert lists == 6  # 2 a line
    back = make_connection("back")
    run = run_import(back, content)
    assert (run.status, run.rejected) == ("applied", 0)
    assert billed(back) == sums["BilledCost"]
    assert sum(live(back).values()) == len(exported)


def exported_rows(client: Client) -> tuple[bytes, list[dict[str, str]]]:
    response = client.get(reverse("cost-export-focus"), {"first": "2026-05", "last": "2026-05"})
    content = b"".join(response.streaming_content)  # type: ignore[attr-defined]
    return content, list(csv.DictReader(io.StringIO(content.decode())))


@pytest.mark.both_engines
@pytest.mark.parametrize("split", ["fixed", "even", "proportional", "nobody"])
def test_list_cost_and_quantities_of_a_line_are_split_as_its_cost_is(
    finance_alone: Client, split: str
) -> None:
    cases = [make_use_case() for _ in range(2)]
    shares = (600_000, 300_000) if split == "fixed" else (1, 1)
    rows = [line(5, "0", ListCost="0.000000007", ContractedCost="120", ResourceId="a",
                 PricingQuantity="10.0000000001", x_user="pat@example.com")]  # fmt: skip
    give_all(cases[0], value="direct-0")
    give_all(cases[1], value="direct-1")
    rows += [line(4, cost, ResourceId=f"d{number}", Tags=f'{{"use_case": "direct-{number}"}}')
             for number, cost in enumerate(("3", "1"))]  # fmt: skip
    fields: dict[str, Any] = {} if split == "fixed" else {"split": split}
    if split != "nobody":
        make_rule(*zip(cases, shares, strict=True), **fields)
    run_import(make_connection(), rows)
    _, exported = exported_rows(finance_alone)
    found = [row for row in exported if row["ResourceId"] == "a"]
    expected = {
        "fixed": ["72", "36", "12"], "even": ["60", "60"], "proportional": ["90", "30"],
        "nobody": ["120"],
    }[split]  # fmt: skip
    assert [row["ContractedCost"] for row in found] == expected
    for column, total in (("ListCost", "0.000000007"), ("PricingQuantity", "10.0000000001"),
                          ("ConsumedQuantity", "100000")):  # fmt: skip
        assert sum(Decimal(row[column]) for row in found) == Decimal(total)
        assert all(row[column] for row in found)


@pytest.mark.both_engines
def test_what_the_format_wants_is_filled_in_named_and_unknown_again_when_read_back(
    finance_alone: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = [make_use_case() for _ in range(2)]
    make_rule(*zip(cases, (500_000, 500_000), strict=True))
    gaps = ("EffectiveCost", "ListCost", "ContractedCost", "InvoiceIssuerName", "PublisherName",
            "PricingQuantity", "PricingUnit", "ServiceCategory",
            "ServiceSubcategory")  # fmt: skip
    rows = [
        line(3, "5", **dict.fromkeys(gaps, ""), x_user_email="pat@example.com", RegionId="",
             Tags='{"use_case": "triage", "user_email": "pat@example.com"}'),
        line(4, "7", ChargeCategory="Credit", **dict.fromkeys(gaps, ""), x_user_email="",
             RegionId=""),
        line(6, "1", x_user_email="", RegionId="eu-north"),
    ]  # fmt: skip
    run_import(make_connection(), rows)
    content, exported = exported_rows(finance_alone)
    assert "pat@" not in content.decode()
    usage, credit, whole = (exported[place] for place in (0, 2, 4))
    names = ("EffectiveCost", "ListCost", "ContractedCost", "InvoiceIssuerName", "PublisherName",
             "ServiceCategory")  # fmt: skip
    assert [usage[name] for name in names] == ["2.5", "2.5", "2.5", "Cloud", "Cloud", "Other"]
    assert (usage["PricingQuantity"], usage["PricingUnit"]) == ("50000", "Tokens")
    assert (credit["PricingQuantity"], credit["PricingUnit"]) == ("", "")
    assert usage["x_FilledColumns"].split() == sorted([*gaps, "PricingCurrency"])
    always = ["PricingCurrency", "ServiceSubcategory"]
    assert credit["x_FilledColumns"].split() == sorted([*names, *always])
    assert (credit["ServiceSubcategory"], credit["RegionName"]) == ("Other (Other)", "")
    assert whole["x_FilledColumns"].split() == ["PricingCurrency", "RegionName"]
    assert (whole["ServiceSubcategory"], whole["PricingCurrency"]) == ("Generative AI", "USD")
    assert (whole["RegionId"], whole["RegionName"]) == ("eu-north", "eu-north")
    assert b',"",' not in content  # the format has no empty texts: what is not said is null
    assert json.loads(whole["x_SourceColumns"]) == {"x_Project": "apollo"}
    make_chunks_small(monkeypatch)  # it would be read by column, were it not for what is filled
    back = make_connection("back")
    assert run_import(back, content).status == "applied"
    lines = Charge.objects.filter(slice__connection=back).order_by("day", "pk")
    assert [each.effective_nano for each in lines] == [None] * 4 + [UNIT // 2] * 2
    assert {each.list_nano for each in lines[:4]} == {None}
    assert lines[0].dimension.invoice_issuer == lines[0].pricing_quantity == ""
    assert sum(each.billed_nano for each in lines) == 13 * UNIT


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("7", "Tokens", "100000", "Tokens")),
        ({"ChargeCategory": "Credit"}, ("7", "Tokens", "", "")),
        ({"ChargeCategory": "Tax"}, ("", "", "", "")),
        ({"ChargeCategory": "Purchase", "PricingQuantity": ""}, ("100000", "Tokens", "", "")),
        ({"CommitmentDiscountId": "c", "CommitmentDiscountStatus": "Unused"},
         ("7", "Tokens", "", "")),
        ({"ConsumedQuantity": ""}, ("7", "Tokens", "", "")),
    ],
)  # fmt: skip
def test_quantities_that_the_format_wants_null_are_null(
    finance_alone: Client, changes: dict[str, str], expected: tuple[str, ...]
) -> None:
    base = {"PricingQuantity": "7", "PricingUnit": "Tokens", "CommitmentDiscountId": "",
            "CommitmentDiscountStatus": ""}  # fmt: skip
    run_import(make_connection(), [line(3, "5", **{**base, **changes})])
    _, (row,) = exported_rows(finance_alone)
    names = ("PricingQuantity", "PricingUnit", "ConsumedQuantity", "ConsumedUnit")
    assert tuple(row[name] for name in names) == expected


def test_a_file_of_two_bases_is_refused_until_one_is_chosen(finance_alone: Client) -> None:
    run_import(make_connection(), [line(3, "1")])
    guess = make_connection("guess", cost_basis="estimated")
    run_import(guess, [line(3, "2", BillingAccountId="2")])
    query = {"first": "2026-05", "last": "2026-05"}
    assert finance_alone.get(reverse("cost-export-focus"), query).status_code == 400
    assert (
        finance_alone.get(reverse("cost-export-focus"), query | {"basis": "estimated"}).status_code
        == 200
    )
    page = finance_alone.get(reverse("cost-exports"), query).content.decode()
    assert "Bases are never added, so choose one" in page
    first_sight = finance_alone.get(reverse("cost-exports")).content.decode()
    assert "basis=invoiced" in first_sight
    assert "Bases are never added" not in first_sight


def test_unit_costs_divide_what_was_held_in_the_month_and_say_why_not(
    finance_alone: Client,
) -> None:
    held, bare = make_use_case(title="Held"), make_use_case(title="Bare")
    give_all(held, value="held")
    give_all(bare, value="bare")
    run_import(make_connection(), [
        line(3, "10", Tags='{"use_case": "held"}'), line(4, "7", Tags='{"use_case": "bare"}'),
    ])  # fmt: skip
    moments = [(2026, 4, 30, 23, 59), (2026, 5, 1, 0, 0), (2026, 5, 31, 23, 59), (2026, 6, 1, 0, 0)]
    for moment in moments:
        at = dt.datetime(*moment, tzinfo=dt.UTC)
        Delivery.objects.create(
            use_case=held, title="One", claimed_by=make_user(), claimed_at=at,
            state=DeliveryState.HELD, held_at=at,
        )  # fmt: skip
    query = {"first": "2026-05", "last": "2026-05"}
    response = finance_alone.get(reverse("cost-export-unit-costs"), query)
    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    found = {row["title"]: row for row in csv.DictReader(io.StringIO(text))}
    assert (found["Held"]["held_deliveries"], found["Held"]["unit_cost"]) == ("2", "5")
    assert (found["Bare"]["unit_cost"], found["Bare"]["reason"]) == ("", "no_held_deliveries")
    assert {row["basis"] for row in found.values()} == {"invoiced"}
    response = finance_alone.get(reverse("cost-export-business-metrics"), query)
    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    assert list(csv.reader(io.StringIO(text))) == [
        ["date", "amount", "label"], ["2026-05-01", "2", "held"], ["2026-05-01", "0", "bare"],
    ]  # fmt: skip
