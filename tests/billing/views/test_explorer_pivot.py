"""Rows, columns and files of the explorer: exact, of one currency and basis, in few queries."""

from __future__ import annotations

import csv
import datetime as dt
import html
import io
import json
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from adoption.choices import DeliveryState
from adoption.models import Delivery, UseCase
from billing.choices import MatchField, UnallocatedReason
from billing.models import Charge, ChargeDimension, MonthlyCost
from billing.models.allocation import WHOLE
from billing.selectors.coverage import NO_SHARE, allocation_coverage
from billing.selectors.references import FigureReference, scope_of, spelled, stated
from billing.services.allocation_rules import allocate_range
from portal.choices import Role
from tests.adoption.factories import make_team, make_use_case, make_user
from tests.billing.factories import give_all, make_rule
from tests.billing.services.charges import billed, live
from tests.billing.sources.focus.focus_files import make_chunks_small
from tests.imports import START, line, make_connection, run_import

pytestmark = pytest.mark.django_db
UNIT = 10**9


@pytest.fixture
def finance(client: Client) -> Client:
    client.force_login(make_user(Role.FINANCE))
    return client


@pytest.fixture
def case() -> UseCase:
    """A use case of a team with 30 of 40 in two models, and 10 nobody's; and 5 euros."""
    found = make_use_case(title="Answer drafts", team=make_team("Search"))
    rows = [
        line(3, "10", ResourceId="a"),
        line(4, "20", ResourceId="b"),
        line(5, "10", ResourceId="c", Tags="{}"),
    ]
    run_import(make_connection(), rows)
    euro = line(3, "5", BillingAccountId="9", BillingCurrency="EUR", ResourceId="d")
    run_import(make_connection("euros"), [euro])
    for resource, model in (("a", "atlas-large"), ("b", "atlas-small")):
        ChargeDimension.objects.filter(resource_id=resource).update(model=model, cost_center="cc-1")
    give_all(found)
    allocate_range(start=None, end=None, at=START)
    return found


def rows_of(client: Client, **query: str) -> list[dict[str, str]]:
    response = client.get(reverse("costs"), {"export": "csv", "currency": "USD", **query})
    assert response.status_code == 200
    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize(
    ("group", "across", "expected"),
    [
        ("use_case", "model", {"Answer drafts": ("30", {"atlas-small": "20", "atlas-large": "10"}),
                               "Unallocated": ("10", {"None stated": "10"})}),
        ("team", "month", {"Search": ("30", {"May 2026": "30"}),
                           "Unallocated": ("10", {"May 2026": "10"})}),
        ("cost_center", "provider", {"cc-1": ("30", {"Cloud": "30"}),
                                     "None stated": ("10", {"Cloud": "10"})}),
        ("connection", "service", {"Cloud": ("40", {"Model Service": "40"})}),
    ],
)  # fmt: skip
def test_cells_and_totals_are_exact(
    finance: Client, case: UseCase, group: str, across: str, expected: dict[str, Any]
) -> None:
    *found, total = rows_of(finance, group=group, across=across)
    assert {
        row["Row"]: (
            row["Total"],
            {key: value for key, value in row.items()
             if value and key not in ("Row", "Total", "Basis", "Status")
             and "(currency)" not in key},
        )
        for row in found
    } == expected  # fmt: skip
    # The source has not yet said that it is done with May.
    rows = [*found, total]
    assert {(row["Basis"], row["Status"]) for row in rows} == {("Invoiced", "Provisional")}
    assert total["Row"] == "Total"
    money = [name for name in total if f"{name} (currency)" in total]
    assert {name: Decimal(total[name]) for name in money} == {
        name: sum(Decimal(row[name] or 0) for row in found) for name in money
    }


def test_the_total_is_of_all_rows_and_leads_to_all_their_lines(finance: Client) -> None:
    rows = [
        line(3, "0.000000001", ResourceId=f"r{number}", Tags=f'{{"use_case": "u{number}"}}',
             EffectiveCost="", x_model="")
        for number in range(30)
    ]  # fmt: skip
    run_import(make_connection(), rows)
    for number in range(30):
        give_all(make_use_case(title=f"Case {number:02}"), value=f"u{number}")
    allocate_range(start=None, end=None, at=START)
    query = {"group": "use_case", "across": "month", "from": "2026-05", "to": "2026-05"}
    page = finance.get(reverse("costs"), query)
    text = page.content.decode()
    foot = text[text.index("<tfoot>") : text.index("</tfoot>")]
    assert text.count('<th scope="row"') - foot.count('<th scope="row"') >= 25
    assert foot.count('title="0.00000003 USD"') == 2  # the total, and the only month
    lineage = reverse("cost-lineage")
    url = html.unescape(foot[foot.index(lineage) : foot.index('"', foot.index(lineage))])
    assert "0.00000003 USD" in finance.get(url).content.decode()
    missing = finance.get(reverse("costs"), query | {"measure": "effective"}).content.decode()
    foot = missing[missing.index("<tfoot>") :]
    assert "no line states one" in foot
    assert "nothing" in foot


def test_the_total_is_as_unsettled_as_its_least_settled_row(finance: Client) -> None:
    run_import(make_connection(), [line(3, "10", ResourceId="a", InvoiceId="i-1")])
    other = make_connection("other")
    run_import(other, [line(3, "5", BillingAccountId="2", InvoiceId="i-2")])
    run_import(other, [line(3, "6", BillingAccountId="2", InvoiceId="i-2")])
    found = rows_of(finance, group="connection", across="month")
    assert [row["Status"] for row in found][1:] == ["Restated", "Restated"]
    assert found[0]["Status"] != "Restated"
    assert found[-1]["Total"] == "16"


def test_one_currency_is_shown_and_the_others_are_a_link_away(
    finance: Client, case: UseCase
) -> None:
    page = finance.get(reverse("costs"), {"group": "use_case", "across": "model"})
    text = page.content.decode()
    assert "Shown in one currency and basis" in text
    assert "currency=EUR" in text
    assert "40.00" in text
    assert "45.00" not in text


def test_a_cell_leads_to_the_lines_that_it_sums(finance: Client, case: UseCase) -> None:
    for query, expected in (
        (f"use_case={case.slug}&model=atlas-large", 10),
        ("team=search&cost_center=cc-1", 30),
        ("model=(none)&use_case=unallocated", 10),
        ("connection=cloud", 40),
    ):
        page = finance.get(f"{reverse('cost-lineage')}?{query}&currency=USD").content.decode()
        assert f"{expected}.00" in page, query
        values = dict(each.split("=") for each in query.split("&"))
        scope = scope_of(FigureReference.of(values | {"currency": "USD"}), None)
        assert sum(scope.monthly_costs().values_list("billed_whole", flat=True)) == expected


def test_a_service_called_none_is_another_than_one_that_says_none(finance: Client) -> None:
    costs = {"(none)": "6", "": "3", "((none))": "2"}
    rows = [line(3, cost, ServiceName=name, ResourceId=cost) for name, cost in costs.items()]
    run_import(make_connection(), rows)
    for name, text in zip(costs, ("((none))", "(none)", "(((none)))"), strict=True):
        assert (spelled(name), stated(text)) == (text, name)
        lines = finance.get(reverse("cost-lineage"), {"service": text}).content.decode()
        assert f"{costs[name]}.00" in lines, text
        figure = finance.get(
            reverse("api-costs-explain"), {"figure": f"cost:service={text},month=2026-05"}
        ).json()
        assert costs[name] in str(figure), text
        assert len({each for each in costs.values() if f"'{each}'" in str(figure)}) == 1
        found = rows_of(finance, group="service", service=text)
        assert [row["Billed"] for row in found] == [costs[name]]
    page = finance.get(reverse("costs"), {"group": "service"}).content.decode()
    assert "service=%28%28none%29%29" in page


def test_the_workbook_holds_what_is_shown(finance: Client, case: UseCase) -> None:
    query = {"group": "use_case", "across": "model", "export": "xlsx", "currency": "USD"}
    response = finance.get(reverse("costs"), query)
    sheet = openpyxl.load_workbook(io.BytesIO(response.content)).active
    assert sheet is not None
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0][:6] == (*("Row", "Total", "Total (currency)", "Basis", "Status", "atlas-small"),)
    assert rows[1][:6] == ("Answer drafts", 30, "USD", "Invoiced", "Provisional", 20)
    assert rows[-1][:6] == ("Total", 40, "USD", "Invoiced", "Provisional", 20)
    assert finance.get(reverse("costs"), query | {"from": "x"}).status_code == 400


def test_the_number_of_queries_does_not_grow(finance: Client, case: UseCase) -> None:
    query = {"group": "use_case", "across": "team", "currency": "USD"}

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert finance.get(reverse("costs"), query).status_code == 200
        return len(queries)

    count()
    before = count()
    for number in range(4):
        give_all(make_use_case(), value=f"more-{number}")
        run_import(make_connection(f"more-{number}"), [
            line(6, "1", BillingAccountId=f"b{number}", Tags=f'{{"use_case": "more-{number}"}}')
        ])  # fmt: skip
    count()  # the choices of the filters are read anew once after an import
    assert count() == before


def test_coverage_is_of_effective_cost_and_unused_commitment_stands_apart(
    finance: Client,
) -> None:
    user = make_use_case()
    make_rule((user, WHOLE), field=MatchField.RESOURCE, value="a")
    none = {"CommitmentDiscountId": "", "CommitmentDiscountStatus": ""}
    plan = {"CommitmentDiscountId": "plan", "CommitmentDiscountStatus": "Unused"}
    run_import(make_connection(), [
        line(3, "60", ResourceId="a", **none),
        line(3, "0", ResourceId="b", EffectiveCost="30", **plan),
        line(4, "10", ResourceId="c", **none),
    ])  # fmt: skip
    (found,) = allocation_coverage(MonthlyCost.objects.all(), now=timezone.now())
    assert (found.allocated_nano, found.unused_nano, found.total_nano) == (
        60 * UNIT, 30 * UNIT, 100 * UNIT,
    )  # fmt: skip
    assert (found.share, found.unused_share) == (Decimal("0.6"), Decimal("0.3"))
    page = finance.get(reverse("costs"), {"from": "2026-05"}).content.decode()
    assert "Allocation coverage" in page
    assert "Unused commitment" in page
    assert f"reason={UnallocatedReason.UNUSED_COMMITMENT}" in page


def test_where_credits_outweigh_charges_there_is_no_coverage() -> None:
    run_import(make_connection(), [line(3, "1"), line(3, "-5", ChargeCategory="Credit")])
    (found,) = allocation_coverage(MonthlyCost.objects.all(), now=timezone.now())
    assert (found.share, found.why_not) == (None, NO_SHARE)


# --- files ----------------------------------------------------------------------------------


def test_the_focus_export_is_read_back_to_the_same_sums(finance: Client) -> None:
    cases = [make_use_case() for _ in range(3)]
    make_rule(*zip(cases, (333_333, 333_333, 200_000), strict=True))
    rows = [
        line(3, "10.000000001", ResourceId="a"),
        line(4, "-2.5", ResourceId="b", ChargeCategory="Credit"),
        line(5, "1", ResourceId="c", Tags="{}", ChargeDescription="=1+1"),
    ]
    run_import(make_connection(), rows)
    query = {"first": "2026-05", "last": "2026-05"}
    response = finance.get(reverse("cost-export-focus"), query)
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
    finance: Client, split: str
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
    _, exported = exported_rows(finance)
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
    finance: Client, monkeypatch: pytest.MonkeyPatch
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
    content, exported = exported_rows(finance)
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
    finance: Client, changes: dict[str, str], expected: tuple[str, ...]
) -> None:
    base = {"PricingQuantity": "7", "PricingUnit": "Tokens", "CommitmentDiscountId": "",
            "CommitmentDiscountStatus": ""}  # fmt: skip
    run_import(make_connection(), [line(3, "5", **{**base, **changes})])
    _, (row,) = exported_rows(finance)
    names = ("PricingQuantity", "PricingUnit", "ConsumedQuantity", "ConsumedUnit")
    assert tuple(row[name] for name in names) == expected


def test_a_file_of_two_bases_is_refused_until_one_is_chosen(finance: Client) -> None:
    run_import(make_connection(), [line(3, "1")])
    guess = make_connection("guess", cost_basis="estimated")
    run_import(guess, [line(3, "2", BillingAccountId="2")])
    query = {"first": "2026-05", "last": "2026-05"}
    assert finance.get(reverse("cost-export-focus"), query).status_code == 400
    assert (
        finance.get(reverse("cost-export-focus"), query | {"basis": "estimated"}).status_code == 200
    )
    page = finance.get(reverse("cost-exports"), query).content.decode()
    assert "Bases are never added, so choose one" in page
    first_sight = finance.get(reverse("cost-exports")).content.decode()
    assert "basis=invoiced" in first_sight
    assert "Bases are never added" not in first_sight


def test_unit_costs_divide_what_was_held_in_the_month_and_say_why_not(finance: Client) -> None:
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
    response = finance.get(reverse("cost-export-unit-costs"), query)
    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    found = {row["title"]: row for row in csv.DictReader(io.StringIO(text))}
    assert (found["Held"]["held_deliveries"], found["Held"]["unit_cost"]) == ("2", "5")
    assert (found["Bare"]["unit_cost"], found["Bare"]["reason"]) == ("", "no_held_deliveries")
    assert {row["basis"] for row in found.values()} == {"invoiced"}
    response = finance.get(reverse("cost-export-business-metrics"), query)
    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    assert list(csv.reader(io.StringIO(text))) == [
        ["date", "amount", "label"], ["2026-05-01", "2", "held"], ["2026-05-01", "0", "bare"],
    ]  # fmt: skip
