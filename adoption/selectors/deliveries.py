"""Reading deliveries. Who logged one is told to that person only."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import BooleanField, Case, CharField, Count, F, Q, QuerySet, Value, When

from adoption.choices import DeliveryState
from adoption.models import Change, Delivery, Identity, UseCase
from adoption.policies import may_log_delivery, may_review_deliveries, may_see_registry
from adoption.selectors.changes import UNKNOWN
from adoption.selectors.use_cases import ENDED_STAGES, use_cases_visible_to
from portal.choices import Role
from portal.models import User
from portal.policies import AnyUser, holds

# What the metric `held_deliveries` counts.
COUNTING_STATES = (DeliveryState.HELD, DeliveryState.CONFIRMED)


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


def changes_starting_with(sha: str) -> list[Change]:
    """At most two changes whose commit begins with `sha`: enough to see whether it is only one."""
    return list(Change.objects.filter(sha__startswith=sha).order_by("pk")[:2])


def deliveries_of(user: AnyUser, use_case: UseCase) -> QuerySet[Delivery]:
    """Those of one use case, with `evidence_strength`: null when there is no change behind it."""
    strength = Case(
        When(change__isnull=True, then=Value(None)),
        When(change__strength="", then=Value(UNKNOWN)),
        default=F("change__strength"),
        output_field=CharField(null=True),
    )
    return (
        deliveries_visible_to(user).filter(use_case=use_case).annotate(evidence_strength=strength)
    )


def state_counts(use_case: UseCase) -> dict[str, int]:
    """Deliveries of a use case by state, in the order of the states; states without any left out.

    One query. It counts deliveries, never people.
    """
    found = dict(
        Delivery.objects.filter(use_case=use_case)
        .order_by("state")
        .values_list("state")
        .annotate(count=Count("pk"))
    )
    return {state.value: found[state.value] for state in DeliveryState if state.value in found}


def latest_deliveries(user: AnyUser, use_case: UseCase, *, limit: int) -> list[Delivery]:
    """The newest ones with the change behind them; rejected ones left out."""
    rows = deliveries_of(user, use_case).exclude(state=DeliveryState.REJECTED)
    return list(
        rows.select_related("change")
        .defer("change__message")
        .order_by("-claimed_at", "-pk")[:limit]
    )


def own_delivery(user: AnyUser, pk: int) -> Delivery | None:
    """One delivery with all that is stored about it, if this person logged it."""
    found: Delivery | None = (
        own_deliveries(user)
        .select_related(
            "use_case__programme",
            "change__repository",
            "change__delivered_by__service",
            "change__author",
            "reviewed_by",
        )
        .filter(pk=pk)
        .first()
    )
    return found


def own_identities(user: AnyUser) -> list[Identity]:
    """The names under which sources know this person."""
    if not isinstance(user, User):
        return []
    return list(Identity.objects.filter(user=user).order_by("kind", "value", "pk"))


def use_cases_to_log_for(user: AnyUser) -> QuerySet[UseCase]:
    """Use cases that take deliveries: all that have not ended."""
    if not may_log_delivery(user):
        return UseCase.objects.none()
    return use_cases_visible_to(user).exclude(stage__in=ENDED_STAGES).order_by("title", "pk")


def last_used_use_case(user: AnyUser) -> UseCase | None:
    """The use case of this person's latest delivery, if it still takes any."""
    latest = own_deliveries(user).exclude(use_case__stage__in=ENDED_STAGES)
    found = latest.select_related("use_case").order_by("-claimed_at", "-pk").first()
    return found.use_case if found else None


def deliveries_to_review(user: AnyUser) -> QuerySet[Delivery]:
    """Work that is not code and waits for this person's decision; never their own, oldest first."""
    if not may_review_deliveries(user) or not isinstance(user, User):
        return Delivery.objects.none()
    waiting = (
        deliveries_visible_to(user)
        .filter(state=DeliveryState.CLAIMED, change__isnull=True)
        .exclude(claimed_by_id=user.pk)
    )
    if not holds(user, Role.PROGRAMME_LEAD):
        waiting = waiting.filter(use_case__owner_id=user.pk)
    return waiting.order_by("claimed_at", "pk")
