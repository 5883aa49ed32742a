"""What the database refuses about registrations and verdicts. Registered at start-up."""

from __future__ import annotations

from portal.approvals.guards import approved
from portal.approvals.triggers import Dialect, Guard, always, guards

REGISTRATION_KIND = "adoption.registration"
_REGISTRATION = "adoption.ImpactRegistration"
_VERDICT = "adoption.ImpactVerdict"
_FIXED = (
    "use_case_id", "hypothesis", "direction", "metric_key", "metric_version", "unit_kind",
    "zone", "trigger_month", "baseline_starts_on", "baseline_ends_on", "launch_on",
    "after_starts_on", "after_ends_on", "interest_nano", "method", "alpha_percent", "minimum_n",
    "stop_rule", "seed", "baseline", "content", "content_sha256", "created_by_id", "created_at",
)  # fmt: skip
_JUDGED = (
    "registration_id", "number", "cause", "verdict", "facts", "facts_sha256", "protocol",
    "protocol_sha256", "result", "result_sha256", "data_as_of", "computed_at",
)  # fmt: skip


def _changes(columns: tuple[str, ...]) -> str:
    return " OR ".join(f"OLD.{column} <> NEW.{column}" for column in columns)


def _registration_changes(dialect: Dialect) -> str:
    texts = ("unit_ids", "comparison_ids", "guardrails", "promise")
    return (
        _changes(_FIXED)
        + "".join(
            f" OR {dialect.text(f'OLD.{name}')} <> {dialect.text(f'NEW.{name}')}" for name in texts
        )
        + " OR (OLD.approved_at IS NOT NULL AND (NEW.approved_at IS NULL"
        + " OR OLD.approved_at <> NEW.approved_at OR NEW.withdrawn_at IS NOT NULL))"
        + " OR (OLD.withdrawn_at IS NOT NULL AND (NEW.withdrawn_at IS NULL"
        + " OR OLD.withdrawn_at <> NEW.withdrawn_at))"
        + " OR COALESCE(OLD.replaces_id, 0) <> COALESCE(NEW.replaces_id, 0)"
    )


def _unapproved(dialect: Dialect) -> str:
    return "OLD.approved_at IS NULL AND NEW.approved_at IS NOT NULL AND NOT " + approved(
        kind=REGISTRATION_KIND, subject=dialect.text("NEW.id"), target="NEW.content_sha256"
    )


def _approved_at_once(dialect: Dialect) -> str:
    return "NEW.approved_at IS NOT NULL"


def _verdict_changes(dialect: Dialect) -> str:
    return (
        _changes(_JUDGED)
        + " OR (OLD.superseded_at IS NOT NULL AND (NEW.superseded_at IS NULL"
        + " OR OLD.superseded_at <> NEW.superseded_at))"
    )


def _of_unapproved(dialect: Dialect) -> str:
    return (
        "NOT EXISTS (SELECT 1 FROM adoption_impactregistration g WHERE g.id = NEW.registration_id "
        "AND g.approved_at IS NOT NULL)"
    )


def register_impact_guards() -> None:
    """Add them to the portal's."""
    for guard in (
        Guard("registration_starts_open", _REGISTRATION, "INSERT", _approved_at_once,
              "a registration is approved by another person, later"),
        Guard("registration_is_fixed", _REGISTRATION, "UPDATE", _registration_changes,
              "what was registered is never changed"),
        Guard("registration_by_approval", _REGISTRATION, "UPDATE", _unapproved,
              "exactly this registration was not approved"),
        Guard("registration_stays", _REGISTRATION, "DELETE", always,
              "registrations are never deleted"),
        Guard("verdict_of_registered", _VERDICT, "INSERT", _of_unapproved,
              "only what was approved is judged"),
        Guard("verdict_is_fixed", _VERDICT, "UPDATE", _verdict_changes,
              "a verdict is superseded, never changed"),
        Guard("verdict_stays", _VERDICT, "DELETE", always, "verdicts are never deleted"),
        *(
            Guard(f"{name}_{event.lower()}", model, event, always, f"{words} never change")
            for name, model, words in (
                ("amendment", "adoption.ImpactAmendment", "amendments"),
                ("loss_report", "adoption.LossReport", "reports of losses"),
                ("impact_decision", "adoption.ImpactDecision", "decisions"),
                ("unit_value", "adoption.UnitValue", "values of units"),
                ("calibration", "adoption.CalibrationRun", "calibration runs"),
            )
            for event in ("UPDATE", "DELETE")
        ),
    ):  # fmt: skip
        guards.register(guard)
