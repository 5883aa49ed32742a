"""Rows, columns and files of the explorer: exact, of one currency and basis, in few queries."""

from __future__ import annotations

import csv
import html
import io
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from adoption.models import UseCase
from billing.choices import MatchField, UnallocatedReason
from billing.models import ChargeDimension, MonthlyCost
from billing.models.allocation import WHOLE
from billing.selectors.coverage import NO_SHARE, allocation_coverage
from billing.selectors.references import FigureReference, scope_of, spelled, stated
from billing.services.allocation_rules import allocate_range
from tests.adoption.factories import make_team, make_use_case
from tests.billing.factories import give_all, make_rule
from tests.imports import START, line, make_connection, run_import

pytestmark = pytest.mark.django_db
UNIT = 10**9


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
    finance_alone: Client, case: UseCase, group: str, across: str, expected: dict[str, Any]
) -> None:
    *found, total = rows_of(finance_alone, group=group, across=across)
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


def test_the_total_is_of_all_rows_and_leads_to_all_their_lines(finance_alone: Client) -> None:
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
    page = finance_alone.get(reverse("costs"), query)
    text = page.content.decode()
    foot = text[text.index("<tfoot>") : text.index("</tfoot>")]
    assert text.count('<th scope="row"') - foot.count('<th scope="row"') >= 25
    assert foot.count('title="0.00000003 USD"') == 2  # the total, and the only month
    lineage = reverse("cost-lineage")
    url = html.unescape(foot[foot.index(lineage) : foot.index('"', foot.index(lineage))])
    assert "0.00000003 USD" in finance_alone.get(url).content.decode()
    missing = finance_alone.get(reverse("costs"), query | {"measure": "effective"}).content.decode()
    foot = missing[missing.index("<tfoot>") :]
    assert "no line states one" in foot
    assert "nothing" in foot


def test_the_total_is_as_unsettled_as_its_least_settled_row(finance_alone: Client) -> None:
    run_import(make_connection(), [line(3, "10", ResourceId="a", InvoiceId="i-1")])
    other = make_connection("other")
    run_import(other, [line(3, "5", BillingAccountId="2", InvoiceId="i-2")])
    run_import(other, [line(3, "6", BillingAccountId="2", InvoiceId="i-2")])
    found = rows_of(finance_alone, group="connection", across="month")
    assert [row["Status"] for row in found][1:] == ["Restated", "Restated"]
    assert found[0]["Status"] != "Restated"
    assert found[-1]["Total"] == "16"


def test_one_currency_is_shown_and_the_others_are_a_link_away(
    finance_alone: Client, case: UseCase
) -> None:
    page = finance_alone.get(reverse("costs"), {"group": "use_case", "across": "model"})
    text = page.content.decode()
    assert "Shown in one currency and basis" in text
    assert "currency=EUR" in text
    assert "40.00" in text
    assert "45.00" not in text


def test_a_cell_leads_to_the_lines_that_it_sums(finance_alone: Client, case: UseCase) -> None:
    for query, expected in (
        (f"use_case={case.slug}&model=atlas-large", 10),
        ("team=search&cost_center=cc-1", 30),
        ("model=(none)&use_case=unallocated", 10),
        ("connection=cloud", 40),
    ):
        page = finance_alone.get(f"{reverse('cost-lineage')}?{query}&currency=USD").content.decode()
        assert f"{expected}.00" in page, query
        values = dict(each.split("=") for each in query.split("&"))
        scope = scope_of(FigureReference.of(values | {"currency": "USD"}), None)
        assert sum(scope.monthly_costs().values_list("billed_whole", flat=True)) == expected


def test_a_service_called_none_is_another_than_one_that_says_none(finance_alone: Client) -> None:
    costs = {"(none)": "6", "": "3", "((none))": "2"}
    rows = [line(3, cost, ServiceName=name, ResourceId=cost) for name, cost in costs.items()]
    run_import(make_connection(), rows)
    for name, text in zip(costs, ("((none))", "(none)", "(((none)))"), strict=True):
        assert (spelled(name), stated(text)) == (text, name)
        lines = finance_alone.get(reverse("cost-lineage"), {"service": text}).content.decode()
        assert f"{costs[name]}.00" in lines, text
        figure = finance_alone.get(
            reverse("api-costs-explain"), {"figure": f"cost:service={text},month=2026-05"}
        ).json()
        assert costs[name] in str(figure), text
        assert len({each for each in costs.values() if f"'{each}'" in str(figure)}) == 1
        found = rows_of(finance_alone, group="service", service=text)
        assert [row["Billed"] for row in found] == [costs[name]]
    page = finance_alone.get(reverse("costs"), {"group": "service"}).content.decode()
    assert "service=%28%28none%29%29" in page


def test_the_workbook_holds_what_is_shown(finance_alone: Client, case: UseCase) -> None:
    query = {"group": "use_case", "across": "model", "export": "xlsx", "currency": "USD"}
    response = finance_alone.get(reverse("costs"), query)
    sheet = openpyxl.load_workbook(io.BytesIO(response.content)).active
    assert sheet is not None
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0][:6] == (*("Row", "Total", "Total (currency)", "Basis", "Status", "atlas-small"),)
    assert rows[1][:6] == ("Answer drafts", 30, "USD", "Invoiced", "Provisional", 20)
    assert rows[-1][:6] == ("Total", 40, "USD", "Invoiced", "Provisional", 20)
    assert finance_alone.get(reverse("costs"), query | {"from": "x"}).status_code == 400


def test_the_number_of_queries_does_not_grow(finance_alone: Client, case: UseCase) -> None:
    query = {"group": "use_case", "across": "team", "currency": "USD"}

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert finance_alone.get(reverse("costs"), query).status_code == 200
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
    finance_alone: Client,
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
    page = finance_alone.get(reverse("costs"), {"from": "2026-05"}).content.decode()
    assert "Allocation coverage" in page
    assert "Unused commitment" in page
    assert f"reason={UnallocatedReason.UNUSED_COMMITMENT}" in page


def test_where_credits_outweigh_charges_there_is_no_coverage() -> None:
    run_import(make_connection(), [line(3, "1"), line(3, "-5", ChargeCategory="Credit")])
    (found,) = allocation_coverage(MonthlyCost.objects.all(), now=timezone.now())
    assert (found.share, found.why_not) == (None, NO_SHARE)


# --- files ----------------------------------------------------------------------------------
