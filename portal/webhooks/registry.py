"""The events that other systems can be told. Rooms register theirs in `AppConfig.ready()`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.core.checks import CheckMessage, Error

from portal.registry import Registry

_KEY = re.compile(r"[a-z_]+(\.[a-z_]+)+")


@dataclass(frozen=True)
class WebhookEvent:
    """One kind of event.

    Attributes:
        key: stable name as receivers see it, `noun.happened`.
        label: what a person reads.
        description: when it is sent, and what `data` holds, for whoever writes a receiver.
    """

    key: str
    label: str
    description: str


def _check_event(event: WebhookEvent) -> list[CheckMessage]:
    problems: list[CheckMessage] = []
    if not _KEY.fullmatch(event.key):
        problems.append(
            Error(f"webhook event {event.key!r} is not named noun.happened", id="portal.E271")
        )
    if not event.description:
        problems.append(Error(f"webhook event {event.key!r} is not described", id="portal.E272"))
    return problems


webhook_events: Registry[WebhookEvent] = Registry("webhook event", _check_event)
TEST_EVENT = webhook_events.register(
    WebhookEvent(
        "webhook.test",
        "Test",
        "Somebody pressed *Send a test event* on the page of the subscription; `data` is empty.",
    )
)
