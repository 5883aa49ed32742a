"""Codes of the adoption room's words."""

from __future__ import annotations

from django.db import models


class ValueType(models.TextChoices):
    """What kind of value a use case is for."""

    TASK_TIME = "task_time", "Task time"
    MANUAL_WORK = "manual_work", "Manual work"
    QUALITY = "quality", "Quality"
    OPERATING_COST = "operating_cost", "Operating cost"
    REVENUE = "revenue", "Revenue"
    RISK = "risk", "Risk"


class RiskTier(models.TextChoices):
    MINIMAL = "minimal", "Minimal"
    LIMITED = "limited", "Limited"
    HIGH = "high", "High"


class Stage(models.TextChoices):
    """`proposed → approved → pilot → live → validated`, and out of each `stopped` or `retired`."""

    PROPOSED = "proposed", "Proposed"
    APPROVED = "approved", "Approved"
    PILOT = "pilot", "Pilot"
    LIVE = "live", "Live"
    VALIDATED = "validated", "Validated"
    STOPPED = "stopped", "Stopped"
    RETIRED = "retired", "Retired"


NEXT_STAGES: dict[Stage, tuple[Stage, ...]] = {
    Stage.PROPOSED: (Stage.APPROVED, Stage.STOPPED, Stage.RETIRED),
    Stage.APPROVED: (Stage.PILOT, Stage.STOPPED, Stage.RETIRED),
    Stage.PILOT: (Stage.LIVE, Stage.STOPPED, Stage.RETIRED),
    Stage.LIVE: (Stage.VALIDATED, Stage.STOPPED, Stage.RETIRED),
    Stage.VALIDATED: (Stage.STOPPED, Stage.RETIRED),
    Stage.STOPPED: (),
    Stage.RETIRED: (),
}
# Somebody else approves these; to stop or retire takes a reason and no second person.
STAGES_THAT_NEED_APPROVAL = (Stage.APPROVED, Stage.PILOT, Stage.LIVE, Stage.VALIDATED)
STAGES_THAT_NEED_A_REASON = (Stage.STOPPED, Stage.RETIRED)
STAGES_THAT_NEED_A_STOP_RULE = (Stage.PILOT, Stage.LIVE)


class Comparator(models.TextChoices):
    """How a measured value is held against a threshold."""

    AT_LEAST = "gte", "at least"
    MORE_THAN = "gt", "more than"
    AT_MOST = "lte", "at most"
    BELOW = "lt", "below"


class MilestoneState(models.TextChoices):
    """Reached stays (the measure said so on a day) unless what was counted is withdrawn."""

    OPEN = "open", "Open"
    REACHED = "reached", "Reached"
    MISSED = "missed", "Missed"


class MilestoneEventKind(models.TextChoices):
    """What happened to a milestone: the first three by a person, the others by its measure."""

    ADDED = "added", "Added"
    CHANGED = "changed", "Changed"
    REMOVED = "removed", "Removed"
    REACHED = "reached", "Reached"
    MISSED = "missed", "Missed"
    RESTATED = "restated", "Restated"


class EnvironmentTier(models.TextChoices):
    PRODUCTION = "production", "Production"
    STAGING = "staging", "Staging"
    TESTING = "testing", "Testing"
    DEVELOPMENT = "development", "Development"
    PREVIEW = "preview", "Preview"
    OTHER = "other", "Other"


class DeploymentStatus(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELED = "canceled", "Canceled"
    SKIPPED = "skipped", "Skipped"
    SUPERSEDED = "superseded", "Superseded"
    UNKNOWN = "unknown", "Unknown"


class ChangeKind(models.TextChoices):
    PULL_REQUEST = "pull_request", "Pull request"
    MERGE_REQUEST = "merge_request", "Merge request"
    COMMIT = "commit", "Direct commit"


class ChangeState(models.TextChoices):
    """Where a pull or merge request stands. Merged is never taken back."""

    OPEN = "open", "Open"
    MERGED = "merged", "Merged"
    CLOSED = "closed", "Closed without a merge"


class Containment(models.TextChoices):
    """How it is known that a deployment contains a change, best first. Never by time alone."""

    PROVIDER = "provider", "Listed by the provider"
    SHA = "sha", "Deployed commit"
    ANCESTRY = "ancestry", "In its history"


class Remediation(models.TextChoices):
    """What mended a deployment that needed intervention."""

    ROLLBACK = "rollback", "Rolled back"
    ROLLFORWARD = "rollforward", "Fixed forward"


class HookState(models.TextChoices):
    """Where a stored hook stands."""

    STORED = "stored", "Waiting"
    PROCESSED = "processed", "Processed"
    IGNORED = "ignored", "Ignored by rule"
    REFUSED = "refused", "Refused"
    FAILED = "failed", "Failed"


class Strength(models.TextChoices):
    """How strong a sign of AI assistance is, strongest first."""

    AUTONOMOUS = "autonomous", "Autonomous"
    ASSISTED = "assisted", "Assisted"
    SUGGESTION = "suggestion", "Suggestion"
    DECLARED = "declared", "Declared"
    INFERRED = "inferred", "Inferred"


class RevertMethod(models.TextChoices):
    """How the change that a revert undoes was found."""

    SHA = "sha", "Commit named"
    PULL_REQUEST = "pull_request", "Pull request number"
    TITLE = "title", "Exact earlier title"
    UNRESOLVED = "unresolved", "Not found"


class DeliveryState(models.TextChoices):
    """`claimed → merged → deployed → held`, or out of each `reverted` or `rejected`.

    Work that is not code goes `claimed → confirmed` through a reviewer.
    """

    CLAIMED = "claimed", "Claimed"
    MERGED = "merged", "Merged"
    DEPLOYED = "deployed", "Deployed"
    HELD = "held", "Held"
    CONFIRMED = "confirmed", "Confirmed"
    REVERTED = "reverted", "Reverted"
    REJECTED = "rejected", "Rejected"


class AiAssistance(models.TextChoices):
    """What the person who logs a delivery says about it. Hours saved are not asked."""

    ASSISTED = "assisted", "AI helped"
    NOT_STATED = "not_stated", "Not stated"


class ScopeKind(models.TextChoices):
    """What a value is about. Never a person, and nothing smaller than a team or a service."""

    SERVICE = "service", "Service"
    USE_CASE = "use_case", "Use case"
    TEAM = "team", "Team"
    PROGRAMME = "programme", "Programme"


class StandingStatus(models.TextChoices):
    """How far a metric version is trusted in a scope."""

    DRAFT = "draft", "Draft"
    PROPOSED = "proposed", "Proposed"
    APPROVED = "approved", "Approved"
    CERTIFIED = "certified", "Certified"
    REVIEW_DUE = "review_due", "Review due"
    SUSPENDED = "suspended", "Suspended"
    DEPRECATED = "deprecated", "Deprecated"
    RETIRED = "retired", "Retired"


class ValueStatus(models.TextChoices):
    """How settled a value is."""

    ESTIMATED = "estimated", "Estimated"
    PROVISIONAL = "provisional", "Provisional"
    FINAL = "final", "Final"
    RESTATED = "restated", "Restated"


class MilestoneKind(models.TextChoices):
    """How it is known that a milestone is reached."""

    MEASURED = "measured", "Measured"
    ATTESTED = "attested", "Attested"


class AttestedOutcome(models.TextChoices):
    """What may be attested: outcomes that no system of record shows. Code is measured."""

    PROCESS = "process", "A process or policy is in force"
    TRAINING = "training", "A training was held"
    AGREEMENT = "agreement", "An agreement is signed"
    REVIEW = "review", "An audit or review was passed"
    DOCUMENT = "document", "A document is published"


class MilestoneRisk(models.TextChoices):
    """Why an open promise may be missed."""

    FORECAST_LATE = "forecast_late", "Forecast after its day"
    DUE_SOON = "due_soon", "Due within 14 days"
