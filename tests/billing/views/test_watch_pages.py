"""Pages of budgets, forecasts, anomalies and breakers: what they show, and what they refuse."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from adoption.models import UseCase
from billing.models import (
    Anomaly,
    AnomalyPolicy,
    BreakerTrip,
    Budget,
    BudgetAlert,
    CircuitBreaker,
    Forecast,
    MonthlyCost,
)
from billing.selectors.breakers import over_limit_text, window_start
from billing.services.anomalies import detect_anomalies
from billing.services.breakers import BreakerDraft, check_breakers, create_breaker
from billing.services.budget_alerts import check_budgets
from billing.services.forecasts import freeze_forecasts
from billing.views.budget_figures import NO_LINE_YET
from portal.choices import Role
from portal.shell.formats import date_text
from portal.shell.money import NANO_PER_UNIT, from_nano
from portal.shell.periods import Month
from tests.adoption.factories import make_use_case, make_user
from tests.billing.watching import charge_line, every_day, make_budget, paid_for, spend
from tests.imports import make_connection, run_import

pytestmark = pytest.mark.django_db
Story = tuple[UseCase, dt.datetime]


def signed_in(person: object) -> Client:
    client = Client()
    client.force_login(person)  # type: ignore[arg-type]
    return client


@pytest.fixture
def story() -> Story:
    """A use case that costs 10 a day until yesterday, which cost 500."""
    now = timezone.now()
    yesterday = now.date() - dt.timedelta(days=1)
    first = yesterday - dt.timedelta(days=150)
    case = make_use_case(title="Answer drafts")
    paid_for(case, "triage", first)
    spend({**every_day(first, yesterday), yesterday: "500"}, "triage")
    freeze_forecasts(at=dt.datetime.combine(now.date().replace(day=1), dt.time(1), tzinfo=dt.UTC))
    return case, now


def test_a_budget_from_form_to_alert(story: Story) -> None:
    case, now = story
    client = signed_in(case.owner)
    given = {
        "use_case": case.slug, "amount": "400", "currency": "usd", "period": "year",
        "first": f"{now:%Y}-01", "measure": "billed", "cost_basis": "invoiced",
        "owner": case.owner.username,
    }  # fmt: skip
    refused = client.post(reverse("budget-new"), given | {"owner": "nobody-like-this"})
    assert "Nobody signs in as" in refused.content.decode()
    page = client.post(reverse("budget-new"), given)
    budget = Budget.objects.get()
    assert page["Location"] == reverse("budget", args=[budget.pk])
    assert budget.amount_nano == 400 * NANO_PER_UNIT
    check_budgets(at=now)
    text = client.get(page["Location"]).content.decode()
    assert BudgetAlert.objects.filter(threshold="100").exists()
    for part in ("Where it stands", "All used", "Used and expected", "Answer drafts"):
        assert part in text
    export = client.get(f"{reverse('budgets')}?export=csv")
    listed = b"".join(export.streaming_content).decode()  # type: ignore[attr-defined]
    assert "Answer drafts" in listed
    assert "Answer drafts" in client.get(reverse("use-case", args=[case.slug])).content.decode()
    assert "Budget used" in client.get(reverse("portfolio")).content.decode()


def test_an_exceeded_budget_says_so_and_since_when(story: Story) -> None:
    case, now = story
    client = signed_in(case.owner)
    budget = make_budget(case, 400, owner=case.owner, period="year", first=Month(now.year, 1))
    yesterday = now.date() - dt.timedelta(days=1)
    before = max(dt.date(now.year, 1, 1), yesterday - dt.timedelta(days=150))
    since = min(before + dt.timedelta(days=40), yesterday)
    listed = client.get(reverse("budgets")).content.decode()
    assert "since then" in listed
    assert "not expected" not in listed
    text = client.get(reverse("budget", args=[budget.pk])).content.decode()
    assert f"Exceeded since {date_text(since)}." in text


def test_nothing_used_is_told_apart_from_nothing_imported_yet(story: Story) -> None:
    case, now = story
    silent = make_use_case(title="Not begun")
    year = {"period": "year", "first": Month(now.year, 1)}
    nothing, something = (make_budget(each, 400, owner=case.owner, **year)
                          for each in (silent, case))  # fmt: skip
    client = signed_in(case.owner)
    pages = [client.get(reverse("budget", args=[each.pk])) for each in (nothing, something)]
    used = [page.context["figures"][1] for page in pages]
    assert (used[0].value, used[0].note) == (0, NO_LINE_YET)
    assert NO_LINE_YET in pages[0].content.decode()
    assert used[1].note == ""


def test_a_budget_of_another_currency_says_what_it_does_not_count(story: Story) -> None:
    case, _ = story
    client = signed_in(case.owner)
    whole = {"period": "whole", "last": Month(2030, 12)}
    budget = make_budget(case, 100, currency="EUR", **whole)
    said = "nothing in EUR invoiced; there is"
    for address in (reverse("budgets"), reverse("budget", args=[budget.pk])):
        page = client.get(address).content.decode()
        assert said in page, address
        assert "USD invoiced (billed), which it does not count" in page
        assert "0.00 EUR" not in page


def test_list_and_page_say_how_the_period_before_ended(story: Story) -> None:
    case, now = story
    budget = make_budget(case, 1_000, owner=case.owner)
    Budget.objects.filter(pk=budget.pk).update(created_at=now - dt.timedelta(days=40))
    client = signed_in(case.owner)
    month = Month.of(now.date()) - 1
    with_burst = 10 * len(month.range) + (490 if now.day == 1 else 0)
    figure = client.get(reverse("budget", args=[budget.pk])).context["ended"]
    assert (figure.value, figure.window) == (with_burst, month.label)
    assert figure.basis.replace("\xa0", " ") == f"{with_burst / 10:.1f} % of 1,000.00 USD"
    assert figure.basis in client.get(reverse("budgets")).content.decode()
    silent = make_budget(make_use_case(), 100, owner=case.owner)
    Budget.objects.filter(pk=silent.pk).update(created_at=now - dt.timedelta(days=40))
    nothing = client.get(reverse("budget", args=[silent.pk])).context["ended"]
    assert (nothing.value, nothing.reason) == (None, f"no cost line of {month.label}")


def test_the_forecast_page_says_the_status_of_what_came_and_what_was_missing(story: Story) -> None:
    case, now = story
    month = Month.of(now.date()) - 1
    row = Forecast.objects.get(measure="effective")
    row.pk, row.month, row.method = None, month.start, f"{row.method}, 3 days missing"
    row.save()
    MonthlyCost.objects.filter(day=month.start).update(restated=1)
    text = signed_in(case.owner).get(reverse("forecasts")).content.decode()
    assert "Invoiced, 3 days missing" in text
    assert text.count("Restated") >= 2  # what came, and how far off it was


def test_a_programme_budget_leads_to_what_it_counts(story: Story) -> None:
    case, now = story
    last_day = now.date() - dt.timedelta(days=1)
    spend({last_day: "3"}, "nobody")
    budget = make_budget(
        None, 10_000, owner=case.owner, programme_id=case.programme_id, period="year",
        first=Month(last_day.year, 1),
    )  # fmt: skip
    client = signed_in(case.owner)
    page = client.get(reverse("budget", args=[budget.pk]))
    used = page.context["figures"][1]
    assert used.lineage_url == f"{reverse('budget', args=[budget.pk])}#counts"
    rows = page.context["counted"].page_of_records.records
    assert [row["name"] for row in rows] == ["Answer drafts"]
    assert sum(from_nano(row["nano"]) for row in rows) == used.value
    assert "are not in it" in page.content.decode()


def test_nobody_makes_budgets_for_the_use_case_of_another(story: Story) -> None:
    case, _ = story
    client = signed_in(make_user())
    given = {
        "use_case": case.slug, "amount": "1", "currency": "USD", "period": "month",
        "first": "2026-01", "measure": "billed", "cost_basis": "invoiced",
        "owner": case.owner.username, "programme": case.programme.slug,
    }  # fmt: skip
    client.post(reverse("budget-new"), given)
    client.post(reverse("budget-new"), given | {"programme": ""})
    client.post(reverse("budget-new"), given | {"use_case": ""})
    breaker = {
        "name": "Mine", "use_case": case.slug, "field": "api_key", "value": "k", "limit": "1",
        "currency": "USD", "cost_basis": "invoiced", "window": "day",
    }  # fmt: skip
    client.post(reverse("breaker-new"), breaker)
    assert not Budget.objects.exists()
    assert not CircuitBreaker.objects.exists()
    signed_in(case.owner).post(reverse("breaker-new"), breaker)
    assert CircuitBreaker.objects.exists()


def test_a_stale_form_changes_nothing(story: Story) -> None:
    case, _ = story
    budget = make_budget(case, 100, owner=case.owner)
    client = signed_in(case.owner)
    given = {"amount": "200", "currency": "USD", "period": "month", "first": "2026-01",
             "measure": "billed", "cost_basis": "invoiced", "owner": case.owner.username,
             "reason": "More.", "expected_version": 1}  # fmt: skip
    url = reverse("budget-edit", args=[budget.pk])
    assert client.post(url, given).status_code == 302
    stale = client.post(url, given | {"amount": "300"})
    assert stale.status_code == 409
    budget.refresh_from_db()
    assert (budget.amount_nano, budget.version) == (200 * NANO_PER_UNIT, 2)


def test_what_a_day_cost_leads_to_its_lines_and_what_was_expected_to_none(story: Story) -> None:
    case, now = story
    yesterday = now.date() - dt.timedelta(days=1)
    others = [charge_line(yesterday, "70", "triage", ChargeCategory=each, ResourceId=each)
              for each in ("Purchase", "Credit", "Tax")]  # fmt: skip
    run_import(make_connection("extras"), others)
    detect_anomalies(at=now)
    anomaly = Anomaly.objects.get(day__actual_nano=500 * NANO_PER_UNIT)
    client = signed_in(make_user(Role.FINANCE))
    actual, *guessed = client.get(reverse("anomaly", args=[anomaly.pk])).context["figures"]
    assert [each.lineage_url for each in guessed] == ["", "", ""]
    assert f"day={yesterday}" in actual.lineage_url
    page = client.get(actual.lineage_url)
    (figure,) = page.context["figures"]
    assert (figure.value, figure.status, page.context["lines"]) == (500, actual.status, 1)
    assert "without purchases, credits, tax and adjustments" in page.content.decode()
    whole = client.get(actual.lineage_url.replace("category=usual&", ""))
    assert [each.value for each in whole.context["figures"]] == [710]


def test_an_anomaly_is_answered_by_its_owner(story: Story) -> None:
    case, now = story
    detect_anomalies(at=now)
    anomaly = Anomaly.objects.get(day__actual_nano=500 * NANO_PER_UNIT)
    client, stranger = signed_in(case.owner), signed_in(make_user())
    url, answer = (reverse(name, args=[anomaly.pk]) for name in ("anomaly", "anomaly-answer"))
    assert "Spend without deliveries." in client.get(url).content.decode()
    assert "Answer drafts" in client.get("/").content.decode()
    given = {"reason": "mended", "note": "A loop without an end."}
    assert stranger.post(answer, given).status_code == 403
    assert client.post(answer, {"reason": "mended"}).status_code == 400
    assert client.post(answer, given).status_code == 302
    text = client.get(url).content.decode()
    assert "A loop without an end." in text
    assert client.post(answer, given).status_code == 400
    listed = client.get(f"{reverse('anomalies')}?state=answered").content.decode()
    assert "Median time to answer" in listed


def test_finance_decides_who_is_told(story: Story) -> None:
    client = signed_in(make_user(Role.FINANCE))
    url = reverse("anomaly-policy-edit", args=["USD"])
    given = {"absolute": "10", "percent": "2.5", "learning_cap": "300"}
    assert client.post(url, given).status_code == 302
    row = AnomalyPolicy.objects.get()
    assert (row.notify_absolute_nano, row.notify_share) == (10 * NANO_PER_UNIT, 25_000)
    assert "2.5 %" in client.get(reverse("anomaly-policies")).content.decode()


def test_a_breaker_is_reset_with_a_reason(story: Story) -> None:
    case, now = story
    client = signed_in(case.owner)
    client.post(
        reverse("breaker-new"),
        {"name": "Batch", "use_case": case.slug, "field": "tag", "tag_key": "use_case",
         "value": "triage", "limit": "5", "currency": "USD", "cost_basis": "invoiced",
         "window": "day"},
    )  # fmt: skip
    breaker = CircuitBreaker.objects.get()
    CircuitBreaker.objects.update(created_at=now - dt.timedelta(days=4))
    check_breakers(at=now)
    url, reset = (reverse(name, args=[breaker.pk]) for name in ("breaker", "breaker-reset"))
    for page in (url, reverse("breakers")):
        assert "Provisional" in client.get(page).content.decode()
    assert "over the limit: opened it" in client.get(url).content.decode()
    assert client.post(reset, {}).status_code == 400
    assert client.post(reset, {"reason": "Mended."}).status_code == 302
    assert "Mended." in client.get(url).content.decode()


def test_a_breaker_says_why_a_window_over_its_limit_opened_nothing() -> None:
    now = timezone.now().replace(hour=12)
    yesterday = now - dt.timedelta(days=1)
    spend({yesterday.date(): "500"}, "batch")
    breaker = create_breaker(
        draft=BreakerDraft(
            name="Batch", use_case_id=make_use_case(title="Drafts").pk, field="tag",
            tag_key="use_case", value="batch", window="day", currency="USD",
            cost_basis="invoiced", limit_nano=100 * NANO_PER_UNIT,
        ),
        actor=make_user(), at=now,
    )  # fmt: skip
    start = window_start("day", yesterday)

    def said() -> str:
        """The breaker as stored, and every trip of it."""
        found = CircuitBreaker.objects.get()
        return over_limit_text(found, start, list(found.trips.order_by("pk")))

    assert (check_breakers(at=now), said()) == ([], "over the limit, before the breaker was made")
    page = signed_in(breaker.created_by).get(reverse("breaker", args=[breaker.pk]))
    assert "over the limit, before the breaker was made" in page.content.decode()
    assert "It has never tripped." in page.content.decode()
    CircuitBreaker.objects.update(created_at=yesterday)
    assert said() == "over the limit: opens it at the next check"
    assert len(check_breakers(at=now)) == 1
    assert said() == "over the limit: opened it"
    live = CircuitBreaker.objects.get()
    earlier = BreakerTrip(breaker=live, window_start=start - dt.timedelta(days=1))
    assert over_limit_text(live, start, [earlier]) == "over the limit, while it was open"
    earlier.reset_at = now
    assert over_limit_text(live, start, [earlier]) == "over the limit, before the reset"
    live.ended_at = now
    assert over_limit_text(live, start, [earlier]) == "over the limit; the breaker has ended"


def test_lists_ask_a_constant_number_of_questions(
    story: Story, django_assert_max_num_queries: Any
) -> None:
    case, _ = story
    for number in range(4):
        make_budget(make_use_case(title=f"Case {number}"), 100)
    make_budget(case, 100)
    client = signed_in(case.owner)
    client.get(reverse("budgets"))
    with django_assert_max_num_queries(16):
        client.get(reverse("budgets"))
    with django_assert_max_num_queries(16):
        client.get(reverse("forecasts"))
