"""Signing in through OpenID Connect, against a real provider that is told to lie."""

from __future__ import annotations

import dataclasses
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests
from allauth.socialaccount.models import SocialAccount
from cryptography.hazmat.primitives import serialization
from django.conf import settings
from django.test import Client

from portal.choices import GrantSource
from portal.models import RoleGrant, SignInEvent, User
from tests.portal.signin.conftest import PASSWORD
from tests.portal.signin.identity_provider import KEY, Provider, make_key

pytestmark = pytest.mark.django_db


def go_to_provider(client: Client, target: str = "/") -> str:
    """Begin; the address at the provider."""
    answer = client.get("/sign-in/oidc/", {"next": target})
    assert answer.status_code == 302, answer.content.decode()
    return answer.headers["Location"]


def come_back(client: Client, at_provider: str) -> Any:
    """Let the provider send the browser back; the answer of the portal."""
    back = requests.get(at_provider, allow_redirects=False, timeout=5).headers["Location"]
    parts = urlsplit(back)
    return client.get(f"{parts.path}?{parts.query}")


def sign_in(client: Client, target: str = "/") -> Any:
    return come_back(client, go_to_provider(client, target))


def signed_in_as(client: Client) -> str | None:
    key = client.session.get("_auth_user_id")
    return None if key is None else User.objects.get(pk=key).username


def roles_of(username: str) -> dict[str, str]:
    return dict(RoleGrant.objects.filter(user__username=username).values_list("role", "source"))


@pytest.mark.both_engines
def test_the_first_sign_in_makes_the_account_and_leads_on(
    client: Client, provider: Provider
) -> None:
    answer = sign_in(client, "/account/")
    assert answer.headers["Location"] == "/account/"
    ines = User.objects.get(username="ines")
    assert (ines.full_name, ines.email) == ("Ines Okafor", "ines@acme.example")
    assert not ines.has_usable_password()
    assert ines.person_key == f"{provider.issuer}|subject-1"
    account = SocialAccount.objects.get(user=ines)
    assert (account.provider, account.uid) == ("oidc", f"{provider.issuer}|subject-1")
    kinds = set(SignInEvent.objects.filter(user=ines).values_list("kind", flat=True))
    assert {"created", "signed_in", "roles_synced"} <= kinds
    assert client.get("/account/").status_code == 200


def test_what_is_sent_to_the_provider_comes_from_the_settings_alone(
    client: Client, provider: Provider
) -> None:
    answer = client.get(
        "/sign-in/oidc/",
        {
            "auth_params": "redirect_uri=https://evil.example/&prompt=none",
            "scope": "admin",
            "process": "connect",
        },
    )
    sent = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert sent["redirect_uri"] == ["http://testserver/sign-in/oidc/callback/"]
    assert set(sent["scope"][0].split()) == {"openid", "profile", "email"}
    assert "prompt" not in sent
    assert sent["code_challenge_method"] == ["S256"]
    assert len(sent["nonce"][0]) >= 32
    assert len(sent["state"][0]) >= 16


@pytest.mark.both_engines
def test_roles_follow_the_groups_of_the_allow_list_and_nothing_else(
    client: Client, provider: Provider
) -> None:
    provider.person["groups"] = ["plumbline-finance", "administrator", "domain-admins"]
    sign_in(client)
    assert roles_of("ines") == {"finance": GrantSource.SSO}
    provider.person["groups"] = ["plumbline-audit"]
    sign_in(Client())
    assert roles_of("ines") == {"auditor": GrantSource.SSO}
    provider.person["groups"] = None
    sign_in(Client())
    assert roles_of("ines") == {}


def test_a_role_lost_at_the_provider_stays_when_it_was_given_here(
    client: Client, provider: Provider
) -> None:
    sign_in(client)
    ines = User.objects.get(username="ines")
    RoleGrant.objects.filter(user=ines).delete()
    RoleGrant.objects.create(user=ines, role="finance", granted_at=ines.date_joined)
    provider.person["groups"] = []
    sign_in(Client())
    assert roles_of("ines") == {"finance": GrantSource.BOOTSTRAP}


def test_a_role_of_a_group_does_not_decide_at_once(client: Client, provider: Provider) -> None:
    sign_in(client)
    grant = RoleGrant.objects.get(user__username="ines")
    assert grant.counts_from is not None
    assert (grant.counts_from - grant.granted_at).total_seconds() == 24 * 3600


def test_the_subject_names_the_person_whatever_they_are_called(
    client: Client, provider: Provider
) -> None:
    sign_in(client)
    provider.person |= {"preferred_username": "ines.married", "email": "new@acme.example"}
    sign_in(Client())
    ines = User.objects.get()
    assert (ines.username, ines.email) == ("ines", "new@acme.example")


@pytest.mark.both_engines
def test_a_local_account_of_the_same_name_is_never_taken_over(
    client: Client, provider: Provider
) -> None:
    local = User.objects.create_user("ines", password=PASSWORD, email="Ines@acme.example")
    sign_in(client)
    newcomer = User.objects.exclude(pk=local.pk).get()
    assert newcomer.username.startswith("ines-")
    assert signed_in_as(client) == newcomer.username
    local.refresh_from_db()
    assert local.has_usable_password()
    assert newcomer.person_key == local.person_key, "two accounts of one address are one person"


def test_an_address_that_is_not_verified_says_nothing(client: Client, provider: Provider) -> None:
    local = User.objects.create_user("other", password=PASSWORD, email="ines@acme.example")
    provider.person["email_verified"] = False
    sign_in(client)
    newcomer = User.objects.get(username="ines")
    assert newcomer.email == ""
    assert newcomer.person_key != local.person_key


def test_somebody_deactivated_here_does_not_come_in_by_the_provider(
    client: Client, provider: Provider
) -> None:
    sign_in(client)
    User.objects.update(is_active=False)
    other = Client()
    answer = sign_in(other)
    assert answer.status_code == 403
    assert signed_in_as(other) is None


def test_a_session_of_a_provider_needs_no_second_factor_here(
    client: Client, provider: Provider, rules: Any
) -> None:
    rules(second_factor=True, group_roles=(("plumbline-finance", "administrator"),))
    sign_in(client)
    assert client.get("/people/").status_code == 200


def test_a_foreign_address_to_go_on_to_is_not_taken(client: Client, provider: Provider) -> None:
    answer = sign_in(client, "https://evil.example/")
    assert answer.headers["Location"] == "/"


# --- what must be refused ---------------------------------------------------------------------


def refused(client: Client, answer: Any) -> None:
    assert answer.status_code in (401, 403, 502), answer.status_code
    assert signed_in_as(client) is None
    assert not User.objects.exists()
    assert "Not signed in" in answer.content.decode()


def _forged_with_public_key() -> str:
    public = KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return public.decode()


LIES: dict[str, dict[str, Any]] = {
    "another issuer": {"claims": {"iss": "https://evil.example"}},
    "another audience": {"claims": {"aud": "another-client"}},
    "made for another client": {"claims": {"aud": ["plumbline", "x"], "azp": "x"}},
    "expired": {"claims": {"exp": int(time.time()) - 3600}},
    "no expiry": {"claims": {"exp": None}},
    "not yet issued": {"claims": {"iat": int(time.time()) + 7200}},
    "another nonce": {"claims": {"nonce": "of another sign-in"}},
    "no nonce": {"claims": {"nonce": None}},
    "no subject": {"claims": {"sub": None}},
    "an empty subject": {"claims": {"sub": ""}, "userinfo": {"sub": ""}},
    "not signed": {"algorithm": "none"},
    "signed by somebody else": {"key": make_key()},
    "signed with a key that is not there": {"kid": "another"},
    "signed with a shared secret": {"algorithm": "HS256", "key": "x" * 64},
    "userinfo of somebody else": {"userinfo": {"sub": "subject-2"}},
    "discovery of another issuer": {
        "discovered_issuer": "https://evil.example",
        "claims": {"iss": "https://evil.example"},
    },
    "too many groups to send": {"claims": {"_claim_names": {"groups": "src1"}}},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_of_the_provider_is_refused(client: Client, provider: Provider, lie: str) -> None:
    at_provider = go_to_provider(client)
    for name, value in LIES[lie].items():
        setattr(provider, name, value)
    refused(client, come_back(client, at_provider))


def test_a_token_signed_with_the_public_key_as_secret_is_refused(
    client: Client, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        jwt.algorithms.HMACAlgorithm, "prepare_key", lambda _self, key: str(key).encode()
    )
    provider.algorithm, provider.key = "HS256", _forged_with_public_key()
    refused(client, sign_in(client))


@pytest.mark.both_engines
def test_a_code_is_taken_once(client: Client, provider: Provider) -> None:
    at_provider = go_to_provider(client)
    back = requests.get(at_provider, allow_redirects=False, timeout=5).headers["Location"]
    parts = urlsplit(back)
    first = client.get(f"{parts.path}?{parts.query}")
    assert first.status_code == 302
    client.post("/sign-out/")
    again = client.get(f"{parts.path}?{parts.query}")
    assert again.status_code == 401
    assert signed_in_as(client) is None


def test_a_state_that_this_browser_did_not_get_is_refused(
    client: Client, provider: Provider
) -> None:
    of_another_browser = go_to_provider(Client())
    refused(client, come_back(client, of_another_browser))
    assert "/token" not in provider.seen, "the code of another browser was redeemed"


def test_no_verifier_no_token(
    client: Client, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_provider = go_to_provider(client)
    session = client.session
    for state in session["socialaccount_states"].values():
        state[0]["pkce_code_verifier"] = "x" * 64
    session.save()
    refused(client, come_back(client, at_provider))


def test_a_refusal_of_the_provider_is_said(client: Client, provider: Provider) -> None:
    provider.refuses = "access_denied"
    refused(client, sign_in(client))


def test_a_provider_that_is_away_is_said(client: Client, provider: Provider, rules: Any) -> None:
    found = settings.SIGN_IN.oidc
    assert found is not None
    rules(oidc=dataclasses.replace(found, issuer="http://127.0.0.1:9"))
    answer = client.get("/sign-in/oidc/")
    assert answer.status_code == 502
    assert "does not answer" in answer.content.decode()


def test_without_a_provider_its_addresses_do_not_exist(client: Client, db: None) -> None:
    for path in ("/sign-in/oidc/", "/sign-in/oidc/callback/", "/sign-in/saml/saml/metadata/"):
        assert client.get(path).status_code == 404
    assert "Sign in with" not in client.get("/sign-in/").content.decode()


def test_the_provider_stands_on_the_sign_in_page_when_there_is_one(
    client: Client, provider: Provider
) -> None:
    html = client.get("/sign-in/?next=/people/").content.decode()
    assert "Sign in with Acme" in html
    assert "/sign-in/oidc/?next=%2Fpeople%2F" in html


def test_local_accounts_can_be_switched_off(client: Client, provider: Provider, rules: Any) -> None:
    rules(local_accounts=False)
    User.objects.create_user("ada", password=PASSWORD)
    answer = client.post("/sign-in/", {"username": "ada", "password": PASSWORD})
    assert "do not match an active account" in answer.content.decode()
    assert signed_in_as(client) is None
