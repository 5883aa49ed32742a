"""Hooks for tests: connections with a secret, and senders that sign as the providers do."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from django.test import Client
from django.utils import timezone

from adoption.choices import HookState
from adoption.models import StoredHook
from adoption.services.hook_secrets import make_hook_secret
from adoption.services.hook_work import place_repository
from adoption.services.hooks import process_batch
from portal.models import Connection, WorkItem
from portal.services.connections import create_connection
from portal.work.registry import Work

SECRET = "a shared secret of thirty-two chars"  # noqa: S105  (lives for one test)
MADE = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def make_connection(source: str, slug: str = "", **config: Any) -> Connection:
    """A connection of that source whose senders have `SECRET`."""
    name = slug or source.replace("_", "-")
    connection = create_connection(slug=name, source=source, config=config, at=MADE)
    make_hook_secret(connection=connection, actor=None, at=MADE, given=SECRET)
    return connection


def hex_mac(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def standard_headers(
    body: bytes, message_id: str, *, at: dt.datetime | None = None, secret: str = SECRET
) -> dict[str, str]:
    """Headers of Standard Webhooks."""
    stamp = str(int((at or timezone.now()).timestamp()))
    signed = f"{message_id}.{stamp}.".encode() + body
    mac = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }


def signed_headers(provider: str, body: bytes, event: str, delivery: str) -> dict[str, str]:
    """What that provider sends beside the body."""
    if provider == "github":
        return {
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": delivery,
            "X-Hub-Signature-256": f"sha256={hex_mac(body)}",
        }
    if provider == "bitbucket":
        return {
            "X-Event-Key": event,
            "X-Request-UUID": delivery,
            "X-Hub-Signature": f"sha256={hex_mac(body)}",
        }
    if provider == "circleci":
        return {"circleci-signature": f"v1={hex_mac(body)}"}
    return standard_headers(body, delivery)


class Sender:
    """Sends hooks of one connection to the real address."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.client = Client()
        self.path = f"/api/v1/hooks/{connection.source}/{connection.slug}/"
        self.sent = 0

    def send_raw(self, body: bytes, headers: Mapping[str, str]) -> Any:
        return self.client.post(
            self.path, data=body, content_type="application/json", headers=dict(headers)
        )

    def send(self, payload: Any, event: str = "", delivery: str = "") -> Any:
        """Sign as the provider does and send; a new delivery unless its id is given."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self.sent += 1
        delivery = delivery or f"delivery-{self.connection.slug}-{self.sent}"
        headers = signed_headers(self.connection.source, body, event, delivery)
        return self.send_raw(body, headers)

    def take(self, payload: Any, event: str = "", delivery: str = "") -> StoredHook:
        """Send, process, and give back the stored hook as it then is."""
        answer = self.send(payload, event, delivery)
        assert answer.status_code == 202, answer.content
        process_all(self.connection)
        return StoredHook.objects.get(pk=answer.json()["id"])


def process_all(connection: Connection) -> None:
    """As a worker does: all waiting hooks, then what they asked for."""
    while process_batch(connection=connection, at=timezone.now()):
        pass
    place_all()


def place_all() -> None:
    """Do the placement that is asked for."""
    for item in WorkItem.objects.filter(kind="adoption.place-changes"):
        place_repository(Work(item.pk, item.key, item.payload, 1, timezone.now(), timezone.now))
        item.delete()


def states() -> dict[str, int]:
    """How many stored hooks are in which state."""
    found: dict[str, int] = {}
    for state in StoredHook.objects.values_list("state", flat=True):
        found[state] = found.get(state, 0) + 1
    return found


def assert_ignored(hook: StoredHook, words: str) -> None:
    assert hook.state == HookState.IGNORED
    assert words in hook.reason
