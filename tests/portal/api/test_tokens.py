"""Calling the API with a token: where it is taken from, what it may do, who is said to act."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from rest_framework.test import APIClient
from structlog.testing import capture_logs

from portal.api.scopes import ANY_TOKEN, api_scopes
from portal.audit.context import Actor, Channel, current_actor
from portal.logs import mask_secrets
from portal.models import AuditEvent, Connection, IdempotencyKey, User
from portal.services.api_tokens import revoke_api_token
from portal.token_text import new_token_text
from tests.api_tokens import bearer, make_token
from tests.portal.api.conformance import PublishedSchema
from tests.portal.api.toy_urls import ThingsView

THINGS = "/api/v1/things/"
# What a person decides: no token may, whatever its scopes.
PEOPLE_ONLY = {
    f"POST api/v1/approvals/<int:pk>/{name}/" for name in ("approve", "reject", "withdraw")
}
# A sender is proven by the signature over what it sends; no token of ours is asked for.
SENDERS_ONLY = {"POST api/v1/hooks/<str:provider>/<str:connection>/"}
ASKED_BY_POST = {"McpView"}  # JSON-RPC: its protocol puts every question into a POST
toy_urls = pytest.mark.urls("tests.portal.api.toy_urls")
pytestmark = pytest.mark.django_db


def kind(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["type"].rpartition(":")[2]


class TestWhatIsRefused:
    @toy_urls
    def test_each_refusal_says_which_it_is(self, person: User) -> None:
        token, text = make_token(person, networks=["192.0.2.0/24"])
        assert kind(bearer(new_token_text()).get(THINGS)) == (401, "token-refused")
        assert kind(bearer("nonsense").get(THINGS)) == (401, "token-refused")
        assert kind(bearer(text).get(THINGS)) == (403, "token-network")
        inside = bearer(text)
        assert inside.get(THINGS, REMOTE_ADDR="192.0.2.9").status_code == 200
        User.objects.filter(pk=person.pk).update(is_active=False)
        assert kind(inside.get(THINGS, REMOTE_ADDR="192.0.2.9")) == (401, "token-owner-inactive")
        User.objects.filter(pk=person.pk).update(is_active=True)
        revoke_api_token(token_id=token.pk, reason="Lost", actor=person, at=timezone.now())
        assert kind(inside.get(THINGS, REMOTE_ADDR="192.0.2.9")) == (401, "token-revoked")
        _, old = make_token(person, days=1, at=timezone.now() - timedelta(days=2))
        assert kind(bearer(old).get(THINGS)) == (401, "token-expired")
        denied = AuditEvent.objects.filter(operation="denied").order_by("pk")
        subjects = [str(event.__dict__) for event in denied]
        for why in ("network", "owner", "revoked", "expired"):
            assert any(why in subject for subject in subjects), why

    @toy_urls
    def test_a_refusal_carries_a_challenge_and_falls_back_on_no_session(
        self, api: APIClient
    ) -> None:
        api.credentials(HTTP_AUTHORIZATION="Bearer nonsense")
        response = api.get(THINGS)
        assert kind(response) == (401, "token-refused")
        assert response["WWW-Authenticate"].startswith('Bearer realm="plumbline", error=')

    @toy_urls
    @pytest.mark.parametrize("parameter", ["access_token", "token", "api_key", "q"])
    def test_a_token_in_the_address_is_refused_and_logged_without_it(
        self, person: User, parameter: str
    ) -> None:
        _, text = make_token(person)
        with capture_logs() as logs:
            response = bearer(text).get(THINGS, {parameter: text})
        assert kind(response) == (401, "token-in-address")
        assert [entry["event"] for entry in logs if "in_address" in entry["event"]]
        written = str([mask_secrets(None, "", entry) for entry in logs])
        assert "GET /api/v1/things/" in written
        assert text[15:] not in written + response.content.decode()

    @toy_urls
    def test_a_forged_forwarding_header_moves_nobody_into_a_network(
        self, person: User, settings: Any
    ) -> None:
        _, text = make_token(person, networks=["192.0.2.0/24"])
        forged: dict[str, Any] = {"HTTP_X_FORWARDED_FOR": "192.0.2.9", "REMOTE_ADDR": "203.0.113.5"}
        assert kind(bearer(text).get(THINGS, **forged)) == (403, "token-network")
        settings.TRUSTED_PROXY = True
        forged["HTTP_X_FORWARDED_FOR"] = "192.0.2.9, 203.0.113.5"
        assert kind(bearer(text).get(THINGS, **forged)) == (403, "token-network")
        forged["HTTP_X_FORWARDED_FOR"] = "203.0.113.5, ::ffff:192.0.2.9"
        assert bearer(text).get(THINGS, **forged).status_code == 200


class TestScopes:
    def test_a_token_stays_within_its_scopes(self, person: User) -> None:
        _, text = make_token(person, "registry:read")
        client = bearer(text)
        assert client.get("/api/v1/use-cases/").status_code == 200
        assert client.head("/api/v1/use-cases/").status_code == 200
        refused = client.post("/api/v1/use-cases/", {}, format="json")
        assert kind(refused) == (403, "insufficient-scope")
        assert 'scope="registry:write"' in refused["WWW-Authenticate"]
        assert kind(client.get("/api/v1/costs/daily/")) == (403, "insufficient-scope")
        assert client.delete("/api/v1/use-cases/").status_code == 405
        assert client.get("/api/v1/schema/").status_code == 200

    def test_a_scope_adds_nothing_to_what_its_owner_may_do(self, person: User) -> None:
        by_token, by_session = bearer(make_token(person)[1]), signed_in(person)
        for name in ("use-cases", "teams", "programmes", "deliveries", "metrics", "costs/daily"):
            answers = [each.get(f"/api/v1/{name}/") for each in (by_token, by_session)]
            assert answers[0].status_code == answers[1].status_code
            assert answers[0].content == answers[1].content

    @toy_urls
    def test_an_endpoint_that_declares_no_scope_is_closed_to_tokens(
        self, person: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = bearer(make_token(person)[1])
        monkeypatch.setattr(ThingsView, "scopes", {})
        assert kind(client.get(THINGS)) == (403, "forbidden")
        assert signed_in(person).get(THINGS).status_code == 200

    def test_pages_take_no_token(self, person: User) -> None:
        assert bearer(make_token(person)[1]).get("/").status_code == 302


def signed_in(person: User) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.force_login(person)
    return client


def api_views(patterns: Any = None, below: str = "") -> Iterator[tuple[str, Any]]:
    """Address and class of every view below /api/."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = below + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from api_views(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and route.startswith("api/"):
            yield route, getattr(pattern.callback, "cls", None)


class TestDeclarations:
    def test_every_method_of_every_endpoint_declares_a_scope_that_exists(self) -> None:
        known = {scope.key for scope in api_scopes} | {ANY_TOKEN}
        found = dict(api_views())
        assert len(found) > 12
        undeclared = set()
        for route, view in found.items():
            if getattr(view, "schema", "") is None:
                continue  # answers "no such address" to everybody
            answered = {
                name.upper()
                for name in ("get", "post", "put", "patch", "delete")
                if hasattr(view, name)
            }
            undeclared |= {f"{method} {route}" for method in answered - set(view.scopes)}
            assert set(view.scopes) <= answered, route
            assert set(view.scopes.values()) <= known, route
        assert undeclared == PEOPLE_ONLY | SENDERS_ONLY

    def test_the_description_names_bearer_and_scope_of_each_operation(self) -> None:
        schema = PublishedSchema()
        scheme = schema.document["components"]["securitySchemes"]["token"]
        assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
        views = {re.sub(r"<[^>]+>", "{}", route): view for route, view in api_views()}
        for path, method, operation in schema.operations():
            view = views[re.sub(r"{[^}]+}", "{}", path.lstrip("/"))]
            scope = view.scopes.get(method.upper())
            named = [each["token"] for each in operation.get("security", ()) if "token" in each]
            assert named == ([] if scope is None else [[scope] if scope else []]), path

    def test_reading_asks_for_read_and_writing_for_write(self) -> None:
        for _route, view in api_views():
            for method, scope in getattr(view, "scopes", {}).items():
                if scope != ANY_TOKEN:
                    reads = method == "GET" or view.__name__ in ASKED_BY_POST
                    assert scope.endswith(":read" if reads else ":write")


@toy_urls
class TestActing:
    def test_the_token_is_the_actor_and_no_cross_site_token_is_asked_for(
        self, person: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[Actor] = []
        original = ThingsView._make

        def watched(view: ThingsView, name: str) -> Any:
            seen.append(current_actor())
            return original(view, name)

        monkeypatch.setattr(ThingsView, "_make", watched)
        token, text = make_token(person)
        response = bearer(text).post(THINGS, {"name": "a"}, format="json")
        assert response.status_code == 201
        (actor,) = seen
        assert (actor.channel, actor.token_id, actor.user_id) == (
            Channel.TOKEN,
            token.pk,
            person.pk,
        )
        assert current_actor().channel is Channel.SYSTEM

    def test_a_token_beside_a_session_acts_as_the_token(
        self, person: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stranger = User.objects.create_user("stranger")
        both = signed_in(person)
        both.credentials(HTTP_AUTHORIZATION=f"Bearer {make_token(stranger)[1]}")
        assert both.post(THINGS, {"name": "a"}, headers={"idempotency-key": "k"}).status_code == 415
        both.post(THINGS, {"name": "a"}, format="json", headers={"idempotency-key": "k"})
        assert IdempotencyKey.objects.get().user == stranger

    def test_idempotency_keys_belong_to_a_token(self, person: User) -> None:
        def post(client: APIClient) -> Any:
            headers = {"idempotency-key": "k-1"}
            return client.post(THINGS, {"name": "a"}, format="json", headers=headers)

        first = bearer(make_token(person, name="first")[1])
        second = bearer(make_token(person, name="second")[1])
        answers = [post(client).json() for client in (first, second, signed_in(person))]
        assert len({answer["id"] for answer in answers}) == 3
        again = post(first)
        assert again["Idempotency-Replayed"] == "true"
        assert again.json() == answers[0]
        assert Connection.objects.count() == 3

    def test_a_tag_that_a_token_got_spares_the_next_answer(self, person: User) -> None:
        client = bearer(make_token(person)[1])
        tag = client.get(THINGS)["ETag"]
        assert client.get(THINGS, headers={"if-none-match": tag}).status_code == 304
