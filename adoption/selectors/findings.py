"""Reading what the monitor noticed."""

from __future__ import annotations

from django.db.models import Case, CharField, QuerySet, Value, When

from adoption.metrics.monitor import telltales
from adoption.models import GamingFinding
from adoption.policies import may_see_findings
from portal.policies import AnyUser


def findings_visible_to(user: AnyUser) -> QuerySet[GamingFinding]:
    """Findings, newest first, with the telltale in words and whether somebody answered."""
    labels = [When(telltale=each.key, then=Value(each.label)) for each in telltales]
    rows = GamingFinding.objects.annotate(
        label=Case(*labels, default=Value("Other"), output_field=CharField()),
        state=Case(
            When(acknowledged_at__isnull=True, then=Value("open")),
            default=Value("acknowledged"),
            output_field=CharField(),
        ),
    ).order_by("-pk")
    return rows if may_see_findings(user) else rows.none()
