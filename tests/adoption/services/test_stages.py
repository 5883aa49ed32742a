"""Stages: the table, four eyes for the way up, one person and a reason for the way out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from django.db import IntegrityError, transaction

from adoption.choices import (
    NEXT_STAGES,
    STAGES_THAT_NEED_A_REASON,
    STAGES_THAT_NEED_APPROVAL,
    Stage,
)
from adoption.models import StageChange, UseCase
from adoption.services.milestones import promise_text, remove_milestone
from adoption.services.stages import StageNotAllowedError, end_use_case, request_stage
from adoption.services.use_cases import update_use_case
from portal.approvals.errors import ChangedSinceError, NotPendingError, SamePersonError
from portal.choices import ApprovalStatus, Role
from portal.models import ApprovalRequest, User
from tests.adoption.factories import (
    NOW,
    make_milestone,
    make_programme,
    make_use_case,
    make_user,
    move_stage,
    open_gates,
    registered_metric,
    walk_to,
)
from tests.approving import approve

pytestmark = pytest.mark.django_db
STOP_RULE = "Stop when nothing is held after eight weeks."


@pytest.fixture(autouse=True)
def _without_gates() -> Iterator[None]:
    """What stages ask for is tested in `test_stage_gates.py`."""
    with open_gates():
        yield


def ask(
    use_case: UseCase, to: str, *, actor: User | None = None, reason: str = "Because."
) -> ApprovalRequest:
    return request_stage(
        use_case_id=use_case.pk,
        to_stage=to,
        expected_version=UseCase.objects.get(pk=use_case.pk).version,
        reason=reason,
        actor=actor or use_case.owner,
        at=NOW,
    )


def edit(use_case: UseCase, actor: User, **changes: str) -> UseCase:
    return update_use_case(
        use_case_id=use_case.pk,
        expected_version=UseCase.objects.get(pk=use_case.pk).version,
        actor=actor,
        at=NOW,
        **changes,  # type: ignore[arg-type]
    )


def status(request: ApprovalRequest) -> str:
    return ApprovalRequest.objects.get(pk=request.pk).status


@pytest.mark.parametrize("start", list(Stage))
def test_stages_move_by_the_table_and_by_nothing_else(start: Stage) -> None:
    use_case = walk_to(make_use_case(stop_rule=STOP_RULE), start)
    before = use_case.stage_changes.count()
    for target in Stage:
        if target in NEXT_STAGES[start]:
            with transaction.atomic():
                _moved(use_case, target)
                transaction.set_rollback(True)
        else:
            with pytest.raises(StageNotAllowedError):
                move_stage(use_case, target, reason="Because.")
            assert use_case.stage_changes.count() == before


def _moved(use_case: UseCase, target: Stage) -> None:
    start = use_case.stage
    moved = move_stage(UseCase.objects.get(pk=use_case.pk), target, reason="Because.")
    assert (moved.stage, moved.stage_since) == (target, NOW.date())
    newest = StageChange.objects.filter(use_case=use_case).first()
    assert newest is not None
    assert (newest.from_stage, newest.to_stage) == (start, target)
    is_approved = target in STAGES_THAT_NEED_APPROVAL
    assert (newest.approval is not None) == is_approved
    assert (newest.decided_by == use_case.owner) != is_approved


def test_the_stage_day_is_that_of_the_decision_in_the_programmes_zone() -> None:
    use_case = make_use_case(programme=make_programme(time_zone="Asia/Tokyo"))
    request = ask(use_case, Stage.APPROVED)
    approve(request, at=NOW + dt.timedelta(hours=3, minutes=30))
    use_case.refresh_from_db()
    assert use_case.stage_since == dt.date(2026, 11, 21)


@pytest.mark.parametrize("target", STAGES_THAT_NEED_A_REASON)
def test_an_end_needs_a_reason_and_no_second_person(target: Stage) -> None:
    use_case = make_use_case()
    with pytest.raises(StageNotAllowedError) as refused:
        move_stage(use_case, target, reason="  ")
    assert refused.value.field == "reason"
    ended = move_stage(use_case, target, reason="Nobody used it.")
    assert (ended.stage, ApprovalRequest.objects.count()) == (target, 0)


def test_an_approved_stage_is_not_reached_without_asking() -> None:
    use_case = make_use_case()
    with pytest.raises(StageNotAllowedError, match="another person"):
        end_use_case(
            use_case_id=use_case.pk,
            to_stage=Stage.APPROVED,
            expected_version=1,
            reason="Now.",
            actor=use_case.owner,
            at=NOW,
        )


@pytest.mark.both_engines
@pytest.mark.parametrize("stage", STAGES_THAT_NEED_APPROVAL)
def test_the_database_refuses_a_stage_that_was_not_approved(stage: Stage) -> None:
    use_case = make_use_case()
    with pytest.raises(IntegrityError, match="not approved"), transaction.atomic():
        UseCase.objects.filter(pk=use_case.pk).update(stage=stage)
    use_case.pk, use_case.slug = None, "copy"
    use_case.stage = stage
    with pytest.raises(IntegrityError, match="starts as proposed"), transaction.atomic():
        use_case.save(force_insert=True)


@pytest.mark.both_engines
def test_an_approval_is_used_for_its_version_only() -> None:
    """Back to `proposed` by hand, the old approval opens nothing again."""
    use_case = walk_to(make_use_case(), Stage.APPROVED)
    UseCase.objects.filter(pk=use_case.pk).update(stage=Stage.PROPOSED)
    with pytest.raises(IntegrityError, match="not approved"), transaction.atomic():
        UseCase.objects.filter(pk=use_case.pk).update(stage=Stage.APPROVED)


@pytest.mark.both_engines
def test_the_decision_log_is_never_changed() -> None:
    use_case = make_use_case()
    rows = StageChange.objects.filter(use_case=use_case)
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        rows.update(reason="Rewritten.")
    with pytest.raises(IntegrityError, match="never deleted"), transaction.atomic():
        rows.delete()


@pytest.mark.both_engines
def test_any_edit_of_what_is_shown_voids_the_request_at_once() -> None:
    use_case = make_use_case()
    request = ask(use_case, Stage.APPROVED)
    edit(use_case, use_case.owner, hypothesis="Another one.")
    assert status(request) == ApprovalStatus.VOIDED
    with pytest.raises(NotPendingError):
        approve(request)
    approve(ask(use_case, Stage.APPROVED))


def test_another_promise_voids_the_request() -> None:
    use_case = make_use_case()
    with registered_metric():
        first = ask(use_case, Stage.APPROVED)
        milestone = make_milestone(use_case)
        assert status(first) == ApprovalStatus.VOIDED
        second = ask(use_case, Stage.APPROVED)
        assert ["Milestone", f"{milestone.title}: {promise_text(milestone)}"] in (
            second.content["facts"]
        )
        remove_milestone(
            milestone_id=milestone.pk,
            expected_version=1,
            reason="Too easy.",
            actor=use_case.owner,
            at=NOW,
        )
        assert status(second) == ApprovalStatus.VOIDED


@pytest.mark.both_engines
def test_an_edit_behind_the_services_is_found_when_it_is_decided() -> None:
    use_case = make_use_case()
    request = ask(use_case, Stage.APPROVED)
    UseCase.objects.filter(pk=use_case.pk).update(hypothesis="Another one.")
    with pytest.raises(ChangedSinceError):
        approve(request)
    assert UseCase.objects.get().stage == Stage.PROPOSED


def test_stopping_voids_what_was_asked() -> None:
    use_case = make_use_case()
    request = ask(use_case, Stage.APPROVED)
    move_stage(use_case, Stage.STOPPED, reason="No.")
    assert status(request) == ApprovalStatus.VOIDED


@pytest.mark.both_engines
def test_whoever_edited_since_the_last_stage_does_not_approve_the_next() -> None:
    use_case = make_use_case()
    lead, other = make_user(Role.PROGRAMME_LEAD), make_user(Role.PROGRAMME_LEAD)
    edit(use_case, lead, problem="Slow answers.")
    with pytest.raises(SamePersonError):
        approve(ask(use_case, Stage.APPROVED), by=lead)
    approve(ask(use_case, Stage.APPROVED), by=other)
    # A new stage, a new start: what was edited before has been approved by somebody else.
    edit(use_case, use_case.owner, stop_rule=STOP_RULE)
    approve(ask(use_case, Stage.PILOT), by=lead)


def test_whoever_promised_a_milestone_does_not_approve_it() -> None:
    use_case = make_use_case()
    lead = make_user(Role.PROGRAMME_LEAD)
    with registered_metric():
        make_milestone(use_case, actor=lead)
        with pytest.raises(SamePersonError):
            approve(ask(use_case, Stage.APPROVED), by=lead)


def test_only_its_owner_and_programme_leads_ask() -> None:
    use_case = make_use_case()
    with pytest.raises(StageNotAllowedError, match="roles do not include"):
        ask(use_case, Stage.APPROVED, actor=make_user(Role.FINANCE))
    ask(use_case, Stage.APPROVED, actor=make_user(Role.PROGRAMME_LEAD))
