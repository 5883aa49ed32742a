"""The senders of hooks: how each proves itself, names its deliveries and says what happened.

Pure: headers and bytes in, a name or a refusal out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from adoption.deploys.payload import Node, storable
from adoption.deploys.signatures import (
    Refusal,
    UnprovenError,
    bearer_or_password,
    check_circleci,
    check_sha256_header,
    check_standard,
    check_token,
)

Headers = Mapping[str, str]  # names in lower case
_ID = re.compile(r"[\x21-\x7e]{1,150}")
TOKEN_HEADER = "x-plumbline-token"  # noqa: S105  (the name of a header)


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came, before anything is believed."""

    headers: Headers
    body: bytes
    now: datetime
    takes_tokens: bool  # the connection says that its sender cannot sign


Prove = Callable[[Received, Sequence[str]], None]
Name = Callable[[Headers, Mapping[str, Any]], str | None]


@dataclass(frozen=True, slots=True)
class Provider:
    """One kind of sender.

    Attributes:
        key: in the address, and the source of its connections.
        prove: raises UnprovenError unless the delivery comes from who has a secret.
        delivery_id: the sender's own name of the delivery; None when it has none.
        event: what happened, in the sender's word.
        kept: headers that are stored beside the body; never one that proves anything.
    """

    key: str
    prove: Prove
    delivery_id: Name
    event: Name
    kept: tuple[str, ...] = ()


def _header(name: str) -> Name:
    return lambda headers, _body: headers.get(name) or None


def _field(*path: str) -> Name:
    def read(_headers: Headers, body: Mapping[str, Any]) -> str | None:
        node = Node(body)
        for key in path[:-1]:
            node = node.at(key)
        return node.text(path[-1], 200)

    return read


def _github(got: Received, secrets: Sequence[str]) -> None:
    check_sha256_header(got.headers.get("x-hub-signature-256"), got.body, secrets)


def _bitbucket(got: Received, secrets: Sequence[str]) -> None:
    check_sha256_header(got.headers.get("x-hub-signature"), got.body, secrets)


def _circleci(got: Received, secrets: Sequence[str]) -> None:
    check_circleci(got.headers.get("circleci-signature"), got.body, secrets)


def _gitlab(got: Received, secrets: Sequence[str]) -> None:
    """A signature when there is one; the plain token only where the connection allows it."""
    if "webhook-signature" in got.headers or not got.takes_tokens:
        check_standard(got.headers, got.body, secrets, now=got.now)
        return
    check_token(got.headers.get("x-gitlab-token"), secrets)


def _any(got: Received, secrets: Sequence[str]) -> None:
    """Standard Webhooks, a SHA-256 header as GitHub has it, or, where allowed, a shared token."""
    if "webhook-signature" in got.headers:
        check_standard(got.headers, got.body, secrets, now=got.now)
    elif "x-hub-signature-256" in got.headers:
        _github(got, secrets)
    elif got.takes_tokens:
        given = got.headers.get(TOKEN_HEADER)
        check_token(given or bearer_or_password(got.headers.get("authorization")), secrets)
    else:
        raise UnprovenError(Refusal.MISSING)


def _cdevent_id(headers: Headers, body: Mapping[str, Any]) -> str | None:
    """`source`, `id` and type: a context's id is unique only within its source."""
    node = Node(body)
    context = (node.at("data") if "data" in node and "context" not in node else node).at("context")
    parts = [
        headers.get(f"ce-{key}") or context.text(key, 200) or "" for key in ("source", "id", "type")
    ]
    if not parts[1]:
        return None
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def _cdevent_type(headers: Headers, body: Mapping[str, Any]) -> str | None:
    return headers.get("ce-type") or _field("context", "type")(headers, body)


def _gitlab_id(headers: Headers, body: Mapping[str, Any]) -> str | None:
    """Never X-Gitlab-Webhook-UUID: it names the hook or the request, and which is not sure."""
    return headers.get("webhook-id") or headers.get("idempotency-key")


_CE = ("ce-id", "ce-source", "ce-type", "ce-time", "ce-specversion")
_STANDARD = ("webhook-id", "webhook-timestamp")
_BY_ID = _header("webhook-id")

PROVIDERS: Mapping[str, Provider] = {
    provider.key: provider
    for provider in (
        Provider(
            "github", _github, _header("x-github-delivery"), _header("x-github-event"),
            ("x-github-event", "x-github-delivery", "x-github-enterprise-host",
             "x-github-enterprise-version", "x-github-hook-id"),
        ),
        Provider(
            "gitlab", _gitlab, _gitlab_id, _field("object_kind"),
            ("x-gitlab-event", "x-gitlab-instance", "x-gitlab-event-uuid", "idempotency-key",
             *_STANDARD),
        ),
        Provider("cdevents", _any, _cdevent_id, _cdevent_type, (*_CE, *_STANDARD)),
        Provider("circleci", _circleci, _field("id"), _field("type"), ("circleci-event-type",)),
        Provider(
            "bitbucket", _bitbucket, _header("x-request-uuid"), _header("x-event-key"),
            ("x-event-key", "x-hook-uuid", "x-request-uuid", "x-attempt-number"),
        ),
        Provider("azure_devops", _any, _field("id"), _field("eventType"), _STANDARD),
        Provider("argocd", _any, _BY_ID, _field("app", "status", "operationState", "phase"),
                 _STANDARD),
        Provider("jenkins", _any, _header("ce-id"), _header("ce-type"), (*_CE, *_STANDARD)),
        Provider("codedeploy", _any, _field("id"), _field("detail-type"), _STANDARD),
        Provider("generic", _any, _BY_ID, _header("x-plumbline-event"),
                 (*_STANDARD, "x-plumbline-event")),
    )
}  # fmt: skip


def prove(provider: Provider, got: Received, secrets: Sequence[str]) -> None:
    """Nothing, when the delivery comes from who has one of the secrets.

    Raises:
        UnprovenError: it does not, or there is no secret.
    """
    if not secrets:
        raise UnprovenError(Refusal.NO_SECRET)
    provider.prove(got, secrets)


def delivery_id_of(
    provider: Provider, headers: Headers, document: Mapping[str, Any], raw: bytes
) -> str:
    """The sender's id of the delivery, else the SHA-256 of its bytes."""
    found = provider.delivery_id(headers, document)
    if found and _ID.fullmatch(found):
        return found
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def event_of(provider: Provider, headers: Headers, document: Mapping[str, Any]) -> str:
    """What happened, in the sender's word; empty when it says nothing."""
    return storable(provider.event(headers, document) or "")[:100]


def document_of(headers: Headers, body: bytes) -> bytes:
    """The JSON of a body; GitHub may be set up to send it as the field `payload` of a form."""
    if not headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return body
    found = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10).get("payload", [""])
    return found[0].encode()
