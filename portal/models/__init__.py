"""The portal's tables, one noun a file."""

from portal.models.approvals import (
    ApprovalDecision,
    ApprovalParty,
    ApprovalPolicy,
    ApprovalRequest,
    BreakGlass,
)
from portal.models.connections import Connection
from portal.models.idempotency import IdempotencyKey
from portal.models.import_runs import ImportFile, ImportRun, RejectedRow
from portal.models.users import RoleGrant, User

__all__ = [
    "ApprovalDecision",
    "ApprovalParty",
    "ApprovalPolicy",
    "ApprovalRequest",
    "BreakGlass",
    "Connection",
    "IdempotencyKey",
    "ImportFile",
    "ImportRun",
    "RejectedRow",
    "RoleGrant",
    "User",
]
