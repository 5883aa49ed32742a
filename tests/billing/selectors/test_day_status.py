"""The status of a day of a use case, and of what two sources brought on the days they share."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from billing.models import Charge
from billing.selectors.day_status import DayOf, statuses_of_days, statuses_of_suspects
from billing.selectors.suspicions import suspected_overlaps
from tests.billing.closing import MAY, bill_line
from tests.billing.settled import DAYS, LATER, Settled, bill
from tests.imports import Clock, make_connection, run_import

pytestmark = pytest.mark.django_db


def day_of(settled: Settled, name: str) -> DayOf:
    basis = "estimated" if name == "guessed" else "invoiced"
    return DayOf(settled.case.pk, dt.date(2026, 5, DAYS[name][0]), "USD", basis)


@pytest.mark.both_engines
def test_a_day_has_the_status_of_its_lines_and_is_provisional_without_any(
    settled: Settled,
) -> None:
    wanted = {day_of(settled, name): status for name, (_, status) in DAYS.items()}
    empty = DayOf(settled.case.pk, dt.date(2026, 5, 20), "USD", "invoiced")
    other = DayOf(settled.case.pk, dt.date(2026, 5, 3), "EUR", "invoiced")
    told = statuses_of_days([*wanted, empty, other], now=LATER)
    assert told == wanted | {empty: "provisional", other: "provisional"}


@pytest.mark.both_engines
def test_what_is_no_daily_cost_does_not_unsettle_a_day(settled: Settled) -> None:
    closed = day_of(settled, "closed")
    more = bill("bare", "1", ChargePeriodStart="2026-05-03T00:00:00Z", BillingAccountId="more",
                ChargePeriodEnd="2026-05-04T00:00:00Z", ChargeCategory="Tax")  # fmt: skip
    run_import(make_connection("more"), [more], clock=Clock())
    assert statuses_of_days([closed], now=LATER)[closed] == "closed"
    run_import(make_connection("most"), [more | {"ChargeCategory": "Usage"}], clock=Clock())
    assert Charge.objects.filter(slice__connection__slug="most").exists()
    assert statuses_of_days([closed], now=LATER)[closed] == "provisional"


def test_many_days_need_two_queries(settled: Settled, django_assert_num_queries: Any) -> None:
    days = [day_of(settled, name) for name in DAYS]
    with django_assert_num_queries(2):
        statuses_of_days(days[:1], now=LATER)
    with django_assert_num_queries(2):
        statuses_of_days(days, now=LATER)


@pytest.mark.both_engines
def test_each_of_two_sources_has_its_own_status(django_assert_num_queries: Any) -> None:
    days = range(3, 10)
    first = [bill_line(day, f"{day}", BillingAccountId="1") for day in days]
    second = [bill_line(day, f"{day}", BillingAccountId="2", InvoiceId="") for day in days]
    # A day that only one of them has, or has a credit on, is not compared: it unsettles nothing.
    first.append(bill_line(20, "5", BillingAccountId="1", InvoiceId=""))
    first[3] |= {"BilledCost": "-6", "InvoiceId": ""}
    run_import(make_connection("first"), first)
    run_import(make_connection("second"), second)
    found = suspected_overlaps(first=MAY, last=MAY)
    with django_assert_num_queries(2):
        told = statuses_of_suspects(found, now=LATER)
    assert told == [("final", "provisional")]
    assert statuses_of_suspects([], now=LATER) == []
