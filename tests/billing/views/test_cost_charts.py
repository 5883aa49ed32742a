"""Drawings of cost on the explorer."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import MonthlyCost
from billing.selectors.costs import Group, cost_sums
from billing.views.cost_charts import NO_LINE, with_silent_months
from tests.imports import START, line, make_connection, run_import

pytestmark = pytest.mark.django_db


def of(month: str) -> dict[str, str]:
    """A line of the third day of a month of 2026."""
    return line(3, "2") | {
        "ChargePeriodStart": f"2026-{month}-03T00:00:00Z",
        "ChargePeriodEnd": f"2026-{month}-03T23:59:59Z",
        "BillingPeriodStart": f"2026-{month}-01T00:00:00Z",
        "BillingPeriodEnd": f"2026-{int(month) + 1:02}-01T00:00:00Z",
    }


def shown() -> list[tuple[str, bool]]:
    """The months of a chart of that source, and whether each has a sum."""
    rows = MonthlyCost.objects.filter(connection__slug="months")
    sums = cost_sums(rows, by=(Group.MONTH,), now=START)
    return [(label, each is not None) for label, each in with_silent_months(
        [("", each) for each in sums]
    )]  # fmt: skip


def test_a_month_without_a_line_has_its_place_in_the_chart(finance: Client) -> None:
    run_import(make_connection("months"), [of("02"), of("05")])
    page = finance.get(f"{reverse('costs')}?group=month").content.decode()
    assert NO_LINE in page
    assert "Mar 2026" in page
    assert shown() == [
        *(("Feb 2026", True), ("Mar 2026", False), ("Apr 2026", False), ("May 2026", True))
    ]


def test_a_chart_of_many_years_has_only_months_with_a_line() -> None:
    run_import(make_connection("months"), [of("02"), of("05")])
    MonthlyCost.objects.filter(day__month=2).update(day="2021-02-01", newest_day="2021-02-03")
    assert [has for _, has in shown()] == [True, True]


def test_nothing_to_draw_is_no_month() -> None:
    assert shown() == []
