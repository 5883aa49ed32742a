"""Noting which suggestions a person was told of: each is in one digest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from adoption.models import Suggestion
from portal.digests import DigestLine
from portal.models import User


def note_told(user: User, lines: Sequence[DigestLine], at: datetime) -> None:
    """The suggestions behind these lines were told; in the transaction of the digest."""
    told = [int(line.key) for line in lines if line.key]
    Suggestion.objects.filter(pk__in=told, user=user, digested_at__isnull=True).update(
        digested_at=at
    )
