"""Registrations: what is refused, who approves, and what can never be changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from adoption.models import ImpactRegistration
from adoption.services.impact_outlook import outlook
from adoption.services.impact_plans import GuardrailWish, plan_of
from adoption.services.impact_registrations import (
    amend_registration,
    report_losses,
    withdraw_registration,
)
from adoption.services.impact_wishes import RegistrationRefusedError, complete
from portal.approvals.errors import SamePersonError
from portal.models import RoleGrant
from tests.adoption.factories import make_team, make_use_case
from tests.adoption.impact import (
    LAUNCH,
    WRITTEN,
    WeeklyMetric,
    piloted,
    register,
    request_of,
    weekly_metric,
    wish,
)
from tests.approving import approve

pytestmark = pytest.mark.django_db
LATER = dt.datetime(2026, 6, 20, 9, 0, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def metric() -> Iterator[WeeklyMetric]:
    with weekly_metric() as made, weekly_metric("reopened_cases"):
        yield made


def test_defaults_make_a_whole_plan_that_ends_before_the_idea() -> None:
    plan = plan_of(register(piloted()))
    assert plan.trigger_month == plan.baseline_ends_on == dt.date(2026, 4, 1)
    assert plan.baseline_starts_on == dt.date(2026, 1, 7)
    assert (plan.after_starts_on, plan.after_ends_on) == (
        dt.date(2026, 6, 15),
        dt.date(2026, 9, 7),
    )
    assert (len(plan.weeks_before), len(plan.weeks_after)) == (12, 12)
    assert (plan.method, plan.minimum_n, plan.stop_rule) == (
        "weekly_ratio",
        20,
        "Stop when it does not hold.",
    )
    assert plan.seed == plan.with_seed().seed != 0


REFUSED: list[tuple[dict[str, Any], str]] = [
        ({"hypothesis": " "}, "hypothesis"),
        ({"metric_key": "tokens"}, "metric_key"),
        ({"baseline_ends_on": dt.date(2026, 5, 6)}, "baseline_ends_on"),
        ({"baseline_starts_on": dt.date(2026, 3, 4)}, "baseline_ends_on"),
        ({"baseline_starts_on": dt.date(2026, 1, 8)}, "baseline_ends_on"),
        ({"trigger_month": dt.date(2026, 7, 1)}, "trigger_month"),
        ({"launch_on": dt.date(2026, 3, 1)}, "launch_on"),
        ({"after_starts_on": dt.date(2026, 5, 25)}, "after_starts_on"),
        ({"after_ends_on": dt.date(2026, 6, 29)}, "after_ends_on"),
        ({"interest_nano": 900_000_000}, "interest"),
        ({"interest_nano": 1_000_000_000}, "interest"),
        ({"alpha_percent": 20}, "alpha_percent"),
        ({"method": "rank_shift"}, "method"),
        ({"method": "paired_changes"}, "method"),
        ({"minimum_n": 0}, "minimum_n"),
        (
            {"guardrails": [GuardrailWish(metric_key="handled_cases", metric_version="1.0.0",
                                          worse="increase", margin_nano=1_100_000_000)]},
            "guardrails",
        ),
        (
            {"guardrails": [GuardrailWish(metric_key="reopened_cases", metric_version="1.0.0",
                                          worse="increase", margin_nano=900_000_000)]},
            "guardrails",
        ),
]  # fmt: skip


def test_what_tests_nothing_is_refused_with_its_field() -> None:
    use_case = piloted()
    for fields, field in REFUSED:
        with pytest.raises(RegistrationRefusedError) as refused:
            register(use_case, **fields)
        assert refused.value.field == field, fields
        assert not ImpactRegistration.objects.exists(), fields


@pytest.mark.both_engines
def test_another_person_approves_and_the_author_cannot() -> None:
    use_case = piloted()
    made = register(use_case, is_approved=False)
    assert made.approved_at is None
    RoleGrant.objects.create(user=use_case.owner, role="approver", granted_at=WRITTEN)
    request = request_of(made)
    with pytest.raises(SamePersonError):
        approve(request, by=use_case.owner)
    approve(request)
    made.refresh_from_db()
    assert made.approved_at == WRITTEN
    shown = dict(request.content["facts"])
    assert shown["What it can show"] == made.promise["words"]
    assert shown["Hypothesis"] == made.hypothesis


def refused_by_the_database(sql: str, *values: str | int | dt.date | None) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, values)
    except DatabaseError:
        return True
    return False


@pytest.mark.both_engines
def test_the_database_refuses_every_change_of_what_was_registered() -> None:
    made = register(piloted())
    table = "adoption_impactregistration"
    for column, value in (
        ("hypothesis", "Another."),
        ("after_ends_on", dt.date(2026, 12, 7)),
        ("metric_key", "reopened_cases"),
        ("interest_nano", 1_010_000_000),
        ("unit_ids", "[987654321]"),
        ("seed", 1),
        ("promise", "{}"),
        ("approved_at", "2026-05-01 00:00:00+00:00"),
        ("withdrawn_at", "2026-05-30 00:00:00+00:00"),
    ):
        assert refused_by_the_database(
            f"UPDATE {table} SET {column} = %s WHERE id = %s",  # noqa: S608  (names of this test)
            value,
            made.pk,
        ), column
    assert refused_by_the_database("DELETE FROM adoption_impactregistration WHERE id = %s", made.pk)
    waiting = register(piloted(), is_approved=False)
    assert refused_by_the_database(
        "UPDATE adoption_impactregistration SET approved_at = %s, approval_id = %s WHERE id = %s",
        "2026-05-20 09:00:00+00:00",
        made.approval_id,
        waiting.pk,
    )


@pytest.mark.both_engines
def test_a_second_test_of_the_same_weeks_is_a_ticket_in_a_lottery() -> None:
    use_case = piloted()
    first = register(use_case)
    with pytest.raises(RegistrationRefusedError, match="same weeks"):
        register(use_case, metric_key="reopened_cases")
    second = register(use_case, replaces_id=first.pk, interest_nano=1_300_000_000)
    assert second.replaces == first
    with pytest.raises(RegistrationRefusedError, match="launched"):
        register(use_case, replaces_id=second.pk, at=LATER)


@pytest.mark.both_engines
def test_only_what_nobody_approved_can_be_withdrawn() -> None:
    use_case = piloted()
    waiting = register(use_case, is_approved=False)
    request = request_of(waiting)
    withdraw_registration(
        registration_id=waiting.pk, reason="A better metric.", actor=use_case.owner, at=WRITTEN
    )
    request.refresh_from_db()
    assert request.status != "pending"
    made = register(use_case)
    with pytest.raises(RegistrationRefusedError, match="stays and is judged"):
        withdraw_registration(
            registration_id=made.pk, reason="It went badly.", actor=use_case.owner, at=LATER
        )


@pytest.mark.both_engines
def test_amendments_come_after_the_launch_and_stay() -> None:
    use_case = piloted()
    made = register(use_case)
    said: dict[str, Any] = {"registration_id": made.pk, "actor": use_case.owner}
    with pytest.raises(RegistrationRefusedError, match="not launched yet"):
        amend_registration(**said, reason="Longer.", at=WRITTEN)
    with pytest.raises(RegistrationRefusedError, match="whole weeks"):
        amend_registration(
            **said, reason="Longer.", changes={"after_ends_on": dt.date(2026, 9, 9)}, at=LATER
        )
    with pytest.raises(RegistrationRefusedError, match="cannot be amended"):
        amend_registration(**said, reason="Mine.", changes={"created_by": 1}, at=LATER)
    amendment = amend_registration(
        **said, reason="Holidays.", changes={"after_ends_on": dt.date(2026, 9, 14)}, at=LATER
    )
    assert plan_of(made, amended=True).after_ends_on == dt.date(2026, 9, 14)
    assert plan_of(made).after_ends_on == dt.date(2026, 9, 7)
    assert refused_by_the_database(
        "UPDATE adoption_impactamendment SET reason = %s WHERE id = %s", "Nothing.", amendment.pk
    )
    assert refused_by_the_database(
        "DELETE FROM adoption_impactamendment WHERE id = %s", amendment.pk
    )


def test_losses_are_counts_that_fit_together() -> None:
    use_case = piloted()
    made = register(use_case)
    counts: dict[str, Any] = {
        "registration_id": made.pk, "side": "after", "expected": 10, "note": "",
        "actor": use_case.owner, "at": LATER,
    }  # fmt: skip
    assert report_losses(**counts, opted_out=2, vanished=1).pk
    with pytest.raises(RegistrationRefusedError, match="expected"):
        report_losses(**counts, opted_out=8, vanished=3)


def test_the_outlook_offers_what_would_show_more(metric: WeeklyMetric) -> None:
    team = make_team()
    use_case = piloted(team=team)
    for _ in range(5):
        make_use_case(team=team, programme=use_case.programme)
    metric.answer = lambda pk, day: (
        2 + day.toordinal() // 7 % 2 if pk == use_case.pk else (pk + day.month) % 4 + 1
    )
    seen = outlook(complete(use_case, wish(), at=WRITTEN), use_case, at=WRITTEN)
    assert seen.promise.n == 30
    assert seen.promise.words.startswith("With 30 handled cases in the baseline")
    assert not seen.sees_interest
    assert not seen.is_late
    assert {each.kind for each in seen.alternatives} == {"longer", "denser", "pooled", "staggered"}
    pooled = next(each for each in seen.alternatives if each.kind == "pooled")
    assert pooled.smallest is not None
    assert seen.promise.smallest is not None
    assert 1 < pooled.smallest < seen.promise.smallest
    late = complete(use_case, wish(launch_on=LAUNCH), at=LATER)
    assert outlook(late, use_case, at=LATER, is_short=True).is_late
