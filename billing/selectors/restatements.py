"""What sources revised: old, new and why."""

from __future__ import annotations

from django.db.models import F, QuerySet

from billing.models import Restatement
from billing.policies import may_see_costs
from portal.policies import AnyUser


def restatements_visible_to(user: AnyUser) -> QuerySet[Restatement]:
    """Every restatement, with `moved_nano`: by how much the billed sum of its day moved."""
    if not may_see_costs(user):
        return Restatement.objects.none()
    return Restatement.objects.annotate(
        moved_nano=F("new_billed_nano") - F("old_billed_nano"),
        moved_effective_nano=F("new_effective_nano") - F("old_effective_nano"),
    )
