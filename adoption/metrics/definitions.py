"""Adoption's own metrics: counts of deliveries and deployments, which usage cannot raise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from django.db.models import Exists, F, OuterRef
from django.urls import reverse

from adoption.choices import Comparator, DeliveryState, EnvironmentTier
from adoption.metrics.held import USE_CASE, came_to_hold
from adoption.metrics.primary import HELD_WEEKLY, TAKEN_BACK_WEEKLY
from adoption.metrics.programme_counts import (
    DEPLOYMENTS_BY_MONTH,
    HELD_BY_MONTH,
    link_periods,
)
from adoption.metrics.registry import NANO, Measured, MetricDefinition, metrics
from adoption.models import Change, Delivery, UseCase


def _slugs(ids: list[int]) -> dict[int, str]:
    return dict(UseCase.objects.filter(pk__in=ids).values_list("pk", "slug"))


def _count(happened: list[datetime], as_of: datetime, url: str) -> Measured:
    return Measured(
        nano=len(happened) * NANO,
        as_of=as_of,
        count=len(happened),
        happened_at=tuple(sorted(happened)),
        lineage_url=url,
    )


def measure_held_deliveries(use_case_ids: Iterable[int], as_of: datetime) -> dict[int, Measured]:
    """Deliveries that held by `as_of`: in production 14 days without being undone, or confirmed."""
    ids = list(use_case_ids)
    found = came_to_hold(ids, of=USE_CASE, as_of=as_of)
    return {
        pk: _count(
            [each.at for each in found[pk]],
            as_of,
            f"{reverse('use-case-deliveries', args=[slug])}?state=counting",
        )
        for pk, slug in _slugs(ids).items()
    }


def measure_ai_deployments(use_case_ids: Iterable[int], as_of: datetime) -> dict[int, Measured]:
    """Production deployments that brought a confirmed AI-assisted change first.

    Confirmed: somebody logged it as a delivery, for whichever use case. A sign of AI alone (a
    trailer, a label) counts nothing, or writing trailers would raise the figure. A change belongs
    to the use case when it was merged while the link held, as in the list of its changes.
    """
    ids = list(use_case_ids)
    periods = link_periods(ids)
    first: dict[int, dict[int, datetime]] = defaultdict(dict)
    confirmed = Delivery.objects.filter(change=OuterRef("pk")).exclude(state=DeliveryState.REJECTED)
    rows = Change.objects.filter(
        Exists(confirmed),
        repository_id__in=list(periods),
        delivered_at__lte=as_of,
        delivered_by__tier=EnvironmentTier.PRODUCTION,
    ).exclude(reverted_at__lte=F("delivered_at"))
    for repository_id, merged_at, deployment_id, delivered_at in rows.values_list(
        "repository_id", "merged_at", "delivered_by_id", "delivered_at"
    ):
        if deployment_id is None or delivered_at is None:
            continue
        for period in periods[repository_id]:
            if period.contains(merged_at):
                first[period.use_case_id][deployment_id] = delivered_at
    linked = {period.use_case_id for group in periods.values() for period in group}
    return {
        pk: _count(
            list(first[pk].values()),
            as_of,
            f"{reverse('use-case-changes', args=[slug])}?place=production",
        )
        if pk in linked
        else Measured(nano=None, as_of=as_of, reason="no_repository_linked")
        for pk, slug in _slugs(ids).items()
    }


metrics.register(
    MetricDefinition(
        key="held_deliveries",
        version="2.0.0",
        label="Held deliveries",
        unit="count",
        formula=(
            "Number of deliveries of the use case whose change has been in production for 14 days "
            "without being undone, plus confirmed deliveries that are not code. After an incident "
            "that names the change or its deployment as the cause, or a repair of that deployment, "
            "the 14 days begin anew. A change counts once, whoever logs it; one that is undone "
            "later stops counting. By programme and month: those of all its use cases that came to "
            "hold within the month."
        ),
        inputs=frozenset({"deliveries", "changes", "deployments"}),
        comparators=(Comparator.AT_LEAST,),
        measure=measure_held_deliveries,
        decision="Whether the use case delivers at all, and fast enough to go on.",
        windowed=HELD_BY_MONTH,
    )
)
metrics.register(
    MetricDefinition(
        key="held_deliveries_weekly",
        version="2.0.0",
        label="Deliveries that came to hold",
        unit="count",
        formula=(
            "Number of deliveries of the use case that came to hold in the ISO week (programme's "
            "zone), 14 days after production without being undone, or after what it broke was over "
            "or repaired, plus work that is not code and was confirmed in it."
        ),
        inputs=frozenset({"deliveries", "changes", "deployments"}),
        comparators=(),
        measure=None,
        decision="Whether a use case delivers more than before, as impact is read from it.",
        windowed=HELD_WEEKLY,
    )
)
metrics.register(
    MetricDefinition(
        key="taken_back_deliveries_weekly",
        version="1.0.0",
        label="Deliveries that were taken back",
        unit="count",
        formula=(
            "Number of deliveries of the use case that were undone in production in the week, or, "
            "for work that is not code, refused by their reviewer in it."
        ),
        inputs=frozenset({"deliveries"}),
        comparators=(),
        measure=None,
        decision="Whether more deliveries are paid for with more that do not hold.",
        windowed=TAKEN_BACK_WEEKLY,
    )
)
metrics.register(
    MetricDefinition(
        key="ai_production_deployments",
        version="2.0.0",
        label="Production deployments with an AI-assisted change",
        unit="count",
        formula=(
            "Number of production deployments of the linked repositories that were the first to "
            "contain at least one change that a person logged as a delivery of AI. A sign of AI "
            "by itself, such as a trailer, only suggests a delivery and counts nothing. By "
            "programme and month: of all its use cases' repositories."
        ),
        inputs=frozenset({"changes", "deliveries", "deployments"}),
        comparators=(Comparator.AT_LEAST,),
        measure=measure_ai_deployments,
        decision="Whether AI-assisted work reaches users, and since when.",
        windowed=DEPLOYMENTS_BY_MONTH,
    )
)
