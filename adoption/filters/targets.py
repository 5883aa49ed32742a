"""Filters of adoption targets."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet

from adoption.choices import MilestoneState, ScopeKind
from adoption.models import AdoptionTarget, Programme
from adoption.models.targets import TARGET_SCOPES
from portal.shell.filters import SearchFilter, ShellFilterSet

_STATES = [
    ("running", "Open"),
    ("at_risk", "At risk"),
    (MilestoneState.REACHED.value, "Reached"),
    (MilestoneState.MISSED.value, "Missed"),
    ("withdrawn", "Withdrawn"),
]


class TargetFilters(ShellFilterSet):
    """Words of the target or its milestone, what it is about, and where it stands."""

    q = SearchFilter(fields=("title", "milestone__title", "milestone__use_case__title"))
    scope = django_filters.ChoiceFilter(
        field_name="scope_kind",
        choices=[(each.value, ScopeKind(each).label) for each in TARGET_SCOPES],
        empty_label="Any",
        label="About",
    )
    state = django_filters.ChoiceFilter(
        choices=_STATES, empty_label="Any", label="State", method="filter_state"
    )
    programme = django_filters.ModelChoiceFilter(
        queryset=Programme.objects.order_by("name"),
        to_field_name="slug",
        empty_label="Any",
        label="Programme",
    )

    class Meta:
        model = AdoptionTarget
        fields = ()

    def filter_state(
        self, rows: QuerySet[AdoptionTarget], _name: str, state: str
    ) -> QuerySet[AdoptionTarget]:
        """One state as pages show it; what is at risk is open."""
        if state == "withdrawn":
            return rows.filter(withdrawn_at__isnull=False)
        rows = rows.filter(withdrawn_at__isnull=True)
        if state == "at_risk":
            return rows.filter(state=MilestoneState.OPEN, risk__gt="")
        return rows.filter(state=MilestoneState.OPEN if state == "running" else state)
