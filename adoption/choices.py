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
    NOT_STATED = "not_stated", "Not stated"


class RiskTier(models.TextChoices):
    """As the EU AI Act has it. What is prohibited is approved by nobody."""

    NOT_STATED = "not_stated", "Not stated"
    MINIMAL = "minimal", "Minimal"
    LIMITED = "limited", "Limited"
    HIGH = "high", "High"
    PROHIBITED = "prohibited", "Prohibited"


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


# What the API answers with. `review_due` and `deprecated` say so, and are on their way out.
SERVED_STATUSES = (
    StandingStatus.APPROVED,
    StandingStatus.CERTIFIED,
    StandingStatus.REVIEW_DUE,
    StandingStatus.DEPRECATED,
)
# Only a second person brings a version here.
APPROVED_STATUSES = (StandingStatus.APPROVED, StandingStatus.CERTIFIED)


class ValueStatus(models.TextChoices):
    """How settled a value is."""

    ESTIMATED = "estimated", "Estimated"
    PROVISIONAL = "provisional", "Provisional"
    FINAL = "final", "Final"
    RESTATED = "restated", "Restated"


class Severity(models.TextChoices):
    """How bad an incident is, worst first. `high` and above are the severe ones."""

    CRITICAL = "critical", "Critical"
    HIGH = "high", "High"
    MEDIUM = "medium", "Medium"
    LOW = "low", "Low"
    UNKNOWN = "unknown", "Unknown"


class DashboardStatus(models.TextChoices):
    """How far a dashboard is trusted. That it waits for a decision is told by its request."""

    DRAFT = "draft", "Draft"
    IN_REVIEW = "in_review", "In review"
    APPROVED = "approved", "Approved"
    REVIEW_DUE = "review_due", "Review due"
    DEPRECATED = "deprecated", "Deprecated"


class TileKind(models.TextChoices):
    """How a tile shows the values of one metric version in one scope."""

    NUMBER = "number", "Number"
    TREND = "trend", "Trend"
    DISTRIBUTION = "distribution", "Distribution"
    TABLE = "table", "Table"


class AccessAction(models.TextChoices):
    """What somebody did with an approved dashboard; counted by role, never by person."""

    VIEWED = "viewed", "Viewed"
    EXPORTED = "exported", "Exported"
    PRINTED = "printed", "Opened for print"
    EMBEDDED = "embedded", "Seen in another site"
    FETCHED = "fetched", "Read by API"


class EffectDirection(models.TextChoices):
    """Which way a registered hypothesis points."""

    INCREASE = "increase", "Increase"
    DECREASE = "decrease", "Decrease"


class ImpactMethod(models.TextChoices):
    """How an effect is estimated; the keys are those of `validation.methods.Method`."""

    WEEKLY_RATIO = "weekly_ratio", "Ratio of weekly rates, before and after"
    INTERRUPTED_SERIES = "interrupted_series", "Interrupted time series, with its trend"
    RANK_SHIFT = "rank_shift", "Shift of ranks, for skewed measurements"
    MEDIAN_DIFFERENCE = "median_difference", "Difference of medians, by bootstrap"
    PAIRED_CHANGES = "paired_changes", "Differences in differences of paired units"
    PERMUTED_CHANGES = "permuted_changes", "The same by permutation, for few units"
    CUPED = "cuped", "Units adjusted by what was known before (CUPED)"


class RegistrationState(models.TextChoices):
    """Where a registration stands; worked out from what happened to it."""

    WAITING = "waiting", "Not approved"
    WITHDRAWN = "withdrawn", "Withdrawn"
    REPLACED = "replaced", "Replaced"
    IN_PROGRESS = "in_progress", "In progress"
    DUE = "due", "To be evaluated"
    JUDGED = "judged", "Judged"


class VerdictWord(models.TextChoices):
    """The words for an effect; the keys and their order are those of `validation.verdict`."""

    NOT_EVALUABLE = "not_evaluable", "Not evaluable"
    EXPLORATORY = "exploratory", "Exploratory"
    ADVERSE = "adverse", "Adverse"
    SUPPORTED = "supported", "Supported"
    NO_MEANINGFUL_CHANGE = "no_meaningful_change", "No meaningful change"
    INCONCLUSIVE = "inconclusive", "Inconclusive"


class VerdictCause(models.TextChoices):
    """Why a verdict was written."""

    WINDOW_CLOSED = "window_closed", "Its window had closed"
    DATA_RESTATED = "data_restated", "Its data were restated"
    PROTOCOL_AMENDED = "protocol_amended", "Its protocol was amended"


class ImpactDecisionKind(models.TextChoices):
    """What was decided on a verdict."""

    SCALE = "scale", "Scale"
    CHANGE = "change", "Change"
    STOP = "stop", "Stop"


class LossSide(models.TextChoices):
    """On which side of a launch something is missing."""

    BEFORE = "before", "Before the launch"
    AFTER = "after", "After the launch"


class Involvement(models.TextChoices):
    """Whether AI had a part in a change. Unknown is no sign of either; it is never `human`."""

    AI = "ai", "AI"
    HUMAN = "human", "Human"
    UNKNOWN = "unknown", "Unknown"


class DeclarationChannel(models.TextChoices):
    """Where somebody said whether AI had a part."""

    LABEL = "pr_label", "Label"
    CHECKBOX = "pr_body_checkbox", "Box in the description"
    CORRECTION = "correction", "Correction by the author"


class SuggestionState(models.TextChoices):
    """Where a suggestion stands. Only a person's click makes it a delivery."""

    OFFERED = "offered", "Waiting"
    CONFIRMED = "confirmed", "Confirmed"
    DISMISSED = "dismissed", "Dismissed"
    EXPIRED = "expired", "Expired"
    WITHDRAWN = "withdrawn", "Withdrawn"


class Dismissal(models.TextChoices):
    """Why a person did not take a suggestion."""

    NOT_AI = "not_ai", "Not AI"
    NOT_THIS = "not_this", "Not this"


class MarkKind(models.TextChoices):
    """By what a change is recognised as belonging to a use case."""

    PATH = "path", "Path begins with"
    LABEL = "label", "Label"
    TICKET = "ticket", "Ticket key"


class IdentityState(models.TextChoices):
    """What is known of whose an identity is."""

    UNRESOLVED = "unresolved", "Unresolved"
    RESOLVED = "resolved", "Somebody's"
    NOBODY = "nobody", "No person"


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
