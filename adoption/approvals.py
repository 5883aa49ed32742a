# ruff: noqa: S608  (constants of this module are put together; no value comes from outside)
"""What the database refuses about stages, and the name of the kind. Registered at start-up."""

from __future__ import annotations

import datetime as dt
import re

from django.urls import reverse

from adoption.choices import STAGES_THAT_NEED_APPROVAL
from adoption.metrics.registry import milestone_metrics
from portal.approvals.guards import approved
from portal.approvals.triggers import Dialect, Guard, always, guards

STAGE_KIND = "adoption.stage"
ATTESTATION_KIND = "adoption.attestation"
SPLIT_KIND = "adoption.service-split"
_KEY = re.compile(r"[a-z0-9_]+")
_GATED = ", ".join(f"'{stage.value}'" for stage in STAGES_THAT_NEED_APPROVAL)


def stage_target(stage: str, version: int) -> str:
    """The stage, and the version of the use case from which it is reached."""
    return f"{stage}@{version}"


def use_case_address(slug: str) -> str:
    """Where the approver finds the use case; services know no addresses."""
    return reverse("use-case", args=[slug])


def metric_standing_address(pk: int) -> str:
    """Where the approver finds how far a metric is trusted in a scope."""
    return reverse("metric-standing", args=[pk])


def target_address(pk: int) -> str:
    """Where people find an adoption target."""
    return reverse("target", args=[pk])


def attestation_target(version: int) -> str:
    """The version of the milestone that was attested."""
    return f"attested@{version}"


def service_address(pk: int) -> str:
    """Where the approver finds a service."""
    return reverse("service", args=[pk])


def split_target(parent_id: int, split_on: dt.date) -> str:
    """The service that it came out of, and when."""
    return f"{parent_id}@{split_on.isoformat()}"


def _split_unapproved(dialect: Dialect) -> str:
    return "NOT " + approved(
        kind=SPLIT_KIND,
        subject=dialect.text("NEW.child_id"),
        target=f"{dialect.text('NEW.parent_id')} || '@' || {dialect.text('NEW.split_on')}",
    )


def _unapproved(dialect: Dialect) -> str:
    return f"OLD.stage <> NEW.stage AND NEW.stage IN ({_GATED}) AND NOT " + approved(
        kind=STAGE_KIND,
        subject=dialect.text("NEW.id"),
        target=f"NEW.stage || '@' || {dialect.text('OLD.version')}",
    )


def _further_than_proposed(dialect: Dialect) -> str:
    return "NEW.stage <> 'proposed'"


def _more_than_withdrawn(dialect: Dialect) -> str:
    kept = ("use_case_id", "text", "is_decision", "author_id", "written_at")
    return f"OLD.withdrawn_at IS NOT NULL OR {' OR '.join(map(dialect.differs, kept))}"


def _unattested(dialect: Dialect) -> str:
    """An attested milestone is reached under an approved request for exactly its version."""
    return (
        "NEW.kind = 'attested' AND NEW.state = 'reached' AND OLD.state <> 'reached' AND NOT "
        + approved(
            kind=ATTESTATION_KIND,
            subject=dialect.text("NEW.id"),
            target=f"'attested@' || {dialect.text('OLD.version')}",
        )
    )


def _starts_reached(_dialect: Dialect) -> str:
    return "NEW.kind = 'attested' AND NEW.state = 'reached'"


def _attestation_unapproved(dialect: Dialect) -> str:
    """Word for word by another person: the approved request asked by one, decided by the other."""
    return (
        "NOT EXISTS (SELECT 1 FROM portal_approvalrequest r JOIN portal_approvaldecision d "
        "ON d.request_id = r.id AND d.outcome = 'approve' WHERE r.id = NEW.approval_id "
        f"AND r.kind = '{ATTESTATION_KIND}' AND r.status = 'approved' "
        f"AND r.subject = {dialect.text('NEW.milestone_id')} "
        "AND r.author_id = NEW.attested_by_id AND d.approver_id = NEW.confirmed_by_id)"
    )


def _metric_is_unknown(_dialect: Dialect) -> str:
    """Not a metric of the registry as it was when the database was migrated last."""
    known = sorted(metric.key for metric in milestone_metrics() if _KEY.fullmatch(metric.key))
    keys = ", ".join(f"'{key}'" for key in known)
    return f"NEW.metric_key NOT IN ({keys})" if keys else "1 = 1"


def _metric_becomes_unknown(dialect: Dialect) -> str:
    """An old target keeps its metric when that is no longer defined."""
    return f"{dialect.differs('metric_key')} AND {_metric_is_unknown(dialect)}"


def _serves_another_programme(_dialect: Dialect) -> str:
    return (
        "NOT EXISTS (SELECT 1 FROM adoption_milestone m JOIN adoption_usecase u "
        "ON u.id = m.use_case_id WHERE m.id = NEW.milestone_id "
        "AND u.programme_id = NEW.programme_id)"
    )


def _moved_to_another(dialect: Dialect) -> str:
    changed = " OR ".join(dialect.differs(name) for name in ("milestone_id", "programme_id"))
    return f"({changed}) AND {_serves_another_programme(dialect)}"


def register_guards() -> None:
    """Add adoption's guards to the portal's."""
    for guard in (*PROMISE_GUARDS, *SPLIT_GUARDS):
        guards.register(guard)
    for guard in (
        Guard("stage_by_approval", "adoption.UseCase", "UPDATE", _unapproved,
              "this stage was not approved for this version of the use case"),
        Guard("use_case_starts_proposed", "adoption.UseCase", "INSERT", _further_than_proposed,
              "a use case starts as proposed"),
        Guard("stage_log_is_fixed", "adoption.StageChange", "UPDATE", always,
              "the decision log is never changed"),
        Guard("stage_log_stays", "adoption.StageChange", "DELETE", always,
              "the decision log is never deleted"),
        Guard("comment_is_fixed", "adoption.UseCaseComment", "UPDATE", _more_than_withdrawn,
              "a comment is withdrawn once and never changed"),
        Guard("comment_stays", "adoption.UseCaseComment", "DELETE", always,
              "a comment is never deleted"),
        Guard("link_stays", "adoption.UseCaseLink", "DELETE", always,
              "a link is removed and never deleted"),
    ):  # fmt: skip
        guards.register(guard)


_SPLIT = "adoption.ServiceSplit"
SPLIT_GUARDS = (
    Guard("split_by_approval", _SPLIT, "INSERT", _split_unapproved,
          "a second person has not confirmed that this service came out of that one"),
    Guard("split_is_fixed", _SPLIT, "UPDATE", always, "a confirmed split is never changed"),
    Guard("split_stays", _SPLIT, "DELETE", always, "a confirmed split is never deleted"),
)  # fmt: skip
_MILESTONE = "adoption.Milestone"
_ATTESTATION = "adoption.MilestoneAttestation"
_TARGET = "adoption.AdoptionTarget"
_TARGET_EVENT = "adoption.TargetEvent"
PROMISE_GUARDS = (
    Guard("attested_by_approval", _MILESTONE, "UPDATE", _unattested,
          "a second person has not confirmed this version of the attested milestone"),
    Guard("attested_starts_open", _MILESTONE, "INSERT", _starts_reached,
          "an attested milestone starts open"),
    Guard("milestone_kind_is_fixed", _MILESTONE, "UPDATE", lambda each: each.differs("kind"),
          "how a milestone is known to be reached never changes"),
    Guard("attestation_by_approval", _ATTESTATION, "INSERT", _attestation_unapproved,
          "an attestation is confirmed by another person than who made it"),
    Guard("attestation_is_fixed", _ATTESTATION, "UPDATE", always,
          "an attestation is never changed"),
    Guard("attestation_stays", _ATTESTATION, "DELETE", always, "an attestation is never deleted"),
    Guard("target_metric_known", _TARGET, "INSERT", _metric_is_unknown,
          "a target is measured by an outcome metric of the registry"),
    Guard("target_metric_stays_known", _TARGET, "UPDATE", _metric_becomes_unknown,
          "a target is measured by an outcome metric of the registry"),
    Guard("target_serves_its_programme", _TARGET, "INSERT", _serves_another_programme,
          "a target serves a milestone of its own programme"),
    Guard("target_keeps_its_programme", _TARGET, "UPDATE", _moved_to_another,
          "a target serves a milestone of its own programme"),
    Guard("target_stays", _TARGET, "DELETE", always, "targets are withdrawn, never deleted"),
    Guard("target_log_is_fixed", _TARGET_EVENT, "UPDATE", always,
          "the log of a target is never changed"),
    Guard("target_log_stays", _TARGET_EVENT, "DELETE", always,
          "the log of a target is never deleted"),
)  # fmt: skip
