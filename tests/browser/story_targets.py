"""Adoption targets in every state, and milestones that people attest."""

from __future__ import annotations

import datetime as dt
from typing import Any

from adoption.choices import AttestedOutcome
from adoption.models import Milestone, UseCase
from adoption.services.attestations import create_attested_milestone, request_attestation
from adoption.services.target_measuring import measure_targets
from adoption.services.target_rules import TargetDraft
from adoption.services.targets import create_target, withdraw_target
from portal.models import User
from portal.shell.money import NANO_PER_UNIT
from tests.browser.story_bills import LONG


def make_targets(
    *, now: dt.datetime, viewer: User, use_case: UseCase, milestone: Milestone, **_: Any
) -> dict[str, Any]:
    """One at risk with a long title, one missed, one withdrawn; an attestation that waits."""

    def target(title: str, due_in: int, set_ago: int, scope: str = "use_case") -> Any:
        return create_target(
            draft=TargetDraft(
                title=title, milestone_id=milestone.pk, scope_kind=scope,
                scope_id=use_case.pk if scope == "use_case" else use_case.programme_id,
                metric_key="held_deliveries", comparator="gte",
                threshold_nano=400 * NANO_PER_UNIT,
                due_on=min((now + dt.timedelta(days=due_in)).date(), milestone.due_on),
            ),
            actor=viewer, at=now - dt.timedelta(days=set_ago),
        )  # fmt: skip

    at_risk = target(f"Four hundred that hold {LONG[:110]}", 10, 30, "programme")
    target("Four hundred by last month", -20, 60)
    gone = target("Four hundred by some day", 9, 20)
    withdraw_target(
        target_id=gone.pk, expected_version=1, reason="The milestone says it better.",
        actor=viewer, at=now,
    )  # fmt: skip
    measure_targets(at=now)
    attested = create_attested_milestone(
        use_case_id=use_case.pk, title=f"Trained {LONG[:80]}", outcome=AttestedOutcome.TRAINING,
        due_on=(now + dt.timedelta(days=20)).date(), actor=viewer, at=now,
    )  # fmt: skip
    yesterday = (now - dt.timedelta(days=1)).date()  # where the programme is, UTC's day may not be
    request_attestation(
        milestone_id=attested.pk, expected_version=1,
        statement="All 40 agents have been trained; the list is in the wiki.",
        link="https://wiki.acme.example/training", happened_on=yesterday, actor=viewer, at=now,
    )  # fmt: skip
    return {"target": at_risk, "withdrawn_target": gone, "attested": attested}
