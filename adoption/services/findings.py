"""Looking for telltales of gaming, and saying what is behind one."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from adoption.metrics.monitor import telltales
from adoption.metrics.windows import Window, WindowKind, window_of
from adoption.models import GamingFinding
from adoption.services.refusals import RefusedError
from portal.models import User


def last_whole_window(at: datetime) -> Window:
    """The last four weeks that were over, days cut in UTC: services have no zone of their own."""
    current = window_of(WindowKind.FOUR_WEEKS, at.date(), "UTC")
    return window_of(WindowKind.FOUR_WEEKS, current.starts_on - timedelta(days=1), "UTC")


@transaction.atomic
def look_for_gaming(*, at: datetime) -> int:
    """Note every telltale of the last whole window, each once; how many are new."""
    window = last_whole_window(at)
    new = 0
    for telltale in telltales:
        for noticed in telltale.find(window, at):
            _, is_new = GamingFinding.objects.get_or_create(
                telltale=telltale.key,
                scope_kind=noticed.scope_kind,
                scope_id=noticed.scope_id,
                window_starts_on=window.starts_on,
                defaults={
                    "scope_name": noticed.scope_name[:200],
                    "window_ends_on": window.ends_on,
                    "said": noticed.found.said[:300],
                    "facts": noticed.found.facts,
                    "found_at": at,
                },
            )
            new += is_new
    return new


@transaction.atomic
def acknowledge_finding(*, finding_id: int, reason: str, actor: User, at: datetime) -> None:
    """Say what is behind a finding. It stays in the list; what was said is not changed.

    Raises:
        RefusedError: no reason, or somebody has said it already.
    """
    if not reason.strip():
        raise RefusedError("Say what is behind it: whoever asks later finds it.", field="reason")
    finding = GamingFinding.objects.select_for_update().get(pk=finding_id)
    if finding.acknowledged_at is not None:
        raise RefusedError("Somebody has said already what is behind it.")
    finding.acknowledged_at, finding.acknowledged_by = at, actor
    finding.reason = reason.strip()
    finding.full_clean()
    finding.save()
