"""Why a request or a decision was refused. `reason` is a whole sentence for people."""

from __future__ import annotations


class ApprovalRefusedError(ValueError):
    """Nothing was asked for or decided.

    Attributes:
        code: stable, for programs and the audit.
        reason: why, and what would be accepted instead.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class NotPendingError(ApprovalRefusedError):
    """Somebody was faster, or the request is void or expired."""


class ChangedSinceError(ApprovalRefusedError):
    """What would be decided is not what was asked, or not what the approver saw."""


class SamePersonError(ApprovalRefusedError):
    """Whoever decides has a hand in what is decided."""
