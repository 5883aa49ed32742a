"""How far a metric is trusted: by four eyes, bound to what was seen, ending by itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.utils import DatabaseError

from adoption.choices import StandingStatus
from adoption.metrics.registry import NANO
from adoption.models import MetricStanding, MetricValue, MetricVersion, UseCase
from adoption.services.metric_approvals import APPROVAL_LASTS
from adoption.services.metric_standings import (
    StandingRefusedError,
    deprecate_standing,
    request_standing,
    retire_standing,
    review_standings,
    suspend_standing,
)
from portal.approvals.errors import ApprovalRefusedError, ChangedSinceError, SamePersonError
from portal.choices import ApprovalStatus, Role
from portal.models import WebhookDelivery
from portal.services.approvals import withdraw
from portal.services.webhooks import create_subscription
from tests.adoption.factories import make_use_case, make_user
from tests.adoption.metrics.windowed import (
    FEBRUARY,
    FILLED,
    JANUARY,
    ThingsMetric,
    approve_standing,
    fill_year,
    make_standing,
    person_of_finance,
    registered_things,
)
from tests.approving import approve, second_person

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)
EVENTS = ("metric.approved", "metric.restated", "coverage.dropped")


@pytest.fixture
def things() -> Iterator[ThingsMetric]:
    with registered_things() as metric:
        yield metric


@pytest.fixture
def case(things: ThingsMetric) -> UseCase:
    found = make_use_case(title="Answer drafts")
    fill_year(things, found)
    return found


@pytest.fixture
def standing(case: UseCase) -> MetricStanding:
    return make_standing(make_user(Role.PROGRAMME_LEAD), case.pk)


def told() -> list[tuple[str, dict[str, Any]]]:
    import json

    rows = WebhookDelivery.objects.order_by("pk")
    return [(row.event, json.loads(row.body)["data"]) for row in rows]


def listen() -> None:
    create_subscription(
        name="Reports", url="https://203.0.113.9/hook", events=EVENTS, actor=None, at=FILLED
    )


def test_the_approver_sees_exactly_the_values_and_their_versions(
    standing: MetricStanding,
) -> None:
    request = request_standing(
        standing_id=standing.pk, to=StandingStatus.APPROVED, actor=standing.owner, at=FILLED
    )
    standing.refresh_from_db()
    assert standing.status == StandingStatus.PROPOSED
    facts = dict(request.content["facts"])
    assert sum(label.startswith("Answer drafts, ") for label in facts) == 10
    said = facts["Answer drafts, 2026-02-01 to 2026-03-01"]
    assert said.startswith("2, n = 2, data version 1, facts ")
    assert facts["Guardrails"] == "held_deliveries"
    assert facts["Resists A3"].startswith("deploying the same thing again (tests/")
    approve(request, at=FILLED)
    standing.refresh_from_db()
    assert (standing.status, standing.approval, standing.seen_until) == (
        StandingStatus.APPROVED, request, dt.date(2026, 11, 1),
    )  # fmt: skip
    assert standing.valid_until == FILLED + APPROVAL_LASTS
    assert standing.certified_until is None


@pytest.mark.both_engines
def test_neither_owner_nor_whoever_gains_by_it_approves(
    standing: MetricStanding, case: UseCase
) -> None:
    from portal.models import RoleGrant

    request = request_standing(
        standing_id=standing.pk, to=StandingStatus.APPROVED, actor=standing.owner, at=FILLED
    )
    for person in (standing.owner, case.owner, case.programme.owner):
        RoleGrant.objects.get_or_create(
            user=person, role=Role.APPROVER, defaults={"granted_at": FILLED}
        )
        with pytest.raises(SamePersonError):
            approve(request, at=FILLED, by=person)
    with pytest.raises(ApprovalRefusedError):
        approve(request, at=FILLED, by=person_of_finance())


@pytest.mark.both_engines
def test_a_value_that_is_restated_voids_what_was_asked_and_what_was_approved(
    things: ThingsMetric, standing: MetricStanding, case: UseCase
) -> None:
    request = request_standing(
        standing_id=standing.pk, to=StandingStatus.APPROVED, actor=standing.owner, at=FILLED
    )
    things.set(case.pk, FEBRUARY, 3)
    things.fill(FILLED + DAY)
    request.refresh_from_db()
    assert request.status == ApprovalStatus.VOIDED
    approve_standing(standing, at=FILLED + DAY)
    things.set(case.pk, FEBRUARY, 4)
    assert things.fill(FILLED + 2 * DAY).suspended == 1
    standing.refresh_from_db()
    assert (standing.status, standing.status_reason) == ("suspended", "restated_since_approval")
    assert things.fill(FILLED + 3 * DAY).suspended == 0
    approve_standing(standing, at=FILLED + 3 * DAY)
    assert standing.status == StandingStatus.APPROVED


def test_a_new_window_after_the_approval_voids_nothing(
    things: ThingsMetric, standing: MetricStanding, case: UseCase
) -> None:
    approve_standing(standing)
    things.set(case.pk, dt.date(2026, 11, 1), 11)
    assert things.fill(dt.datetime(2026, 12, 5, tzinfo=dt.UTC)).suspended == 0
    standing.refresh_from_db()
    assert standing.status == StandingStatus.APPROVED


@pytest.mark.both_engines
def test_a_change_between_the_look_and_the_decision_is_found(
    things: ThingsMetric, standing: MetricStanding, case: UseCase
) -> None:
    """Even where nobody called for a recheck: the decision makes the content anew."""
    request = request_standing(
        standing_id=standing.pk, to=StandingStatus.APPROVED, actor=standing.owner, at=FILLED
    )
    version = MetricVersion.objects.get(pk=standing.metric_version_id)
    old = MetricValue.objects.get(window_starts_on=JANUARY, metric_version=version)
    MetricValue.objects.filter(pk=old.pk).update(superseded_at=FILLED)
    old.pk, old.data_version, old.value_nano = None, 2, 9 * NANO
    old.save(force_insert=True)
    with pytest.raises(ChangedSinceError):
        approve(request, at=FILLED)


def test_other_systems_learn_once_of_an_approval_a_restatement_and_lost_coverage(
    things: ThingsMetric, standing: MetricStanding, case: UseCase
) -> None:
    listen()
    approve_standing(standing)
    things.set(case.pk, FEBRUARY, 5)
    things.fill(FILLED + DAY)
    things.fill(FILLED + 2 * DAY)
    found = told()
    assert [event for event, _ in found] == ["metric.approved", "metric.restated"]
    assert found[0][1]["status"] == "approved"
    assert found[0][1]["scope"] == "use_case:answer-drafts"
    assert (found[1][1]["old"]["value"], found[1][1]["new"]["value"]) == ("2", "5")
    approve_standing(standing, at=FILLED + 2 * DAY)
    things.set(case.pk, dt.date(2026, 11, 1), 11, coverage=NANO // 2)
    things.fill(dt.datetime(2026, 12, 5, tzinfo=dt.UTC))
    event, data = told()[-1]
    assert (event, data["coverage"], data["previous_coverage"]) == ("coverage.dropped", "0.5", "1")


def test_a_webhook_tells_nothing_of_a_small_group(
    things: ThingsMetric, standing: MetricStanding, case: UseCase
) -> None:
    listen()
    things.set(case.pk, JANUARY, 3, contributors=3)
    things.fill(FILLED + DAY)
    approve_standing(standing, at=FILLED + DAY)
    things.set(case.pk, JANUARY, 4, contributors=3)
    things.fill(FILLED + 2 * DAY)
    event, data = told()[-1]
    assert event == "metric.restated"
    assert (data["new"]["value"], data["new"]["reason"]) == (None, "small_group")
    assert (data["old"]["value"], data["old"]["reason"]) == (None, "small_group")


def test_a_certificate_lasts_half_a_year_and_is_suspended_a_month_later(
    standing: MetricStanding,
) -> None:
    approve_standing(standing, StandingStatus.CERTIFIED)
    assert standing.certified_until == FILLED + dt.timedelta(days=180)
    assert review_standings(at=FILLED + dt.timedelta(days=179)) == 0
    for days, expected, reason in (
        (180, StandingStatus.REVIEW_DUE, "expired"),
        (209, StandingStatus.REVIEW_DUE, "expired"),
        (210, StandingStatus.SUSPENDED, "review_missed"),
    ):
        moment = FILLED + dt.timedelta(days=days)
        review_standings(at=moment)
        assert review_standings(at=moment) == 0
        standing.refresh_from_db()
        assert (standing.status, standing.status_reason) == (expected, reason)


def test_after_a_long_absence_both_steps_are_made_at_once(standing: MetricStanding) -> None:
    approve_standing(standing)
    assert review_standings(at=FILLED + dt.timedelta(days=400)) == 2
    standing.refresh_from_db()
    assert standing.status == StandingStatus.SUSPENDED


@pytest.mark.both_engines
def test_money_is_certified_by_finance_alone() -> None:
    with registered_things(unit="money") as things:
        case = make_use_case()
        things.set(case.pk, JANUARY, 3, currency="USD", basis="invoiced")
        things.fill()
        standing = make_standing(make_user(Role.PROGRAMME_LEAD), case.pk)
        approve_standing(standing)
        request = request_standing(
            standing_id=standing.pk, to=StandingStatus.CERTIFIED, actor=standing.owner, at=FILLED
        )
        assert request.kind == "adoption.metric_money"
        with pytest.raises(ApprovalRefusedError):
            approve(request, at=FILLED, by=second_person())
        approve(request, at=FILLED, by=person_of_finance())
        standing.refresh_from_db()
        assert standing.status == StandingStatus.CERTIFIED


def test_what_was_not_decided_is_a_draft_again(standing: MetricStanding) -> None:
    request = request_standing(
        standing_id=standing.pk, to=StandingStatus.APPROVED, actor=standing.owner, at=FILLED
    )
    withdraw(request_id=request.pk, actor=standing.owner, reason="", at=FILLED)
    review_standings(at=FILLED)
    standing.refresh_from_db()
    assert standing.status == StandingStatus.DRAFT


def test_deprecated_until_its_last_day_then_retired(standing: MetricStanding) -> None:
    approve_standing(standing)
    with pytest.raises(StandingRefusedError, match="ahead"):
        deprecate_standing(
            standing_id=standing.pk, reason="2.0.0 is better.", sunset_on=FILLED.date(),
            actor=standing.owner, at=FILLED,
        )  # fmt: skip
    last = (FILLED + dt.timedelta(days=60)).date()
    deprecate_standing(
        standing_id=standing.pk, reason="2.0.0 is better.", sunset_on=last,
        actor=standing.owner, at=FILLED,
    )  # fmt: skip
    assert review_standings(at=FILLED + dt.timedelta(days=59)) == 0
    review_standings(at=FILLED + dt.timedelta(days=60))
    standing.refresh_from_db()
    assert standing.status == StandingStatus.RETIRED
    with pytest.raises(StandingRefusedError):
        retire_standing(standing_id=standing.pk, reason="Again.", actor=standing.owner, at=FILLED)


def test_refusals_say_what_is_possible(
    things: ThingsMetric, standing: MetricStanding, case: UseCase
) -> None:
    with pytest.raises(StandingRefusedError, match="cannot become"):
        request_standing(
            standing_id=standing.pk, to=StandingStatus.CERTIFIED, actor=standing.owner, at=FILLED
        )
    with pytest.raises(StandingRefusedError, match="not served"):
        suspend_standing(standing_id=standing.pk, reason="x", actor=standing.owner, at=FILLED)
    with pytest.raises(StandingRefusedError, match="answers for it"):
        make_standing(standing.owner, case.pk)
    other = make_standing(standing.owner, make_use_case().pk)
    with pytest.raises(StandingRefusedError, match="nothing to look at"):
        request_standing(
            standing_id=other.pk, to=StandingStatus.APPROVED, actor=standing.owner, at=FILLED
        )
    approve_standing(standing)
    with pytest.raises(StandingRefusedError, match="Say why"):
        suspend_standing(standing_id=standing.pk, reason=" ", actor=standing.owner, at=FILLED)


def test_a_definition_that_was_changed_is_served_no_more(
    things: ThingsMetric, standing: MetricStanding
) -> None:
    approve_standing(standing)
    things.change(formula="Another one.")
    assert things.fill(FILLED + DAY).suspended == 1
    standing.refresh_from_db()
    assert standing.status_reason == "definition_changed"


# --- what the database refuses by itself ----------------------------------------------------------


def refused(**changes: Any) -> bool:
    """Whether the database refuses this update of the only standing."""
    try:
        with transaction.atomic():
            MetricStanding.objects.update(**changes)
    except (IntegrityError, DatabaseError):
        return True
    return False


@pytest.mark.both_engines
def test_the_database_lets_nobody_be_trusted_without_an_approval(
    standing: MetricStanding,
) -> None:
    later = FILLED + dt.timedelta(days=900)
    for status in ("approved", "certified", "review_due", "deprecated"):
        assert refused(status=status, certified_until=later if status == "certified" else None)
    assert refused(seen_sha256="0" * 64)
    assert refused(valid_until=later)
    approve_standing(standing)
    assert refused(valid_until=later)
    assert refused(status="certified", certified_until=later)
    assert refused(scope_id=0)
    assert refused(version=1)
    assert not refused(status="suspended", version=standing.version + 1)
    assert refused(status="approved")
    with pytest.raises((IntegrityError, DatabaseError)), transaction.atomic():
        MetricStanding.objects.all().delete()


@pytest.mark.both_engines
def test_the_database_lets_finance_alone_certify_money() -> None:
    with registered_things(unit="money") as things:
        case = make_use_case()
        things.set(case.pk, JANUARY, 3, currency="USD", basis="invoiced")
        things.fill()
        standing = make_standing(make_user(Role.PROGRAMME_LEAD), case.pk)
        approve_standing(standing)
        assert refused(needs_finance=False)
        assert refused(status="certified", certified_until=FILLED + DAY)


@pytest.mark.both_engines
def test_the_database_keeps_values_and_definitions_as_they_were(
    standing: MetricStanding,
) -> None:
    for model, changes in (
        (MetricVersion, {"definition": {}}),
        (MetricValue, {"value_nano": 99 * NANO}),
        (MetricValue, {"value_nano": None}),
        (MetricValue, {"facts": "{}"}),
        (MetricValue, {"contributors": 50}),
        (MetricValue, {"status": "provisional"}),
    ):
        with pytest.raises((IntegrityError, DatabaseError)), transaction.atomic():
            model._default_manager.update(**changes)
        with pytest.raises((IntegrityError, DatabaseError)), transaction.atomic():
            model._default_manager.all().delete()
