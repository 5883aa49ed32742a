"""The head of the audit: what a backup carries and a restore compares."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from portal.selectors.audit import audit_head


def head_of_audit() -> dict[str, Any]:
    """How many events there are, the last of them, and the newest seal; by Django's connection."""
    return asdict(audit_head())
