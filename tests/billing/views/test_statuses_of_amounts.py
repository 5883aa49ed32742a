"""Every amount on a page says how settled it is, in the words and by the rule of all figures."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from billing.models import AllocationRule, Anomaly, AnomalyDay, CloseCorrection
from billing.services.overlaps import OverlapDraft, declare_overlap
from portal.models import Connection
from tests.billing.closing import MAY, make_invoice
from tests.billing.factories import retire_rule
from tests.billing.settled import DAYS, LATER, Settled, bill
from tests.imports import START, Clock, make_connection, run_import

pytestmark = pytest.mark.django_db
_BADGE = re.compile(r'<span class="status[^>]*>(?:<svg.*?</svg>)?([A-Z][a-z, ]+)</span>', re.DOTALL)


@pytest.fixture
def finance(settled: Settled) -> Iterator[Client]:
    """Signed in when everything that was calm has become final."""
    with time_machine.travel(LATER, tick=False):
        client = Client()
        client.force_login(settled.finance)
        yield client


def page_of(client: Client, route: str, *args: Any, **query: str) -> str:
    answer = client.get(reverse(route, args=args), query)
    assert answer.status_code == 200
    return answer.content.decode()


def rows_of(page: str, caption: str) -> list[str]:
    """The rows of the table with this caption."""
    table = page.partition(f"{caption}</caption>")[2].partition("</table>")[0]
    return re.findall(r"<tr>(.*?)</tr>", table.partition("<tbody>")[2], re.DOTALL)


def badges(text: str) -> list[str]:
    return [found.lower() for found in _BADGE.findall(text)]


def words_of(row: str) -> list[str]:
    """Statuses that stand as a word alone."""
    found = re.findall(r'<span class="sub"><span title="[^"]+">(\w+)<', row)
    return [word.lower() for word in found]


def badges_by(page: str, caption: str) -> dict[str, list[str]]:
    """The badges of each row by the text that names the row, without its second line."""
    found = {}
    for row in rows_of(page, caption):
        name = re.search(r'<th scope="row"[^>]*>(?:<a[^>]*>)?(.*?)(?:</a>|<span|</th>)', row)
        assert name is not None
        found[name[1]] = badges(row)
    return found


def exported(client: Client, route: str) -> list[dict[str, str]]:
    answer = client.get(reverse(route), {"export": "csv"})
    return list(csv.DictReader(io.StringIO(b"".join(answer).decode())))


# --- invoices -------------------------------------------------------------------------------------


@pytest.mark.both_engines
def test_the_list_of_invoices_and_its_export(finance: Client) -> None:
    wanted = {"closed-1": "closed", "moved-1": "restated", "calm-1": "final", "bare-1": "restated"}
    told = badges_by(page_of(finance, "invoices"), "Invoices")
    assert told == {number: [status] for number, status in wanted.items()}
    make_invoice("2", number="fees-1", issuer="Fees Ltd", tax="2", credits="0")
    (row,) = rows_of(page_of(finance, "invoices", q="Fees"), "Invoices")
    assert words_of(row) == ["final", "final"]  # of tax and credits
    wanted["fees-1"] = "final"
    rows = exported(finance, "invoices")
    assert {row["Invoice"]: row["To pay (status)"] for row in rows} == wanted


def test_more_invoices_need_no_more_queries(
    finance: Client, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(60) as counted:
        page_of(finance, "invoices")
    for number in range(15):
        make_invoice("1", number=f"N-{number}", issuer="Many Ltd")
    with django_assert_max_num_queries(len(counted.captured_queries)):
        assert "N-14" in page_of(finance, "invoices")


@pytest.mark.both_engines
@pytest.mark.parametrize("name", ["closed", "moved", "calm", "bare"])
def test_an_invoice_says_it_of_parts_places_lines_and_versions(
    finance: Client, settled: Settled, name: str
) -> None:
    lines = DAYS[name][1]
    stated = {"closed": "closed", "moved": "restated", "calm": "final", "bare": "restated"}[name]
    page = page_of(finance, "invoice", settled.invoices[name].pk)
    parts = badges_by(page, "What the invoice is made of")
    assert parts["Allocated"] == parts["Tax"] == [lines]
    assert parts["Invoice"] == parts["Rounding"] == [stated]
    assert len(parts) == 9
    assert badges_by(page, "Where its money went") == {settled.case.title: [lines]}
    (line,) = rows_of(page, "Cost lines")
    assert (badges(line), words_of(line)) == ([lines], [lines])
    versions = [badges(row) for row in rows_of(page, "Versions of the invoice")]
    assert versions == ([["restated"], ["restated"]] if name == "bare" else [[stated]])


def test_an_invoice_of_many_lines_needs_no_more_queries(
    finance: Client, settled: Settled, django_assert_max_num_queries: Any
) -> None:
    """And reads no line that it does not show: the groups come from the database."""
    pk = settled.invoices["calm"].pk
    with django_assert_max_num_queries(60) as counted:
        page_of(finance, "invoice", pk)
    rows = [bill("calm", "1", ResourceId=f"r{number}") for number in range(120)]
    run_import(Connection.objects.get(slug="calm"), rows, clock=Clock())
    with django_assert_max_num_queries(len(counted.captured_queries)):
        page = page_of(finance, "invoice", pk)
    assert len(rows_of(page, "Cost lines")) == 50
    assert badges_by(page, "Where its money went") == {settled.case.title: ["restated"]}


@pytest.mark.both_engines
@pytest.mark.parametrize("name", list(DAYS))
def test_a_charge_says_it_of_its_amounts_parts_and_versions(
    finance: Client, settled: Settled, name: str
) -> None:
    status = DAYS[name][1]
    page = page_of(finance, "charge", settled.charge(name).pk)
    heading = page.partition("<h2>Amounts</h2>")[2].partition("</p>")[0]
    assert badges(heading) == [status]
    assert badges_by(page, "Allocations of this line") == {settled.case.title: [status]}
    versions = [badges(row) for row in rows_of(page, "Versions of this line")]
    assert versions == [[status], ["restated"]][: 2 if name in ("moved", "revised") else 1]


@pytest.mark.both_engines
def test_the_lines_of_a_figure_say_it_now_and_as_recorded_then(
    finance: Client, settled: Settled
) -> None:
    wanted = {f"{settled.charge(name).pk}": [status] for name, (_, status) in DAYS.items()}
    page = page_of(finance, "cost-lineage", month="2026-05")
    assert badges_by(page, "Lines of this figure") == wanted
    assert sorted(map(badges, rows_of(page, "Rules and files"))) == sorted(wanted.values())
    # Before the month was closed and anything was revised.
    first = settled.closes["closed"].closed_at - dt.timedelta(seconds=1)
    page = page_of(finance, "cost-lineage", month="2026-05", as_of=first.isoformat())
    assert {status for (status,) in badges_by(page, "Lines of this figure").values()} == {
        "provisional",
        "estimated",
    }


# --- closes ---------------------------------------------------------------------------------------


@pytest.mark.both_engines
def test_reconciliation_says_it_of_the_invoice_of_its_lines_and_of_what_is_on_none(
    finance: Client, settled: Settled
) -> None:
    # Its tax stands on the invoice only, and it has no line.
    fees = make_invoice("2", number="fees-1", issuer="Fees Ltd", tax="2", tax_in_lines=False)
    page = page_of(finance, "reconciliation", month="2026-05")
    told = badges_by(page, "Reconciliation by invoice")
    assert {number: said[0] for number, said in told.items()} == {
        "closed-1": "closed", "moved-1": "restated", "calm-1": "final", "bare-1": "restated",
        "fees-1": "final",
    }  # fmt: skip
    rows = rows_of(page, "Reconciliation by invoice")
    words = dict(zip(told, map(words_of, rows), strict=True))
    for invoice in (fees, *settled.invoices.values()):
        parts = badges_by(page_of(finance, "invoice", invoice.pk), "What the invoice is made of")
        names = ("Residual", "Allocated", "Unallocated", "Tax", "Credits", "Rounding", "Explained")
        assert words[invoice.number] == [word for name in names for word in parts[name]]
    loose = badges_by(page, "Cost lines on no invoice")
    assert loose == {"Revised Ltd": ["restated"], "Guessed Ltd": ["estimated"]}
    assert not any("Calm" in row for row in rows_of(page, "Cost lines on no invoice"))


@pytest.mark.both_engines
def test_the_checklist_says_it_of_cost_on_no_invoice(finance: Client) -> None:
    run_import(
        make_connection("more"),
        [bill("bare", "3", BillingAccountId="more", InvoiceIssuerName="More Ltd")],
        clock=Clock(),
    )
    page = page_of(finance, "close-checklist", month="2026-05")
    assert badges_by(page, "Cost of the month on no invoice") == {
        "Guessed Ltd": ["estimated"],
        "More Ltd": ["provisional"],
        "Revised Ltd": ["restated"],
    }


@pytest.mark.both_engines
def test_corrections_start_from_what_was_closed_and_are_restated_since(
    finance: Client, settled: Settled
) -> None:
    moved = Connection.objects.get(slug="moved")
    run_import(moved, [bill("moved", "12")], clock=Clock(LATER))
    by_number = {row["No."]: (row["Old (status)"], row["New (status)"])
                 for row in exported(finance, "corrections")}  # fmt: skip
    assert by_number == {"1": ("closed", "restated"), "2": ("restated", "restated")}
    rows = rows_of(page_of(finance, "corrections"), "Corrections of closed months")
    assert [badges(row)[-2:] for row in rows] == [["restated"] * 2, ["closed", "restated"]]
    page = page_of(finance, "close", settled.closes["moved"].key)
    assert {tuple(badges(row)) for row in rows_of(page, "Frozen figures")} == {("closed",)}
    assert badges_by(page, "What correction 1 moved").popitem()[1] == ["closed", "restated"]
    assert badges_by(page, "What correction 2 moved").popitem()[1] == ["restated", "restated"]


def test_a_reallocation_restates_the_invoice_and_the_lines_that_it_moved(
    finance: Client, settled: Settled
) -> None:
    (rule,) = AllocationRule.objects.all()
    later = START + dt.timedelta(days=2)
    retire_rule(rule_id=rule.pk, reason="over", actor=settled.finance, at=later)
    assert CloseCorrection.objects.filter(close=settled.closes["closed"]).exists()
    assert badges_by(page_of(finance, "invoices"), "Invoices")["closed-1"] == ["restated"]
    page = page_of(finance, "charge", settled.charge("closed").pk)
    assert badges_by(page, "Allocations of this line") == {"Unallocated": ["restated"]}


# --- days and sources -----------------------------------------------------------------------------


def find(settled: Settled, name: str) -> Anomaly:
    """An anomaly on the day of one of them."""
    day = AnomalyDay.objects.create(
        use_case=settled.case, day=dt.date(2026, 5, DAYS[name][0]), currency="USD",
        cost_basis="estimated" if name == "guessed" else "invoiced", state="anomaly",
        is_anomaly=True, actual_nano=10**10, expected_nano=10**9, lower_nano=0,
        upper_nano=2 * 10**9, history_days=90, method="test", judged_at=LATER,
    )  # fmt: skip
    return Anomaly.objects.create(day=day, detected_at=LATER, deliveries=1)


@pytest.mark.both_engines
def test_anomalies_say_it_of_what_the_day_cost(
    finance: Client, settled: Settled, django_assert_max_num_queries: Any
) -> None:
    found = {name: find(settled, name) for name in ("closed", "moved")}
    with django_assert_max_num_queries(60) as counted:
        page_of(finance, "anomalies")
    found |= {name: find(settled, name) for name in DAYS if name not in found}
    with django_assert_max_num_queries(len(counted.captured_queries)):
        page = page_of(finance, "anomalies")
    told = {name: said[0] for name, said in badges_by(page, "Anomalies").items()}
    assert told == {f"{day} May 2026": status for day, status in DAYS.values()}
    assert {row["Day"]: row["Cost (status)"] for row in exported(finance, "anomalies")} == {
        f"2026-05-0{day}": status for day, status in DAYS.values()
    }
    for name in ("closed", "calm", "guessed"):
        page = page_of(finance, "anomaly", found[name].pk)
        figures = page.partition('class="figures"')[2].partition("mt-4")[0]
        assert badges(figures)[0] == DAYS[name][1]
        days = badges_by(page, "Judged days")
        assert days[f"{DAYS[name][0]} May 2026"][0] == DAYS[name][1]


@pytest.mark.both_engines
def test_both_amounts_of_sources_with_the_same_money_say_it(
    finance: Client, settled: Settled
) -> None:
    days = range(10, 17)
    pairs = {"direct": ("calm", ""), "gateway": ("bare", ""), "guess": ("guessed", "estimated")}
    for slug, (name, basis) in pairs.items():
        rows = [
            bill(name, f"{day}.5", BillingAccountId=slug, InvoiceIssuerName=slug,
                 ChargePeriodStart=f"2026-05-{day}T00:00:00Z",
                 ChargePeriodEnd=f"2026-05-{day + 1}T00:00:00Z")
            for day in days
        ]  # fmt: skip
        config: dict[str, Any] = {"cost_basis": basis} if basis else {}
        source = make_connection(slug, **config)
        run_import(source, rows, clock=Clock())
    page = page_of(finance, "cost-overlaps")
    suspects = {tuple(badges(row)) for row in rows_of(page, "Sources that look alike")}
    assert suspects == {
        ("final", "provisional"),
        ("final", "estimated"),
        ("provisional", "estimated"),
    }
    draft = OverlapDraft(
        counted=Connection.objects.get(slug="direct"),
        other=Connection.objects.get(slug="gateway"),
        first=MAY,
        reason="The same key.",
    )
    declare_overlap(draft=draft, actor=settled.finance, at=LATER)
    page = page_of(finance, "cost-overlaps")
    (row,) = rows_of(page, "Sources that bring the same money")
    assert badges(row) == ["final", "provisional"]
    # The sum of what is left out, in no roll-up, says the same.
    link = page.partition('aria-label="Its lines: Gateway"')[0].rpartition('href="')[2]
    figure = finance.get(link.partition('"')[0].replace("&amp;", "&")).content.decode()
    assert badges(figure.partition('class="figures"')[2])[0] == "provisional"


@pytest.mark.both_engines
@pytest.mark.parametrize("basis", ["invoiced", "estimated"])
def test_the_focus_export_says_it_of_every_part_of_a_line(finance: Client, basis: str) -> None:
    query = {"first": "2026-05", "last": "2026-05", "basis": basis}
    answer = finance.get(reverse("cost-export-focus"), query)
    body = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    told = {row["x_Connection"]: row["x_FigureStatus"] for row in csv.DictReader(io.StringIO(body))}
    guessed = basis == "estimated"
    assert told == {
        name: status for name, (_, status) in DAYS.items() if (name == "guessed") == guessed
    }
