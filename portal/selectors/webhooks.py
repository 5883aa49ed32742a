"""Reading subscriptions and their log, without secrets."""

from __future__ import annotations

from django.db.models import Count, Max, Q, QuerySet

from portal.choices import WebhookStatus
from portal.models import WebhookDelivery, WebhookSubscription
from portal.policies import AnyUser, may_see_webhooks


def subscriptions_visible_to(user: AnyUser) -> QuerySet[WebhookSubscription]:
    """All of them for those who may see any, with `newest` delivery and how many `failed`."""
    rows = WebhookSubscription.objects.defer("ciphertext").annotate(
        newest=Max("deliveries__created_at"),
        failed=Count("deliveries", filter=Q(deliveries__status=WebhookStatus.FAILED)),
    )
    return rows if may_see_webhooks(user) else rows.none()


def deliveries_visible_to(user: AnyUser) -> QuerySet[WebhookDelivery]:
    """The log, newest first."""
    rows = (
        WebhookDelivery.objects.select_related("subscription")
        .defer("subscription__ciphertext")
        .annotate(tries=Count("attempts"))
        .order_by("-pk")
    )
    return rows if may_see_webhooks(user) else rows.none()
