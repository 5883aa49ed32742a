"""Reading deliveries. Who logged one is told to that person only."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import (
    BooleanField,
    Case,
    Count,
    Exists,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)

from adoption.choices import DeliveryState
from adoption.models import Change, Delivery, RepositoryLink, UseCase
from adoption.policies import may_see_registry
from portal.models import User
from portal.policies import AnyUser


def deliveries_visible_to(user: AnyUser) -> QuerySet[Delivery]:
    """Those that this person may see, with `is_own`: whether they logged it themselves.

    Nothing else about who logged what leaves the database.
    """
    if not may_see_registry(user) or not isinstance(user, User):
        return Delivery.objects.none()
    return Delivery.objects.annotate(
        is_own=Case(
            When(claimed_by_id=user.pk, then=Value(True)),
            default=Value(False),
            output_field=BooleanField(),
        )
    )


def own_deliveries(user: AnyUser) -> QuerySet[Delivery]:
    """What this person logged."""
    return deliveries_visible_to(user).filter(claimed_by_id=user.pk)


def held_delivery_counts(use_case_ids: Iterable[int], as_of: datetime) -> dict[int, int]:
    """Deliveries that count as held at a moment, by use case, in one query.

    The same rule as the metric `held_deliveries`; use cases without any are left out.
    """
    held = Q(state=DeliveryState.HELD, held_at__lte=as_of)
    confirmed = Q(state=DeliveryState.CONFIRMED, reviewed_at__lte=as_of)
    rows = (
        Delivery.objects.filter(held | confirmed, use_case_id__in=list(use_case_ids))
        .values_list("use_case_id")
        .order_by("use_case_id")
        .annotate(count=Count("pk"))
    )
    return dict(rows)


def changes_of_use_case(use_case: UseCase) -> QuerySet[Change]:
    """Changes of the repositories linked to a use case, merged while the link held."""
    inside = Q(pk__in=[])
    for link in RepositoryLink.objects.filter(use_case=use_case):
        part = Q(repository_id=link.repository_id, merged_at__date__gte=link.starts_on)
        if link.ends_on is not None:
            part &= Q(merged_at__date__lt=link.ends_on)
        inside |= part
    return Change.objects.filter(inside)


def changes_to_log(use_case: UseCase) -> QuerySet[Change]:
    """Changes with evidence of AI assistance that nobody has logged yet, newest first."""
    logged = Delivery.objects.filter(change=OuterRef("pk")).exclude(state=DeliveryState.REJECTED)
    return (
        changes_of_use_case(use_case)
        .exclude(strength="")
        .filter(~Exists(logged))
        .order_by("-merged_at", "-pk")
    )


def changes_starting_with(sha: str) -> list[Change]:
    """At most two changes whose commit begins with `sha`: enough to see whether it is only one."""
    return list(Change.objects.filter(sha__startswith=sha).order_by("pk")[:2])
