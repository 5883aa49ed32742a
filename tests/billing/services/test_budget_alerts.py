"""Budgets say each thing once: at 50, 80 and 100 %, and when the forecast exceeds them."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core import mail
from django.db import DatabaseError, connection, connections, transaction

from billing.models import Budget, BudgetAlert
from billing.selectors.budget_spending import PresentSpending
from billing.selectors.budgets import month_budgets, standings
from billing.selectors.finished_budgets import finished_standings
from billing.services import budget_alerts
from billing.services.budget_alerts import check_budgets
from billing.services.budgets import BudgetDraft, change_budget, end_budget
from billing.services.refusals import ChangeRefusedError, StaleChangeError
from portal.approvals.triggers import install, remove
from portal.models import Notice, WorkItem
from portal.shell.money import NANO_PER_UNIT
from portal.shell.periods import Month
from portal.work.runner import execute_item
from tests.adoption.factories import make_programme, make_use_case, make_user
from tests.billing.sweeps import sweep_both_engines
from tests.billing.watching import every_day, make_budget, paid_for, spend
from tests.imports import Clock

MAY = dt.date(2026, 5, 1)


def noon(day: int) -> dt.datetime:
    return dt.datetime(2026, 5, day, 12, tzinfo=dt.UTC)


def thresholds() -> list[str]:
    return list(BudgetAlert.objects.order_by("pk").values_list("threshold", flat=True))


def case_with_cost(last: int, cost: str = "10", **fields: Any) -> Any:
    """A use case that costs this much on each day of May up to `last`."""
    case = make_use_case(**fields)
    paid_for(case, "triage", MAY)
    spend(every_day(MAY, MAY.replace(day=last), cost), "triage")
    return case


@pytest.mark.both_engines
@pytest.mark.django_db
def test_each_threshold_is_said_once_a_period_and_names_use_case_and_owner() -> None:
    owner = make_user(name="Olive Owner", email="olive@acme.example")
    case = case_with_cost(4, owner=owner, title="Answer drafts")
    budget = make_budget(case, 100, owner=owner)
    assert check_budgets(at=noon(5)) == []
    paid_for(case, "batch", MAY)
    bill = spend({dt.date(2026, 5, 6): "10"}, "batch")
    for _ in range(3):
        check_budgets(at=noon(6))
    assert thresholds() == ["50"]
    spend({dt.date(2026, 5, 6): "60", dt.date(2026, 5, 7): "1"}, "batch", connection=bill)
    for _ in range(2):
        check_budgets(at=noon(7))
    assert thresholds() == ["50", "80", "100"]
    notices = Notice.objects.filter(user=owner).order_by("pk")
    assert [each.title for each in notices] == [
        "Answer drafts: 50 % of its budget is used",
        "Answer drafts: 80 % of its budget is used",
        "Answer drafts: 100 % of its budget is used",
    ]
    first = notices[0]
    assert "50.00 USD of 100.00 USD" in first.text.replace("\xa0", " ")
    assert "Owner: Olive Owner" in first.text
    assert first.link.endswith(f"/budgets/{budget.pk}/")


@sweep_both_engines
@pytest.mark.django_db
def test_a_new_period_begins_anew() -> None:
    case = case_with_cost(31)
    make_budget(case, 100)
    check_budgets(at=noon(31))
    assert thresholds() == ["50", "80", "100"]
    assert check_budgets(at=dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)) == []
    june = dt.date(2026, 6, 1)
    paid_for(case, "june", june)
    spend({june: "55"}, "june")
    made = check_budgets(at=dt.datetime(2026, 6, 1, 13, tzinfo=dt.UTC))
    assert [(each.threshold, str(each.period_start)) for each in made] == [("50", "2026-06-01")]


def june(day: int) -> dt.datetime:
    return dt.datetime(2026, 6, day, 9, tzinfo=dt.UTC)


@pytest.mark.both_engines
@pytest.mark.django_db
def test_what_the_last_days_of_a_period_used_is_said_once_it_is_over() -> None:
    """Against the amount of then: what was changed in June says nothing about May."""
    case = case_with_cost(6, title="Answer drafts")
    budget = make_budget(case, 200)
    check_budgets(at=noon(31))
    assert thresholds() == []
    paid_for(case, "batch", MAY)
    bill = spend({dt.date(2026, 5, 31): "110"}, "batch")
    change_budget(pk=budget.pk, draft=budget_draft(budget, 100), expected_version=1,
                  reason="Less.", actor=budget.owner)  # fmt: skip
    for _ in range(2):
        check_budgets(at=june(2))
    assert thresholds() == ["50", "80"]
    spend({dt.date(2026, 5, 31): "140"}, "batch", connection=bill)
    (alert,) = check_budgets(at=june(3))
    assert (alert.threshold, alert.period_start, alert.amount_nano) == (
        "100", MAY, 200 * NANO_PER_UNIT,
    )  # fmt: skip
    assert (alert.projected_nano, alert.crosses_on) == (None, None)
    notice = Notice.objects.latest("pk")
    assert notice.title == "Answer drafts: 100 % of its budget of May 2026 was used"
    assert "31 May 2026, a period that is over. Owner: " in notice.text
    assert "At this pace" not in notice.text


@pytest.mark.both_engines
@pytest.mark.django_db
def test_a_budget_that_was_changed_speaks_again_of_its_new_amount_and_once() -> None:
    budget = make_budget(case_with_cost(8), 70)
    check_budgets(at=noon(31))
    assert thresholds() == ["50", "80", "100"]
    change_budget(pk=budget.pk, draft=budget_draft(budget, 150), expected_version=1,
                  reason="More.", actor=budget.owner)  # fmt: skip
    for _ in range(2):
        check_budgets(at=noon(31))
    assert thresholds() == ["50", "80", "100", "50", "forecast"]
    assert Notice.objects.latest("pk").text.startswith("80.00\xa0USD of 150.00\xa0USD")


@pytest.mark.django_db
def test_of_a_period_before_the_budget_was_made_nothing_is_said() -> None:
    budget = make_budget(case_with_cost(31), 100)
    Budget.objects.filter(pk=budget.pk).update(created_at=june(1))
    assert check_budgets(at=june(2)) == []
    assert finished_standings([budget], PresentSpending(june(2))) != {}
    budget.refresh_from_db()
    assert finished_standings([budget], PresentSpending(june(2))) == {}


@sweep_both_engines
@pytest.mark.django_db
def test_the_forecast_is_said_with_the_day_and_not_once_all_is_used() -> None:
    budget = make_budget(case_with_cost(8), 200)
    (alert,) = check_budgets(at=noon(9))
    assert alert.threshold == "forecast"
    assert alert.projected_nano == 310 * NANO_PER_UNIT
    assert alert.crosses_on == dt.date(2026, 5, 21)
    assert "forecast to exceed its budget on 21 May 2026" in Notice.objects.earliest("pk").title
    Budget.objects.filter(pk=budget.pk).update(amount_nano=80 * NANO_PER_UNIT)
    check_budgets(at=noon(9))
    assert thresholds() == ["forecast", "50", "80", "100"]


@sweep_both_engines
@pytest.mark.django_db
def test_other_currencies_and_bases_do_not_count() -> None:
    case = case_with_cost(8)
    make_budget(case, 100, currency="EUR")
    make_budget(case, 100, cost_basis="estimated")
    assert check_budgets(at=noon(9)) == []
    found = standings(Budget.objects.all(), PresentSpending(noon(9))).values()
    assert [each.spent or 0 for each in found] == [0, 0]


@pytest.mark.django_db
def test_a_programme_sums_its_use_cases_and_fiscal_quarters() -> None:
    programme = make_programme(fiscal_year_start_month=2)
    first = case_with_cost(8, programme=programme)
    second = make_use_case(programme=programme)
    paid_for(second, "other", MAY)
    spend(every_day(MAY, MAY.replace(day=8), "1"), "other")
    budget = make_budget(None, 1000, programme_id=programme.pk, period="quarter")
    (standing,) = standings([budget], PresentSpending(noon(9))).values()
    assert standing.spent == 88 * NANO_PER_UNIT
    assert (standing.period.start, standing.period.end) == (MAY, dt.date(2026, 8, 1))
    assert standing.spenders == tuple(sorted((first.pk, second.pk)))
    assert standing.projected == 11 * 92 * NANO_PER_UNIT
    assert month_budgets({first.pk}, MAY) == {}


@sweep_both_engines
@pytest.mark.django_db
def test_effective_budgets_say_nothing_where_no_line_states_an_effective_cost() -> None:
    case = make_use_case()
    paid_for(case, "triage", MAY)
    spend(every_day(MAY, MAY.replace(day=9)), "triage", EffectiveCost="")
    budget = make_budget(case, 10, measure="effective")
    (standing,) = standings([budget], PresentSpending(noon(9))).values()
    assert standing.spent is None
    assert check_budgets(at=noon(9)) == []


@pytest.mark.django_db
def test_budgets_change_with_their_version_and_end_with_a_reason() -> None:
    case = make_use_case()
    budget = make_budget(case, 100)
    with pytest.raises(ChangeRefusedError, match="already"):
        make_budget(case, 300)
    draft = budget_draft(budget, 200)
    change_budget(pk=budget.pk, draft=draft, expected_version=1, reason="More.", actor=budget.owner)
    with pytest.raises(StaleChangeError):
        change_budget(pk=budget.pk, draft=draft, expected_version=1, reason="", actor=budget.owner)
    ended: dict[str, Any] = {"pk": budget.pk, "actor": budget.owner, "at": noon(1)}
    with pytest.raises(ChangeRefusedError, match="why"):
        end_budget(**ended, expected_version=2, reason=" ")
    end_budget(**ended, expected_version=2, reason="Over.")
    with pytest.raises(ChangeRefusedError, match="ended"):
        end_budget(**ended, expected_version=3, reason="Again.")
    assert make_budget(case, 300).pk != budget.pk


def budget_draft(budget: Budget, amount: int) -> BudgetDraft:
    """What the budget says, with another amount."""
    return BudgetDraft(
        use_case_id=budget.use_case_id, period=budget.period, first=Month.of(budget.starts_on),
        last=None, currency=budget.currency, cost_basis=budget.cost_basis,
        measure=budget.measure, amount_nano=amount * NANO_PER_UNIT, owner=budget.owner,
    )  # fmt: skip


@pytest.mark.both_engines
@pytest.mark.django_db
@pytest.mark.parametrize("deed", ["update", "delete"])
def test_what_was_said_is_never_changed(deed: str) -> None:
    make_budget(case_with_cost(6), 100)
    check_budgets(at=noon(6))
    rows = BudgetAlert.objects.all()
    with pytest.raises(DatabaseError, match="never"), transaction.atomic():
        rows.update(spent_nano=0) if deed == "update" else rows.delete()


@sweep_both_engines
@pytest.mark.django_db
def test_a_letter_is_sent_once_to_those_with_an_address(settings: Any) -> None:
    settings.SENDS_MAIL = True
    owner = make_user(email="olive@acme.example")
    make_budget(case_with_cost(5, owner=owner, title="Drafts"), 100, owner=owner)
    check_budgets(at=noon(5))
    (item,) = WorkItem.objects.filter(kind="portal.mail-notice")
    for _ in range(2):
        execute_item(item.pk, clock=Clock(noon(6)))
    (letter,) = mail.outbox
    assert letter.to == ["olive@acme.example"]
    assert "50 %" in letter.subject
    assert "/costs/budgets/" in str(letter.body)
    assert letter.extra_headers["Message-ID"].startswith("<notice-")


# --- Two workers at once --------------------------------------------------------------------------


@pytest.fixture
def race(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Two workers that have both seen that nothing was said yet, and now both say it."""
    make_budget(case_with_cost(5), 100)
    both_know = threading.Barrier(2, timeout=30)
    known = budget_alerts.fired_thresholds

    def wait_for_the_other(found: Any) -> Any:
        said = known(found)
        both_know.wait()
        return said

    monkeypatch.setattr(budget_alerts, "fired_thresholds", wait_for_the_other)
    problems: list[Exception] = []

    def one() -> None:
        try:
            check_budgets(at=noon(5))
        except Exception as error:  # seen by the test below
            problems.append(error)
        finally:
            connections.close_all()

    def run() -> None:
        workers = [threading.Thread(target=one) for _ in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)
        assert problems == []

    return run


@pytest.fixture
def without_the_key(race: Callable[[], None]) -> Iterator[None]:
    """The constraint that makes alerts happen once, taken away for as long as the test lasts."""
    (key,) = [
        each for each in BudgetAlert._meta.constraints if each.name == "billing_budgetalert_once"
    ]

    def change(deed: str) -> None:
        # SQLite makes the table anew with the constraints that the model names at that moment.
        BudgetAlert._meta.constraints = [key] if deed == "add_constraint" else []
        remove(connection)
        with connection.constraint_checks_disabled(), connection.schema_editor() as editor:
            getattr(editor, deed)(BudgetAlert, key)
        install(connection)

    change("remove_constraint")
    yield
    remove(connection)
    BudgetAlert.objects.all().delete()
    change("add_constraint")


@pytest.mark.both_engines
def test_of_two_workers_one_says_it(race: Callable[[], None]) -> None:
    race()
    assert thresholds() == ["50"]
    assert Notice.objects.values("user", "key").distinct().count() == Notice.objects.count() > 0


@sweep_both_engines
def test_without_the_key_the_race_would_say_it_twice(
    without_the_key: None, race: Callable[[], None]
) -> None:
    race()
    assert thresholds() == ["50", "50"]
