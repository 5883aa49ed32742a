"""The portal's tables, one noun a file."""

from portal.models.api_tokens import ApiToken, ApiTokenUse
from portal.models.approvals import (
    ApprovalDecision,
    ApprovalParty,
    ApprovalPolicy,
    ApprovalRequest,
    BreakGlass,
)
from portal.models.audit import AuditEvent, AuditName, AuditPersonal, AuditSeal
from portal.models.connections import Connection
from portal.models.credentials import StoredCredential
from portal.models.idempotency import IdempotencyKey
from portal.models.import_runs import ImportFile, ImportRun, RejectedRow
from portal.models.notice_settings import DigestSetting, DigestSlot, NoticePreference
from portal.models.notices import Notice
from portal.models.outbox import ScheduledSlot, SignOfLife, WorkDecision, WorkItem
from portal.models.sign_in_events import SignInEvent
from portal.models.users import RoleGrant, User
from portal.models.webhooks import WebhookAttempt, WebhookDelivery, WebhookSubscription

__all__ = [
    "ApiToken",
    "ApiTokenUse",
    "ApprovalDecision",
    "ApprovalParty",
    "ApprovalPolicy",
    "ApprovalRequest",
    "AuditEvent",
    "AuditName",
    "AuditPersonal",
    "AuditSeal",
    "BreakGlass",
    "Connection",
    "DigestSetting",
    "DigestSlot",
    "IdempotencyKey",
    "ImportFile",
    "ImportRun",
    "Notice",
    "NoticePreference",
    "RejectedRow",
    "RoleGrant",
    "ScheduledSlot",
    "SignOfLife",
    "SignInEvent",
    "StoredCredential",
    "User",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookSubscription",
    "WorkDecision",
    "WorkItem",
]
