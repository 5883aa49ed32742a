"""Webhooks: who is told what, and telling them: signed, once an event, retried, replayed."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from portal.audit.context import because
from portal.choices import WebhookStatus
from portal.credentials.envelope import Purpose, seal, unseal
from portal.credentials.errors import CredentialUnavailableError
from portal.imports.contracts import ImportRefusedError, SourceUnavailableError
from portal.imports.fetching import outbound_policy
from portal.imports.http import FetchLimits, OutboundClient
from portal.imports.outbound.addresses import read_url
from portal.imports.outbound.errors import AddressRefusedError
from portal.logs import know_secret
from portal.models import User, WebhookAttempt, WebhookDelivery, WebhookSubscription
from portal.services.work import enqueue
from portal.webhooks.registry import TEST_EVENT, webhook_events
from portal.webhooks.signing import new_secret, signed_headers
from portal.work.registry import Work, WorkRefusedError

DELIVER_KIND = "portal.deliver-webhook"
LARGEST_BODY = 64 * 1024
# One request an attempt: the engine tries again, so that every try is in the log.
_LIMITS = FetchLimits(
    connect_seconds=5, idle_seconds=10, total_seconds=20, max_bytes=64 * 1024, attempts=1,
    all_waits_seconds=0,
)  # fmt: skip
ClientMaker = Callable[[str], OutboundClient]


class SubscriptionEndedError(ValueError):
    """The subscription has ended; nothing is sent to it any more."""


def _client(url: str) -> OutboundClient:
    return OutboundClient(origins=[url], policy=outbound_policy(), limits=_LIMITS)


def _purpose(pk: int, url: str) -> Purpose:
    """A secret of a webhook belongs to no connection but to its subscription and address."""
    return Purpose(0, {"webhook": pk, "url": url})


def _checked(name: str, url: str, events: Sequence[str]) -> None:
    problems: dict[str, str] = {}
    if not name.strip():
        problems["name"] = "Give it a name."
    try:
        read_url(url, outbound_policy())
    except AddressRefusedError as error:
        problems["url"] = f"This address cannot be used: {error}"
    if unknown := sorted(set(events) - {event.key for event in webhook_events}):
        problems["events"] = f"There is no event {unknown[0]}."
    if not events:
        problems["events"] = "Choose at least one event."
    if problems:
        raise ValidationError(problems)


@transaction.atomic
def create_subscription(
    *, name: str, url: str, events: Sequence[str], actor: User | None, at: datetime
) -> tuple[WebhookSubscription, str]:
    """A new subscription and its secret, which is shown now and never again.

    Raises:
        ValidationError: naming the field that is not as it should be.
    """
    _checked(name, url, events)
    if WebhookSubscription.objects.filter(name=name.strip()).exists():
        raise ValidationError({"name": "There is one of that name."})
    secret = new_secret()
    know_secret(secret)
    # The secret is sealed for the row, so the row comes first; nobody sees it between the two.
    row = WebhookSubscription.objects.create(
        name=name.strip(), url=url, events=sorted(set(events)), key_number=0, ciphertext="-",
        created_by=actor, created_at=at,
    )  # fmt: skip
    _keep_secret(row, secret)
    return row, secret


def _keep_secret(row: WebhookSubscription, secret: str) -> None:
    try:
        sealed = seal(secret, _purpose(row.pk, row.url), settings.CREDENTIAL_KEYS)
    except CredentialUnavailableError as error:
        raise ValidationError({"name": str(error)}) from None
    row.key_number, row.ciphertext = sealed.key_number, sealed.ciphertext
    row.save(update_fields=["key_number", "ciphertext"])


@transaction.atomic
def change_subscription(
    *, pk: int, name: str, events: Sequence[str], is_sending: bool, actor: User, at: datetime
) -> WebhookSubscription:
    """Other name, other events, paused or not. Another address is another subscription.

    Raises:
        ValidationError, SubscriptionEndedError: nothing was changed.
    """
    row = _live(pk)
    _checked(name, row.url, events)
    if WebhookSubscription.objects.filter(name=name.strip()).exclude(pk=pk).exists():
        raise ValidationError({"name": "There is one of that name."})
    row.name, row.events, row.is_active = name.strip(), sorted(set(events)), is_sending
    row.save(update_fields=["name", "events", "is_active"])
    return row


@transaction.atomic
def end_subscription(*, pk: int, reason: str, actor: User, at: datetime) -> WebhookSubscription:
    """Stop telling for good. Its log stays.

    Raises:
        SubscriptionEndedError: it has ended already.
    """
    row = _live(pk)
    because(reason)
    row.is_active, row.ended_at, row.ended_reason = False, at, reason.strip()
    row.save(update_fields=["is_active", "ended_at", "ended_reason"])
    return row


def _live(pk: int) -> WebhookSubscription:
    row = WebhookSubscription.objects.select_for_update().get(pk=pk)
    if row.ended_at is not None:
        raise SubscriptionEndedError(f"The subscription “{row.name}” has ended.")
    return row


def publish(
    *, event: str, event_id: uuid.UUID, data: Mapping[str, Any], at: datetime
) -> list[WebhookDelivery]:
    """Tell every subscription of `event`, in the caller's transaction and as its last write.

    The same `event_id` is told to a subscription once, however often it is published.

    Args:
        data: what receivers get, in plain JSON values; amounts as decimal strings.

    Raises:
        NotRegisteredError: there is no such event.
    """
    webhook_events.get(event)
    rows = WebhookSubscription.objects.filter(is_active=True).order_by("pk")
    return [
        made
        for row in rows
        if event in row.events and (made := _deliver(row, event, event_id, data, at)) is not None
    ]


@transaction.atomic
def send_test(*, pk: int, actor: User, at: datetime) -> WebhookDelivery:
    """Tell one subscription the test event.

    Raises:
        SubscriptionEndedError: it has ended.
    """
    made = _deliver(_live(pk), TEST_EVENT.key, uuid.uuid4(), {}, at)
    if made is None:  # the identifier is new, so nobody can have been faster
        raise RuntimeError("a new event was told already")
    return made


def _deliver(
    row: WebhookSubscription, event: str, event_id: uuid.UUID, data: Mapping[str, Any], at: datetime
) -> WebhookDelivery | None:
    body = json.dumps(
        {
            "id": str(event_id),
            "type": event,
            "timestamp": at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "data": dict(data),
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )
    if len(body.encode()) > LARGEST_BODY:
        raise ValueError(f"an event of more than {LARGEST_BODY} bytes is not sent")
    made, is_new = WebhookDelivery.objects.get_or_create(
        subscription=row, event_id=event_id,
        defaults={"event": event, "body": body, "created_at": at},
    )  # fmt: skip
    if not is_new:
        return None
    _ask(made, actor=None, at=at)
    return made


def _ask(delivery: WebhookDelivery, *, actor: User | None, at: datetime) -> None:
    enqueue(
        kind=DELIVER_KIND,
        key=f"delivery:{delivery.pk}:{delivery.replays}",
        payload={"delivery": delivery.pk},
        actor=actor,
        at=at,
    )


@transaction.atomic
def replay_delivery(*, pk: int, reason: str, actor: User, at: datetime) -> WebhookDelivery:
    """Send an event once more: the same identifier and body, another timestamp.

    Raises:
        SubscriptionEndedError: its subscription has ended.
    """
    delivery = WebhookDelivery.objects.select_for_update().get(pk=pk)
    _live(delivery.subscription_id)
    because(reason)
    delivery.replays += 1
    delivery.status = WebhookStatus.WAITING
    delivery.save(update_fields=["replays", "status"])
    _ask(delivery, actor=actor, at=at)
    return delivery


def deliver(work: Work, *, make_client: ClientMaker = _client) -> None:
    """One attempt at one delivery; the body of the work kind. Every attempt is in the log.

    Raises:
        WorkRefusedError: a person must act: the address or the answer is refused.
        SourceUnavailableError: it is tried again.
    """
    delivery = WebhookDelivery.objects.select_related("subscription").get(
        pk=work.payload["delivery"]
    )
    row = delivery.subscription
    if delivery.status != WebhookStatus.WAITING:
        return
    if row.ended_at is not None:
        _note(work, delivery, None, "The subscription has ended.", is_final=True)
        raise WorkRefusedError("The subscription has ended.")
    try:
        with make_client(row.url) as client:
            status = client.post(row.url, delivery.body.encode(), headers=_headers(delivery, work))
    except SourceUnavailableError as error:
        _note(work, delivery, None, str(error), is_final=work.attempt >= MAX_ATTEMPTS)
        raise
    except (ImportRefusedError, CredentialUnavailableError) as error:
        _note(work, delivery, None, str(error), is_final=True)
        raise WorkRefusedError(str(error)) from error
    _note(work, delivery, status, "", is_final=False)


MAX_ATTEMPTS = 6  # the pauses grow: 10 s, a minute, then five


def _headers(delivery: WebhookDelivery, work: Work) -> dict[str, str]:
    row = delivery.subscription
    secret = unseal(
        row.key_number, row.ciphertext, _purpose(row.pk, row.url), settings.CREDENTIAL_KEYS
    )
    know_secret(secret)
    return signed_headers(
        secret=secret,
        message_id=str(delivery.event_id),
        body=delivery.body.encode(),
        at=work.clock(),
    )


def _note(
    work: Work, delivery: WebhookDelivery, status: int | None, problem: str, *, is_final: bool
) -> None:
    now = work.clock()
    with transaction.atomic():
        work.fence()
        WebhookAttempt.objects.create(
            delivery=delivery, at=now, status_code=status, problem=problem
        )
        if status is not None:
            delivery.status, delivery.delivered_at = WebhookStatus.DELIVERED, now
        elif is_final:
            delivery.status = WebhookStatus.FAILED
        delivery.save(update_fields=["status", "delivered_at"])


def rotate_webhook_secrets() -> list[str]:
    """Encrypt every secret that is not with the newest key anew; names what could not be read."""
    keys = settings.CREDENTIAL_KEYS
    problems = []
    for pk in WebhookSubscription.objects.exclude(key_number=keys.newest).values_list(
        "pk", flat=True
    ):
        with transaction.atomic():
            row = WebhookSubscription.objects.select_for_update().get(pk=pk)
            purpose = _purpose(row.pk, row.url)
            try:
                _keep_secret(row, unseal(row.key_number, row.ciphertext, purpose, keys))
            except CredentialUnavailableError as error:
                problems.append(f"{row.name}: {error}")
    return problems
