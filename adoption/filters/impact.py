"""Filters of the list of verdicts."""

from __future__ import annotations

import django_filters

from adoption.choices import VerdictWord
from adoption.models import ImpactRegistration, Programme
from portal.shell.filters import SearchFilter, ShellFilterSet


class VerdictFilters(ShellFilterSet):
    """Search by use case or hypothesis; by verdict; by programme."""

    q = SearchFilter(fields=("use_case__title", "hypothesis"))
    word = django_filters.ChoiceFilter(
        field_name="word",
        choices=[*VerdictWord.choices, ("in_progress", "In progress")],
        empty_label="Any",
        label="Verdict",
    )
    programme = django_filters.ModelChoiceFilter(
        field_name="use_case__programme",
        to_field_name="slug",
        queryset=Programme.objects.order_by("name"),
        empty_label="Any",
        label="Programme",
    )

    class Meta:
        model = ImpactRegistration
        fields = ()
