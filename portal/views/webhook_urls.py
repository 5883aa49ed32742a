"""Addresses of the pages about webhooks."""

from __future__ import annotations

from django.urls import path

from portal.views import webhooks

urlpatterns = [
    path("", webhooks.WebhookListPage.as_view(), name="webhook-list"),
    path("new/", webhooks.webhook_new, name="webhook-new"),
    path("<int:pk>/", webhooks.webhook_page, name="webhook"),
    path("<int:pk>/edit/", webhooks.webhook_edit, name="webhook-edit"),
    path("<int:pk>/end/", webhooks.webhook_end, name="webhook-end"),
    path("<int:pk>/test/", webhooks.webhook_test, name="webhook-test"),
    path("events/<int:pk>/", webhooks.webhook_delivery_page, name="webhook-delivery"),
    path("events/<int:pk>/replay/", webhooks.webhook_replay, name="webhook-replay"),
]
