"""Local accounts: hashing, lockout, equal answers, where a sign-in leads, sessions."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt
from django.contrib.auth.hashers import BasePasswordHasher, identify_hasher, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client

from portal import settings as portal_settings
from portal.models import SignInEvent, User
from portal.signin.addresses import is_own_path
from tests.portal.signin.conftest import PASSWORD

pytestmark = pytest.mark.django_db
HERE = "192.0.2.10"
WRONG = "wrong"
START = dt.datetime(2026, 11, 20, 9, 0, tzinfo=dt.UTC)


def try_to_sign_in(
    client: Client, username: str, password: str = WRONG, address: str = HERE, **more: Any
) -> Any:
    data = {"username": username, "password": password, **more.pop("data", {})}
    return client.post("/sign-in/", data, REMOTE_ADDR=address, **more)


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


# --- passwords --------------------------------------------------------------------------------


def test_passwords_are_stored_with_argon2id_and_old_ones_are_made_anew(settings: Any) -> None:
    settings.PASSWORD_HASHERS = portal_settings.PASSWORD_HASHERS
    stored = make_password(PASSWORD)
    assert stored.startswith("argon2$argon2id$")
    assert "m=47104,t=2,p=1" in stored
    user = User.objects.create_user("ada")
    user.password = make_password(PASSWORD, hasher="pbkdf2_sha256")
    user.save()
    assert user.check_password(PASSWORD)
    user.refresh_from_db()
    assert identify_hasher(user.password).algorithm == "argon2"


@pytest.mark.parametrize("password", ["short", "password1234", "ada.brook.1", "123456789012"])
def test_weak_passwords_are_refused(password: str) -> None:
    with pytest.raises(ValidationError):
        validate_password(password, User(username="ada.brook.12", full_name="Ada Brook"))


class CountingHasher(BasePasswordHasher):
    """Counts how often a password is hashed: the time of an answer is the time of its hashes."""

    algorithm = "counting"
    hashes = 0

    def encode(self, password: str, salt: str) -> str:
        type(self).hashes += 1
        return f"{self.algorithm}${salt}${password[::-1]}"

    def verify(self, password: str, encoded: str) -> bool:
        return encoded == self.encode(password, encoded.split("$")[1])

    def decode(self, encoded: str) -> dict[str, Any]:
        algorithm, salt, rest = encoded.split("$", 2)
        return {"algorithm": algorithm, "salt": salt, "hash": rest}

    def must_update(self, encoded: str) -> bool:
        return False

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Nothing to add."""


def test_every_wrong_way_costs_the_same_and_says_the_same(
    client: Client, settings: Any, rules: Any
) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.{CountingHasher.__name__}"]
    User.objects.create_user("ada", password=PASSWORD)
    User.objects.create_user("gone", password=PASSWORD, is_active=False)
    User.objects.create_user("from-provider")
    said = set()
    for name, password in [
        ("ada", "wrong"),
        ("nobody", "wrong"),
        ("gone", PASSWORD),
        ("gone", "wrong"),
        ("from-provider", "wrong"),
        ("from-provider", ""),
    ]:
        before = CountingHasher.hashes
        answer = try_to_sign_in(Client(), name, password or "x")
        html = answer.content.decode().replace(name, "NAME")
        said.add((CountingHasher.hashes - before, answer.status_code, html.count("<li>")))
        assert "do not match an active account" in html
    assert said == {(1, 200, 1)}, said


# --- lockout ----------------------------------------------------------------------------------


def fail(times: int, username: str, address: str = HERE, **more: Any) -> Any:
    answer = None
    for _ in range(times):
        answer = try_to_sign_in(Client(), username, address=address, **more)
    return answer


@pytest.mark.parametrize("username", ["jun", "nobody"])
def test_an_account_is_locked_whether_it_exists_or_not(jun: User, username: str) -> None:
    assert fail(9, username).status_code == 200
    answer = fail(1, username)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "900"
    right = try_to_sign_in(Client(), username, PASSWORD, address="198.51.100.1")
    assert right.status_code == 429, "the right password must not tell that it is right"
    assert "Too many failed attempts" in right.content.decode()


@pytest.mark.both_engines
def test_other_addresses_add_up_to_the_same_account(jun: User) -> None:
    for number in range(10):
        fail(1, "jun", address=f"192.0.2.{number + 1}")
    assert try_to_sign_in(Client(), "jun", PASSWORD).status_code == 429


def test_spellings_add_up_to_the_same_account(jun: User) -> None:
    for spelling in ("jun", "JUN", " jun ", "Jun", "jun", "JuN", "jUn", "juN", "JUn", "jUN"):
        fail(1, spelling)
    assert try_to_sign_in(Client(), "jun", PASSWORD).status_code == 429


def test_one_address_that_tries_many_accounts_is_locked(jun: User, settings: Any) -> None:
    settings.SIGN_IN_FAILURES_PER_ADDRESS = 12
    for number in range(12):
        fail(1, f"name-{number}")
    assert try_to_sign_in(Client(), "jun", PASSWORD).status_code == 429
    assert try_to_sign_in(Client(), "jun", PASSWORD, address="198.51.100.1").status_code == 302


@pytest.mark.both_engines
def test_a_success_does_not_forgive_the_address(jun: User, settings: Any) -> None:
    settings.SIGN_IN_FAILURES_PER_ADDRESS = 12
    for number in range(11):
        fail(1, f"name-{number}")
    assert try_to_sign_in(Client(), "jun", PASSWORD).status_code == 302
    fail(1, "name-12")
    assert fail(1, "name-13").status_code == 429


@pytest.mark.both_engines
def test_a_success_forgives_the_account(jun: User) -> None:
    fail(9, "jun")
    assert try_to_sign_in(Client(), "jun", PASSWORD).status_code == 302
    assert fail(9, "jun").status_code == 200


@pytest.mark.both_engines
def test_time_unlocks_and_knocking_does_not_prolong(jun: User) -> None:
    with time_machine.travel(START, tick=False) as clock:
        fail(10, "jun")
        clock.shift(dt.timedelta(minutes=10))
        assert fail(3, "jun").status_code == 429
        clock.shift(dt.timedelta(minutes=6))
        assert try_to_sign_in(Client(), "jun", PASSWORD).status_code == 302


def test_a_forged_forwarded_address_opens_nothing(jun: User, settings: Any) -> None:
    settings.SIGN_IN_FAILURES_PER_ADDRESS = 12
    for number in range(12):
        fail(1, f"name-{number}", HTTP_X_FORWARDED_FOR=f"203.0.113.{number}")
    forged = try_to_sign_in(Client(), "jun", PASSWORD, HTTP_X_FORWARDED_FOR="203.0.113.99")
    assert forged.status_code == 429
    assert set(AccessAttempt.objects.values_list("ip_address", flat=True)) == {HERE}


def test_behind_a_trusted_proxy_the_last_entry_counts_and_no_other(
    jun: User, settings: Any
) -> None:
    settings.TRUSTED_PROXY = True
    settings.SIGN_IN_FAILURES_PER_ADDRESS = 12
    for number in range(12):
        forged_in_front = f"10.0.0.{number}, 203.0.113.7"
        fail(1, f"name-{number}", HTTP_X_FORWARDED_FOR=forged_in_front)
    same = {"HTTP_X_FORWARDED_FOR": "1.2.3.4, 203.0.113.7"}
    assert try_to_sign_in(Client(), "jun", PASSWORD, **same).status_code == 429
    other = {"HTTP_X_FORWARDED_FOR": "203.0.113.7, 198.51.100.3"}
    assert try_to_sign_in(Client(), "jun", PASSWORD, **other).status_code == 302


def test_what_somebody_typed_who_has_no_account_is_not_kept_as_an_event(jun: User) -> None:
    fail(1, "my secret password")
    assert not SignInEvent.objects.exists()
    fail(10, "jun")
    kinds = list(SignInEvent.objects.order_by("pk").values_list("kind", flat=True))
    assert kinds == ["refused"] * 9 + ["locked"]


def test_a_flood_of_attempts_is_held_up_before_anything_is_hashed(jun: User, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login": "3/m/ip"}
    for _ in range(3):
        assert try_to_sign_in(Client(), "jun", PASSWORD).status_code == 302
    assert try_to_sign_in(Client(), "jun", PASSWORD).status_code == 429


# --- where a sign-in leads --------------------------------------------------------------------

FOREIGN = [
    "//evil.example",
    "///evil.example",
    "////evil.example/%2f..",
    "https://evil.example/",
    "http:///evil.example",
    "HTTPS:evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "\\\\evil.example",
    "/\\evil.example",
    "/\\/evil.example",
    "\\/evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/\r\nLocation: https://evil.example",
    "/%0d%0a\r\nSet-Cookie: x=1",
    "/\x00",
    "/\u2028/evil.example",
    "evil.example",
    "?next=//evil.example",
    "http://testserver/",
    "",
]


@pytest.mark.parametrize("target", FOREIGN)
def test_a_sign_in_never_leads_to_another_site(client: Client, jun: User, target: str) -> None:
    assert not is_own_path(target)
    answer = try_to_sign_in(client, "jun", PASSWORD, data={"next": target})
    assert answer.headers["Location"] == "/"
    assert "x=1" not in str(answer.cookies)


@pytest.mark.parametrize("target", ["/people/?q=a%20b&sort=-username", "/", "/a/%0d%0a/b"])
def test_a_path_of_our_own_is_gone_on_to(client: Client, jun: User, target: str) -> None:
    answer = try_to_sign_in(client, "jun", PASSWORD, data={"next": target})
    assert answer.headers["Location"] == target


# --- sessions ---------------------------------------------------------------------------------


def test_a_sign_in_gives_the_session_a_new_key(client: Client, jun: User) -> None:
    client.get("/sign-in/")
    session = client.session
    session["planted"] = 1
    session.save()
    client.cookies["sessionid"] = str(session.session_key)
    try_to_sign_in(client, "jun", PASSWORD)
    assert client.cookies["sessionid"].value != session.session_key
    assert not Client(HTTP_COOKIE=f"sessionid={session.session_key}").session.get("_auth_user_id")


def test_a_session_ends_after_its_hours_used_or_not(client: Client, jun: User, rules: Any) -> None:
    rules(session_hours=3)
    with time_machine.travel(START, tick=False) as clock:
        try_to_sign_in(client, "jun", PASSWORD)
        for _ in range(2):
            clock.shift(dt.timedelta(hours=1))
            assert client.get("/account/").status_code == 200
        clock.shift(dt.timedelta(hours=1, seconds=1))
        answer = client.get("/account/?x=1")
        assert answer.headers["Location"].startswith("/sign-in/?next=/account/")
        assert client.get("/api/v1/metrics/").status_code == 401


@pytest.mark.both_engines
def test_i_see_my_sessions_and_end_one_or_all_others(jun: User) -> None:
    here, there, elsewhere = Client(), Client(), Client()
    for each in (here, there, elsewhere):
        try_to_sign_in(each, "jun", PASSWORD, HTTP_USER_AGENT="Chromium")
    html = here.get("/account/").content.decode()
    assert html.count("This session") == 1
    assert html.count("Another session") == 2
    from allauth.usersessions.models import UserSession

    one = UserSession.objects.get(session_key=there.session.session_key)
    assert here.post(f"/account/sessions/{one.pk}/end/").status_code == 302
    assert there.get("/account/").status_code == 302
    assert elsewhere.get("/account/").status_code == 200
    here.post("/account/sessions/end/")
    assert elsewhere.get("/account/").status_code == 302
    html = here.get("/account/").content.decode()
    assert (html.count("This session"), html.count("Another session")) == (1, 0)


def test_nobody_ends_the_session_of_somebody_else(client: Client, jun: User) -> None:
    from allauth.usersessions.models import UserSession

    victim = Client()
    try_to_sign_in(victim, "jun", PASSWORD)
    client.force_login(User.objects.create_user("ada"))
    session = UserSession.objects.get()
    assert client.post(f"/account/sessions/{session.pk}/end/").status_code == 404
    assert victim.get("/account/").status_code == 200


def test_another_password_ends_every_other_session(client: Client, jun: User) -> None:
    other = Client()
    for each in (client, other):
        try_to_sign_in(each, "jun", PASSWORD)
    fresh = "an even longer pass phrase"
    data = {"old_password": PASSWORD, "new_password1": fresh, "new_password2": fresh}
    assert client.post("/account/password/", data).status_code == 302
    assert client.get("/account/").status_code == 200
    assert other.get("/account/").status_code == 302
    assert is_in(client)
