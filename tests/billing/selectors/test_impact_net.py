"""What an effect is proven to be worth after cost: exact, or a reason."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from adoption.models import ImpactVerdict, UseCase
from adoption.selectors.impact import unit_value_of
from adoption.services.impact_decisions import set_unit_value
from adoption.services.impact_verdicts import evaluate_registration
from billing.selectors.impact_net import net_benefit_of
from billing.services.exchange_rates import Pair, enter_rate
from portal.choices import Role
from tests.adoption.factories import make_user
from tests.adoption.impact import CLOSED, WeeklyMetric, piloted, register, weekly_metric
from tests.billing.factories import give_all
from tests.billing.sweeps import sweep_both_engines
from tests.imports import line, make_connection, run_import

pytestmark = pytest.mark.django_db
BEFORE = dt.datetime(2026, 4, 20, 9, 0, tzinfo=dt.UTC)
LAUNCH = dt.date(2026, 5, 1)
LAST = dt.date(2026, 8, 6)
NANO = 10**9


@pytest.fixture(autouse=True)
def metric() -> Iterator[WeeklyMetric]:
    with weekly_metric() as made:
        made.set([7, 9, 8], [14, 15, 16], launch=LAUNCH)
        yield made


@pytest.fixture
def case() -> UseCase:
    found = piloted()
    give_all(found)
    return found


def judged(case: UseCase) -> ImpactVerdict:
    made = register(case, at=BEFORE, launch_on=LAUNCH)
    return evaluate_registration(registration_id=made.pk, at=CLOSED).verdict


def value(case: UseCase, amount: str = "10") -> None:
    person = make_user()
    set_unit_value(
        use_case_id=case.pk, metric_key="handled_cases", amount_nano=int(Decimal(amount) * NANO),
        grounds="The agency's price.", owner=person, actor=person, at=CLOSED,
    )  # fmt: skip


@pytest.mark.both_engines
def test_benefit_less_cost_from_the_launch_to_the_end_of_the_window(case: UseCase) -> None:
    run_import(make_connection(), [line(3, "50", EffectiveCost="40"), line(20, "2.50")])
    case.programme.currency = "USD"
    case.programme.save()
    verdict = judged(case)
    value(case)
    found = net_benefit_of(verdict, case, now=CLOSED)
    assert (found.first, found.last) == (LAUNCH, LAST)
    assert found.cost.nano == 42_500_000_000
    assert found.benefit.nano is not None
    assert found.benefit.nano > 0
    assert found.nano == found.benefit.nano - 42_500_000_000
    assert (found.currency, found.rate, found.reason) == ("USD", None, "")


@sweep_both_engines
def test_another_currency_is_read_with_a_stated_rate_or_not_at_all(case: UseCase) -> None:
    run_import(make_connection(), [line(3, "50")])
    case.programme.currency = "EUR"
    case.programme.save()
    verdict = judged(case)
    value(case)
    without = net_benefit_of(verdict, case, now=CLOSED)
    assert without.nano is None
    assert "no rate from USD to EUR" in without.reason
    enter_rate(
        pair=Pair("USD", "EUR", LAST),
        rate="0.8",
        source="A bank",
        actor=make_user(Role.FINANCE),
        at=CLOSED,
    )
    found = net_benefit_of(verdict, case, now=CLOSED)
    assert found.benefit.nano is not None
    assert found.nano == found.benefit.nano - 40 * NANO
    assert found.rate is not None


@sweep_both_engines
def test_a_cost_that_is_not_known_is_never_nought(case: UseCase) -> None:
    verdict = judged(case)
    value(case)
    found = net_benefit_of(verdict, case, now=CLOSED)
    assert (found.nano, found.cost.nano) == (None, None)
    assert "not known" in found.reason


@sweep_both_engines
def test_without_a_worth_there_is_no_net_and_nothing_proven_only_costs(
    case: UseCase, metric: WeeklyMetric
) -> None:
    run_import(make_connection(), [line(3, "50")])
    case.programme.currency = "USD"
    case.programme.save()
    verdict = judged(case)
    assert unit_value_of(case, "handled_cases") is None
    unknown = net_benefit_of(verdict, case, now=CLOSED)
    assert (unknown.nano, unknown.reason) == (None, "nobody has said what a unit is worth")
    metric.set([7, 9, 8], [8, 7, 9], launch=LAUNCH)
    null = evaluate_registration(registration_id=verdict.registration_id, at=CLOSED).verdict
    assert null.verdict == "inconclusive"
    found = net_benefit_of(null, case, now=CLOSED)
    assert (found.nano, found.benefit.units) == (-50 * NANO, 0)


def test_the_page_shows_cost_and_net_with_window_and_currency(
    case: UseCase, client: Client
) -> None:
    run_import(make_connection(), [line(3, "50")])
    case.programme.currency = "USD"
    case.programme.save()
    made = register(case, at=BEFORE, launch_on=LAUNCH)
    value(case)
    address = reverse("registration", args=[case.slug, made.pk])
    client.force_login(make_user())
    assert "After cost" not in client.get(address).content.decode()
    evaluate_registration(registration_id=made.pk, at=CLOSED)
    shown = client.get(address).content.decode()
    assert "Net benefit, conservative" in shown
    assert "1 May 2026 to 6 Aug 2026" in shown
    assert "USD" in shown
