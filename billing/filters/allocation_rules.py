"""Filters of the list of allocation rules."""

from __future__ import annotations

import django_filters
from django.db.models import Q, QuerySet

from billing.choices import MatchField
from billing.forms.fields import UseCaseField
from billing.models import AllocationRule
from billing.selectors.use_cases import UseCaseName
from portal.shell.filters import SearchFilter, ShellFilterSet

LIVE, GONE = "live", "retired"


class _ReceiverFilter(django_filters.Filter):
    """Rules with a share for a use case."""

    field_class = UseCaseField

    def filter(
        self, qs: QuerySet[AllocationRule], value: UseCaseName | None
    ) -> QuerySet[AllocationRule]:
        return qs if value is None else qs.filter(shares__use_case_id=value.pk)


class RuleFilters(ShellFilterSet):
    """Search, what a rule looks at, who receives, and whether it is live."""

    q = SearchFilter(fields=("name", "value", "tag_key", "further"))
    use_case = _ReceiverFilter(label="Gives to")
    field = django_filters.ChoiceFilter(
        choices=MatchField.choices,
        empty_label="Any",
        label="Looks at",
        method="filter_field",
    )
    state = django_filters.ChoiceFilter(
        choices=[(LIVE, "Live"), (GONE, "Retired")],
        empty_label="Any",
        label="State",
        method="filter_state",
    )

    class Meta:
        model = AllocationRule
        fields = ()

    def filter_field(
        self, rows: QuerySet[AllocationRule], _name: str, field: str
    ) -> QuerySet[AllocationRule]:
        """Rules that look at an attribute, first or further."""
        return rows.filter(Q(field=field) | Q(further__contains=f'["{field}", '))

    def filter_state(
        self, rows: QuerySet[AllocationRule], _name: str, state: str
    ) -> QuerySet[AllocationRule]:
        """Whether the newest version still takes charges."""
        return rows.filter(retired_at__isnull=state == LIVE)
