"""Webhooks: signed, once an event, retried by the work engine, logged, replayed, never leaking."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction

from portal.choices import WebhookStatus, WorkStatus
from portal.credentials.envelope import unseal
from portal.credentials.errors import CredentialUnavailableError
from portal.env import new_encryption_key
from portal.imports.http import OutboundClient
from portal.keys import NumberedSecrets
from portal.models import WebhookDelivery, WebhookSubscription, WorkItem
from portal.services import webhooks
from portal.services.webhooks import (
    SubscriptionEndedError,
    change_subscription,
    create_subscription,
    deliver,
    end_subscription,
    publish,
    replay_delivery,
    rotate_webhook_secrets,
)
from portal.webhooks.signing import BadSecretError, new_secret, signed_headers
from portal.work.registry import Work, work_kinds
from portal.work.runner import Outcome, execute_item
from tests.adoption.factories import make_user
from tests.imports import START, Clock
from tests.portal.imports.outbound.faults import LOOPBACK, QUICK, FaultServer, answer, silent

pytestmark = [pytest.mark.both_engines]
EVENT = "webhook.test"


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """The example of the specification, worked out by hand from its parts."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    found = signed_headers(
        secret=secret, message_id="msg_p5jXN8AQM9LWM0D4loKWxJek", body=b'{"test": 2432232314}',
        at=dt.datetime.fromtimestamp(1614265330, dt.UTC),
    )  # fmt: skip
    assert found["webhook-timestamp"] == "1614265330"
    assert found["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret", ["", "plain", "whsec_", "whsec_c2hvcnQ=", "whsec_%%%"])
def test_what_is_no_secret_signs_nothing(secret: str) -> None:
    with pytest.raises(BadSecretError):
        signed_headers(secret=secret, message_id="a", body=b"", at=START)
    assert new_secret() != new_secret()


def deliver_by(monkeypatch: pytest.MonkeyPatch, make_client: webhooks.ClientMaker) -> None:
    """Have deliveries made by such clients for one test."""
    kind = work_kinds.get(webhooks.DELIVER_KIND)

    def run(work: Work) -> None:
        deliver(work, make_client=make_client)

    monkeypatch.setitem(work_kinds._items, kind.key, replace(kind, run=run))


class Receiver:
    """A server that keeps what it was sent, and a subscription that leads to it."""

    def __init__(self, server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = server
        self.url = server.url("/hook")
        monkeypatch.setattr(webhooks, "outbound_policy", lambda: LOOPBACK)
        limits = replace(QUICK, attempts=1)
        deliver_by(monkeypatch, lambda url: server.client(origins=[url], limits=limits))

    def subscribe(self, *events: str) -> tuple[WebhookSubscription, str]:
        return create_subscription(
            name="Gateway", url=self.url, events=events or [EVENT], actor=None, at=START
        )

    def work(self, at: dt.datetime = START) -> Outcome:
        item = WorkItem.objects.filter(kind=webhooks.DELIVER_KIND).latest("pk")
        return execute_item(item.pk, clock=Clock(at))


@pytest.fixture
def receiver(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with FaultServer(scripts=[answer(204, b"")]) as server:
        yield Receiver(server, monkeypatch)


def tell(event_id: uuid.UUID | None = None, **data: Any) -> list[WebhookDelivery]:
    with transaction.atomic():
        return publish(event=EVENT, event_id=event_id or uuid.uuid4(), data=data, at=START)


def test_the_request_is_signed_over_the_bytes_that_are_sent(receiver: Receiver) -> None:
    row, secret = receiver.subscribe()
    (told,) = tell(spent="1.5", name="Ünïcode")
    assert receiver.work() == Outcome.DONE
    head = receiver.server.requests[0].partition(b"\r\n\r\n")[0].decode()
    lines = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
    content = f"{lines['webhook-id']}.{lines['webhook-timestamp']}.{told.body}".encode()
    key = base64.b64decode(secret.removeprefix("whsec_"))
    wanted = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    assert lines["webhook-signature"] == f"v1,{wanted}"
    assert lines["webhook-id"] == json.loads(told.body)["id"] == str(told.event_id)
    assert int(lines["Content-Length"]) == len(told.body.encode())
    told.refresh_from_db()
    assert (told.status, told.attempts.get().status_code) == (WebhookStatus.DELIVERED, 204)
    assert secret not in row.ciphertext


def test_an_event_is_told_once_however_often_it_is_published(receiver: Receiver) -> None:
    receiver.subscribe()
    event_id = uuid.uuid4()
    assert len(tell(event_id)) == 1
    assert tell(event_id) == []
    assert WebhookDelivery.objects.count() == WorkItem.objects.count() == 1


def test_a_rolled_back_event_is_not_told(receiver: Receiver) -> None:
    receiver.subscribe()
    with transaction.atomic():
        publish(event=EVENT, event_id=uuid.uuid4(), data={}, at=START)
        transaction.set_rollback(True)
    assert not WebhookDelivery.objects.exists()


def test_a_failing_receiver_is_tried_again_and_every_attempt_is_logged(receiver: Receiver) -> None:
    receiver.server.scripts = [answer(503), silent, answer(200, b"ok", kind="text/plain")]
    receiver.subscribe()
    (told,) = tell()
    at = START
    for outcome in (Outcome.FAILED, Outcome.FAILED, Outcome.DONE):
        assert receiver.work(at) == outcome
        at += dt.timedelta(minutes=10)
    told.refresh_from_db()
    assert [each.status_code for each in told.attempts.all()] == [None, None, 200]
    assert told.status == WebhookStatus.DELIVERED
    sent = [each.partition(b"webhook-id: ")[2][:36] for each in receiver.server.requests[-3:]]
    assert len(set(sent)) == 1


def test_after_the_last_attempt_a_person_must_look_and_may_replay(receiver: Receiver) -> None:
    receiver.server.scripts = [answer(500)]
    receiver.subscribe()
    (told,) = tell()
    for step in range(webhooks.MAX_ATTEMPTS):
        receiver.work(START + dt.timedelta(hours=step))
    told.refresh_from_db()
    assert (told.status, told.attempts.count()) == (WebhookStatus.FAILED, webhooks.MAX_ATTEMPTS)
    assert WorkItem.objects.get().status == WorkStatus.HELD
    receiver.server.scripts = [answer(200)]
    replay_delivery(pk=told.pk, reason="It is back.", actor=make_user(), at=START)
    assert receiver.work(START + dt.timedelta(days=1)) == Outcome.DONE
    told.refresh_from_db()
    assert (told.status, told.replays) == (WebhookStatus.DELIVERED, 1)


@pytest.mark.parametrize("status", [302, 400, 401, 404, 410])
def test_an_answer_that_will_not_change_is_not_tried_again(receiver: Receiver, status: int) -> None:
    receiver.server.scripts = [answer(status, Location="https://elsewhere.example/")]
    receiver.subscribe()
    (told,) = tell()
    receiver.work()
    told.refresh_from_db()
    assert (told.status, told.attempts.count()) == (WebhookStatus.FAILED, 1)
    assert WorkItem.objects.get().status == WorkStatus.FAILED


def test_only_subscribers_of_an_event_that_go_on_are_told(receiver: Receiver) -> None:
    row, _ = receiver.subscribe("webhook.test")
    actor = make_user()
    change_subscription(pk=row.pk, name="Gateway", events=[EVENT], is_sending=False, actor=actor,
                        at=START)  # fmt: skip
    assert tell() == []
    change_subscription(pk=row.pk, name="Gateway", events=[EVENT], is_sending=True, actor=actor,
                        at=START)  # fmt: skip
    (told,) = tell()
    end_subscription(pk=row.pk, reason="Replaced.", actor=actor, at=START)
    assert tell() == []
    receiver.work()
    told.refresh_from_db()
    assert (told.status, receiver.server.requests) == (WebhookStatus.FAILED, [])
    with pytest.raises(SubscriptionEndedError):
        replay_delivery(pk=told.pk, reason="Again.", actor=actor, at=START)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"url": "http://plain.example/"}, "url"),
        ({"url": "https://user:secret@host.example/"}, "url"),
        ({"url": "https://127.1/"}, "url"),
        ({"events": ["no.such_event"]}, "events"),
        ({"events": []}, "events"),
        ({"name": " "}, "name"),
    ],
)
def test_a_subscription_that_cannot_work_is_not_made(changes: dict[str, Any], field: str) -> None:
    given: dict[str, Any] = {"name": "Gateway", "url": "https://host.example/", "events": [EVENT]}
    with pytest.raises(ValidationError) as refused:
        create_subscription(**(given | changes), actor=None, at=START)
    assert list(refused.value.error_dict) == [field]


@pytest.mark.django_db
def test_a_private_address_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    deliver_by(
        monkeypatch,
        lambda url: OutboundClient(origins=[url], resolver=lambda host, port: ["10.0.0.7"]),
    )
    create_subscription(
        name="Inside", url="https://inside.example/hook", events=[EVENT], actor=None, at=START
    )
    (told,) = tell()
    execute_item(WorkItem.objects.get().pk, clock=Clock())
    told.refresh_from_db()
    assert told.status == WebhookStatus.FAILED
    assert "not a public address" in told.attempts.get().problem


@pytest.mark.django_db
def test_secrets_follow_the_keys_and_belong_to_their_address(settings: Any) -> None:
    old, new = new_encryption_key(), new_encryption_key()
    settings.CREDENTIAL_KEYS = NumberedSecrets("PLUMBLINE_CREDENTIAL_KEYS", {1: old})
    row, secret = create_subscription(
        name="Gateway", url="https://host.example/", events=[EVENT], actor=None, at=START
    )
    settings.CREDENTIAL_KEYS = NumberedSecrets("PLUMBLINE_CREDENTIAL_KEYS", {1: old, 2: new})
    assert rotate_webhook_secrets() == []
    settings.CREDENTIAL_KEYS = NumberedSecrets("PLUMBLINE_CREDENTIAL_KEYS", {2: new})
    row.refresh_from_db()
    keys = settings.CREDENTIAL_KEYS
    opened = unseal(row.key_number, row.ciphertext, webhooks._purpose(row.pk, row.url), keys)
    assert opened == secret
    elsewhere = webhooks._purpose(row.pk, "https://thief.example/")
    with pytest.raises(CredentialUnavailableError):
        unseal(row.key_number, row.ciphertext, elsewhere, keys)
