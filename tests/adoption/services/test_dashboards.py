"""Dashboards: the working copy, four eyes on exact figures, expiry, and what is counted."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from adoption.choices import AccessAction, DashboardStatus, StandingStatus
from adoption.models import (
    Dashboard,
    DashboardAccess,
    DashboardStatusChange,
    DashboardVersion,
    MetricStanding,
    MetricValue,
    UseCase,
)
from adoption.selectors.dashboards import access_counts, dashboard_rows
from adoption.services.dashboard_approvals import (
    VALID_FOR,
    NotSubmittableError,
    deprecate_dashboard,
    expire_dashboards,
)
from adoption.services.dashboards import (
    add_tile,
    move_tile,
    record_access,
    remove_tile,
    update_dashboard,
)
from adoption.services.milestones import remove_milestone
from adoption.services.refusals import RefusedError, StaleVersionError
from adoption.services.snapshots import PUBLISH_KIND, publish_snapshot
from portal.approvals.errors import ChangedSinceError, SamePersonError
from portal.choices import Role
from portal.models import ApprovalRequest, AuditEvent, Notice, WebhookDelivery, WorkItem
from portal.services.webhooks import create_subscription
from tests.adoption.factories import NOW, make_use_case, make_user
from tests.adoption.served import approved_version, catalogue, goal, make_dashboard, restate, submit
from tests.approving import approve

pytestmark = pytest.mark.django_db
Story = tuple[UseCase, Any, Dashboard]


@pytest.fixture
def story() -> Iterator[Story]:
    use_case = make_use_case(title="Drafts")
    with catalogue(use_case, windows=6) as versions:
        yield use_case, versions, make_dashboard(use_case, versions)


def fresh(dashboard: Dashboard) -> Dashboard:
    return Dashboard.objects.get(pk=dashboard.pk)


def shown(dashboard: Dashboard, at: dt.datetime = NOW) -> str:
    found: Any = dashboard_rows(dashboard.owner, now=at).get(pk=dashboard.pk)
    return str(found.shown_status)


def refused(write: Any) -> str:
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        write()
    return str(error.value)


@pytest.mark.both_engines
def test_from_draft_to_approved_to_due_and_again(story: Story) -> None:
    _, _, dashboard = story
    create_subscription(
        name="Wiki", url="https://wiki.example/", events=["dashboard.approved"], actor=None, at=NOW
    )
    assert shown(dashboard) == "draft"
    start = NOW - VALID_FOR
    request = submit(dashboard, at=start)
    assert shown(dashboard, start) == "in_review"
    approve(request)
    found = fresh(dashboard)
    assert (found.status, found.approval, shown(found, start)) == ("approved", request, "approved")
    assert (found.expires_at, found.editors_since_approval) == (NOW, [])
    told = json.loads(WebhookDelivery.objects.get().body)
    assert (told["type"], told["data"]["version"]) == ("dashboard.approved", 1)
    assert WorkItem.objects.filter(kind=PUBLISH_KIND).count() == 1
    document = json.loads(publish_snapshot(at=start).snapshot.document)
    assert document["dashboards"][0]["sha256"] == approved_version(found).sha256
    end = NOW
    assert shown(found, end) == "review_due"  # although no job has run yet
    assert (expire_dashboards(at=end), expire_dashboards(at=end)) == (1, 0)
    assert Notice.objects.filter(user=found.owner).count() == 1
    again = submit(dashboard, at=end)
    approve(again, at=end)
    assert DashboardVersion.objects.count() == 1  # the same again is no new version
    assert [line.to_status for line in found.status_changes.all()] == [
        "approved", "review_due", "approved",
    ]  # fmt: skip


def test_the_request_shows_exact_figures_and_what_changed(story: Story) -> None:
    use_case, versions, dashboard = story
    approve(submit(dashboard))
    found = fresh(dashboard)
    removed = remove_tile(
        dashboard_id=found.pk, expected_version=found.version, place=0, actor=found.owner, at=NOW
    )
    add_tile(
        dashboard_id=found.pk, expected_version=removed.version, version_id=versions[0].pk,
        scope_kind="use_case", scope_id=use_case.pk, kind="table", actor=found.owner, at=NOW,
    )  # fmt: skip
    content = submit(dashboard).content
    assert content["before"]["Tile 1"].startswith("held_rate 1.0.0 as number")
    assert content["after"]["Tile 1"].startswith("review_hours 1.0.0 as trend")
    facts = dict(content["facts"])
    told = facts["Tile 3: Held rate: Drafts"]
    assert "certified, definition " + versions[0].definition_sha256 in told
    assert "2026-08-31 to 2026-09-28: 0.25 ratio (final, n 24, facts " in told
    assert told.count("data version 1") == 6


@pytest.mark.both_engines
def test_a_figure_that_changes_voids_what_waits_and_not_what_is_approved(story: Story) -> None:
    _, versions, dashboard = story
    request = submit(dashboard)
    newest = MetricValue.objects.filter(metric_version=versions[0]).latest("window_starts_on")
    restate(newest, {"part": 1, "whole": 24, "contributors": 19})
    with pytest.raises(ChangedSinceError):
        approve(request)
    assert fresh(dashboard).status == DashboardStatus.DRAFT
    approve(submit(dashboard))
    restate(MetricValue.objects.latest("pk"), {"part": 2, "whole": 24, "contributors": 19})
    assert fresh(dashboard).status == DashboardStatus.APPROVED


def test_a_metric_suspended_meanwhile_voids_it(story: Story) -> None:
    _, versions, dashboard = story
    request = submit(dashboard)
    MetricStanding.objects.filter(metric_version=versions[2]).update(
        status=StandingStatus.SUSPENDED
    )
    with pytest.raises(ChangedSinceError, match="suspended"):
        approve(request)
    with pytest.raises(NotSubmittableError, match="suspended"):
        submit(dashboard)


def test_whoever_has_a_hand_in_it_does_not_approve(story: Story) -> None:
    _, _, dashboard = story
    lead = make_user(Role.PROGRAMME_LEAD)
    move_tile(
        dashboard_id=dashboard.pk, expected_version=dashboard.version, place=0, by=1, actor=lead,
        at=NOW,
    )  # fmt: skip
    request = submit(dashboard)
    later = NOW + dt.timedelta(days=2)
    with pytest.raises(SamePersonError):
        approve(request, by=lead, at=later)
    approve(request, by=make_user(Role.PROGRAMME_LEAD), at=later)


def test_usage_alone_no_goal_and_two_sides_cannot_be_submitted(story: Story) -> None:
    _, _, dashboard = story
    for place in (2, 1):
        dashboard = remove_tile(
            dashboard_id=dashboard.pk, expected_version=dashboard.version, place=place,
            actor=dashboard.owner, at=NOW,
        )  # fmt: skip
    milestone = goal(dashboard)
    remove_milestone(
        milestone_id=milestone.pk, expected_version=milestone.version, reason="Not ours.",
        actor=dashboard.owner, at=NOW,
    )  # fmt: skip
    with pytest.raises(NotSubmittableError) as error:
        submit(dashboard)
    assert len(error.value.problems) == 2
    assert "serves no goal" in error.value.reason
    assert ApprovalRequest.objects.filter(kind="adoption.dashboard").count() == 0


def test_tiles_are_those_of_the_catalogue_where_there_are_values(story: Story) -> None:
    use_case, versions, dashboard = story
    given: dict[str, Any] = {
        "dashboard_id": dashboard.pk, "expected_version": dashboard.version, "kind": "number",
        "version_id": versions[0].pk, "scope_kind": "use_case", "scope_id": use_case.pk,
        "actor": dashboard.owner, "at": NOW,
    }  # fmt: skip
    for wrong, words in (
        ({"version_id": 0}, "catalogue"),
        ({"kind": "ranking"}, "number, a trend"),
        ({"scope_kind": "team"}, "no value there"),
        ({}, "there already"),
    ):
        with pytest.raises(RefusedError, match=words):
            add_tile(**(given | wrong))
    with pytest.raises(StaleVersionError):
        add_tile(**(given | {"expected_version": 1}))
    assert fresh(dashboard).version == dashboard.version
    moved = move_tile(
        dashboard_id=dashboard.pk, expected_version=dashboard.version, place=2, by=-1,
        actor=dashboard.owner, at=NOW,
    )  # fmt: skip
    assert [tile["metric_version"] for tile in moved.tiles] == [
        versions[place].pk for place in (0, 2, 1)
    ]


def test_edits_do_not_touch_what_is_approved(story: Story) -> None:
    _, _, dashboard = story
    approve(submit(dashboard))
    found = fresh(dashboard)
    update_dashboard(
        dashboard_id=found.pk, expected_version=found.version, title="Other", purpose="Other",
        milestone=found.milestone, actor=found.owner, at=NOW,
    )  # fmt: skip
    document = json.loads(approved_version(fresh(dashboard)).document)
    assert document["title"] == "What drafts bring"
    assert submit(dashboard).target == "2"


def test_deprecating_needs_a_reason_and_no_second_person(story: Story) -> None:
    _, _, dashboard = story
    request = submit(dashboard)
    given: dict[str, Any] = {"actor": dashboard.owner, "at": NOW, "dashboard_id": dashboard.pk}
    with pytest.raises(RefusedError) as error:
        deprecate_dashboard(**given, expected_version=dashboard.version, reason=" ")
    assert error.value.field == "reason"
    deprecate_dashboard(**given, expected_version=dashboard.version, reason="Use the other.")
    request.refresh_from_db()
    assert (shown(dashboard), request.status) == ("deprecated", "voided")
    with pytest.raises(RefusedError, match="make a new one"):
        submit(dashboard)


@pytest.mark.both_engines
def test_the_database_approves_nothing_by_itself(story: Story) -> None:
    _, _, dashboard = story
    request = submit(dashboard)
    version = dashboard.versions.get()
    rows = Dashboard.objects.filter(pk=dashboard.pk)
    full: dict[str, Any] = {
        "status": "approved", "approved_version": version, "approval": request,
        "approved_at": NOW, "expires_at": NOW + VALID_FOR,
    }  # fmt: skip
    assert "not approved" in refused(lambda: rows.update(**full))
    assert "no other approval" in refused(lambda: rows.update(approved_version=version))
    approve(request)
    for change in (
        {"expires_at": NOW + VALID_FOR + dt.timedelta(seconds=1)},
        {"status": "draft", "approval": None},
    ):
        assert refused(lambda change=change: rows.update(**change))
    rows.update(status="review_due")
    assert "not approved" in refused(lambda: rows.update(status="approved"))  # used once
    rows.update(status="deprecated")
    longer = NOW + VALID_FOR + dt.timedelta(days=9)
    assert "not approved" in refused(lambda: rows.update(status="review_due", expires_at=longer))
    assert "never changed" in refused(lambda: version.save())
    for model in (DashboardVersion, DashboardStatusChange):
        every = model.objects.all()
        assert "never deleted" in refused(lambda every=every: every._raw_delete(every.db))


def test_use_is_counted_by_role_and_never_by_person(story: Story) -> None:
    _, _, dashboard = story
    given: dict[str, Any] = {"dashboard": dashboard, "number": 1, "at": NOW}
    for _ in range(5):
        record_access(**given, action=AccessAction.VIEWED, user=make_user())
    record_access(**given, action=AccessAction.VIEWED, user=make_user(Role.FINANCE))
    record_access(**given, action=AccessAction.EXPORTED, user=make_user(Role.FINANCE))
    counts = {(row["action"], row["role"]): row["count"] for row in access_counts(dashboard)}
    assert counts == {
        ("Viewed", "employee"): 5, ("Viewed", "finance"): None, ("Exported", "finance"): None,
    }  # fmt: skip
    names = {field.name for field in DashboardAccess._meta.get_fields()}
    assert names == {"id", "dashboard", "number", "day", "role", "action", "count"}
    assert AuditEvent.objects.filter(table="dashboard export").count() == 1
