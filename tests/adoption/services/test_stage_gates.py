"""What a stage needs before it can be asked for: the table, the checklist, the refusal."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from adoption.choices import STAGES_THAT_NEED_APPROVAL, Stage
from adoption.models import Delivery, Milestone, UseCase
from adoption.selectors.stage_gates import checklist_of, gate_facts, profile_of
from adoption.services.milestones import remove_milestone
from adoption.services.stages import StageNotAllowedError, request_stage
from adoption.services.use_cases import update_use_case
from adoption.stage_gates import REQUIREMENTS, GateFacts, missing_for, needed_for
from portal.choices import ApprovalStatus
from portal.models import ApprovalRequest
from tests.adoption.factories import (
    NOW,
    make_milestone,
    make_use_case,
    make_user,
    registered_metric,
)
from tests.approving import approve

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db]
BENEFIT = {
    "benefit_unit": "minutes per ticket",
    "baseline": Decimal(12),
    "expected": Decimal(6),
}
WHOLE = GateFacts(
    problem="Slow.", hypothesis="If, then.", stop_rule="When.", value_type="quality",
    risk_tier="high", benefit_unit="%", baseline_nano=1, expected_nano=2, data_class="internal",
    oversight="A person.", impact_assessment="yes", milestones=1, milestones_reached=1,
    delivered=1, held=1,
)  # fmt: skip


def ask(use_case: UseCase, to: str) -> ApprovalRequest:
    return request_stage(
        use_case_id=use_case.pk, to_stage=to,
        expected_version=UseCase.objects.get(pk=use_case.pk).version,
        actor=use_case.owner, at=NOW,
    )  # fmt: skip


def edit(use_case: UseCase, profile: dict[str, Any] | None = None, **changes: Any) -> UseCase:
    return update_use_case(
        use_case_id=use_case.pk,
        expected_version=UseCase.objects.get(pk=use_case.pk).version,
        actor=use_case.owner, at=NOW, profile=profile, **changes,
    )  # fmt: skip


def ready() -> UseCase:
    numbers = BENEFIT
    return make_use_case(problem="Slow.", profile=numbers)


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("registered", {"is_draft": True}),
        ("problem", {"problem": ""}),
        ("hypothesis", {"hypothesis": ""}),
        ("value_type", {"value_type": "not_stated"}),
        ("risk_tier", {"risk_tier": "not_stated"}),
        ("permitted", {"risk_tier": "prohibited"}),
        ("benefit", {"benefit_unit": ""}),
        ("benefit", {"baseline_nano": None}),
        ("benefit", {"expected_nano": None}),
        ("stop_rule", {"stop_rule": ""}),
        ("milestone", {"milestones": 0}),
        ("data_class", {"data_class": ""}),
        ("delivery", {"delivered": 0}),
        ("assessment", {"oversight": ""}),
        ("assessment", {"impact_assessment": "in_progress"}),
        ("reached", {"milestones_reached": 0}),
        ("held", {"held": 0}),
    ],
)
def test_each_line_is_missed_by_what_it_names_and_by_nothing_else(
    key: str, change: dict[str, Any]
) -> None:
    assert missing_for(Stage.VALIDATED, WHOLE) == ()
    assert [each.key for each in missing_for(Stage.VALIDATED, replace(WHOLE, **change))] == [key]
    stage = next(each.stage for each in REQUIREMENTS if each.key == key)
    order = list(STAGES_THAT_NEED_APPROVAL)
    for earlier in order[: order.index(stage)]:
        assert missing_for(earlier, replace(WHOLE, **change)) == ()


def test_the_assessment_is_for_high_risk_only() -> None:
    low = replace(WHOLE, risk_tier="limited", oversight="", impact_assessment="")
    assert missing_for(Stage.LIVE, low) == ()


def test_an_end_needs_nothing() -> None:
    assert needed_for(Stage.STOPPED) == needed_for(Stage.RETIRED) == ()


def test_approval_is_refused_by_name_and_given_once_the_evidence_is_there() -> None:
    use_case = make_use_case()
    with pytest.raises(StageNotAllowedError) as refused:
        ask(use_case, Stage.APPROVED)
    assert refused.value.field == "to_stage"
    assert "needs a problem; a benefit with number, unit and baseline." in refused.value.reason
    assert "hypothesis" not in refused.value.reason
    edit(use_case, problem="Slow.")
    with pytest.raises(StageNotAllowedError, match="needs a benefit with number"):
        ask(use_case, Stage.APPROVED)
    edit(use_case, BENEFIT)
    request = ask(use_case, Stage.APPROVED)
    assert ["Benefit", "12 → 6 minutes per ticket"] in request.content["facts"]
    approve(request)
    use_case.refresh_from_db()
    assert use_case.stage == Stage.APPROVED


def test_a_pilot_needs_a_way_to_end_and_a_promise_and_losing_one_voids_what_was_asked() -> None:
    use_case = ready()
    approve(ask(use_case, Stage.APPROVED))
    with pytest.raises(StageNotAllowedError, match="a stop rule; a milestone.*; a data class"):
        ask(use_case, Stage.PILOT)
    edit(use_case, {"data_class": "internal"}, stop_rule="When nothing holds.")
    with registered_metric():
        milestone = make_milestone(use_case)
        request = ask(use_case, Stage.PILOT)
        remove_milestone(
            milestone_id=milestone.pk, expected_version=milestone.version, reason="No.",
            actor=use_case.owner, at=NOW,
        )  # fmt: skip
        request.refresh_from_db()
        assert request.status == ApprovalStatus.VOIDED
        with pytest.raises(StageNotAllowedError, match="a milestone with a measure"):
            ask(use_case, Stage.PILOT)


@pytest.mark.parametrize(
    ("state", "delivered", "held"),
    [("claimed", 0, 0), ("merged", 0, 0), ("deployed", 1, 0), ("held", 1, 1),
     ("confirmed", 1, 1), ("reverted", 0, 0), ("rejected", 0, 0)],
)  # fmt: skip
def test_only_what_reached_production_counts_as_delivered(
    state: str, delivered: int, held: int
) -> None:
    use_case = make_use_case()
    moments: dict[str, Any] = {"held": {"held_at": NOW}}
    moments["confirmed"] = {"reviewed_by": make_user(), "reviewed_at": NOW}
    Delivery.objects.create(
        use_case=use_case, title="A guide", link="https://wiki.example/a", state=state,
        claimed_by=use_case.owner, claimed_at=NOW, **moments.get(state, {}),
    )  # fmt: skip
    facts = gate_facts(use_case, profile_of(use_case))
    assert (facts.delivered, facts.held) == (delivered, held)


def test_the_checklist_is_that_of_the_next_stage(django_assert_num_queries: Any) -> None:
    use_case = ready()
    profile = profile_of(use_case)
    with django_assert_num_queries(1):
        checklist = checklist_of(use_case, profile)
    assert checklist is not None
    assert (checklist.stage, checklist.missing) == (Stage.APPROVED, 0)
    use_case.stage = Stage.PILOT
    with registered_metric():
        make_milestone(use_case)
    Milestone.objects.update(state="reached", reached_at=NOW, measured_nano=1)
    later = checklist_of(use_case, profile)
    assert later is not None
    assert later.stage == Stage.LIVE
    unmet = [each.requirement.key for each in later.checks if not each.is_met]
    assert unmet == ["stop_rule", "data_class", "delivery"]
    assert gate_facts(use_case, profile).milestones_reached == 1
    use_case.stage = Stage.VALIDATED
    assert checklist_of(use_case, profile) is None
