"""What a document states and what its lines come to: each with the status that it has by itself."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from billing.models import Charge, Invoice
from billing.selectors.invoice_status import (
    INVOICE_FACTS,
    InvoiceStatuses,
    invoice_statuses,
    month_statuses,
    statuses_of_invoices,
)
from billing.selectors.invoices import reconciled_invoice
from billing.selectors.line_status import statuses_of_charges
from billing.selectors.month_lines import month_lines
from portal.choices import Role
from portal.imports.runner import execute_run
from portal.services.imports import release_run
from tests.adoption.factories import make_use_case, make_user
from tests.billing.closing import MAY, bill_line, close, make_invoice
from tests.billing.factories import give_all
from tests.billing.settled import DAYS, LATER, Settled, make_settled
from tests.imports import START, Clock, make_connection, run_import

pytestmark = pytest.mark.django_db


@pytest.fixture
def settled(db: None) -> Settled:
    return make_settled()


def of(invoice: Invoice) -> InvoiceStatuses:
    found = reconciled_invoice(invoice)
    assert found is not None
    return invoice_statuses(found, now=LATER)


@pytest.mark.both_engines
def test_an_invoice_is_final_restated_or_closed(settled: Settled) -> None:
    names = list(settled.invoices)
    told = statuses_of_invoices([settled.invoices[name] for name in names])
    assert dict(zip(names, told, strict=True)) == {
        "closed": "closed",  # nothing has moved since
        "moved": "restated",  # a correction of its close
        "calm": "final",
        "bare": "restated",  # the second version, with another total
    }
    rows = Invoice.objects.filter(superseded_at__isnull=True).values(*INVOICE_FACTS)
    assert sorted(statuses_of_invoices(list(rows))) == sorted(told)
    (old,) = Invoice.objects.filter(superseded_at__isnull=False)
    assert statuses_of_invoices([old]) == ["restated"]


@pytest.mark.both_engines
def test_a_correction_moves_the_invoice_that_it_names_and_no_other() -> None:
    cloud = make_connection()
    lines = [bill_line(3, "1"), bill_line(4, "2", InvoiceId="INV-10", ResourceId="other")]
    run_import(cloud, lines)
    first, second = make_invoice("1"), make_invoice("2", number="INV-10")
    close(first)
    assert statuses_of_invoices([first, second]) == ["closed", "closed"]
    lines[1] |= {"BilledCost": "3"}
    run_import(cloud, lines, clock=Clock(START + dt.timedelta(days=2)))
    assert statuses_of_invoices([first, second]) == ["closed", "restated"]


def test_a_version_that_says_the_same_amounts_restates_nothing() -> None:
    make_invoice("3")
    again = make_invoice("3", issued_on=dt.date(2026, 6, 2))
    assert statuses_of_invoices([again]) == ["final"]
    other = make_invoice("3", tax="0.5", issued_on=dt.date(2026, 6, 2))
    assert statuses_of_invoices([other]) == ["restated"]
    back = make_invoice("3", issued_on=dt.date(2026, 6, 2))
    assert statuses_of_invoices([back]) == ["restated"]


def test_issuers_are_told_apart_and_numbers_too() -> None:
    make_invoice("3")
    make_invoice("4")
    others = [make_invoice("3", issuer="Another Ltd"), make_invoice("3", number="INV-11")]
    assert statuses_of_invoices(others) == ["final", "final"]


@pytest.mark.both_engines
def test_parts_from_lines_have_the_status_of_their_lines(settled: Settled) -> None:
    for name, (_, status) in DAYS.items():
        if name not in settled.invoices:
            continue
        found = of(settled.invoices[name])
        parts = found.parts()
        assert (found.lines, parts["allocated"], parts["tax"]) == (status,) * 3, name
        assert parts["total"] == parts["rounding"] == found.invoice
    bare = of(settled.invoices["bare"]).parts()
    # The less settled of what is stated and of the lines.
    assert (bare["allocated"], bare["total"], bare["residual"]) == (
        "provisional",
        "restated",
        "restated",
    )


def test_a_stated_tax_is_as_settled_as_the_invoice() -> None:
    run_import(make_connection(), [bill_line(3, "1", InvoiceId="")])
    stated = make_invoice("1.2", tax="0.2", tax_in_lines=False)
    parts = of(stated).parts()
    assert (parts["tax"], parts["credits"], parts["accounted"]) == (
        "final",
        "provisional",
        "provisional",
    )


def test_an_invoice_without_lines_has_provisional_parts() -> None:
    found = of(make_invoice("5"))
    assert (found.invoice, found.lines) == ("final", "provisional")
    assert found.parts()["allocated"] == "provisional"


@pytest.mark.both_engines
def test_each_destination_has_the_status_of_the_lines_that_went_there() -> None:
    case = make_use_case()
    give_all(case, value="triage")
    cloud = make_connection()
    lines = [bill_line(3, "1"), bill_line(4, "2", Tags="{}"), bill_line(4, "3", Tags="{}")]
    run_import(cloud, lines, clock=Clock())
    invoice = make_invoice("6")
    lines[2] |= {"BilledCost": "4"}
    run_import(cloud, lines, clock=Clock())
    found = reconciled_invoice(invoice)
    assert found is not None
    statuses = invoice_statuses(found, now=LATER)
    told = {place.use_case_id: statuses.place(place) for place in found.went_to()}
    assert told == {case.pk: "final", None: "restated"}
    assert statuses.parts()["unallocated"] == "restated"
    assert statuses.lines == "restated"


@pytest.mark.both_engines
def test_lines_of_a_month_have_their_status_by_key(settled: Settled) -> None:
    statuses = month_statuses(MAY, now=LATER)
    groups = {group.key.account: group.key for group in month_lines(MAY).groups}
    told = {name: statuses.of_lines([groups[f"account-{name}"]]) for name in DAYS}
    assert told == {name: status for name, (_, status) in DAYS.items()}
    both = [groups["account-closed"], groups["account-bare"]]
    assert statuses.of_lines(both) == "provisional"
    assert statuses.of_lines([]) == "provisional"


@pytest.mark.both_engines
def test_what_a_source_took_back_restates_the_sum_and_not_the_lines_that_stayed() -> None:
    cloud, clock = make_connection(), Clock()
    run_import(cloud, [bill_line(3, "1"), bill_line(4, "2")], clock=clock)
    invoice = make_invoice("3")
    assert of(invoice).lines == "final"
    # The whole day is gone: no line of it is left that could say so.
    run = run_import(cloud, [bill_line(3, "1")], clock=clock, window=(MAY.start, MAY.end))
    release_run(run=run, actor=make_user(Role.FINANCE), at=clock())
    execute_run(run.pk, clock=clock)
    found = of(invoice)
    assert found.lines == "restated"
    (group,) = month_lines(MAY).groups
    assert month_statuses(MAY, now=LATER).of_lines([group.key]) == "restated"
    (line,) = Charge.objects.select_related("dimension").filter(superseded_at__isnull=True)
    assert statuses_of_charges([line], now=LATER)[line.pk] == "final"


def test_a_page_of_invoices_needs_three_queries(
    settled: Settled, django_assert_num_queries: Any
) -> None:
    for number in range(20):
        make_invoice("1", number=f"N-{number}", issuer="Many Ltd")
    rows = list(Invoice.objects.all())
    with django_assert_num_queries(3):
        assert len(statuses_of_invoices(rows)) == len(rows)
    with django_assert_num_queries(0):
        assert statuses_of_invoices([]) == []
