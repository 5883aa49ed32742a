"""Pages and API of registered effects: what is seen before, after and never."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from adoption.management.commands import calibrate_intervals
from adoption.models import CalibrationRun, ImpactRegistration, UseCase
from adoption.selectors.impact import (
    benefit_of,
    effect_text,
    unit_value_of,
    verdict_rows,
    word_counts,
)
from adoption.services.impact_decisions import set_unit_value
from adoption.services.impact_verdicts import evaluate_registration
from tests.adoption.factories import NOW, make_use_case, make_user
from tests.adoption.impact import (
    CLOSED,
    WeeklyMetric,
    hasty_promises,
    piloted,
    register,
    weekly_metric,
)
from tests.plugins.sweeping import sampled

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def metric() -> Iterator[WeeklyMetric]:
    with hasty_promises(), weekly_metric() as made:
        made.set([7, 9, 8], [14, 15, 16])
        yield made


def page_of(client: Client, registration: ImpactRegistration) -> str:
    url = reverse("registration", args=[registration.use_case.slug, registration.pk])
    return client.get(url).content.decode()


def asked(use_case: UseCase, **fields: Any) -> dict[str, Any]:
    return {
        "hypothesis": "A quarter more cases are handled.",
        "direction": "increase",
        "metric_key": "handled_cases",
        "interest": "25",
        "launch_on": "2027-01-04",
        "alpha_percent": "5",
    } | fields


def test_the_form_shows_what_could_be_seen_and_then_registers(client: Client) -> None:
    use_case = piloted()
    client.force_login(use_case.owner)
    url = reverse("registration-new", args=[use_case.slug])
    shown = client.post(url, asked(use_case, preview="1")).content.decode()
    assert "handled cases in the baseline you can only see changes of +" in shown
    assert "What would show more" in shown
    assert "<svg" in shown
    assert not ImpactRegistration.objects.exists()
    refused = client.post(url, asked(use_case, baseline_weeks="8", trigger_month="2031-01"))
    assert "a month that has begun" in refused.content.decode()
    assert client.post(url, asked(use_case)).status_code == 302
    made = ImpactRegistration.objects.get()
    assert made.interest_nano == 1_250_000_000
    assert made.approved_at is None
    assert "waits for a second person" in page_of(client, made)
    less = client.post(url, asked(use_case, direction="decrease", launch_on="2028-01-03"))
    assert less.status_code == 302
    assert ImpactRegistration.objects.order_by("-pk")[0].interest_nano == 750_000_000


def test_units_are_treated_and_compared_in_the_form(client: Client) -> None:
    use_case = piloted()
    others = [make_use_case(programme=use_case.programme, team=use_case.team) for _ in range(3)]
    client.force_login(use_case.owner)
    url = reverse("registration-new", args=[use_case.slug])
    keys = [f"use_case:{each.pk}" for each in (use_case, *others)]
    chosen = asked(use_case, treated=keys[:2], comparison=keys[2:], interest="2")
    assert client.post(url, chosen).status_code == 302
    made = ImpactRegistration.objects.get()
    assert made.method == "permuted_changes"
    assert made.unit_ids == [use_case.pk, others[0].pk]
    assert made.comparison_ids == [each.pk for each in others[1:]]
    pooled = asked(use_case, treated=keys, launch_on="2028-01-03")
    assert client.post(url, pooled).status_code == 302
    assert len(ImpactRegistration.objects.order_by("-pk")[0].unit_ids) == 4
    team = f"team:{use_case.team_id}"
    wrong = client.post(url, asked(use_case, comparison=[team], launch_on="2029-01-01"))
    assert "This metric is measured for use cases; choose those." in wrong.content.decode()


def test_an_open_window_shows_weeks_and_no_numbers_after_the_launch(
    client: Client, metric: WeeklyMetric
) -> None:
    metric.set([7, 9, 8], [7777])
    made = register(piloted(), after_ends_on=dt.date(2028, 6, 5))
    client.force_login(made.use_case.owner)
    shown = page_of(client, made)
    assert "Nothing is estimated before the window closes" in shown
    assert "7777" not in shown
    assert "7,777" not in shown
    facts = reverse("registration-facts", args=[made.use_case.slug, made.pk])
    assert client.get(facts).status_code == 404
    assert client.get(facts.replace("facts", "decide")).status_code == 404


def test_the_interval_stands_before_the_word_and_the_p_value_last(client: Client) -> None:
    use_case = piloted()
    made = register(use_case)
    evaluate_registration(registration_id=made.pk, at=CLOSED)
    client.force_login(use_case.owner)
    shown = page_of(client, made)
    places = [
        shown.index(text)
        for text in ("95 % interval".replace(" %", "\u00a0%"), "verdict-word", "p, for the record")
    ]
    assert places == sorted(places)
    facts = reverse("registration-facts", args=[use_case.slug, made.pk])
    assert json.loads(client.get(facts).content)["result"]["verdict"] == "supported"
    decide = reverse("registration-decide", args=[use_case.slug, made.pk])
    assert client.post(decide, {"kind": "scale", "reason": "To all teams."}).status_code == 302
    log = client.get(reverse("use-case", args=[use_case.slug])).content.decode()
    assert "Scale on “Supported”" in log


def test_nulls_and_stops_are_listed_as_large_as_wins(client: Client, metric: WeeklyMetric) -> None:
    for before, after in (([7, 9, 8], [14, 15, 16]), ([7, 9, 8], [8, 9, 7]), ([15], [7])):
        metric.set(before, after)
        made = register(piloted())
        evaluate_registration(registration_id=made.pk, at=CLOSED)
    user = make_user()
    assert {word: count for word, count in word_counts(verdict_rows(user)) if count} == {
        "adverse": 1, "supported": 1, "inconclusive": 1,
    }  # fmt: skip
    client.force_login(user)
    shown = client.get(reverse("verdict-list")).content.decode()
    for word in ("Adverse", "Supported", "Inconclusive", "No meaningful change", "Exploratory"):
        assert word in shown
    only = client.get(reverse("verdict-list"), {"word": "adverse"}).content.decode()
    assert only.count("/registrations/") == 1
    export = client.get(reverse("verdict-list"), {"export": "csv"})
    assert "Inconclusive" in b"".join(export.streaming_content).decode()  # type: ignore[attr-defined]


def test_only_the_near_bound_of_a_supported_effect_is_worth_something(
    metric: WeeklyMetric,
) -> None:
    use_case = piloted()
    made = register(use_case)
    verdict = evaluate_registration(registration_id=made.pk, at=CLOSED).verdict
    assert benefit_of(verdict, None).reason == "nobody has said what a unit is worth"
    owner = make_user()
    set_unit_value(
        use_case_id=use_case.pk, metric_key="handled_cases", amount_nano=10_500_000_000,
        grounds="Price of the outsourced case.", owner=owner, actor=owner, at=NOW,
    )  # fmt: skip
    benefit = benefit_of(verdict, unit_value_of(use_case, "handled_cases"))
    assert benefit.nano is not None
    low = json.loads(verdict.result)["estimate"]["interval"]["low"]
    units = (float(low) - 1) * 96
    assert float(benefit.units) == pytest.approx(units)
    assert benefit.nano == pytest.approx(units * 10.5e9)
    metric.set([7, 9, 8], [8, 9, 7])
    null = evaluate_registration(registration_id=made.pk, at=CLOSED).verdict
    assert benefit_of(null, unit_value_of(use_case, "handled_cases")).reason == "0 proven"


@pytest.mark.parametrize(
    ("text", "scale", "words"),
    [
        ("1.875", "ratio", "+88\u00a0%"),
        ("0.894", "ratio", "−11\u00a0%"),
        ("1.004", "ratio", "+0.4\u00a0%"),
        ("-3.25", "difference", "−3.25\u00a0hours"),
        ("infinity", "ratio", "without bound"),
    ],
)
def test_effects_read_as_people_say_them(text: str, scale: str, words: str) -> None:
    assert effect_text(text, scale, "hours") == words


@pytest.mark.parametrize("most", sampled([1, 6], 1))
def test_calibration_says_when_there_is_too_little(
    client: Client,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    most: int,
) -> None:
    """Of the method's six simulated stories, one; in a sweep all."""
    told_of = [each for each in calibrate_intervals.stories() if each.method == "weekly_ratio"]
    monkeypatch.setattr(calibrate_intervals, "stories", lambda: told_of[:most])
    made = register(piloted())
    evaluate_registration(registration_id=made.pk, at=CLOSED)
    client.force_login(made.use_case.owner)
    shown = client.get(reverse("calibration")).content.decode()
    assert "fewer than 20 say nothing" in shown
    assert "No simulation is stored" in shown
    call_command("calibrate_intervals", "--runs=20", "--method=weekly_ratio", "--json")
    told = json.loads(capsys.readouterr().out)
    assert len(told["stories"]) == CalibrationRun.objects.count() == most
    assert "weekly ratio, Poisson" in client.get(reverse("calibration")).content.decode()


def test_the_api_registers_and_lists_verdicts(client: Client) -> None:
    use_case = piloted()
    client.force_login(use_case.owner)
    url = reverse("api-registrations", args=[use_case.slug])
    body = {
        "hypothesis": "A quarter more.", "direction": "increase", "metric_key": "handled_cases",
        "launch_on": "2027-01-04", "interest": "1.25",
    }  # fmt: skip
    made = client.post(url, json.dumps(body), content_type="application/json")
    assert made.status_code == 201, made.content
    said = made.json()
    assert said["promise"]["words"].startswith("With ")
    assert said["approved_at"] is None
    assert client.get(url).json()["results"][0]["content_sha256"] == said["content_sha256"]
    wrong = client.post(
        url, json.dumps(body | {"interest": "0.9"}), content_type="application/json"
    )
    assert (wrong.status_code, "interest" in wrong.json()["errors"]) == (400, True), wrong.content
    judged = register(use_case)
    evaluate_registration(registration_id=judged.pk, at=CLOSED)
    listed = client.get(reverse("api-verdicts", args=[use_case.slug])).json()["results"]
    assert [(row["verdict"], row["number"]) for row in listed] == [("supported", 1)]
    assert listed[0]["interval"]["low"] > "1"
