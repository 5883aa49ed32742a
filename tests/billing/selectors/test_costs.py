"""Sums of money: exact, never mixed, with the status, freshness and coverage that they need."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from billing.choices import Finality
from billing.models import DailyCost
from billing.selectors.costs import Group, Kind, cost_sums, costs_to_date, merge_sums
from billing.selectors.finality import Settledness, finality_of, worst
from billing.selectors.use_case_costs import use_case_costs
from portal.imports.runner import execute_run
from portal.services.imports import release_run
from tests.adoption.factories import make_use_case, make_user
from tests.billing.factories import give_all, make_rule
from tests.billing.sweeps import sweep_both_engines
from tests.imports import Clock, line, make_connection, run_import

pytestmark = pytest.mark.django_db
NOW = dt.datetime(2026, 11, 20, 12, 30, tzinfo=dt.UTC)


@pytest.mark.both_engines
def test_sums_are_exact_whole_numbers_by_month_and_service() -> None:
    case = make_use_case()
    give_all(case)
    run_import(
        make_connection(),
        [
            line(3, "0.1", EffectiveCost="0.05"),
            line(4, "0.2", ServiceName="Other"),
            line(5, "-0.000000001", ChargeCategory="Credit"),
        ],
    )
    found = cost_sums(DailyCost.objects.all(), by=(Group.MONTH, Group.SERVICE), now=NOW)
    assert [(each.key, each.billed_nano, each.effective_nano) for each in found] == [
        (("2026-05", "Model Service"), 99_999_999, 49_999_999),
        (("2026-05", "Other"), 200_000_000, 200_000_000),
    ]
    assert [type(each.billed_nano) for each in found] == [int, int]
    (whole,) = merge_sums(found, keep=())
    assert (whole.billed_nano, whole.lines) == (299_999_999, 3)


def test_currencies_and_bases_are_never_one_sum() -> None:
    case = make_use_case()
    give_all(case)
    run_import(make_connection("a"), [line(3, "1", BillingAccountId="1")])
    run_import(make_connection("b"), [line(3, "2", BillingAccountId="2", BillingCurrency="EUR")])
    run_import(make_connection("c", cost_basis="estimated"), [line(3, "4", BillingAccountId="3")])
    found = costs_to_date([case.pk], now=NOW)[case.pk]
    assert [(each.kind, each.billed_nano) for each in found] == [
        (Kind("EUR", "invoiced"), 2 * 10**9),
        (Kind("USD", "estimated"), 4 * 10**9),
        (Kind("USD", "invoiced"), 1 * 10**9),
    ]
    assert len(merge_sums(found, keep=())) == 3
    assert len(use_case_costs(use_case_id=case.pk, now=NOW)) == 3


@pytest.mark.both_engines
def test_a_sum_beyond_64_bits_is_exact() -> None:
    """A year in a small currency unit passes 9.2 thousand million; SQLite's own SUM would stop."""
    run_import(make_connection(), [line(3, "1", BillingCurrency="IDR")])
    template = DailyCost.objects.get()
    row: dict[str, Any] = {
        field.name: getattr(template, field.name)
        for field in DailyCost._meta.fields
        if field.name != "id"
    }
    row |= {"billed_nano": 2**63 - 1, "effective_nano": -(2**63) + 1}
    DailyCost.objects.all().delete()
    DailyCost.objects.bulk_create(DailyCost(**row) for _ in range(3))
    (found,) = cost_sums(DailyCost.objects.all(), now=NOW)
    assert found.billed_nano == 3 * (2**63 - 1)
    assert found.effective_nano == -3 * (2**63 - 1)


@sweep_both_engines
def test_lines_without_an_effective_cost_are_said_and_not_counted_as_nothing() -> None:
    run_import(make_connection(), [line(3, "1"), line(3, "2", ResourceId="b")])
    rows = DailyCost.objects.all()
    rows.update(effective_unknown=1, effective_nano=10**9)
    (found,) = cost_sums(rows, now=NOW)
    assert (found.effective_nano, found.effective_unknown, found.lines) == (10**9, 1, 2)
    assert not found.is_complete
    rows.update(effective_unknown=2, effective_nano=0)
    (found,) = cost_sums(rows, now=NOW)
    assert found.effective_nano is None


# --- status ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "uninvoiced", "restated", "changed_days_ago", "status"),
    [
        (dt.date(2026, 11, 1), 0, 0, 30, Finality.OPEN),
        (dt.date(2026, 12, 1), 0, 1, 30, Finality.OPEN),
        (dt.date(2026, 10, 31), 0, 1, 30, Finality.RESTATED),
        (dt.date(2026, 10, 31), 0, 0, 14, Finality.FINAL),
        (dt.date(2026, 10, 31), 0, 0, 13, Finality.PROVISIONAL),
        (dt.date(2026, 10, 31), 1, 0, 30, Finality.PROVISIONAL),
    ],
)
def test_status_follows_the_rule(
    day: dt.date, uninvoiced: int, restated: int, changed_days_ago: int, status: Finality
) -> None:
    changed_at = NOW - dt.timedelta(days=changed_days_ago)
    assert finality_of(Settledness(day, uninvoiced, restated, changed_at), now=NOW) == status


def test_without_knowing_when_it_changed_nothing_is_final() -> None:
    assert finality_of(Settledness(dt.date(2026, 1, 1), 0, 0, None), now=NOW) == (
        Finality.PROVISIONAL
    )


def test_the_worst_status_wins() -> None:
    assert worst([Finality.FINAL, Finality.PROVISIONAL]) == Finality.PROVISIONAL
    assert worst([Finality.RESTATED, Finality.PROVISIONAL]) == Finality.RESTATED
    assert worst(list(Finality)) == Finality.OPEN


@pytest.mark.both_engines
def test_an_invoiced_month_becomes_final_and_a_revision_makes_it_restated() -> None:
    cloud, clock = make_connection(), Clock()
    invoiced = {"InvoiceId": "2026-05-A"}
    run_import(cloud, [line(3, **invoiced), line(4, **invoiced)], clock=clock)

    def status(after: int, **only: Any) -> Finality:
        moment = clock.now + dt.timedelta(days=after)
        (found,) = cost_sums(DailyCost.objects.filter(**only), now=moment)
        return found.finality

    assert status(1) == Finality.PROVISIONAL
    assert status(15) == Finality.FINAL
    run_import(cloud, [line(3, "9", **invoiced), line(4, **invoiced)], clock=clock)
    assert status(15) == Finality.RESTATED
    assert status(15, day=dt.date(2026, 5, 4)) == Finality.FINAL


@sweep_both_engines
def test_a_slice_that_was_taken_back_whole_is_a_restatement_too() -> None:
    cloud, clock = make_connection(), Clock()
    run_import(cloud, [line(3), line(4)], clock=clock)
    window = (dt.date(2026, 5, 3), dt.date(2026, 5, 5))
    held = run_import(cloud, [line(3)], clock=clock, window=window)
    assert held.status == "held"
    release_run(run=held, actor=make_user(), at=clock.now)
    assert execute_run(held.pk, clock=clock).status == "applied"
    (found,) = cost_sums(DailyCost.objects.all(), now=NOW)
    assert (found.lines, found.finality) == (1, Finality.RESTATED)


@sweep_both_engines
def test_freshness_is_that_of_the_oldest_source_involved() -> None:
    early, late = Clock(), Clock(dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC))
    run_import(make_connection("a"), [line(3, BillingAccountId="1")], clock=early)
    run_import(make_connection("b"), [line(3, BillingAccountId="2")], clock=late)
    (both,) = cost_sums(DailyCost.objects.all(), now=NOW)
    (newer,) = cost_sums(DailyCost.objects.filter(connection__slug="b"), now=NOW)
    assert both.as_of is not None
    assert newer.as_of is not None
    assert both.as_of <= early.now < newer.as_of


# --- cost of growth -------------------------------------------------------------------------


@sweep_both_engines
def test_the_number_of_queries_does_not_grow(django_assert_num_queries: Any) -> None:
    cases = [make_use_case() for _ in range(6)]
    for number, case in enumerate(cases):
        give_all(case, value=f"case-{number}")
    tags = [f'{{"use_case": "case-{number}"}}' for number in range(6)]
    rows = [
        line(day, f"{day}.5", Tags=tag, ServiceName=f"Service {day}")
        for day in range(1, 9)
        for tag in tags
    ]
    run_import(make_connection(), rows)
    with django_assert_num_queries(3):
        assert len(costs_to_date([case.pk for case in cases], now=NOW)) == 6
    with django_assert_num_queries(3):
        costs_to_date([cases[0].pk], now=NOW)
    with django_assert_num_queries(6):
        (found,) = use_case_costs(use_case_id=cases[0].pk, now=NOW)
    assert len(found.services) == 8
    assert found.services_total.billed_nano == 6 * found.total.billed_nano


def test_unallocated_money_of_the_same_services_is_told() -> None:
    case = make_use_case()
    make_rule((case, 250_000))
    run_import(make_connection(), [line(3, "8"), line(3, "2", Tags="{}")])
    (found,) = use_case_costs(use_case_id=case.pk, now=NOW)
    assert found.total.billed_nano == 2 * 10**9
    assert found.services_total.billed_nano == 10 * 10**9
    assert found.services_total.unallocated_nano == 8 * 10**9
