"""Where senders deliver their hooks: proven over the raw bytes, stored, answered."""

from __future__ import annotations

from typing import Any

import structlog
from django.db import InterfaceError, OperationalError
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from adoption.deploys.payload import BadPayloadError, parse_json
from adoption.deploys.providers import (
    PROVIDERS,
    Provider,
    Received,
    delivery_id_of,
    document_of,
    event_of,
    prove,
)
from adoption.deploys.signatures import SAID, UnprovenError
from adoption.services.deploy_store import deploy_config
from adoption.services.hook_secrets import valid_secrets
from adoption.services.hooks import DeliveryReusedError, store_hook
from portal.api.errors import (
    BAD_REQUEST,
    CONTENT_TYPE,
    NOT_FOUND,
    SERVER_ERROR,
    TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    Problem,
    ProblemType,
)
from portal.api.schema import ProblemSerializer
from portal.api.throttling import count_refused
from portal.api.views import ApiView
from portal.credentials.errors import CredentialUnavailableError
from portal.models import Connection

log = structlog.get_logger(__name__)
MAX_BYTES = 25 * 1024 * 1024  # GitHub sends no more
SIGNATURE_REFUSED = ProblemType("signature-refused", 401, "The sender is not proven")
DELIVERY_REUSED = ProblemType("delivery-reused", 409, "The id belongs to another delivery")
DATABASE_AWAY = ProblemType("database-away", 503, "The portal cannot store anything just now")
NO_SECRETS = ProblemType("secrets-unavailable", 503, "The secrets of the connection are unreadable")


class AcceptedSerializer(serializers.Serializer[Any]):
    """A delivery that is stored and will be processed."""

    id = serializers.IntegerField(help_text="Of the stored hook.")
    delivery_id = serializers.CharField(help_text="The sender's id, or a digest of the body.")
    repeated = serializers.BooleanField(help_text="It was stored before; nothing was done again.")


def _problem(kind: ProblemType) -> OpenApiResponse:
    return OpenApiResponse(ProblemSerializer, description=kind.title)


class HooksView(ApiView):
    """Takes one delivery. Whoever sends it is proven by its signature, not by a token of ours."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        # Senders say all sorts of things about what they accept, and read nothing of it.
        return super().perform_content_negotiation(request, force=True)

    @extend_schema(
        operation_id="hooks_receive",
        summary="Deliver a hook",
        tags=["Hooks"],
        description="Proven over the raw body by the provider's own signature: "
        "`X-Hub-Signature-256` (GitHub), `X-Hub-Signature` (Bitbucket), `circleci-signature`, "
        "Standard Webhooks (`webhook-id`, `webhook-timestamp`, `webhook-signature`), or, where the "
        "connection allows it, a token in a header. Stored first and processed afterwards; the "
        "same delivery again is answered and not done again. Events of no interest are stored and "
        "answered as well.",
        parameters=[
            OpenApiParameter("provider", str, OpenApiParameter.PATH, enum=sorted(PROVIDERS)),
            OpenApiParameter(
                "connection", str, OpenApiParameter.PATH, description="Its short name."
            ),
        ],
        auth=[],
        request={"application/json": OpenApiTypes.OBJECT},
        responses={
            (202, "application/json"): AcceptedSerializer,
            **{
                (kind.status, CONTENT_TYPE): _problem(kind)
                for kind in (
                    BAD_REQUEST,
                    SIGNATURE_REFUSED,
                    NOT_FOUND,
                    DELIVERY_REUSED,
                    TOO_LARGE,
                    UNSUPPORTED_MEDIA_TYPE,
                    DATABASE_AWAY,
                    SERVER_ERROR,
                )
            },
        },
    )
    def post(self, request: Request, provider: str, connection: str) -> Response:
        """Prove, store, answer.

        Raises:
            Problem: the address is unknown, the sender is not proven, the body is too large or no
                JSON, the id came before with another body, or the database does not answer.
        """
        try:
            return self._take(request, provider, connection)
        except (OperationalError, InterfaceError) as error:
            # Senders count a 500 as a fault of the hook and may switch it off; 503 is for now.
            log.exception("hook_not_stored", connection=connection)
            raise Problem(
                DATABASE_AWAY,
                "Nothing was stored. Deliver it again later.",
                headers={"Retry-After": "60"},
            ) from error

    def _take(self, request: Request, provider: str, connection: str) -> Response:
        known, place = _address(provider, connection)
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = _read_body(request, headers)
        now = timezone.now()
        try:
            received = Received(
                headers, body, now, takes_tokens=deploy_config(place).tokens == "token"
            )
            prove(known, received, valid_secrets(place))
        except UnprovenError as error:
            log.warning("hook_unproven", why=error.why, connection=place.slug, bytes=len(body))
            count_refused(request)
            raise Problem(SIGNATURE_REFUSED, f"{SAID[error.why]} [{error.why}]") from None
        except CredentialUnavailableError as error:
            raise Problem(NO_SECRETS, str(error), headers={"Retry-After": "60"}) from None
        try:
            document = parse_json(document_of(headers, body))
            delivery_id = delivery_id_of(known, headers, document, body)
            event = event_of(known, headers, document)
        except BadPayloadError as error:
            raise Problem(BAD_REQUEST, f"The body cannot be read: {error}.") from None
        try:
            accepted = store_hook(
                connection=place,
                provider=known.key,
                delivery_id=delivery_id,
                event=event,
                headers=_kept(known, headers),
                body=body,
                at=now,
            )
        except DeliveryReusedError as error:
            raise Problem(DELIVERY_REUSED, str(error)) from None
        answer = {
            "id": accepted.hook_id,
            "delivery_id": delivery_id,
            "repeated": accepted.is_repeat,
        }
        return Response(answer, status=202)


def _address(provider: str, connection: str) -> tuple[Provider, Connection]:
    known = PROVIDERS.get(provider)
    place = Connection.objects.filter(slug=connection, source=provider, is_active=True).first()
    if known is None or place is None:
        raise Problem(NOT_FOUND, "No active connection of this provider has that short name.")
    return known, place


def _read_body(request: Request, headers: dict[str, str]) -> bytes:
    """The raw bytes, at most `MAX_BYTES`, whatever Content-Length says."""
    if headers.get("content-encoding", "identity") != "identity":
        raise Problem(UNSUPPORTED_MEDIA_TYPE, "Send the body as it is, without compression.")
    length = headers.get("content-length", "")
    too_large = Problem(TOO_LARGE, f"A hook has at most {MAX_BYTES // 1024**2} MiB.")
    if length.isdecimal() and int(length) > MAX_BYTES:
        raise too_large
    body: bytes = request._request.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise too_large
    return body


def _kept(provider: Provider, headers: dict[str, str]) -> dict[str, str]:
    return {
        name: headers[name][:300] for name in (*provider.kept, "content-type") if name in headers
    }
