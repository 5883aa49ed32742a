"""What the database refuses about stages, and the name of the kind. Registered at start-up."""

from __future__ import annotations

from django.urls import reverse

from adoption.choices import STAGES_THAT_NEED_APPROVAL
from portal.approvals.guards import approved
from portal.approvals.triggers import Dialect, Guard, always, guards

STAGE_KIND = "adoption.stage"
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


def register_guards() -> None:
    """Add adoption's guards to the portal's."""
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
