"""The portal's tables, one noun a file."""

from portal.models.connections import Connection
from portal.models.idempotency import IdempotencyKey
from portal.models.import_runs import ImportFile, ImportRun, RejectedRow
from portal.models.users import RoleGrant, User

__all__ = [
    "Connection",
    "IdempotencyKey",
    "ImportFile",
    "ImportRun",
    "RejectedRow",
    "RoleGrant",
    "User",
]
