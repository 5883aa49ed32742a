"""Codes of the portal's own words."""

from __future__ import annotations

from django.db import models


class Role(models.TextChoices):
    """What a person may do beyond being signed in. A use case names its own *owner*."""

    PROGRAMME_LEAD = "programme_lead", "Programme lead"
    FINANCE = "finance", "Finance"
    APPROVER = "approver", "Approver"
    AUDITOR = "auditor", "Auditor"
    ADMINISTRATOR = "administrator", "Administrator"


class RunStatus(models.TextChoices):
    """Where an import run stands. `applied` is the only one that changed anything."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    APPLIED = "applied", "Applied"
    CHECKED = "checked", "Checked (dry run)"
    HELD = "held", "Held for a person"
    REFUSED = "refused", "Refused"
    SUPERSEDED = "superseded", "Superseded by a newer run"
    FAILED = "failed", "Failed"
    DISCARDED = "discarded", "Discarded"


OPEN_RUN_STATUSES = (RunStatus.QUEUED, RunStatus.RUNNING)
FINISHED_RUN_STATUSES = tuple(status for status in RunStatus if status not in OPEN_RUN_STATUSES)


class RunTrigger(models.TextChoices):
    """Why a run was made."""

    COMMAND = "command", "Command"
    UPLOAD = "upload", "Upload"
    SCHEDULE = "schedule", "Schedule"
    REPLAY = "replay", "Replay after a repair"


class RunPhase(models.TextChoices):
    """What a running import is doing; shown with its progress."""

    WAITING = "waiting", "Waiting for a worker"
    READING = "reading", "Reading"
    COMPARING = "comparing", "Comparing with what is stored"
    APPLYING = "applying", "Applying"
    DONE = "done", "Done"


class RejectionPolicy(models.TextChoices):
    """What happens to the rest of an input when some of its rows are rejected."""

    QUARANTINE = "quarantine", "Apply the rest, quarantine the rejected rows"
    REFUSE = "refuse", "Refuse the whole input"


class RejectedRowState(models.TextChoices):
    """What became of a rejected row."""

    WAITING = "waiting", "Waiting"
    REPAIRED = "repaired", "Repaired"
    DISMISSED = "dismissed", "Dismissed"


class ImportKind(models.TextChoices):
    """What a source brings."""

    COSTS = "costs", "Costs"
    DELIVERIES = "deliveries", "Deliveries"


class GrantSource(models.TextChoices):
    """Why somebody holds a role."""

    APPROVAL = "approval", "Approved"
    SSO = "sso", "Group at the identity provider"
    BOOTSTRAP = "bootstrap", "Set up at the command line"


class ApprovalStatus(models.TextChoices):
    """Where a request stands; only a pending one can be decided."""

    PENDING = "pending", "Waiting"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    WITHDRAWN = "withdrawn", "Withdrawn"
    VOIDED = "voided", "Void: changed since it was asked"
    EXPIRED = "expired", "Expired"


class ApprovalOutcome(models.TextChoices):
    """What the second person decides."""

    APPROVE = "approve", "Approved"
    REJECT = "reject", "Rejected"


class ApprovalPart(models.TextChoices):
    """How a person has a hand in a request; each of them keeps from deciding it."""

    AUTHOR = "author", "Asked for it"
    EDITOR = "editor", "Edited what it shows"
    BENEFICIARY = "beneficiary", "Gains by it"


class WorkStatus(models.TextChoices):
    """Where a piece of background work stands."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    HELD = "held", "Held for a person"
    FAILED = "failed", "Failed"
    DISCARDED = "discarded", "Discarded"


OPEN_WORK_STATUSES = (WorkStatus.QUEUED, WorkStatus.RUNNING)


class WorkAction(models.TextChoices):
    """What a person decided about work that was held or failed."""

    RETRY = "retry", "Tried again"
    DISCARD = "discard", "Discarded"


class SlotOutcome(models.TextChoices):
    """What became of one due time of a scheduled job."""

    RAN = "ran", "Handed to the queue"
    NOTED = "noted", "First seen; nothing was due"


class SignInEventKind(models.TextChoices):
    """What happened at the door, kept for the audit."""

    SIGNED_IN = "signed_in", "Signed in"
    REFUSED = "refused", "Refused"
    LOCKED = "locked", "Locked after failures"
    UNLOCKED = "unlocked", "Unlocked"
    CREATED = "created", "Created at the first sign-in"
    ROLES_SYNCED = "roles_synced", "Roles follow the groups"
    SESSIONS_ENDED = "sessions_ended", "Sessions ended"
    FACTOR_ENROLLED = "factor_enrolled", "Second factor set up"
    FACTOR_RESET = "factor_reset", "Second factor reset"
    DEACTIVATED = "deactivated", "Deactivated"
    REACTIVATED = "reactivated", "Reactivated"
    BREAK_GLASS_USED = "break_glass_used", "Break-glass account used"


class AuditOperation(models.TextChoices):
    """What an event of the audit records."""

    INSERT = "insert", "Added"
    UPDATE = "update", "Changed"
    DELETE = "delete", "Removed"
    DENIED = "denied", "Refused"
    ERASED = "erased", "Personal data erased"
    NOTED = "noted", "Noted"


class AccountKind(models.TextChoices):
    """How somebody signs in."""

    LOCAL = "local", "Password"
    PROVIDER = "provider", "Identity provider"
    BREAK_GLASS = "break_glass", "Break-glass"


class ApiTokenState(models.TextChoices):
    """Whether a token opens anything; worked out from its row and the moment."""

    ACTIVE = "active", "Active"
    REPLACED = "replaced", "Being replaced"
    EXPIRED = "expired", "Expired"
    REVOKED = "revoked", "Revoked"


class WebhookStatus(models.TextChoices):
    """What became of an event that another system is told."""

    WAITING = "waiting", "Waiting"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Not delivered"


class Cadence(models.TextChoices):
    """How often a digest comes."""

    DAILY = "daily", "Daily"
    WEEKLY = "weekly", "Weekly"
