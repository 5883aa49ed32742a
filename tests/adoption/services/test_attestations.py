"""Attested milestones: two persons, evidence, no code; in the service and in the database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from adoption.approvals import ATTESTATION_KIND
from adoption.choices import AttestedOutcome, MilestoneKind, MilestoneState
from adoption.models import Milestone, MilestoneAttestation, MilestoneEvent, UseCase
from adoption.services.attestations import (
    BadAttestationError,
    create_attested_milestone,
    request_attestation,
    update_attested_milestone,
)
from adoption.services.milestones import MilestoneLockedError, measure_milestones, remove_milestone
from adoption.services.refusals import StaleVersionError
from portal.approvals.errors import ApprovalRefusedError, NotPendingError, SamePersonError
from portal.choices import ApprovalStatus, Role
from portal.models import ApprovalRequest, User
from tests.adoption.factories import NOW, make_use_case, make_user
from tests.approving import approve, second_person

pytestmark = pytest.mark.django_db
SAID = "All 40 agents of the desk have been trained; the list is in the wiki."
DAY = dt.date(2026, 11, 10)


def promise(use_case: UseCase, **fields: Any) -> Milestone:
    values: dict[str, Any] = {
        "title": "Every support agent is trained", "outcome": AttestedOutcome.TRAINING,
        "due_on": dt.date(2026, 12, 15), "actor": use_case.owner, "at": NOW,
    }  # fmt: skip
    return create_attested_milestone(use_case_id=use_case.pk, **(values | fields))


def attest(milestone: Milestone, actor: User, **fields: Any) -> ApprovalRequest:
    values: dict[str, Any] = {
        "statement": SAID,
        "link": "https://wiki.example/training",
        "happened_on": DAY,
    }
    return request_attestation(
        milestone_id=milestone.pk,
        expected_version=Milestone.objects.get(pk=milestone.pk).version,
        actor=actor, at=NOW, **(values | fields),
    )  # fmt: skip


@pytest.mark.both_engines
def test_it_is_reached_when_another_person_confirms_it() -> None:
    use_case = make_use_case()
    milestone = promise(use_case)
    request = attest(milestone, use_case.owner)
    milestone.refresh_from_db()
    assert milestone.state == MilestoneState.OPEN
    approve(request)
    milestone.refresh_from_db()
    found = MilestoneAttestation.objects.get(milestone=milestone)
    assert (found.attested_by, found.confirmed_by) == (use_case.owner, second_person())
    assert (found.statement, found.happened_on) == (SAID, DAY)
    assert (milestone.state, milestone.reached_at) == (
        MilestoneState.REACHED, dt.datetime(2026, 11, 10, tzinfo=dt.UTC),
    )  # fmt: skip
    assert milestone.measured_nano is None
    # Measuring has nothing to say about it, now or later.
    measure_milestones(use_case_ids=[use_case.pk], at=NOW + dt.timedelta(days=90))
    again = Milestone.objects.get(pk=milestone.pk)
    assert (again.state, again.reached_at) == (milestone.state, milestone.reached_at)
    assert again.measured_reason == "attested"


def test_the_same_person_does_not_confirm_with_any_account() -> None:
    use_case = make_use_case(owner=make_user(Role.APPROVER, email="one@example.com"))
    milestone = promise(use_case)
    request = attest(milestone, use_case.owner)
    other_account = make_user(Role.APPROVER, email="ONE@example.com")
    for person in (use_case.owner, other_account):
        with pytest.raises(SamePersonError):
            approve(request, by=person)
    assert Milestone.objects.get(pk=milestone.pk).state == MilestoneState.OPEN


def test_whoever_promised_it_and_the_owner_do_not_confirm_either() -> None:
    lead = make_user(Role.PROGRAMME_LEAD)
    use_case = make_use_case(owner=make_user(Role.APPROVER))
    milestone = promise(use_case, actor=lead)
    request = attest(milestone, make_user(Role.PROGRAMME_LEAD))
    for person in (lead, use_case.owner):
        with pytest.raises(SamePersonError):
            approve(request, by=person)
    with pytest.raises(ApprovalRefusedError):
        approve(request, by=make_user())  # no role


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"statement": "Done."}, "statement"),
        ({"link": "https://git.example/a/b/pull/4"}, "link"),
        ({"link": "https://git.example/a/-/merge_requests/4"}, "link"),
        ({"link": "https://git.example/a/commit/abc"}, "link"),
        ({"happened_on": dt.date(2026, 11, 21)}, "happened_on"),
        ({"happened_on": dt.date(2025, 12, 31)}, "happened_on"),
    ],
)
def test_evidence_is_needed_and_code_is_measured(fields: dict[str, Any], field: str) -> None:
    use_case = make_use_case()
    with pytest.raises(BadAttestationError) as found:
        attest(promise(use_case), use_case.owner, **fields)
    assert found.value.field == field
    assert not ApprovalRequest.objects.filter(kind=ATTESTATION_KIND).exists()


def test_usage_cannot_be_promised_this_way_either() -> None:
    with pytest.raises(BadAttestationError, match="held_deliver"):
        promise(make_use_case(), title="80 % of agents use it weekly")


@pytest.mark.both_engines
def test_an_edit_voids_what_was_attested() -> None:
    use_case = make_use_case()
    milestone = promise(use_case)
    request = attest(milestone, use_case.owner)
    update_attested_milestone(
        milestone_id=milestone.pk, expected_version=1, title="Every agent trained twice",
        outcome=AttestedOutcome.TRAINING, due_on=milestone.due_on, actor=use_case.owner, at=NOW,
    )  # fmt: skip
    request.refresh_from_db()
    assert request.status == ApprovalStatus.VOIDED
    with pytest.raises(NotPendingError):
        approve(request)
    with pytest.raises(StaleVersionError):
        request_attestation(
            milestone_id=milestone.pk, expected_version=1, statement=SAID, link="",
            happened_on=DAY, actor=use_case.owner, at=NOW,
        )  # fmt: skip


def test_it_is_missed_when_its_day_is_over_and_the_owner_is_told_once() -> None:
    use_case = make_use_case()
    milestone = promise(use_case)
    later = NOW + dt.timedelta(days=60)
    for _ in range(2):
        measure_milestones(use_case_ids=[use_case.pk], at=later)
    assert Milestone.objects.get(pk=milestone.pk).state == MilestoneState.MISSED
    assert use_case.owner.notices.count() == 1
    remove_milestone(
        milestone_id=milestone.pk, expected_version=1, reason="Not needed.",
        actor=use_case.owner, at=later,
    )  # fmt: skip
    assert MilestoneEvent.objects.filter(use_case=use_case, kind="removed").exists()


def test_a_reached_one_is_history() -> None:
    use_case = make_use_case()
    milestone = promise(use_case)
    approve(attest(milestone, use_case.owner))
    with pytest.raises(MilestoneLockedError):
        update_attested_milestone(
            milestone_id=milestone.pk, expected_version=2, title="Other",
            outcome=AttestedOutcome.REVIEW, due_on=milestone.due_on, actor=use_case.owner, at=NOW,
        )  # fmt: skip


@pytest.mark.both_engines
def test_the_database_lets_nobody_around_it() -> None:
    use_case = make_use_case()
    milestone = promise(use_case)
    rows = Milestone.objects.filter(pk=milestone.pk)
    request = attest(milestone, use_case.owner)
    attestation = {
        "milestone": milestone, "statement": SAID, "happened_on": DAY,
        "attested_by": use_case.owner, "confirmed_at": NOW, "approval": request,
    }  # fmt: skip
    refused: tuple[Callable[[], Any], ...] = (
        lambda: rows.update(state=MilestoneState.REACHED, reached_at=NOW),
        lambda: rows.update(kind=MilestoneKind.MEASURED, metric_key="x", outcome=""),
        lambda: MilestoneAttestation.objects.create(**attestation, confirmed_by=second_person()),
        lambda: MilestoneAttestation.objects.create(**attestation, confirmed_by=use_case.owner),
    )
    for write in refused:
        with pytest.raises(DatabaseError), transaction.atomic():
            write()
    approve(request)
    kept = MilestoneAttestation.objects.filter(milestone=milestone)
    after: tuple[Callable[[], Any], ...] = (
        lambda: kept.update(statement="Other words than those."),
        kept.delete,
    )
    for write in after:
        with pytest.raises(DatabaseError), transaction.atomic():
            write()
    assert kept.get().statement == SAID


def test_a_measured_milestone_is_attested_by_nobody() -> None:
    from tests.adoption.factories import make_milestone, registered_metric

    use_case = make_use_case()
    with registered_metric():
        milestone = make_milestone(use_case)
        with pytest.raises(BadAttestationError, match="measured"):
            attest(milestone, use_case.owner)
