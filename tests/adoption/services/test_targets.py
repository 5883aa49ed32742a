"""Adoption targets: bound to a milestone, about outcomes, missable, told of once."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from adoption.choices import Comparator, MilestoneState, ScopeKind
from adoption.metrics.registry import NANO, Measured
from adoption.models import AdoptionTarget, Milestone, TargetEvent, UseCase
from adoption.services.milestone_rules import BadMilestoneError
from adoption.services.milestones import MilestoneLockedError, measure_milestones, remove_milestone
from adoption.services.refusals import StaleVersionError
from adoption.services.target_measuring import measure_targets
from adoption.services.target_rules import BadTargetError, TargetDraft
from adoption.services.targets import (
    TargetLockedError,
    create_target,
    update_target,
    withdraw_target,
)
from portal.choices import Role
from portal.models import Notice
from tests.adoption.factories import (
    NOW,
    FakeMetric,
    make_milestone,
    make_use_case,
    make_user,
    move_stage,
    registered_metric,
)

pytestmark = pytest.mark.django_db
USAGE_KEYS = ("tokens", "active_users", "prompts", "seats", "sessions", "lines", "requests",
              "credits", "acceptance_rate", "hours_saved")  # fmt: skip


@pytest.fixture
def things() -> Iterator[FakeMetric]:
    """Milestones here are measured by a fake metric; targets by the real ones."""
    with registered_metric() as fake:
        yield fake


@pytest.fixture
def milestone(things: FakeMetric) -> Milestone:
    return make_milestone(make_use_case(owner=make_user()))


def draft(milestone: Milestone, **fields: Any) -> TargetDraft:
    values: dict[str, Any] = {
        "title": "Ten deliveries that hold",
        "milestone_id": milestone.pk,
        "scope_kind": ScopeKind.USE_CASE.value,
        "scope_id": milestone.use_case_id,
        "metric_key": "held_deliveries",
        "comparator": Comparator.AT_LEAST.value,
        "threshold_nano": 10 * NANO,
        "due_on": dt.date(2026, 12, 31),
    }
    return TargetDraft(**(values | fields))


def set_target(milestone: Milestone, **fields: Any) -> AdoptionTarget:
    at = fields.pop("at", NOW)
    return create_target(draft=draft(milestone, **fields), actor=milestone.use_case.owner, at=at)


def test_a_target_keeps_where_it_started_and_says_so(milestone: Milestone) -> None:
    target = set_target(milestone, metric_key="")  # the title says which metric
    assert (target.metric_key, target.metric_version) == ("held_deliveries", "2.0.0")
    assert (target.baseline_nano, target.baseline_reason) == (0, "")
    event = TargetEvent.objects.get(target=target)
    assert "Held deliveries" in event.note
    assert "from 0" in event.note


def test_usage_is_refused_as_a_metric_with_the_outcome_to_use_instead(
    milestone: Milestone,
) -> None:
    for key in USAGE_KEYS:
        with pytest.raises(BadTargetError) as refused:
            set_target(milestone, metric_key=key)
        assert refused.value.field == "metric_key", key
        assert "outcome metric `" in refused.value.reason, key
    assert not AdoptionTarget.objects.exists()


def test_usage_is_refused_in_words_even_beside_an_outcome(milestone: Milestone) -> None:
    for title in ("80% of developers weekly", "WAU above 300", "1M tokens"):
        with pytest.raises(BadTargetError, match="A target on usage is not taken") as refused:
            set_target(milestone, title=title)
        assert refused.value.field == "title", title


def test_words_that_mean_no_metric_are_asked_back(milestone: Milestone) -> None:
    with pytest.raises(BadTargetError, match="held_deliveries"):
        set_target(milestone, title="Fewer escaped defects", metric_key="")


@pytest.mark.both_engines
def test_a_target_without_a_milestone_is_a_quota(milestone: Milestone) -> None:
    with pytest.raises(BadTargetError) as refused:
        create_target(
            draft=draft(milestone, milestone_id=0), actor=milestone.use_case.owner, at=NOW
        )
    assert refused.value.field == "milestone"
    with pytest.raises(DatabaseError), transaction.atomic():
        AdoptionTarget.objects.bulk_create(
            [AdoptionTarget(**_row(set_target(milestone)) | {"milestone_id": None})]
        )


def _row(target: AdoptionTarget) -> dict[str, Any]:
    return {
        field.attname: getattr(target, field.attname)
        for field in AdoptionTarget._meta.concrete_fields
        if not field.primary_key
    }


REFUSED: list[tuple[dict[str, Any], type[BadTargetError | BadMilestoneError], str]] = [
        ({"scope_kind": "programme", "scope_id": 0}, BadTargetError, "milestone"),
        ({"scope_kind": "service"}, BadTargetError, "scope_kind"),
        ({"scope_kind": "team", "metric_key": "ai_production_deployments"}, BadTargetError,
         "scope_kind"),
        ({"threshold_nano": 0}, BadMilestoneError, "threshold"),
        ({"threshold_nano": NANO // 2}, BadMilestoneError, "threshold"),
        ({"comparator": "lt"}, BadMilestoneError, "comparator"),
        ({"currency": "USD"}, BadMilestoneError, "threshold"),
        ({"due_on": dt.date(2027, 1, 1)}, BadMilestoneError, "due_on"),
        ({"due_on": dt.date(2026, 11, 19)}, BadTargetError, "due_on"),
]  # fmt: skip


def test_what_cannot_be_missed_reached_or_served_is_refused(milestone: Milestone) -> None:
    for fields, error, field in REFUSED:
        with pytest.raises(error) as refused:
            set_target(milestone, **fields)
        assert refused.value.field == field, fields


def test_a_target_serves_its_milestone_in_time(things: FakeMetric) -> None:
    early = make_milestone(make_use_case(), due_on=dt.date(2026, 12, 1))
    with pytest.raises(BadTargetError, match="later does not serve"):
        set_target(early)
    things.set(early.use_case, 1, 2)
    measure_milestones(use_case_ids=[early.use_case_id], at=NOW)
    with pytest.raises(BadTargetError, match="reached"):
        set_target(early, due_on=dt.date(2026, 12, 1))
    ended = make_milestone(make_use_case())
    move_stage(ended.use_case, "stopped", reason="Enough.")
    with pytest.raises(BadTargetError, match="ended"):
        set_target(ended)


def test_what_is_there_already_is_no_target(things: FakeMetric) -> None:
    milestone = make_milestone(make_use_case(), threshold_nano=9 * NANO)
    things.set(milestone.use_case, 1, 2, 3)
    with pytest.raises(BadTargetError, match="is there already"):
        set_target(milestone, metric_key="things", title="Three more", threshold_nano=3 * NANO)


@pytest.mark.both_engines
def test_an_edit_says_which_version_it_saw_and_leaves_before_and_after(
    milestone: Milestone,
) -> None:
    target = set_target(milestone)
    owner = milestone.use_case.owner
    later = draft(milestone, due_on=dt.date(2026, 12, 1))
    update_target(target_id=target.pk, expected_version=1, draft=later, actor=owner, at=NOW)
    with pytest.raises(StaleVersionError):
        update_target(target_id=target.pk, expected_version=1, draft=later, actor=owner, at=NOW)
    days = list(target.events.order_by("pk").values_list("due_on", flat=True))
    assert days == [dt.date(2026, 12, 31), dt.date(2026, 12, 1)]
    usage = dataclasses.replace(later, title="80 % of engineers every week")
    with pytest.raises(BadTargetError, match="not taken"):
        update_target(target_id=target.pk, expected_version=2, draft=usage, actor=owner, at=NOW)


@pytest.mark.both_engines
def test_withdrawing_needs_a_reason_and_deletes_nothing(milestone: Milestone) -> None:
    target = set_target(milestone)
    owner = milestone.use_case.owner
    asked: dict[str, Any] = {"target_id": target.pk, "expected_version": 1, "actor": owner}
    with pytest.raises(ValueError, match="Say why"):
        withdraw_target(**asked, reason=" ", at=NOW)
    withdraw_target(**asked, reason="Another goal matters more.", at=NOW)
    with pytest.raises(TargetLockedError):
        withdraw_target(**asked | {"expected_version": 2}, reason="Again.", at=NOW)
    with pytest.raises(MilestoneLockedError, match="Targets serve"):
        remove_milestone(
            milestone_id=milestone.pk, expected_version=1, reason="x", actor=owner, at=NOW
        )
    measure_targets(at=NOW + dt.timedelta(days=90))
    target.refresh_from_db()
    assert target.state == MilestoneState.OPEN  # nobody is told that it is missed
    assert not Notice.objects.exists()


@pytest.mark.both_engines
def test_a_missed_target_is_told_once_by_any_number_of_workers(milestone: Milestone) -> None:
    setter = make_user(Role.PROGRAMME_LEAD)
    create_target(draft=draft(milestone), actor=setter, at=NOW)
    for days in (60, 60, 61):
        measure_targets(at=NOW + dt.timedelta(days=days))
    told = Notice.objects.filter(key__startswith="adoption.target:")
    assert {each.user for each in told} == {setter, milestone.use_case.owner}
    assert told.count() == 2
    assert all("missed" in each.title for each in told)
    assert list(TargetEvent.objects.values_list("kind", flat=True).order_by("pk")) == [
        "added", "missed",
    ]  # fmt: skip


def test_at_risk_is_told_once_and_again_only_for_another_promise(milestone: Milestone) -> None:
    target = set_target(milestone)
    for days in (30, 31, 32):
        measure_targets(at=NOW + dt.timedelta(days=days))
    target.refresh_from_db()
    assert target.risk == "due_soon"
    assert Notice.objects.filter(title__startswith="Target at risk").count() == 1
    update_target(
        target_id=target.pk, expected_version=1, draft=draft(milestone, threshold_nano=9 * NANO),
        actor=milestone.use_case.owner, at=NOW + dt.timedelta(days=33),
    )  # fmt: skip
    measure_targets(at=NOW + dt.timedelta(days=33))
    assert Notice.objects.filter(title__startswith="Target at risk").count() == 2


@pytest.mark.both_engines
def test_the_database_takes_no_usage_metric_and_no_deletion(milestone: Milestone) -> None:
    target = set_target(milestone)
    rows = AdoptionTarget.objects.filter(pk=target.pk)
    for write in (
        lambda: rows.update(metric_key="tokens"),
        lambda: AdoptionTarget.objects.create(**_row(target) | {"metric_key": "active_users"}),
        lambda: rows._raw_delete(rows.db),
        lambda: TargetEvent.objects.update(note="x"),
        lambda: TargetEvent.objects.all()._raw_delete("default"),
        lambda: rows.update(programme=make_use_case().programme),
        lambda: rows.update(state=MilestoneState.REACHED),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            write()
    assert AdoptionTarget.objects.get().metric_key == "held_deliveries"


def test_measuring_costs_the_same_however_many_targets_there_are(things: FakeMetric) -> None:
    counts = []
    for size in (2, 8):
        for _ in range(size):
            set_target(make_milestone(make_use_case()))
        measure_targets(at=NOW)
        with CaptureQueriesContext(connection) as queries:
            measure_targets(at=NOW)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_milestones_at_risk_and_missed_are_told_once(things: FakeMetric) -> None:
    use_case = make_use_case()
    slow = make_milestone(use_case, threshold_nano=40 * NANO)
    things.set(use_case, 5, 10, 15, 20, 25)
    for _ in range(2):
        measure_milestones(use_case_ids=[use_case.pk], at=NOW)
    slow.refresh_from_db()
    assert slow.risk == "forecast_late"
    assert slow.forecast_on is not None
    assert slow.forecast_on > slow.due_on
    assert Notice.objects.filter(user=use_case.owner).count() == 1
    after = NOW + dt.timedelta(days=60)
    things.values[use_case.pk] = Measured(nano=5 * NANO, as_of=after)
    for _ in range(2):
        measure_milestones(use_case_ids=[use_case.pk], at=after)
    slow.refresh_from_db()
    assert (slow.state, slow.risk) == (MilestoneState.MISSED, "")
    titles = Notice.objects.order_by("pk").values_list("title", flat=True)
    assert [each.split(":")[0] for each in titles] == ["Milestone at risk", "Milestone missed"]


def test_nobody_is_told_about_what_has_ended(things: FakeMetric) -> None:
    use_case: UseCase = make_use_case()
    make_milestone(use_case)
    move_stage(use_case, "stopped", reason="Enough.")
    measure_milestones(use_case_ids=[use_case.pk], at=NOW + dt.timedelta(days=60))
    assert Milestone.objects.get(use_case=use_case).state == MilestoneState.MISSED
    assert not Notice.objects.exists()
