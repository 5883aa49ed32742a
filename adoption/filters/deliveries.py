"""Filters of deliveries. None of them knows a person."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet

from adoption.choices import DeliveryState
from adoption.models import Delivery
from adoption.selectors.deliveries import COUNTING_STATES
from portal.shell.filters import SearchFilter, ShellFilterSet

COUNTING = "counting"
STATE_CHOICES = [(COUNTING, "Counts: held or confirmed"), *DeliveryState.choices]


class DeliveryFilters(ShellFilterSet):
    """Words of the title, and the state."""

    q = SearchFilter(fields=("title",))
    state = django_filters.ChoiceFilter(
        choices=STATE_CHOICES, empty_label="Any", label="State", method="filter_state"
    )

    class Meta:
        model = Delivery
        fields = ()

    def filter_state(self, rows: QuerySet[Delivery], _name: str, state: str) -> QuerySet[Delivery]:
        """One state, or all that the metric of held deliveries counts."""
        if state == COUNTING:
            return rows.filter(state__in=COUNTING_STATES)
        return rows.filter(state=state)
