"""The pages about tokens and the command: shown once, listed without the secret, ended."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from portal.choices import Role
from portal.models import ApiToken, User
from portal.services.api_tokens import TokenRefusedError, recognise_api_token
from portal.token_text import TOKEN
from tests.api_tokens import bearer, make_token
from tests.imports import make_person

pytestmark = pytest.mark.django_db
NEW = {"name": "Nightly report", "scopes": ["registry:read"], "days": "90", "networks": ""}


def shown_token(response: Any) -> str:
    found = TOKEN.findall(response.content.decode())
    assert len(found) == 1
    text: str = found[0]
    return text


def client_of(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


class TestMaking:
    def test_a_token_is_shown_on_the_answer_and_never_again(
        self, ada: User, ada_client: Client
    ) -> None:
        response = ada_client.post("/tokens/new/", {**NEW, "networks": "10.2.0.0/16, 127.0.0.0/8"})
        text = shown_token(response)
        assert "no-store" in response["Cache-Control"]
        assert bearer(text).get("/api/v1/use-cases/").status_code == 200
        token = ApiToken.objects.get()
        assert (token.owner, token.created_by) == (ada, ada)
        assert token.networks == ["10.2.0.0/16", "127.0.0.0/8"]
        for address in ("/tokens/", f"/tokens/{token.pk}/", "/tokens/?export=csv"):
            page: Any = ada_client.get(address)
            body = b"".join(page.streaming_content) if page.streaming else page.content
            assert text[15:] not in body.decode()
            assert token.secret_hash not in body.decode()

    def test_a_reload_makes_no_second_token(self, ada_client: Client) -> None:
        ada_client.post("/tokens/new/", NEW)
        again = ada_client.post("/tokens/new/", NEW)
        assert "a token called Nightly report already" in again.content.decode()
        assert not TOKEN.search(again.content.decode())
        assert ApiToken.objects.count() == 1

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"scopes": []}, "This field is required"),
            ({"scopes": ["world:write"]}, "world:write is not one of the available choices"),
            ({"days": "9999"}, "9999 is not one of the available choices"),
            ({"networks": "10.0.0.1/8"}, "10.0.0.1/8 is no network"),
            ({"name": " "}, "This field is required"),
        ],
    )
    def test_a_mistake_is_said_at_its_field(
        self, ada_client: Client, changes: dict[str, Any], said: str
    ) -> None:
        response = ada_client.post("/tokens/new/", {**NEW, **changes})
        assert said in response.content.decode()
        assert not ApiToken.objects.exists()


class TestLists:
    def test_everybody_sees_their_own_and_no_other(self, ada: User, ada_client: Client) -> None:
        bob = make_person("bob")
        make_token(ada, name="of ada")
        token, _ = make_token(bob, name="of bob")
        shown = ada_client.get("/tokens/").content.decode()
        assert "of ada" in shown
        assert "of bob" not in shown
        assert ada_client.get("/tokens/all/").status_code == 403
        for action in ("", "rotate/", "revoke/"):
            assert ada_client.get(f"/tokens/{token.pk}/{action}").status_code == 404

    @pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.AUDITOR])
    def test_administrators_and_auditors_see_all(self, ada: User, role: Role) -> None:
        token, text = make_token(ada, name="of ada")
        looking = client_of(make_person("looking", role))
        shown = looking.get("/tokens/all/").content.decode()
        assert "of ada" in shown
        assert token.prefix in shown
        assert text[15:] not in shown
        page = looking.get(f"/tokens/{token.pk}/").content.decode()
        assert ("/revoke/" in page) == (role is Role.ADMINISTRATOR)
        assert "/rotate/" not in page
        assert looking.get(f"/tokens/{token.pk}/rotate/").status_code == 404
        expected = 200 if role is Role.ADMINISTRATOR else 403
        assert looking.get(f"/tokens/{token.pk}/revoke/").status_code == expected

    def test_a_list_filters_by_state(self, ada: User, ada_client: Client) -> None:
        token, _ = make_token(ada, name="the first")
        make_token(ada, name="the second")
        ada_client.post(f"/tokens/{token.pk}/revoke/", {"reason": "Lost"})
        shown = ada_client.get("/tokens/?state=revoked").content.decode()
        assert "the first" in shown
        assert "the second" not in shown
        assert "deliveries: read, write" in shown


class TestEnding:
    def test_rotating_shows_the_new_one_once_and_a_reload_makes_no_third(
        self, ada: User, ada_client: Client
    ) -> None:
        old, old_text = make_token(ada)
        terms = {"days": "30", "overlap_days": "7"}
        text = shown_token(ada_client.post(f"/tokens/{old.pk}/rotate/", terms))
        for each in (old_text, text):
            assert bearer(each).get("/api/v1/use-cases/").status_code == 200
        again = ada_client.post(f"/tokens/{old.pk}/rotate/", terms).content.decode()
        assert "is replaced and cannot be rotated" in again
        assert not TOKEN.search(again)
        assert "Being replaced" in ada_client.get(f"/tokens/{old.pk}/").content.decode()

    def test_rotating_without_overlap_ends_the_old_one_at_once(
        self, ada: User, ada_client: Client
    ) -> None:
        old, old_text = make_token(ada)
        ada_client.post(f"/tokens/{old.pk}/rotate/", {"days": "30", "overlap_days": "0"})
        assert bearer(old_text).get("/api/v1/use-cases/").status_code == 401

    def test_an_administrator_ends_the_token_of_somebody_else(self, ada: User) -> None:
        token, text = make_token(ada)
        admin = client_of(make_person("admin", Role.ADMINISTRATOR))
        response = admin.post(f"/tokens/{token.pk}/revoke/", {"reason": "Found in a repository"})
        assert response.status_code == 302
        assert bearer(text).get("/api/v1/use-cases/").status_code == 401
        page = re.sub(r"\s+", " ", client_of(ada).get(f"/tokens/{token.pk}/").content.decode())
        assert "Found in a repository" in page


class TestCommand:
    def run(self, *arguments: str) -> str:
        out = io.StringIO()
        call_command("create_api_token", *arguments, stdout=out, stderr=io.StringIO())
        return out.getvalue()

    def test_it_prints_the_token_and_nothing_else(self, ada: User) -> None:
        text = self.run("--user", "ada", "--name", "Report", "--scope", "registry:read").strip()
        assert TOKEN.fullmatch(text)
        assert bearer(text).get("/api/v1/use-cases/").status_code == 200

    def test_json_says_what_it_is(self, ada: User) -> None:
        arguments = ["--user", "ada", "--name", "Report", "--scope", "registry:read", "--scope"]
        arguments += ["costs:read", "--days", "7", "--network", "10.2.0.0/16", "--json"]
        document = json.loads(self.run(*arguments))
        assert document["scopes"] == ["costs:read", "registry:read"]
        assert document["networks"] == ["10.2.0.0/16"]
        token = ApiToken.objects.get(prefix=document["prefix"])
        assert (token.expires_at - token.created_at).days == 7
        with pytest.raises(TokenRefusedError, match="network"):
            recognise_api_token(text=document["token"], address=None, at=token.created_at)

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"--user": "nobody"}, "nobody signs in as 'nobody'"),
            ({"--scope": "world:write"}, "no scope world:write; choose from"),
            ({"--days": "367"}, "1 to 366 days"),
            ({"--days": "-1"}, "1 to 366 days"),
            ({"--network": "home"}, "home is no network"),
        ],
    )
    def test_a_mistake_is_named(self, ada: User, changes: dict[str, str], said: str) -> None:
        given = {"--user": "ada", "--name": "Report", "--scope": "registry:read", **changes}
        with pytest.raises(CommandError, match=said):
            self.run(*[f"{name}={value}" for name, value in given.items()])
