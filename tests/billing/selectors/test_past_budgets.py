"""How a budget stood: what was said at a moment comes back, whatever has happened since."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

import pytest
from django.utils import timezone

from adoption.models import UseCase
from billing.models import Budget, Forecast
from billing.selectors import past_costs
from billing.selectors.as_of import TooManyChargesError
from billing.selectors.budget_spending import PastSpending, PresentSpending, Spending
from billing.selectors.budgets import (
    NOT_PROJECTED,
    Standing,
    spent_by_use_case,
    standings,
)
from billing.selectors.exceeded_budgets import exceeded_since
from billing.selectors.past_budgets import budgets_recorded_at
from billing.services.budgets import BudgetDraft, change_budget, end_budget
from billing.services.forecasts import freeze_forecasts
from billing.views.budget_figures import projected_figure
from portal.shell.money import NANO_PER_UNIT
from portal.shell.periods import Month
from portal.shell.statuses import FigureStatus
from tests.adoption.factories import make_use_case, make_user
from tests.billing.factories import give_all, make_draft, replace_rule
from tests.billing.watching import charge_line, every_day, make_budget
from tests.imports import Clock, make_connection, run_import

pytestmark = pytest.mark.django_db
BEGAN = dt.datetime(2026, 10, 1, 0, 10, tzinfo=dt.UTC)
JULY = dt.date(2026, 7, 1)


def october(day: int) -> dt.date:
    return dt.date(2026, 10, day)


def told(budgets: list[Budget], spending: Spending) -> list[Any]:
    """Everything that pages say of these budgets."""
    found = standings(budgets, spending)
    since = exceeded_since(found.values())
    return [_all_of(found[each.pk], since.get(each.pk)) for each in budgets]


def _all_of(found: Standing, since: dt.date | None) -> dict[str, Any]:
    names = ("period", "spent", "share", "status", "cost", "projection", "band", "covered_until",
             "crosses_on", "unprojected")  # fmt: skip
    days = found.spending.days(found.spenders, found.period, measure=found.budget.measure)
    return {name: getattr(found, name) for name in names} | {
        "since": since, "days": days, "counts": spent_by_use_case(found),
    }  # fmt: skip


def past(budgets: list[Budget], at: dt.datetime) -> list[Any]:
    return told(budgets, PastSpending(at))


@pytest.fixture
def case() -> UseCase:
    found = make_use_case(title="Answer drafts")
    give_all(found, starts_on=JULY, at=BEGAN - dt.timedelta(days=1))
    return found


def bill(until: dt.date, cost: str = "10") -> list[dict[str, str]]:
    """Ten a day from July on; `cost` on the third of October."""
    days = every_day(JULY, until) | ({october(3): cost} if until >= october(3) else {})
    return [charge_line(day, each, "triage") for day, each in days.items()]


@pytest.mark.both_engines
def test_every_earlier_standing_comes_back(case: UseCase) -> None:
    """After later days, a restatement, the frozen forecast and a rule that was changed."""
    clock, cloud = Clock(BEGAN), make_connection()
    budgets = [
        make_budget(case, 150), make_budget(case, 400, measure="effective"),
        make_budget(case, 1_000, period="quarter"),
        make_budget(None, 300, programme_id=case.programme_id),
    ]  # fmt: skip
    kept = []

    def keep() -> None:
        kept.append((clock.now, told(budgets, PresentSpending(clock.now))))

    run_import(cloud, bill(dt.date(2026, 9, 30)), clock=clock, at=BEGAN)
    keep()
    freeze_forecasts(at=clock())
    keep()
    clock.now = dt.datetime(2026, 10, 10, 8, tzinfo=dt.UTC)
    run_import(cloud, bill(october(9)), clock=clock, at=clock.now)
    keep()
    clock.now = dt.datetime(2026, 10, 20, 8, tzinfo=dt.UTC)
    run_import(cloud, bill(october(19), "95"), clock=clock, at=clock.now)
    keep()
    rule = give_all(make_use_case(), value="other", starts_on=JULY, at=clock())
    replace_rule(
        rule_id=rule.pk, actor=rule.created_by, reason="", at=clock(),
        draft=make_draft((case, 1_000_000), value="other", starts_on=JULY),
    )  # fmt: skip
    run_import(
        make_connection("other"),
        [charge_line(october(5), "40", "other")],
        clock=clock,
        at=clock.now,
    )
    keep()
    assert [past(budgets, at) for at, _ in kept] == [then for _, then in kept]
    assert len({str(then) for _, then in kept}) == len(kept)
    spent = [then[0]["spent"] // NANO_PER_UNIT for _, then in kept]
    assert spent == [0, 0, 90, 275, 315]
    assert [then[0]["since"] for _, then in kept][2:] == [None, october(7), october(5)]


def test_a_forecast_that_was_frozen_later_is_not_known(case: UseCase) -> None:
    clock, cloud = Clock(BEGAN), make_connection()
    budget = make_budget(case, 400)
    run_import(cloud, bill(october(3)), clock=clock, at=BEGAN)
    before = clock.now
    freeze_forecasts(at=clock())
    assert Forecast.objects.filter(forecast_nano__isnull=False).exists()
    (then,) = standings([budget], PastSpending(before)).values()
    (now,) = standings([budget], PastSpending(clock.now)).values()
    assert projected_figure(then, at=before).reason == NOT_PROJECTED
    assert projected_figure(now, at=clock.now).value is not None


def test_a_period_longer_than_a_year_is_not_told_and_says_why(case: UseCase) -> None:
    clock = Clock(BEGAN)
    run_import(make_connection(), bill(october(3)), clock=clock, at=BEGAN)
    long = make_budget(case, 400, period="whole", last=Month(2027, 1))
    month = make_budget(case, 400)
    found = standings([long, month], PastSpending(clock.now))
    assert found[long.pk].spent is None
    assert found[long.pk].unknown_because == "as of a moment, at most 12 months are worked out"
    assert found[month.pk].spent == 30 * NANO_PER_UNIT
    assert standings([long], PresentSpending(clock.now))[long.pk].spent is not None


def test_more_charges_than_are_worked_out_are_refused(
    case: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(BEGAN)
    run_import(make_connection(), bill(october(9)), clock=clock, at=BEGAN)
    monkeypatch.setattr(past_costs, "MOST_CHARGES_AS_OF", 8)
    with pytest.raises(TooManyChargesError, match="More than 8 charges"):
        standings([make_budget(case, 400)], PastSpending(clock.now))


def test_the_used_amount_is_as_settled_as_its_lines(case: UseCase) -> None:
    clock, cloud = Clock(BEGAN), make_connection()
    month, quarter = make_budget(case, 400), make_budget(case, 400, period="quarter")
    run_import(cloud, bill(dt.date(2026, 9, 30)), clock=clock, at=BEGAN)
    run_import(
        cloud, [charge_line(october(2), "1", "triage", InvoiceId="I")], clock=clock, at=BEGAN
    )

    def statuses(now: dt.datetime) -> list[FigureStatus]:
        found = standings([month, quarter], PresentSpending(now))
        assert [e.status for e in found.values()] == [
            e.status for e in standings([month, quarter], PastSpending(now)).values()
        ]
        return [found[each.pk].status for each in (month, quarter)]

    assert statuses(clock.now) == [FigureStatus.PROVISIONAL] * 2
    assert statuses(clock.now + dt.timedelta(days=5)) == [FigureStatus.STALE] * 2
    november = dt.datetime(2026, 11, 10, tzinfo=dt.UTC)
    assert statuses(november) == [FigureStatus.PROVISIONAL, FigureStatus.FINAL]


@pytest.mark.both_engines
def test_a_budget_says_what_it_said(case: UseCase, django_assert_num_queries: Any) -> None:
    budget, untouched = make_budget(case, 100), make_budget(case, 7, measure="effective")
    other = make_user(name="Other Owner")
    moments = []
    for amount, owner in ((200, budget.owner), (300, other)):
        moments.append(_moment())
        change_budget(
            pk=budget.pk, expected_version=budget.version, reason="More.", actor=other,
            draft=BudgetDraft(
                use_case_id=case.pk, period="month", first=Month(2026, 1), last=Month(2027, 3),
                currency="USD", cost_basis="invoiced", measure="billed",
                amount_nano=amount * NANO_PER_UNIT, owner=owner,
            ),
        )  # fmt: skip
        budget.refresh_from_db()
    moments.append(_moment())
    end_budget(
        pk=budget.pk, expected_version=budget.version, reason="Over.", actor=other,
        at=timezone.now(),
    )  # fmt: skip
    moments.append(_moment())
    found = []
    for at, queries in zip(moments, (3, 3, 2, 2), strict=True):
        with django_assert_num_queries(queries):
            one, same = budgets_recorded_at(Budget.objects.select_related("owner"), at)
            found.append((one.amount_nano // NANO_PER_UNIT, one.ends_on, str(one.owner),
                          one.version, one.ended_at is None))  # fmt: skip
        assert same.amount_nano == untouched.amount_nano
    end, first = dt.date(2027, 4, 1), str(Budget.objects.get(pk=budget.pk).created_by)
    assert found == [
        (100, None, first, 1, True), (200, end, first, 2, True),
        (300, end, "Other Owner", 3, True), (300, end, "Other Owner", 4, False),
    ]  # fmt: skip
    assert budgets_recorded_at(Budget.objects.all(), dt.datetime(2025, 1, 1, tzinfo=dt.UTC)) == []


def _moment() -> dt.datetime:
    """Now, by the clock of the database as well, which may count milliseconds only."""
    time.sleep(0.003)
    found = timezone.now()
    time.sleep(0.003)
    return found


def test_it_takes_as_many_queries_however_many_budgets(
    case: UseCase, django_assert_num_queries: Any
) -> None:
    clock, cloud = Clock(BEGAN), make_connection()
    run_import(cloud, bill(october(9)), clock=clock, at=BEGAN)
    budgets = [make_budget(case, 50)]
    counts = []
    for number in range(2):
        with django_assert_num_queries(7):  # two of them because the bill reaches beyond now
            standings(budgets, PresentSpending(clock.now))
        with django_assert_num_queries(18):
            exceeded_since(standings(budgets, PastSpending(clock.now)).values())
        budgets += [make_budget(make_use_case(title=f"Case {number}"), 50) for _ in range(3)]
        counts.append(len(budgets))
    assert counts == [4, 7]
