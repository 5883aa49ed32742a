"""Anomalies: found for each use case by itself, told once, answered with a reason."""

from __future__ import annotations

import datetime as dt

import pytest

from adoption.choices import AiAssistance
from adoption.models import UseCase
from adoption.services.deliveries import log_delivery
from billing.forecast.anomalies import Thresholds
from billing.models import Anomaly, AnomalyDay
from billing.selectors.anomalies import response_of
from billing.services.anomalies import acknowledge, detect_anomalies, set_policy
from billing.services.refusals import ChangeRefusedError
from portal.models import Notice
from portal.shell.money import NANO_PER_UNIT
from portal.shell.periods import Month
from tests.adoption.factories import make_use_case, make_user
from tests.billing.sweeps import sweep_both_engines
from tests.billing.watching import every_day, make_budget, paid_for, spend

pytestmark = pytest.mark.django_db
FIRST = dt.date(2026, 5, 1)
DAY = dt.date(2026, 6, 10)
NOW = dt.datetime(2026, 6, 11, 6, tzinfo=dt.UTC)


def case_with(tag: str, cost: str, usual: str = "100") -> UseCase:
    """A use case with forty usual days and one of `cost`."""
    case = make_use_case(title=tag)
    paid_for(case, tag, FIRST)
    spend({**every_day(FIRST, DAY, usual), DAY: cost}, tag)
    return case


def found() -> list[tuple[str, int]]:
    rows = Anomaly.objects.order_by("day__use_case__title").select_related("day__use_case")
    return [(each.day.use_case.title, each.day.actual_nano // NANO_PER_UNIT) for each in rows]


def test_one_use_case_is_not_set_off_against_another() -> None:
    case_with("up", "1100")
    case_with("down", "0")
    case_with("upper", "1100")
    detect_anomalies(at=NOW)
    assert found() == [("up", 1100), ("upper", 1100)]


@pytest.mark.both_engines
def test_it_is_found_and_told_once_and_names_use_case_and_owner() -> None:
    case = case_with("triage", "300")
    for hour in range(3):
        detect_anomalies(at=NOW + dt.timedelta(hours=hour))
    (anomaly,) = Anomaly.objects.all()
    (notice,) = Notice.objects.all()
    assert (notice.user, notice.title) == (case.owner, "triage: unusual cost on 10 Jun 2026")
    assert str(case.owner) in notice.text
    assert "No delivery was claimed" in notice.text
    assert (anomaly.detected_at, anomaly.notified_at) == (NOW, NOW)
    row = anomaly.day
    assert (row.expected_nano, row.upper_nano) == (100 * NANO_PER_UNIT, 110 * NANO_PER_UNIT)


@sweep_both_engines
def test_finding_does_not_depend_on_who_is_told() -> None:
    case = case_with("triage", "140")
    detect_anomalies(at=NOW)
    assert found() == [("triage", 140)]
    assert not Notice.objects.exists()  # 40 too much, and 50 is the least that is told
    limits = Thresholds(absolute=30 * NANO_PER_UNIT)
    set_policy(currency="USD", thresholds=limits, actor=make_user(), at=NOW)
    make_budget(case, 3000)
    detect_anomalies(at=NOW + dt.timedelta(hours=1))
    assert not Notice.objects.exists()  # and 150 is 5 % of the month's budget
    set_policy(currency="USD", thresholds=Thresholds(absolute=30 * NANO_PER_UNIT, share=10_000),
               actor=make_user(), at=NOW)  # fmt: skip
    detect_anomalies(at=NOW + dt.timedelta(hours=2))
    assert Notice.objects.count() == 1
    assert Anomaly.objects.count() == 1


@pytest.mark.both_engines
def test_days_that_come_late_are_judged_when_they_come() -> None:
    """Never judged, or judged as days without cost because another source had come further."""
    case_with("other", "100")
    paid_for(make_use_case(title="late"), "late", FIRST)
    may = every_day(FIRST, dt.date(2026, 5, 16), "100")
    bill = spend(may, "late")
    detect_anomalies(at=NOW)
    later = every_day(dt.date(2026, 5, 17), DAY, "100") | {dt.date(2026, 5, 25): "900"}
    spend({**may, **later}, "late", connection=bill)
    detect_anomalies(at=NOW + dt.timedelta(hours=1))
    assert found() == [("late", 900)]
    rows = AnomalyDay.objects.filter(use_case__title="late", day__gt=dt.date(2026, 5, 16))
    assert {each.actual_nano // NANO_PER_UNIT for each in rows} == {100, 900}
    judged = AnomalyDay.objects.filter(judged_at=NOW + dt.timedelta(hours=2))
    detect_anomalies(at=NOW + dt.timedelta(hours=2))
    assert not judged.filter(day__lt=NOW.date() - dt.timedelta(days=14)).exists()


def test_it_is_measured_by_the_budget_of_its_own_month() -> None:
    """60 too much on 30 June, without a budget; a twentieth of July's would be 150."""
    case = make_use_case()
    paid_for(case, "triage", FIRST)
    last = dt.date(2026, 6, 30)
    spend(every_day(FIRST, last, "100") | {last: "160"}, "triage")
    make_budget(case, 3_000, first=Month(2026, 7))
    detect_anomalies(at=dt.datetime(2026, 7, 1, 6, tzinfo=dt.UTC))
    assert Notice.objects.count() == 1


@sweep_both_engines
def test_purchases_credits_and_tax_are_no_daily_cost() -> None:
    case = case_with("triage", "100")
    for category in ("Tax", "Purchase", "Credit"):
        paid_for(case, category, FIRST)
        spend({DAY: "9000"}, category, ChargeCategory=category)
    detect_anomalies(at=NOW)
    assert found() == []
    paid_for(case, "Usage", FIRST)
    spend({DAY: "9000"}, "Usage")
    detect_anomalies(at=NOW + dt.timedelta(hours=1))
    assert found() == [("triage", 9100)]


@pytest.mark.both_engines
def test_what_states_no_effective_cost_is_judged_by_what_was_billed() -> None:
    case = case_with("triage", "100")
    paid_for(case, "bare", FIRST)
    spend({DAY: "5000"}, "bare", EffectiveCost="")
    detect_anomalies(at=NOW)
    assert found() == [("triage", 5100)]
    assert Anomaly.objects.get().day.effective_unknown == 1


def test_an_adjustment_hides_nothing_of_what_was_used() -> None:
    case = case_with("triage", "1100")
    paid_for(case, "right", FIRST)
    spend({DAY: "-1000"}, "right", ChargeCategory="Adjustment")
    detect_anomalies(at=NOW)
    assert found() == [("triage", 1100)]


@sweep_both_engines
def test_learning_has_a_cap_and_says_so() -> None:
    case = make_use_case()
    paid_for(case, "new", FIRST)
    spend({dt.date(2026, 6, 8): "10", dt.date(2026, 6, 9): "499", DAY: "501"}, "new")
    detect_anomalies(at=NOW)
    rows = AnomalyDay.objects.order_by("day").values_list("state", "is_anomaly", "expected_nano")
    assert list(rows) == [("learning", False, None)] * 2 + [("learning", True, None)]


@pytest.mark.both_engines
def test_what_a_restatement_takes_away_is_withdrawn_and_not_told_again() -> None:
    case = make_use_case()
    paid_for(case, "triage", FIRST)
    costs = every_day(FIRST, DAY, "100")
    bill = spend({**costs, DAY: "900"}, "triage")
    detect_anomalies(at=NOW)
    spend(costs, "triage", connection=bill)
    detect_anomalies(at=NOW + dt.timedelta(hours=1))
    anomaly = Anomaly.objects.get()
    assert anomaly.withdrawn_at == NOW + dt.timedelta(hours=1)
    assert not anomaly.day.is_anomaly
    spend({**costs, DAY: "900"}, "triage", connection=bill)
    detect_anomalies(at=NOW + dt.timedelta(hours=2))
    assert Anomaly.objects.get().withdrawn_at is None
    assert Notice.objects.count() == 1


@pytest.mark.both_engines
def test_what_grows_by_as_much_as_is_told_by_itself_is_told_again() -> None:
    """By 50 at least: a day of 160 that becomes 209 does not, and 211 does. So does what was
    answered, or went away in between."""
    case = make_use_case()
    paid_for(case, "triage", FIRST)
    costs = every_day(FIRST, DAY, "100")
    bill = spend({**costs, DAY: "160"}, "triage")
    detect_anomalies(at=NOW)

    def told_after(cost: str, hours: int) -> list[str]:
        before = list(Notice.objects.values_list("pk", flat=True))
        spend({**costs, DAY: cost}, "triage", connection=bill)
        for minutes in (0, 30):
            detect_anomalies(at=NOW + dt.timedelta(hours=hours, minutes=minutes))
        new = Notice.objects.exclude(pk__in=before).order_by("pk")
        return [each.text.replace("\xa0", " ") for each in new]

    assert told_after("209", 1) == []
    (text,) = told_after("211", 2)
    assert "211.00 USD (provisional) where 100.00 USD was expected: 111.00 USD too much." in text
    assert "Told before as 60.00 USD too much; the day was restated since." in text
    anomaly = Anomaly.objects.get()
    assert (anomaly.notified_at, anomaly.told_nano) == (NOW, 111 * NANO_PER_UNIT)
    acknowledge(pk=anomaly.pk, reason="one_off", note="A load test.", actor=case.owner, at=NOW)
    assert told_after("212", 3) == []
    assert told_after("100", 4) == []
    assert told_after("211", 5) == []
    (text,) = told_after("900", 6)
    assert "Answered before as 111.00 USD too much" in text
    anomaly.refresh_from_db()
    assert (anomaly.answered_nano, anomaly.told_nano) == (111 * NANO_PER_UNIT, 800 * NANO_PER_UNIT)


def test_what_was_told_before_its_amount_was_kept_is_not_told_again() -> None:
    case = make_use_case()
    paid_for(case, "triage", FIRST)
    costs = every_day(FIRST, DAY, "100")
    bill = spend({**costs, DAY: "900"}, "triage")
    detect_anomalies(at=NOW)
    Anomaly.objects.update(told_nano=None)
    spend({**costs, DAY: "9000"}, "triage", connection=bill)
    detect_anomalies(at=NOW + dt.timedelta(hours=1))
    assert Notice.objects.count() == 1


@sweep_both_engines
def test_deliveries_of_the_two_weeks_before_are_counted() -> None:
    case = case_with("triage", "900")
    log_delivery(
        use_case=case, title="Templates", link="https://wiki.example/templates",
        assistance=AiAssistance.ASSISTED, actor=make_user(), at=NOW - dt.timedelta(days=5),
    )  # fmt: skip
    detect_anomalies(at=NOW)
    assert Anomaly.objects.get().deliveries == 1
    assert "No delivery" not in Notice.objects.get(title__contains="unusual cost").text


def test_an_answer_needs_reason_and_words_and_stands() -> None:
    case_with("triage", "900")
    detect_anomalies(at=NOW)
    anomaly, owner = Anomaly.objects.get(), make_user()
    at = NOW + dt.timedelta(hours=5)
    for reason, note in (("", "Words."), ("mended", " "), ("unheard-of", "Words.")):
        with pytest.raises(ChangeRefusedError):
            acknowledge(pk=anomaly.pk, reason=reason, note=note, actor=owner, at=at)
    acknowledge(pk=anomaly.pk, reason="mended", note="A loop.", actor=owner, at=at)
    with pytest.raises(ChangeRefusedError, match="already"):
        acknowledge(pk=anomaly.pk, reason="other", note="No.", actor=owner, at=at)
    found = response_of(Anomaly.objects.select_related("day"), now=at)
    assert (found.detect_hours, found.answer_hours) == (6, 5)
    assert (found.found, found.told, found.answered, found.acted, found.ignored) == (1, 1, 1, 1, 0)


@sweep_both_engines
def test_told_and_not_answered_for_a_week_is_ignored() -> None:
    case_with("triage", "900")
    detect_anomalies(at=NOW)
    rows = Anomaly.objects.select_related("day")
    assert response_of(rows, now=NOW + dt.timedelta(days=7)).ignored == 0
    late = response_of(rows, now=NOW + dt.timedelta(days=8))
    assert (late.ignored, late.ignored_share) == (1, 1)
