"""Subscriptions and what was sent to them, as tables."""

from __future__ import annotations

from portal.shell.columns import LinkTo, MomentColumn, NumberColumn, ShellColumn, StatusColumn
from portal.shell.tables import ShellTable


class WebhookTable(ShellTable):
    """Rows of `subscriptions_visible_to`."""

    caption = "Webhooks"
    default_sort = "name"

    name = ShellColumn("Name", url=LinkTo("webhook", "pk"), sub="url", row_header=True)
    newest = MomentColumn("Last event", orderable=False, reason="none yet")
    failed = NumberColumn("Not delivered", orderable=False)
    ended_at = MomentColumn("Ended", orderable=False, reason="it goes on")


class WebhookDeliveryTable(ShellTable):
    """Rows of `deliveries_visible_to`."""

    caption = "Events sent"
    default_sort = "-number"
    unique_key = ("-pk",)

    number = ShellColumn(
        "Number", accessor="pk", url=LinkTo("webhook-delivery", "pk"), row_header=True,
        sort_by=("pk",),
    )  # fmt: skip
    event = ShellColumn("Event", sub="event_id", orderable=False)
    status = StatusColumn("Status", vocabulary="webhook", orderable=False)
    tries = NumberColumn("Attempts", orderable=False)
    created_at = MomentColumn("Happened", orderable=False)
    delivered_at = MomentColumn("Delivered", orderable=False, reason="not yet")
