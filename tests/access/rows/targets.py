"""Adoption targets, attested milestones, and one's own notification settings."""

from __future__ import annotations

import datetime as dt
from typing import Any

from adoption.choices import AttestedOutcome
from adoption.models import AdoptionTarget, Milestone
from adoption.services.attestations import create_attested_milestone
from adoption.services.target_rules import TargetDraft
from adoption.services.targets import create_target
from portal.models import User
from tests.access.matrix import EVERYBODY, Column, Door, Row, api, form, listing, only, page
from tests.access.readers import Panel, Reader
from tests.adoption.factories import NOW

OWNER_AND_LEAD = only(Column.OWNER, Column.PROGRAMME_LEAD)
OWNERS_AND_LEAD = only(Column.OWNER, Column.OTHER_OWNER, Column.PROGRAMME_LEAD)
TARGET = {"pk": "target.pk"}
ATTESTED = {"slug": "case.slug", "pk": "attested.pk"}
MEASURED = "It is measured, so there is nothing to attest, whoever asks."

ROWS = [
    listing("target-list", EVERYBODY),
    form("target-new", EVERYBODY),
    page("target", EVERYBODY, values=TARGET, inside=404),
    form("target-edit", OWNER_AND_LEAD, values=TARGET, inside=404),
    form("target-withdraw", OWNER_AND_LEAD, values=TARGET, inside=404),
    form("milestone-attested-new", OWNER_AND_LEAD, values={"slug": "case.slug"}, inside=404),
    form("milestone-attested-edit", OWNER_AND_LEAD, values=ATTESTED, inside=404),
    form("milestone-attest", OWNER_AND_LEAD, values=ATTESTED, inside=404),
    form(
        "milestone-attest",
        only(),
        refused=404,
        values={"slug": "case.slug", "pk": "milestone.pk"},
        inside=404,
        label="measured",
        why=MEASURED,
    ),
    api(
        "api-milestones-attested",
        post=Door(OWNER_AND_LEAD, 400),
        values={"slug": "case.slug"},
        inside=404,
    ),
    api(
        "api-milestone-attested",
        patch=Door(OWNER_AND_LEAD, 428),
        values={"slug": "case.slug", "milestone_id": "attested.pk"},
        inside=404,
    ),
    api(
        "api-milestone-attested",
        patch=Door(only(), refused=404),
        values={"slug": "case.slug", "milestone_id": "milestone.pk"},
        inside=404,
        label="measured",
        why=MEASURED,
    ),
    api(
        "api-milestone-attestation",
        post=Door(OWNER_AND_LEAD, 428),
        values={"slug": "case.slug", "milestone_id": "attested.pk"},
        inside=404,
    ),
    api(
        "api-milestone-attestation",
        post=Door(only(), refused=404),
        values={"slug": "case.slug", "milestone_id": "milestone.pk"},
        inside=404,
        label="measured",
        why=MEASURED,
    ),
    api("api-targets", get=Door(EVERYBODY), post=Door(EVERYBODY, 400), inside=200),
    api(
        "api-target",
        get=Door(EVERYBODY),
        patch=Door(OWNER_AND_LEAD, 428),
        values={"target_id": "target.pk"},
        inside=404,
    ),
    api("api-use-case-targets", get=Door(EVERYBODY), values={"slug": "case.slug"}, inside=404),
    Row("notice-settings", {"GET": Door(EVERYBODY), "POST": Door(EVERYBODY)}),
]


def _theirs(found: AdoptionTarget, person: User) -> bool:
    return person.pk in (found.created_by_id, found.milestone.use_case.owner_id)


def _may_serve(found: Milestone, person: User) -> bool:
    return found.use_case.owner_id == person.pk or person.roles == {"programme_lead"}


_TARGETS = "adoption.selectors.targets"
WEEK = {"_since": "@now", "_until": "@soon"}
READERS = [
    Reader(f"{_TARGETS}:targets_visible_to", EVERYBODY),
    Reader(f"{_TARGETS}:targets_of_use_case", EVERYBODY, arguments={"use_case": "@case"}),
    Reader(f"{_TARGETS}:target_for_page", EVERYBODY, arguments={"pk": "@target.pk"}),
    Reader(f"{_TARGETS}:milestones_to_serve", OWNERS_AND_LEAD, may_find=_may_serve),
    Reader(f"{_TARGETS}:targets_at_risk", only(Column.OWNER), may_find=_theirs),
    Reader("adoption.selectors.weekly_digest:at_risk_lines", EVERYBODY, arguments=WEEK),
    Reader("adoption.selectors.weekly_digest:decision_lines", only(),
           arguments={"_since": "@now", "until": "@soon"}),
    Reader("adoption.selectors.weekly_digest:happened_lines", only(),
           arguments={"since": "@now", "until": "@soon"}),
    Reader("adoption.selectors.decisions_due:decisions_due", only(), arguments={"now": "@now"}),
]  # fmt: skip
PANELS = [
    Panel("adoption.targets", EVERYBODY, thing="case"),
    Panel("adoption.at_risk", only(Column.OWNER)),
]


def prepare(world: Any) -> None:
    """A target of the owner that is at risk, and an attested milestone."""
    owner = world.people[Column.OWNER]
    target = create_target(
        draft=TargetDraft(
            title="Ten deliveries that hold", milestone_id=world.milestone.pk,
            scope_kind="use_case", scope_id=world.case.pk, metric_key="held_deliveries",
            comparator="gte", threshold_nano=10 * 10**9, due_on=world.milestone.due_on,
        ),
        actor=owner, at=NOW,
    )  # fmt: skip
    AdoptionTarget.objects.filter(pk=target.pk).update(risk="due_soon")
    attested = create_attested_milestone(
        use_case_id=world.case.pk, title="The desk is trained", outcome=AttestedOutcome.TRAINING,
        due_on=NOW.date() + dt.timedelta(days=40), actor=owner, at=NOW,
    )  # fmt: skip
    world.add(target=target, attested=attested)
