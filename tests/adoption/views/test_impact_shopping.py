"""A12, A14: whoever shops for windows, metrics or methods after the launch gets `exploratory`.

Through the form, the API and the service itself: every way in which a flattering choice can be made
once the numbers are known. What has no way at all is refused, which is as good.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from adoption.models import ImpactRegistration, UseCase
from adoption.services.impact_registrations import AMENDABLE, amend_registration
from adoption.services.impact_verdicts import evaluate_registration
from adoption.services.impact_wishes import RegistrationRefusedError
from tests.adoption.impact import (
    CLOSED,
    LAUNCH,
    WeeklyMetric,
    hasty_promises,
    piloted,
    register,
    request_of,
    weekly_metric,
)
from tests.approving import approve
from tests.plugins.sweeping import examples, sampled

pytestmark = pytest.mark.django_db
WEEK = dt.timedelta(weeks=1)
LATER = dt.datetime(2026, 9, 1, 9, 0, tzinfo=dt.UTC)
NO_BETTER = ("exploratory", "not_evaluable")
METHODS = ("", "weekly_ratio", "interrupted_series", "rank_shift")
SHOPPED = st.fixed_dictionaries(
    {},
    optional={
        "baseline_starts_on": st.integers(-6, 3).map(lambda n: dt.date(2026, 1, 7) + n * WEEK),
        "baseline_ends_on": st.integers(-3, 0).map(lambda n: dt.date(2026, 4, 1) + n * WEEK),
        "after_starts_on": st.integers(-2, 5).map(lambda n: dt.date(2026, 6, 15) + n * WEEK),
        "after_ends_on": st.integers(-7, 0).map(lambda n: dt.date(2026, 9, 7) + n * WEEK),
        "metric_key": st.sampled_from(["handled_cases", "easier_cases"]),
        "method": st.sampled_from([*METHODS[1:], "permuted_changes"]),
        "alpha_percent": st.sampled_from([1, 5, 10]),
    },
)
ON_THE_DATABASE = settings(
    max_examples=examples(2),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(autouse=True)
def metric() -> Iterator[WeeklyMetric]:
    """Two metrics with a large and certain gain: whatever is judged looks splendid."""
    with hasty_promises(), weekly_metric() as made, weekly_metric("easier_cases") as easier:
        made.set([7, 9, 8], [20, 22, 21])
        easier.set([7, 9, 8], [40, 42, 41])
        yield made


def word_of(registration: ImpactRegistration) -> str:
    return evaluate_registration(registration_id=registration.pk, at=CLOSED).verdict.verdict


def test_without_any_shopping_the_same_data_are_supported() -> None:
    assert word_of(register(piloted())) == "supported"


@ON_THE_DATABASE
@given(SHOPPED)
@example({"metric_key": "easier_cases"})
def test_through_the_service(changes: dict[str, Any]) -> None:
    with transaction.atomic():
        use_case = piloted()
        made = register(use_case)
        try:
            amend_registration(
                registration_id=made.pk, reason="It looks better.", changes=changes,
                actor=use_case.owner, at=LATER,
            )  # fmt: skip
        except RegistrationRefusedError:
            assert word_of(made) == "supported"  # as registered: nothing was changed
        else:
            assert word_of(made) in NO_BETTER
        transaction.set_rollback(True)


@ON_THE_DATABASE
@given(SHOPPED)
@example({"metric_key": "easier_cases"})
def test_through_the_form(client: Client, changes: dict[str, Any]) -> None:
    with transaction.atomic():
        use_case = piloted()
        made = register(use_case)
        client.force_login(use_case.owner)
        body = {name: str(value) for name, value in changes.items()}
        address = reverse("registration-amend", args=[use_case.slug, made.pk])
        answer = client.post(address, {**body, "reason": "It looks better."})
        if answer.status_code == 302:
            assert word_of(made) in NO_BETTER
            shown = client.get(answer.url).content.decode()  # type: ignore[attr-defined]
            assert "exploratory at best" in shown
            assert "It looks better." in shown
        else:
            assert word_of(made) == "supported"
        transaction.set_rollback(True)


@pytest.mark.parametrize("method", sampled(METHODS, "weekly_ratio"))
@pytest.mark.parametrize("metric_key", sampled(["handled_cases", "easier_cases"], "easier_cases"))
def test_registered_when_the_numbers_are_known_through_the_form(
    client: Client, method: str, metric_key: str
) -> None:
    use_case = piloted()
    client.force_login(use_case.owner)
    body = {
        "hypothesis": "More.", "direction": "increase", "metric_key": metric_key, "interest": "25",
        "launch_on": LAUNCH.isoformat(), "trigger_month": "2026-04", "method": method,
        "alpha_percent": "10",
    }  # fmt: skip
    client.post(reverse("registration-new", args=[use_case.slug]), body)
    _approved_and_no_better(use_case)


@pytest.mark.parametrize("method", sampled(METHODS[1:], "weekly_ratio"))
def test_registered_when_the_numbers_are_known_through_the_api(client: Client, method: str) -> None:
    use_case = piloted()
    client.force_login(use_case.owner)
    body = {
        "hypothesis": "More.", "direction": "increase", "metric_key": "easier_cases",
        "launch_on": LAUNCH.isoformat(), "interest": "1.25", "trigger_month": "2026-04-01",
        "baseline_starts_on": "2026-01-07", "baseline_ends_on": "2026-04-01",
        "after_starts_on": "2026-06-15", "after_ends_on": "2026-09-07", "method": method,
    }  # fmt: skip
    address = reverse("api-registrations", args=[use_case.slug])
    client.post(address, json.dumps(body), content_type="application/json")
    _approved_and_no_better(use_case)


def _approved_and_no_better(use_case: UseCase) -> None:
    made = use_case.registrations.first()
    if made is None:  # a method that does not fit the metric was refused
        return
    approve(request_of(made), at=made.created_at)
    assert word_of(made) in NO_BETTER


@pytest.mark.parametrize("entry", ["service", "form", "api"])
def test_a_launched_registration_cannot_be_replaced(client: Client, entry: str) -> None:
    use_case = piloted()
    made = register(use_case)
    client.force_login(use_case.owner)
    if entry == "service":
        with pytest.raises(RegistrationRefusedError):
            register(use_case, at=LATER, replaces_id=made.pk, metric_key="easier_cases")
    elif entry == "form":
        body = {
            "hypothesis": "More.", "direction": "increase", "metric_key": "easier_cases",
            "interest": "25", "launch_on": "2026-06-01", "trigger_month": "2026-04",
            "alpha_percent": "5", "replaces": str(made.pk),
        }  # fmt: skip
        client.post(reverse("registration-new", args=[use_case.slug]), body)
    else:
        asked = {
            "hypothesis": "More.", "direction": "increase", "metric_key": "easier_cases",
            "interest": "1.25", "launch_on": "2026-06-01", "replaces": made.pk,
        }  # fmt: skip
        address = reverse("api-registrations", args=[use_case.slug])
        client.post(address, json.dumps(asked), content_type="application/json")
    assert use_case.registrations.count() == 1
    assert word_of(made) == "supported"


def test_the_properties_go_red_when_amending_leaves_no_trace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The cap is what these tests see: without it the same shopping is `supported`."""
    monkeypatch.setattr("adoption.services.impact_verdicts._deviations", lambda *_: [])
    use_case = piloted()
    made = register(use_case)
    amend_registration(
        registration_id=made.pk, reason="It looks better.",
        changes={"metric_key": "easier_cases"}, actor=use_case.owner, at=LATER,
    )  # fmt: skip
    assert word_of(made) == "supported"


def test_every_field_that_can_be_shopped_for_is_tried() -> None:
    assert set(AMENDABLE) == {
        "baseline_starts_on", "baseline_ends_on", "after_starts_on", "after_ends_on", "metric_key",
        "method", "alpha_percent",
    }  # fmt: skip
