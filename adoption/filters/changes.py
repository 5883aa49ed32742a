"""Filters of changes. Messages and authors cannot be searched: both would lead to people."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet

from adoption.choices import Involvement, Strength
from adoption.models import Change
from adoption.selectors.changes import UNKNOWN
from portal.shell.filters import SearchFilter, ShellFilterSet

ANY_EVIDENCE = "any"
_STRENGTHS = [(ANY_EVIDENCE, "Any evidence"), *Strength.choices, (UNKNOWN, "Unknown")]
_PLACES = [("production", "In production"), ("waiting", "Not in production"), ("undone", "Undone")]


class ChangeFilters(ShellFilterSet):
    """Words of the title, strongest evidence, and where the change is."""

    q = SearchFilter(fields=("title",))
    strength = django_filters.ChoiceFilter(
        choices=_STRENGTHS, empty_label="Any or none", label="Evidence", method="filter_strength"
    )
    involvement = django_filters.ChoiceFilter(
        choices=Involvement.choices, empty_label="Any", label="AI had a part"
    )
    place = django_filters.ChoiceFilter(
        choices=_PLACES, empty_label="Anywhere", label="Where", method="filter_place"
    )

    class Meta:
        model = Change
        fields = ()

    def filter_strength(self, rows: QuerySet[Change], _name: str, value: str) -> QuerySet[Change]:
        """One strength, none at all, or any."""
        if value == ANY_EVIDENCE:
            return rows.exclude(strength="")
        return rows.filter(strength="" if value == UNKNOWN else value)

    def filter_place(self, rows: QuerySet[Change], _name: str, value: str) -> QuerySet[Change]:
        """In production, not yet, or undone."""
        if value == "undone":
            return rows.filter(reverted_at__isnull=False)
        return rows.filter(delivered_at__isnull=value == "waiting")
