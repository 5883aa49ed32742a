"""The status of a single line is the one that the roll-ups tell of a sum of it alone."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from billing.models import Allocation, Charge, DailyCost
from billing.selectors.costs import SumDraft, cost_sums
from billing.selectors.figures import status_of
from billing.selectors.line_status import (
    LineBook,
    drafts_of_parts,
    merged,
    statuses_of_charges,
    statuses_of_rows,
)
from billing.selectors.lineage import line_rows, origins_of
from billing.selectors.references import FigureReference, Scope
from portal.shell.statuses import FigureStatus
from tests.billing.closing import bill_line, close, make_invoice
from tests.billing.settled import DAYS, LATER, Settled, bill
from tests.imports import START, Clock, make_connection, run_import

pytestmark = pytest.mark.django_db
EVERYTHING = Scope(FigureReference())
RUNNING = {
    "ChargePeriodStart": f"{LATER:%Y-%m-01}T00:00:00Z",
    "ChargePeriodEnd": f"{LATER:%Y-%m-02}T00:00:00Z",
    "BillingPeriodStart": f"{LATER:%Y-%m-01}T00:00:00Z",
    "BillingPeriodEnd": "2027-02-01T00:00:00Z",
    "BillingAccountId": "running",
}


def live() -> dict[str, Charge]:
    rows = Charge.objects.filter(superseded_at__isnull=True)
    return {
        each.slice.connection.slug: each
        for each in rows.select_related("dimension", "slice__connection")
    }


@pytest.mark.both_engines
@pytest.mark.parametrize("after", [dt.timedelta(), LATER - START])
def test_a_line_has_the_status_of_a_sum_of_it_alone(settled: Settled, after: dt.timedelta) -> None:
    run_import(make_connection("running"), [bill("calm", "7", **RUNNING)])
    now, lines = START + after + dt.timedelta(minutes=5), live()
    told = statuses_of_charges(list(lines.values()), now=now)
    for name, charge in lines.items():
        (alone,) = cost_sums(DailyCost.objects.filter(connection__slug=name), now=now)
        assert told[charge.pk] == status_of(alone, now=now), name
    if after:
        assert {name: told[lines[name].pk] for name in DAYS} == {
            name: status for name, (_, status) in DAYS.items()
        }
        assert told[lines["running"].pk] == FigureStatus.STALE


@pytest.mark.both_engines
def test_rows_of_a_figure_and_its_origins_say_the_same(settled: Settled) -> None:
    rows = list(line_rows(EVERYTHING))
    told = statuses_of_rows(rows, now=LATER)
    lines = live()
    by_charge = {row["charge_number"]: status for row, status in zip(rows, told, strict=True)}
    assert by_charge == {lines[name].pk: status for name, (_, status) in DAYS.items()}
    # Each line comes from a file of its own.
    of_files = {each.run: each.status for each in origins_of(EVERYTHING, now=LATER)}
    assert of_files == {lines[name].run_id: status for name, (_, status) in DAYS.items()}


def test_a_superseded_line_is_restated(settled: Settled) -> None:
    old = Charge.objects.select_related("dimension").filter(superseded_at__isnull=False)
    assert len(old) == 2
    assert set(statuses_of_charges(old, now=LATER).values()) == {FigureStatus.RESTATED}


def test_a_close_takes_a_revision_in_and_not_what_it_replaced() -> None:
    cloud = make_connection()
    for days, cost in ((40, "1"), (30, "2")):
        clock = Clock(START - dt.timedelta(days=days))
        run_import(cloud, [bill_line(3, cost)], clock=clock)
    close(make_invoice("2"))
    lines = Charge.objects.select_related("dimension")
    told = statuses_of_charges(list(lines), now=LATER)
    assert {each.superseded_at is None: told[each.pk] for each in lines} == {
        True: FigureStatus.CLOSED,
        False: FigureStatus.RESTATED,
    }


def test_the_least_settled_of_several_is_said_and_of_none_provisional(settled: Settled) -> None:
    lines = live()
    drafts = drafts_of_parts(Allocation.objects.all(), ("charge_id",))
    book = LineBook.of_slices((), now=LATER)

    def together(*names: str) -> str:
        return book.status_of(merged(drafts[(lines[name].pk,)] for name in names), "invoiced")

    assert together("closed", "calm") == "final"
    assert together("closed", "calm", "bare") == "provisional"
    assert together("closed", "bare", "moved") == "restated"
    assert book.status_of(SumDraft(), "invoiced") == "provisional"


def test_many_lines_need_no_more_queries(settled: Settled, django_assert_num_queries: Any) -> None:
    cloud = make_connection("many")
    rows = [bill("calm", "1", BillingAccountId="many", ResourceId=f"r{n}") for n in range(40)]
    run_import(cloud, rows, clock=Clock())
    charges = list(Charge.objects.select_related("dimension"))
    with django_assert_num_queries(4):
        statuses_of_charges(charges[:1], now=LATER)
    with django_assert_num_queries(4):
        assert len(statuses_of_charges(charges, now=LATER)) == len(charges)
