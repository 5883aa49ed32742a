"""The pages about cost say what is true, with everything a figure needs beside it."""

from __future__ import annotations

import csv
import io
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing.models import AllocationRule, Charge, DailyCost, MonthlyCost
from billing.views.use_case_panel import cost_to_date_column
from portal.choices import ApprovalStatus
from portal.imports.files import landed_path
from portal.models import ApprovalRequest
from tests.adoption.factories import make_use_case
from tests.approving import approve_all
from tests.billing.factories import give_all
from tests.billing.views.conftest import Bill
from tests.imports import line, make_connection, run_import

pytestmark = pytest.mark.django_db


def text_of(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200, response.status_code
    return str(response.content.decode())


# --- use case and portfolio -----------------------------------------------------------------


def test_the_panel_shows_sums_basis_status_and_lineage(finance: Client, bill: Bill) -> None:
    page = text_of(finance, bill.url("use-case"))
    panel = page.partition('id="billing-cost"')[2].partition("</section>")[0]
    for expected in (
        *("Billed to date", "90.00", "Effective to date", "72.00", "Invoiced", "Restated"),
        *("Unallocated in these services", "Drafts by tag", "75"),
    ):
        assert expected in panel, expected
    assert f"{reverse('cost-lineage')}?use_case={bill.use_case.slug}&amp;" in panel
    assert "measure=effective" in panel


def test_a_use_case_without_cost_says_what_to_do(finance: Client, bill: Bill) -> None:
    page = text_of(finance, reverse("use-case", args=[bill.empty.slug]))
    assert "No cost is allocated yet" in page
    assert f"{reverse('allocation-rule-new')}?use_case={bill.empty.slug}" in page


def test_the_portfolio_column_has_one_amount_or_says_why_not(bill: Bill) -> None:
    figure = cost_to_date_column([bill.use_case.pk, bill.empty.pk])[bill.use_case.pk]
    assert (figure.exact, figure.basis, figure.status) == ("90 USD", "Invoiced", "restated")
    assert bill.empty.pk not in cost_to_date_column([bill.empty.pk])
    first = MonthlyCost.objects.filter(use_case=bill.use_case).order_by("pk")[:1]
    MonthlyCost.objects.filter(pk__in=[row.pk for row in first]).update(currency="EUR")
    figure = cost_to_date_column([bill.use_case.pk])[bill.use_case.pk]
    assert figure.value is None
    assert "EUR invoiced, USD invoiced" in figure.reason


@pytest.mark.parametrize("name", ["portfolio", "use-case"])
def test_pages_with_cost_need_no_more_queries_for_more_cost(
    name: str, finance: Client, bill: Bill, django_assert_max_num_queries: Any
) -> None:
    url = bill.url(name)
    finance.get(url)
    with CaptureQueriesContext(connection) as context:
        finance.get(url)
    before = len(context)
    assert before > 5
    for number in range(5):
        give_all(make_use_case(), value=f"more-{number}")
    rows = [
        line(day, f"{day}.5", Tags=f'{{"use_case": "{tag}"}}', ServiceName=f"Service {day}")
        for day in range(8, 20)
        for tag in ("triage", "more-0", "more-1", "more-2", "more-3", "more-4")
    ]
    run_import(make_connection("more"), rows)
    finance.get(url)
    with django_assert_max_num_queries(before):
        finance.get(url)


# --- explorer -------------------------------------------------------------------------------


def test_without_a_question_the_newest_months_are_shown_and_named(
    finance: Client, bill: Bill
) -> None:
    response = finance.get(reverse("costs"))
    assert response.status_code == 302
    assert response["Location"] == f"{reverse('costs')}?from=2025-12&to=2026-05"


def exported(client: Client, **query: str) -> list[dict[str, str]]:
    response = client.get(f"{reverse('costs')}?{urlencode(query | {'export': 'csv'})}")
    body = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(body)))


@pytest.mark.parametrize(
    ("query", "groups"),
    [
        ({"group": "month"}, {"May 2026": "127.0042"}),
        ({"group": "use_case"}, {"Answer drafts": "90", "Unallocated": "37.0042"}),
        ({"group": "provider"}, {"Cloud": "127.0042"}),
        ({"group": "use_case", "use_case": "unallocated"}, {"Unallocated": "37.0042"}),
        ({"use_case": "unallocated", "reason": "no_rule"}, {"May 2026": "7.0042"}),
        ({"use_case": "answer-drafts"}, {"May 2026": "90"}),
        ({"use_case": "Answer drafts"}, {"May 2026": "90"}),
        ({"from": "2026-06"}, {}),
        ({"from": "2026-05", "to": "2026-05", "currency": "USD"}, {"May 2026": "127.0042"}),
    ],
)
def test_the_explorer_filters_groups_and_exports(
    query: dict[str, str], groups: dict[str, str], finance: Client, bill: Bill
) -> None:
    rows = exported(finance, **query)
    assert {row["Group"]: row["Billed"] for row in rows} == groups


def test_different_currencies_stand_in_rows_of_their_own(finance: Client, bill: Bill) -> None:
    run_import(make_connection("euro"), [line(3, "5", BillingCurrency="EUR")])
    rows = exported(finance, group="provider")
    assert {(row["Group"], row["Billed"], row["Billed (unit)"]) for row in rows} == {
        ("Cloud", "5", "EUR"),
        ("Cloud", "127.0042", "USD"),
    }
    assert "never added up" in text_of(finance, f"{reverse('costs')}?group=provider")


def test_a_filter_that_cannot_be_read_shows_no_money(finance: Client, bill: Bill) -> None:
    page = text_of(finance, f"{reverse('costs')}?use_case=nobody")
    assert "There is no use case “nobody”." in page
    assert "127" not in page


def test_htmx_gets_the_part_that_changes(finance: Client, bill: Bill) -> None:
    response = finance.get(f"{reverse('costs')}?group=service", headers={"HX-Request": "true"})
    body = response.content.decode()
    assert body.lstrip().startswith('<div id="results"')
    assert "HX-Request" in response["Vary"]


# --- unallocated and rules ------------------------------------------------------------------


def test_the_work_list_leads_to_a_rule_that_is_filled_in(finance: Client, bill: Bill) -> None:
    page = text_of(finance, f"{reverse('costs-unallocated')}?by=tag")
    assert "team: search" in page
    assert "<b>bold</b>" not in page
    query = {"field": "tag", "tag_key": "team", "mode": "equals", "value": "search",
             "name": "team: search", "starts_on": "2026-05-01", "month": "2026-05"}  # fmt: skip
    form = text_of(finance, f"{reverse('allocation-rule-new')}?{urlencode(query)}")
    for value in ("search", "2026-05-01", "2026-05"):
        assert f'value="{value}"' in form or f"{value}</textarea>" in form


def rule_data(bill: Bill, **changes: str) -> dict[str, str]:
    return {
        "name": "Search team",
        "field": "tag",
        "tag_key": "team",
        "mode": "equals",
        "value": "search",
        "connection": "",
        "starts_on": "2026-05-01",
        "ends_on": "",
        "priority": "100",
        "reason": "",
        "month": "2026-05",
        "previewed": "",
        "shares-TOTAL_FORMS": "2",
        "shares-INITIAL_FORMS": "0",
        "shares-0-use_case": bill.use_case.slug,
        "shares-0-percent": "33.3333",
        "shares-1-use_case": "",
        "shares-1-percent": "",
    } | changes


def test_a_rule_is_saved_only_as_it_was_previewed(finance: Client, bill: Bill) -> None:
    new = reverse("allocation-rule-new")
    blind = finance.post(new, rule_data(bill, save="1"))
    assert blind.status_code == 200
    assert AllocationRule.objects.count() == 1
    preview = finance.post(new, rule_data(bill, preview="1"))
    page = preview.content.decode()
    assert "What would move in May 2026" in page
    assert "2.33" in page
    assert "66.6667" in page
    assert AllocationRule.objects.count() == 1
    digest = preview.context["digest"]
    other = finance.post(new, rule_data(bill, save="1", previewed=digest, value="else"))
    assert "not the one that was previewed" in other.content.decode()
    assert AllocationRule.objects.count() == 1
    saved = finance.post(new, rule_data(bill, save="1", previewed=digest))
    assert saved.status_code == 302
    assert AllocationRule.objects.count() == 1  # asked for, not yet approved
    approve_all()
    rule = AllocationRule.objects.get(key="search-team")
    assert list(rule.shares.values_list("share", flat=True)) == [333_333]
    moved = DailyCost.objects.filter(use_case=bill.use_case, day__day=6)
    assert list(moved.values_list("billed_nano", flat=True)) == [2_333_331_000]
    page = text_of(finance, reverse("allocation-rule", args=["search-team"]))
    assert "approved by Second Person" in page


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"shares-0-percent": "100.00001"}, "less than or equal to 100"),
        ({"shares-0-percent": "33.33333"}, "no more than 4 decimal places"),
        ({"shares-0-use_case": ""}, "Whose share is this?"),
        ({"shares-0-percent": ""}, "How much of it?"),
        ({"shares-0-use_case": "", "shares-0-percent": ""}, "at least one use case"),
        (
            {"shares-1-use_case": "nothing-yet", "shares-1-percent": "66.6668"},
            "add up to 100.0001 %",
        ),
        ({"shares-1-use_case": "answer-drafts", "shares-1-percent": "1"}, "stands twice"),
        ({"tag_key": ""}, "Say which tag to look at."),
        ({"value": "  "}, "Say which value to look for."),
        ({"ends_on": "2026-05-01"}, "It must end after it starts."),
        ({"month": "May"}, "is not a month"),
        ({"shares-0-use_case": "nobody"}, "There is no use case “nobody”."),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    changes: dict[str, str], problem: str, finance: Client, bill: Bill
) -> None:
    page = finance.post(
        reverse("allocation-rule-new"), rule_data(bill, preview="1", **changes)
    ).content.decode()
    assert problem in page
    assert AllocationRule.objects.count() == 1


def test_a_share_row_can_be_added_without_a_script(finance: Client, bill: Bill) -> None:
    data = rule_data(bill, add_share="1", value="")
    page = finance.post(reverse("allocation-rule-new"), data).content.decode()
    assert 'name="shares-2-use_case"' in page
    assert 'value="33.3333"' in page
    assert "This field is required" not in page


def test_changing_and_retiring_keep_every_version(finance: Client, bill: Bill) -> None:
    edit = bill.url("allocation-rule-edit")
    data = rule_data(bill, name="Drafts by tag", tag_key="use_case", value="triage",
                     reason="Half is sales'.", preview="1")  # fmt: skip
    digest = finance.post(edit, data).context["digest"]
    finance.post(edit, data | {"save": "1", "previewed": digest})
    assert "waits for a second person" in text_of(finance, bill.url("allocation-rule"))
    approve_all()
    retire = bill.url("allocation-rule-retire")
    assert "What would move in May 2026" in text_of(finance, retire)
    assert finance.post(retire, {"reason": ""}).status_code == 200
    assert finance.post(retire, {"reason": "Pilot is over."}).status_code == 302
    approve_all()
    page = text_of(finance, bill.url("allocation-rule"))
    for expected in ("Pilot is over.", "Half is sales&#x27;.", "Retired", "Replaced",
                     "33.3333", "75"):  # fmt: skip
        assert expected in page, expected
    assert not DailyCost.objects.filter(use_case__isnull=False).exists()


def test_ending_a_rule_is_tried_on_the_month_that_was_chosen(finance: Client, bill: Bill) -> None:
    retire = bill.url("allocation-rule-retire")
    assert 'value="2026-05"' in text_of(finance, retire)
    page = finance.post(retire, {"preview": "1", "month": "2026-04", "reason": ""}).content.decode()
    assert "What would move in Apr 2026" in page
    assert "The rule takes no line of that month" in page
    assert "This field is required" not in page
    unread = finance.post(retire, {"preview": "1", "month": "May", "reason": "R"}).content.decode()
    assert "is not a month" in unread
    assert "What would move" not in unread
    assert not ApprovalRequest.objects.filter(status=ApprovalStatus.PENDING).exists()
    data = {"month": "2026-04", "reason": "Over."}
    assert finance.post(retire, data).status_code == 302
    again = finance.post(retire, data)
    assert again.status_code == 409
    assert "Fay Finance has asked to end this rule already" in again.content.decode()
    assert "It waits for a second person" in again.content.decode()


def test_a_minus_among_the_flows_is_explained(finance: Client, bill: Bill) -> None:
    new, what = reverse("allocation-rule-new"), "A negative amount is a credit"
    credit = {"field": "charge_category", "tag_key": "", "value": "Credit", "priority": "1"}
    assert what in finance.post(new, rule_data(bill, preview="1", **credit)).content.decode()
    assert what not in finance.post(new, rule_data(bill, preview="1")).content.decode()


# --- lineage, charge, restatements ----------------------------------------------------------


def test_lineage_leads_from_the_figure_to_file_and_line(finance: Client, bill: Bill) -> None:
    page = text_of(finance, bill.url("cost-lineage"))
    for expected in ("90.00", "part-0.csv, line", "Drafts by tag, version 1", "Restated",
                     "cost:use_case=answer-drafts,measure=billed"):  # fmt: skip
        assert expected in page, expected


def test_lineage_answers_as_recorded_earlier(finance: Client, bill: Bill) -> None:
    at = bill.superseded.recorded_at.isoformat()
    url = f"{bill.url('cost-lineage')}&{urlencode({'as_of': at})}"
    page = text_of(finance, url)
    assert "As recorded at" in page
    assert 'title="87 USD"' in page
    assert f"/costs/charges/{bill.superseded.pk}/" in page
    before = text_of(finance, f"{bill.url('cost-lineage')}&as_of=2020-01-01")
    assert "nothing was recorded" in before


@pytest.mark.parametrize("query", ["as_of=soon", "month=2026-13", "use_case=nobody", "colour=red"])
def test_lineage_of_what_cannot_be_read_is_a_bad_request(
    query: str, finance: Client, bill: Bill
) -> None:
    assert finance.get(f"{reverse('cost-lineage')}?{query}").status_code == 400


def test_a_charge_shows_its_record_its_versions_and_where_it_went(
    finance: Client, bill: Bill
) -> None:
    page = text_of(finance, bill.url("charge"))
    for expected in ("24.00", "18.00", "6.00", "part-0.csv", "Superseded", "BilledCost",
                     "x_Project", "triage", "Tokens, input"):  # fmt: skip
        assert expected in page, expected
    old = text_of(finance, reverse("charge", args=[bill.superseded.pk]))
    assert "This version is superseded." in old


def test_a_charge_whose_file_is_gone_says_so(finance: Client, bill: Bill) -> None:
    path = landed_path(bill.charge.file.sha256)
    kept = path.read_bytes()
    path.unlink()
    try:
        assert "no longer in the landing directory" in text_of(finance, bill.url("charge"))
    finally:
        path.write_bytes(kept)
    assert Charge.objects.filter(pk=bill.charge.pk).exists()


def test_restatements_show_old_new_and_why(finance: Client, bill: Bill) -> None:
    page = text_of(finance, reverse("restatements"))
    assert "20.00 → 24.00\N{NO-BREAK SPACE}USD" in page
    assert "1 changed" in page
    assert "No restatements" in text_of(finance, f"{reverse('restatements')}?month=2026-04")


def test_restatements_export_exact_amounts_and_lead_to_the_run(finance: Client, bill: Bill) -> None:
    answer = finance.get(f"{reverse('restatements')}?export=csv")
    (row,) = csv.DictReader(io.StringIO(b"".join(answer).decode()))
    parts = ("old", "new", "difference", "currency")
    assert [row[f"Billed ({part})"] for part in parts] == ["20", "24", "4", "USD"]
    assert [row[f"Effective ({part})"] for part in parts] == ["20", "20", "0", "USD"]
    link = f'href="{reverse("import-run", args=[bill.charge.run_id])}"'
    assert link in text_of(finance, reverse("restatements"))
    stranger = Client()
    stranger.force_login(bill.employee)
    assert link not in text_of(stranger, reverse("restatements"))
