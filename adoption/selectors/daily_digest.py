"""A person's day: what was suggested to them and not told yet. Portal decides when and how."""

from __future__ import annotations

from datetime import datetime

from adoption.choices import SuggestionState
from adoption.models import Suggestion
from adoption.policies import may_log_delivery
from portal.digests import DigestLine
from portal.models import User

INBOX = "/deliveries/#inbox"
CLOSING = "One click each. Nothing is logged unless you say so, and nobody asks again."


def gets_suggestions(person: User) -> bool:
    """For whom the section is."""
    return may_log_delivery(person)


def suggestion_lines(user: User, _since: datetime, until: datetime) -> list[DigestLine]:
    """Suggestions that wait and that no digest has told of, the likeliest first.

    Not by the period: what was suggested while a person wanted no digest, or by an import that
    ended late, is told once all the same. Never who else, never how many others confirmed.
    """
    if not gets_suggestions(user):
        return []
    rows = Suggestion.objects.filter(
        user=user, state=SuggestionState.OFFERED, digested_at__isnull=True,
        offered_at__lt=until, expires_at__gt=until,
    ).order_by("-score", "pk")  # fmt: skip
    found = rows.values_list("pk", "change__title", "use_case__title")
    return [
        DigestLine(f"{title}: for “{use_case}”?", INBOX, key=str(pk))
        for pk, title, use_case in found
    ]
