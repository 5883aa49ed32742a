"""Pages about webhooks: subscriptions, their log, one event with its attempts, sending it again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.forms.webhooks import WebhookForm, WebhookReasonForm
from portal.models import WebhookDelivery, WebhookSubscription
from portal.policies import may_configure_webhooks, may_see_webhooks
from portal.selectors.webhooks import deliveries_visible_to, subscriptions_visible_to
from portal.services.webhooks import (
    SubscriptionEndedError,
    change_subscription,
    create_subscription,
    end_subscription,
    replay_delivery,
    send_test,
)
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.views import Action, Crumb, EmptyState, ListPage
from portal.tables.webhooks import WebhookDeliveryTable, WebhookTable
from portal.views.connections import person_of
from portal.webhooks.registry import webhook_events


def _crumbs(row: WebhookSubscription | None = None) -> list[Crumb]:
    found = [Crumb("Webhooks", reverse("webhook-list"))]
    return found if row is None else [*found, Crumb(row.name, reverse("webhook", args=[row.pk]))]


class WebhookListPage(ListPage):
    """Every subscription, ended ones included."""

    title = "Webhooks"
    lead = "Other systems that are told what happens here: signed, retried, and logged."
    noun_plural = "webhooks"
    export_name = "webhooks"
    table_class = WebhookTable

    def allows(self, user: Visitor) -> bool:
        return may_see_webhooks(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return subscriptions_visible_to(self.request.user)

    def get_actions(self) -> Sequence[Action]:
        if not may_configure_webhooks(self.request.user):
            return ()
        return [Action("New webhook", reverse("webhook-new"), is_primary=True)]

    def get_empty(self) -> EmptyState:
        return EmptyState(
            "No webhook yet",
            "Until there is one, no other system is told of anything that happens here.",
        )


def _row(request: HttpRequest, pk: int) -> WebhookSubscription:
    if not may_see_webhooks(request.user):
        raise PermissionDenied
    found: WebhookSubscription = get_object_or_404(subscriptions_visible_to(request.user), pk=pk)
    return found


@require_safe
def webhook_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One subscription and its log."""
    row = _row(request, pk)
    log = deliveries_visible_to(request.user).filter(subscription=row)
    context = {
        "page_title": row.name,
        "page_lead": row.url,
        "breadcrumbs": _crumbs(),
        "webhook": row,
        "events": [webhook_events.get(key) for key in row.events if key in webhook_events],
        "table": WebhookDeliveryTable(log, query=request.GET, path=request.path),
        "may_configure": may_configure_webhooks(request.user) and row.ended_at is None,
        "empty": EmptyState("Nothing was sent yet", "Each event of the kinds above appears here."),
    }
    return render(request, "portal/webhooks/webhook_detail.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_new(request: HttpRequest) -> HttpResponse:
    """Make one; the answer shows its secret, once."""
    person = person_of(request, allowed=may_configure_webhooks(request.user))
    form = WebhookForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            row, secret = create_subscription(**form.cleaned_data, actor=person, at=timezone.now())
        except ValidationError as error:
            form.add_refusal(error)
        else:
            context = {"page_title": "Copy the secret now", "breadcrumbs": _crumbs(row),
                       "webhook": row, "text": secret}  # fmt: skip
            return render(request, "portal/webhooks/webhook_shown.html", context)
    return _form_page(
        request, form, _crumbs(), page_title="New webhook", submit_label="Make it",
        page_lead="Its secret is shown once, on the next page.",
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
def webhook_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Other name or events, or paused."""
    person = person_of(request, allowed=may_configure_webhooks(request.user))
    row = _row(request, pk)
    initial = {"name": row.name, "events": row.events, "is_sending": row.is_active}
    form = WebhookForm(
        request.POST if request.method == "POST" else None, initial=initial, is_new=False
    )
    if request.method == "POST" and form.is_valid():
        try:
            change_subscription(pk=pk, **form.cleaned_data, actor=person, at=timezone.now())
        except ValidationError as error:
            form.add_refusal(error)
        except SubscriptionEndedError as error:
            form.add_error(None, str(error))
        else:
            return HttpResponseRedirect(reverse("webhook", args=[pk]))
    return _form_page(
        request, form, _crumbs(row), page_title=f"Change {row.name}", submit_label="Save",
        page_lead=f"Events go to {row.url}. For another address make another webhook.",
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
def webhook_end(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop telling for good."""
    person = person_of(request, allowed=may_configure_webhooks(request.user))
    row = _row(request, pk)
    form = WebhookReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            end_subscription(pk=pk, **form.cleaned_data, actor=person, at=timezone.now())
        except SubscriptionEndedError as error:
            form.add_error(None, str(error))
        else:
            return HttpResponseRedirect(reverse("webhook", args=[pk]))
    return _form_page(
        request, form, _crumbs(row), page_title=f"End {row.name}", submit_label="End it",
        page_lead="Nothing is sent any more. The log stays.", is_dangerous=True,
    )  # fmt: skip


def _form_page(
    request: HttpRequest, form: Any, crumbs: list[Crumb], **context: Any
) -> HttpResponse:
    context |= {"form": form, "breadcrumbs": crumbs, "cancel_url": crumbs[-1].url}
    return render(request, "portal/approvals/form_page.html", context)


@require_POST
def webhook_test(request: HttpRequest, pk: int) -> HttpResponse:
    """Send the test event."""
    person = person_of(request, allowed=may_configure_webhooks(request.user))
    row = _row(request, pk)
    try:
        send_test(pk=row.pk, actor=person, at=timezone.now())
        messages.success(request, "A test event is on its way; see the log below.")
    except SubscriptionEndedError as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("webhook", args=[pk]))


def _delivery(request: HttpRequest, pk: int) -> WebhookDelivery:
    if not may_see_webhooks(request.user):
        raise PermissionDenied
    found: WebhookDelivery = get_object_or_404(deliveries_visible_to(request.user), pk=pk)
    return found


@require_safe
def webhook_delivery_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One event: exactly what was sent, and every attempt."""
    return _delivery_page(request, _delivery(request, pk), WebhookReasonForm())


def _delivery_page(
    request: HttpRequest, delivery: WebhookDelivery, form: WebhookReasonForm, status: int = 200
) -> HttpResponse:
    row = delivery.subscription
    context = {
        "page_title": f"Event {delivery.pk}",
        "page_lead": f"{delivery.event} for {row.name}",
        "breadcrumbs": _crumbs(row),
        "delivery": delivery,
        "attempts": delivery.attempts.all(),
        "form": form,
        "may_replay": may_configure_webhooks(request.user) and row.ended_at is None,
    }
    return render(request, "portal/webhooks/webhook_delivery.html", context, status=status)


@require_POST
def webhook_replay(request: HttpRequest, pk: int) -> HttpResponse:
    """Send an event once more: the same identifier, so that a receiver knows it again."""
    person = person_of(request, allowed=may_configure_webhooks(request.user))
    delivery = _delivery(request, pk)
    form = WebhookReasonForm(request.POST)
    if not form.is_valid():
        return _delivery_page(request, delivery, form, status=400)
    try:
        replay_delivery(pk=pk, **form.cleaned_data, actor=person, at=timezone.now())
        messages.success(request, "It is sent once more.")
    except SubscriptionEndedError as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("webhook-delivery", args=[pk]))
