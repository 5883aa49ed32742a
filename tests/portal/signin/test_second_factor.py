"""The second factor: who needs one, how it is got, that a code works once, how it is reset."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.test import Client

from portal.models import RoleGrant, SignInEvent, User
from portal.services.people import PersonRefusedError, reset_second_factor
from tests.portal.signin.conftest import PASSWORD

pytestmark = pytest.mark.django_db
START = dt.datetime(2026, 11, 20, 9, 0, tzinfo=dt.UTC)


def code_at(secret: str, moment: dt.datetime) -> str:
    return format_hotp_value(hotp_value(secret, int(moment.timestamp()) // 30))


def password_step(client: Client, username: str = "jun") -> Any:
    return client.post("/sign-in/", {"username": username, "password": PASSWORD})


def enrol(client: Client, moment: dt.datetime) -> tuple[str, list[str]]:
    """Set up a second factor as a person would; the secret and the recovery codes."""
    html = client.get("/account/second-factor/set-up/").content.decode()
    found = re.search(r'key-text">([A-Z2-7]+)<', html)
    assert found is not None, html
    answer = client.post("/account/second-factor/set-up/", {"code": code_at(found[1], moment)})
    assert answer.headers["Location"] == "/account/second-factor/codes/"
    shown = client.get("/account/second-factor/codes/").content.decode()
    return found[1], re.findall(r"<code>(\d{8})</code>", shown)


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


@pytest.fixture
def clock() -> Any:
    with time_machine.travel(START, tick=False) as travelling:
        yield travelling


@pytest.fixture
def enrolled(rules: Any, jun: User, clock: Any) -> tuple[str, list[str]]:
    """Jun with a second factor, an hour later."""
    rules(second_factor=True)
    client = Client()
    password_step(client)
    keys = enrol(client, START)
    clock.shift(dt.timedelta(hours=1))
    return keys


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/people/"),
        ("POST", "/account/sessions/end/"),
        ("GET", "/account/"),
        ("GET", "/account/second-factor/remove/"),
        ("GET", "/imports/"),
        ("POST", "/imports/connections/new/"),
    ],
)
def test_an_administrator_without_one_gets_nowhere_else(
    client: Client, jun: User, rules: Any, method: str, path: str
) -> None:
    rules(second_factor=True)
    password_step(client)
    answer = client.generic(method, path)
    assert answer.headers["Location"] == "/account/second-factor/"
    page = client.get("/account/second-factor/").content.decode()
    assert "/account/second-factor/set-up/" in page


def test_the_api_says_so_as_well(client: Client, jun: User, rules: Any) -> None:
    rules(second_factor=True)
    password_step(client)
    answer = client.get("/api/v1/metrics/")
    assert answer.status_code == 403
    assert "second factor" in answer.json()["detail"]


def test_others_need_none_and_the_local_demo_neither(client: Client, jun: User, rules: Any) -> None:
    password_step(client)
    assert client.get("/people/").status_code == 200
    assert "does not ask" in client.get("/account/").content.decode()
    rules(second_factor=True)
    User.objects.create_user("ada", password=PASSWORD)
    other = Client()
    password_step(other, "ada")
    assert other.get("/account/").status_code == 200


def test_who_becomes_administrator_is_asked_at_the_next_request(
    client: Client, db: None, rules: Any
) -> None:
    rules(second_factor=True)
    ada = User.objects.create_user("ada", password=PASSWORD)
    password_step(client, "ada")
    assert client.get("/account/").status_code == 200
    RoleGrant.objects.create(user=ada, role="administrator", granted_at=ada.date_joined)
    assert client.get("/account/").headers["Location"] == "/account/second-factor/"


@pytest.mark.both_engines
def test_setting_up_opens_the_rest_and_shows_recovery_codes_once(
    client: Client, jun: User, rules: Any, clock: Any
) -> None:
    rules(second_factor=True)
    other = Client()
    for each in (client, other):
        password_step(each)
    _, codes = enrol(client, START)
    assert len(codes) == len(set(codes)) == 10
    again = client.get("/account/second-factor/codes/").content.decode()
    assert not any(code in again for code in codes)
    assert client.get("/people/").status_code == 200
    assert other.get("/people/").headers["Location"].startswith("/sign-in/"), "old sessions end"
    stored = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert not any(code in stored for code in codes)
    assert SignInEvent.objects.filter(user=jun, kind="factor_enrolled").count() == 1


def test_the_secret_is_stored_encrypted(enrolled: tuple[str, list[str]]) -> None:
    data = Authenticator.objects.get(type="totp").data
    assert enrolled[0] not in str(data)
    assert data["secret"].startswith("gAAAA")


def test_a_password_alone_is_no_sign_in(
    client: Client, enrolled: tuple[str, list[str]], clock: Any
) -> None:
    answer = password_step(client)
    assert answer.headers["Location"] == "/sign-in/code/"
    assert not is_in(client)
    assert client.get("/people/").headers["Location"].startswith("/sign-in/")
    answer = client.post("/sign-in/code/", {"code": "000000"})
    assert answer.status_code == 200
    assert not is_in(client)
    now = START + dt.timedelta(hours=1)
    answer = client.post("/sign-in/code/", {"code": code_at(enrolled[0], now)})
    assert answer.headers["Location"] == "/"
    assert is_in(client)
    assert client.get("/people/").status_code == 200


@pytest.mark.both_engines
def test_a_code_works_once_in_whichever_process(
    enrolled: tuple[str, list[str]], clock: Any
) -> None:
    from django.core.cache import cache

    code = code_at(enrolled[0], START + dt.timedelta(hours=1))
    first, second = Client(), Client()
    for each in (first, second):
        password_step(each)
    first.post("/sign-in/code/", {"code": code})
    assert is_in(first)
    cache.clear()  # as another process would have it
    second.post("/sign-in/code/", {"code": code})
    assert not is_in(second)
    clock.shift(dt.timedelta(seconds=30))
    second.post("/sign-in/code/", {"code": code})
    assert not is_in(second), "the code of the window before was used already"
    later = START + dt.timedelta(hours=1, seconds=30)
    second.post("/sign-in/code/", {"code": code_at(enrolled[0], later)})
    assert is_in(second)


@pytest.mark.both_engines
def test_a_recovery_code_works_once(enrolled: tuple[str, list[str]]) -> None:
    first, second = Client(), Client()
    for each in (first, second):
        password_step(each)
        each.post("/sign-in/code/", {"code": enrolled[1][0]})
    assert is_in(first)
    assert not is_in(second)


def test_wrong_codes_lock_the_account_like_wrong_passwords(
    client: Client, enrolled: tuple[str, list[str]]
) -> None:
    answer = password_step(client)
    for _ in range(10):
        answer = client.post("/sign-in/code/", {"code": "000000"})
    assert answer.status_code == 429
    right = code_at(enrolled[0], START + dt.timedelta(hours=1))
    assert client.post("/sign-in/code/", {"code": right}).status_code == 429
    assert not is_in(client)
    assert password_step(Client()).status_code == 429


def test_who_needs_one_cannot_remove_it(
    client: Client, enrolled: tuple[str, list[str]], jun: User
) -> None:
    password_step(client)
    client.post("/sign-in/code/", {"code": enrolled[1][0]})
    html = client.get("/account/second-factor/remove/").content.decode()
    assert "cannot be removed" in html
    client.post("/account/second-factor/remove/")
    assert Authenticator.objects.filter(user=jun, type="totp").exists()


def test_changing_it_later_asks_whether_it_is_still_you(
    client: Client, enrolled: tuple[str, list[str]], clock: Any
) -> None:
    password_step(client)
    client.post("/sign-in/code/", {"code": enrolled[1][0]})
    clock.shift(dt.timedelta(minutes=6))
    answer = client.get("/account/second-factor/codes/new/")
    assert answer.headers["Location"].startswith("/account/again/")
    page = client.get(answer.headers["Location"])
    assert page.status_code == 200
    client.post(answer.headers["Location"], {"password": PASSWORD})
    assert client.get("/account/second-factor/codes/new/").status_code == 200


@pytest.mark.both_engines
def test_another_administrator_resets_a_lost_one(
    client: Client, enrolled: tuple[str, list[str]], jun: User
) -> None:
    mei = User.objects.create_user("mei", password=PASSWORD)
    lost = Client()
    password_step(lost)
    lost.post("/sign-in/code/", {"code": enrolled[1][0]})
    with pytest.raises(PersonRefusedError, match="Another administrator"):
        reset_second_factor(user=jun, reason="lost", at=START, actor=jun)
    reset_second_factor(user=jun, reason="telephone lost, called back", at=START, actor=mei)
    assert lost.get("/people/").headers["Location"].startswith("/sign-in/")
    assert not Authenticator.objects.filter(user=jun).exists()
    event = SignInEvent.objects.get(kind="factor_reset")
    assert (event.user, event.actor, event.detail) == (jun, mei, "telephone lost, called back")
    assert password_step(client).headers["Location"] == "/"
    assert client.get("/").headers["Location"] == "/account/second-factor/"
