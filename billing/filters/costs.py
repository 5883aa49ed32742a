"""Filters of the cost explorer."""

from __future__ import annotations

from typing import Any

import django_filters
from django import forms
from django.core.validators import EMPTY_VALUES
from django.db.models import QuerySet

from adoption.selectors.principals import team_names
from billing.choices import UnallocatedReason
from billing.filters.moments import AsOfFilterSet, MomentFilter
from billing.forms.fields import ENDS_TOO_EARLY, NOWHERE, UseCaseField
from billing.models import MonthlyCost
from billing.selectors.choices_in_use import choices_of, values_in_use
from billing.selectors.costs import Group
from billing.selectors.figures import MEASURE_LABELS
from billing.selectors.past_costs import TooManyMonthsError, check_months
from billing.selectors.references import MEASURES, stated
from billing.selectors.use_cases import UseCaseName
from portal.choices import ImportKind
from portal.models import Connection
from portal.shell.filters import MonthField
from portal.shell.periods import Month

GROUP_LABELS = {
    Group.MONTH: "Month",
    Group.SERVICE: "Service",
    Group.PROVIDER: "Provider",
    Group.USE_CASE: "Use case",
    Group.TEAM: "Team",
    Group.MODEL: "Model",
    Group.COST_CENTER: "Cost centre",
    Group.CONNECTION: "Source",
}


class _MonthBound(django_filters.Filter):
    """First or last month (UTC), both included."""

    field_class = MonthField

    def __init__(self, *, is_last: bool, **kwargs: Any) -> None:
        super().__init__(field_name="day", **kwargs)
        self.is_last = is_last

    def filter(self, qs: QuerySet[Any], value: Month | None) -> QuerySet[Any]:
        if value is None:
            return qs
        return qs.filter(day__lt=value.end) if self.is_last else qs.filter(day__gte=value.start)


class _UseCaseFilter(django_filters.Filter):
    """One use case, or what is unallocated."""

    field_class = UseCaseField

    def filter(self, qs: QuerySet[Any], value: UseCaseName | None) -> QuerySet[Any]:
        if value is None:
            return qs
        if value is NOWHERE:
            return qs.filter(use_case__isnull=True)
        return qs.filter(use_case_id=value.pk)


class _StatedFilter(django_filters.ChoiceFilter):
    """One value, or what states none."""

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        if value in EMPTY_VALUES:
            return qs
        return qs.filter(**{self.field_name: stated(value)})


class _InUseFilter(_StatedFilter):
    """One of the values that costs have; the filter set says which those are."""


class _CostForm(forms.Form):
    """The filters together: it ends after it starts; as of a moment, only so many months."""

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        first, last = found.get("from"), found.get("to")
        if first and last and last < first:
            self.add_error("to", ENDS_TOO_EARLY)
        if found.get("as_of") and not self.errors:
            try:
                check_months(first, last)
            except TooManyMonthsError as error:
                self.add_error("as_of", str(error))
        return found


def _choice(column: str, label: str) -> Any:
    return _InUseFilter(field_name=column, choices=(), empty_label="Any", label=label)


class CostFilters(AsOfFilterSet):
    """Months, use case, service, provider, currency, basis; and how to group."""

    use_case = _UseCaseFilter(label="Use case", allow_unallocated=True)
    service = _choice("service_name", "Service")
    provider = _choice("provider", "Provider")
    model = _choice("model", "Model")
    cost_center = _choice("cost_center", "Cost centre")
    team = django_filters.ChoiceFilter(
        field_name="use_case__team__slug",
        choices=lambda: sorted(team_names().items(), key=lambda pair: pair[1].casefold()),
        empty_label="Any",
        label="Team",
    )
    connection = django_filters.ChoiceFilter(
        field_name="connection__slug",
        choices=lambda: list(
            Connection.objects.filter(kind=ImportKind.COSTS)
            .order_by("name", "pk")
            .values_list("slug", "name")
        ),
        empty_label="Any",
        label="Source",
    )
    currency = _choice("currency", "Currency")
    basis = _choice("cost_basis", "Basis")
    reason = django_filters.ChoiceFilter(
        field_name="unallocated_reason",
        choices=UnallocatedReason.choices,
        empty_label="Any",
        label="Unallocated because",
    )
    group = django_filters.ChoiceFilter(
        choices=[(group.value, label) for group, label in GROUP_LABELS.items()],
        empty_label=None,
        label="Group by",
        method="keep_all",
        initial=Group.MONTH.value,
    )
    across = django_filters.ChoiceFilter(
        choices=[(group.value, label) for group, label in GROUP_LABELS.items()],
        empty_label="None",
        label="Columns",
        method="keep_all",
    )
    measure = django_filters.ChoiceFilter(
        choices=[(measure, MEASURE_LABELS[measure]) for measure in MEASURES],
        empty_label=None,
        label="Measure of cells",
        method="keep_all",
        initial=MEASURES[0],
    )

    as_of = MomentFilter()

    class Meta:
        model = MonthlyCost
        fields = ()
        form = _CostForm

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        in_use = values_in_use()  # once for all of them
        for each in self.filters.values():
            if isinstance(each, _InUseFilter):
                each.extra["choices"] = choices_of(each.field_name, in_use[each.field_name])
        if self.data and self.data.get("as_of"):
            self._allow_what_was()

    def _allow_what_was(self) -> None:
        """What costs had then, and have no more, can be asked for all the same."""
        for name, each in self.filters.items():
            asked = self.data.get(name, "")
            if isinstance(each, _InUseFilter) and asked:
                known = list(each.extra["choices"])
                if asked not in {value for value, _ in known}:
                    each.extra["choices"] = [*known, (asked, asked)]

    @classmethod
    def get_filters(cls) -> dict[str, Any]:
        """`from` is a word of the language and cannot be declared as an attribute."""
        months = {
            "from": _MonthBound(is_last=False, label="From"),
            "to": _MonthBound(is_last=True, label="To"),
        }
        return {**months, **super().get_filters()}

    def keep_all(
        self, rows: QuerySet[MonthlyCost], _name: str, _value: str
    ) -> QuerySet[MonthlyCost]:
        """Grouping changes how it is shown, never what."""
        return rows
