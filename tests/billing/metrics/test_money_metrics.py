"""Metrics of money from the database: facts of one window, and the value they give."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from adoption.choices import DeliveryState
from adoption.metrics.contracts import Windowed, canonical
from adoption.metrics.registry import metrics
from adoption.metrics.windows import Window
from adoption.models import Delivery, UseCase
from adoption.selectors.outcomes import accepted_outcomes
from tests.adoption.factories import make_use_case, make_user
from tests.billing.factories import give_all
from tests.billing.sweeps import sweep_both_engines
from tests.imports import line, make_connection, run_import
from tests.plugins.sweeping import sampled

pytestmark = pytest.mark.django_db
MAY = Window(dt.date(2026, 5, 1), dt.date(2026, 6, 1), "UTC")
LATER = dt.datetime(2026, 8, 1, tzinfo=dt.UTC)
NANO = 10**9


def windowed(key: str) -> Windowed:
    found = metrics.get(key).windowed
    assert found is not None
    return found


def deliver(use_case: UseCase, day: int, number: int = 1, **fields: object) -> None:
    at = dt.datetime(2026, 5, day, 12, tzinfo=dt.UTC)
    for _ in range(number):
        Delivery.objects.create(
            **{
                "use_case": use_case,
                "title": "Something",
                "claimed_by": make_user(),
                "claimed_at": at,
                "state": DeliveryState.HELD,
                "deployed_at": at,
                "held_at": at + dt.timedelta(days=14),
                **fields,
            }
        )


@pytest.fixture
def case() -> UseCase:
    found = make_use_case()
    give_all(found)
    return found


@pytest.mark.both_engines
def test_cost_per_outcome_divides_the_cost_of_the_month(case: UseCase) -> None:
    run_import(make_connection(), [line(3, "50", EffectiveCost="42"), line(4, "0")])
    deliver(case, 5, 20)
    metric = windowed("cost_per_accepted_outcome")
    facts = metric.collect([case.pk], MAY, LATER)[case.pk]
    found = metric.calculate(facts)
    assert (found.nano, found.n, found.contributors) == (2_100_000_000, 20, 20)
    assert (found.currency, found.basis) == ("USD", "invoiced")
    assert canonical(facts)  # no fraction in them


@sweep_both_engines
def test_an_outcome_needs_its_thirty_days_and_no_revert(case: UseCase) -> None:
    deliver(case, 5)
    deliver(case, 6, reverted_at=dt.datetime(2026, 5, 20, tzinfo=dt.UTC))
    deliver(case, 7, reverted_at=dt.datetime(2026, 7, 20, tzinfo=dt.UTC))
    deliver(case, 31)

    def counted(as_of: dt.datetime) -> int:
        found = accepted_outcomes([case.pk], since=MAY.starts_at, until=MAY.ends_at, as_of=as_of)
        return found[case.pk].count if case.pk in found else 0

    assert counted(dt.datetime(2026, 6, 4, tzinfo=dt.UTC)) == 0
    assert counted(dt.datetime(2026, 6, 5, tzinfo=dt.UTC)) == 1
    assert counted(LATER) == 3


@sweep_both_engines
def test_two_currencies_give_a_reason_and_no_amount(case: UseCase) -> None:
    run_import(make_connection(), [line(3, "50")])
    run_import(make_connection("euros"), [line(3, "50", BillingCurrency="EUR")])
    deliver(case, 5, 20)
    metric = windowed("cost_per_accepted_outcome")
    found = metric.calculate(metric.collect([case.pk], MAY, LATER)[case.pk])
    assert (found.nano, found.reason, found.n) == (None, "mixed_currencies", 20)


@pytest.mark.both_engines
def test_allocation_coverage_is_what_somebody_takes_of_all() -> None:
    case = make_use_case()
    give_all(case, value="Search", field="service")
    run_import(
        make_connection(),
        [line(3, "30", ServiceName="Search"), line(4, "10", ServiceName="Other")],
    )
    metric = windowed("allocation_coverage")
    programme = case.programme_id
    found = metric.calculate(metric.collect([programme], MAY, LATER)[programme])
    assert (found.nano, found.coverage_nano, found.basis) == (750_000_000, NANO, "invoiced")


@pytest.mark.parametrize(
    "key",
    sampled(
        ["cost_per_accepted_outcome", "cost_to_serve", "anomaly_detection_time"], "cost_to_serve"
    ),
)
def test_collecting_costs_the_same_queries_whatever_the_number_of_use_cases(key: str) -> None:
    cases = [make_use_case() for _ in range(4)]
    give_all(cases[0])
    run_import(make_connection(), [line(3, "30")])
    metric = windowed(key)
    counts = []
    for number in (1, 4):
        with CaptureQueriesContext(connection) as queries:
            metric.collect([case.pk for case in cases[:number]], MAY, LATER)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 5
