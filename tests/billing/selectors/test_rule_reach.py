"""Which months a page works out for a rule: those it can reach, newest first, and not too many."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from billing.allocation.match import RuleMatch
from billing.selectors import rule_reach
from billing.selectors.closed_lines import ClosedMonth
from billing.selectors.rule_reach import reach_of
from portal.models import Connection
from portal.shell.periods import Month
from tests.billing.closing import bill_line, close, make_invoice
from tests.imports import line, make_connection, run_import

pytestmark = pytest.mark.django_db
MARCH, APRIL, MAY = (Month(2026, number) for number in (3, 4, 5))


def in_month(month: Month, **changes: str) -> dict[str, str]:
    """A cost line of the third of a month, billed in it."""
    return line(3, "1", BillingAccountId="0007") | {
        "ChargePeriodStart": f"{month}-03T00:00:00Z",
        "ChargePeriodEnd": f"{month}-03T23:59:59Z",
        "BillingPeriodStart": f"{month.start}T00:00:00Z",
        "BillingPeriodEnd": f"{month.end}T00:00:00Z",
        **changes,
    }


def match(starts: str = "2026-01-01", ends: str = "", source: int | None = None) -> RuleMatch:
    ends_on = dt.date.fromisoformat(ends) if ends else None
    return RuleMatch(1, (), dt.date.fromisoformat(starts), ends_on, source)


@pytest.fixture
def cloud() -> Connection:
    """Costs in March, April and May."""
    cloud = make_connection()
    run_import(cloud, [in_month(month) for month in (MARCH, APRIL, MAY)])
    return cloud


@pytest.mark.both_engines
def test_days_and_source_say_which_months(
    cloud: Connection, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        assert reach_of([match()]).months == [MAY, APRIL, MARCH]
    assert reach_of([match("2026-04-04")]).months == [MAY]
    assert reach_of([match(ends="2026-04-01")]).months == [MARCH]
    assert reach_of([match(ends="2026-04-01"), match("2026-05-01")]).months == [MAY, MARCH]
    assert reach_of([match(source=make_connection("empty").pk)]).months == []
    assert reach_of([match(source=cloud.pk)], until=APRIL).months == [APRIL, MARCH]


@pytest.mark.both_engines
def test_what_is_too_much_is_said_with_its_closes(
    cloud: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_import(make_connection("billed"), [bill_line(3, "3")])
    close(make_invoice("3.00"))
    monkeypatch.setattr(rule_reach, "MOST_MONTHS", 2)
    found = reach_of([match()])
    assert (found.months, found.rest, found.closed_in_rest) == ([MAY, APRIL], [MARCH], [])
    monkeypatch.setattr(rule_reach, "MOST_LINES", 0)
    assert reach_of([match()]).months == [MAY]
    run_import(make_connection("later"), [in_month(Month(2026, 6))])
    found = reach_of([match()])
    assert (found.months, found.rest) == ([Month(2026, 6)], [MAY, APRIL, MARCH])
    assert found.closed_in_rest == [ClosedMonth(MAY, "Cloud Ltd", "USD")]
    assert reach_of([match()], until=MAY).months == [MAY]
