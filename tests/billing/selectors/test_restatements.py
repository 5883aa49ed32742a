"""How settled the new amount of a restatement is: restated, until a close takes it in."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from billing.models import Restatement
from billing.selectors.restatements import new_amount_statuses
from portal.shell.statuses import FigureStatus
from tests.billing.closing import bill_line, close, make_invoice
from tests.imports import START, Clock, make_connection, run_import

pytestmark = pytest.mark.django_db
BEGAN = START - dt.timedelta(days=60)  # a decision is never in the future of the database
RESTATED, CLOSED = FigureStatus.RESTATED, FigureStatus.CLOSED


def statuses(at: dt.datetime | None = None) -> list[FigureStatus]:
    """Of every restatement there was, in the order in which they came."""
    rows = Restatement.objects.order_by("restated_at", "pk")
    if at is not None:
        rows = rows.filter(restated_at__lte=at)
    return new_amount_statuses(list(rows.values("slice_id", "restated_at")), at=at)


@pytest.mark.both_engines
def test_a_close_takes_in_the_newest_amount_and_no_other() -> None:
    clock, cloud, kept = Clock(BEGAN), make_connection(), []

    def keep() -> list[FigureStatus]:
        kept.append((clock.now, statuses()))
        return kept[-1][1]

    run_import(cloud, [bill_line(3, "1"), bill_line(4, "2")], clock=clock, at=BEGAN)
    assert keep() == []
    for cost in ("3", "5"):
        run_import(cloud, [bill_line(3, cost), bill_line(4, "2")], clock=clock, at=BEGAN)
    assert keep() == [RESTATED, RESTATED]
    clock.now += dt.timedelta(days=20)
    close(make_invoice("7.00"), at=clock())
    assert keep() == [RESTATED, CLOSED]
    run_import(cloud, [bill_line(3, "5.5"), bill_line(4, "2")], clock=clock, at=BEGAN)
    assert keep() == [RESTATED, CLOSED, RESTATED]
    assert [statuses(at) for at, _ in kept] == [then for _, then in kept]


def test_it_is_closed_only_when_all_of_its_lines_are() -> None:
    """One slice, two issuers, of which one is closed."""
    clock, cloud = Clock(BEGAN), make_connection()
    other = {"InvoiceIssuerName": "Other Ltd", "InvoiceId": "OTHER-1"}
    for cost in ("1", "3"):
        run_import(cloud, [bill_line(3, cost), bill_line(3, "9", **other)], clock=clock, at=BEGAN)
    clock.now += dt.timedelta(days=20)
    close(make_invoice("3.00"), at=clock())
    assert statuses() == [RESTATED]
    close(make_invoice("9.00", issuer="Other Ltd", number="OTHER-1"), at=clock())
    assert statuses() == [CLOSED]


def test_it_takes_three_queries(django_assert_num_queries: Any) -> None:
    clock, cloud = Clock(BEGAN), make_connection()
    for cost in ("1", "3"):
        run_import(cloud, [bill_line(day, cost) for day in range(1, 9)], clock=clock, at=BEGAN)
    rows = list(Restatement.objects.values("slice_id", "restated_at"))
    with django_assert_num_queries(1):
        new_amount_statuses(rows)
    clock.now += dt.timedelta(days=20)
    close(make_invoice("24.00"), at=clock())
    with django_assert_num_queries(3):
        assert new_amount_statuses(rows) == [CLOSED] * 8
