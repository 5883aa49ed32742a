"""The break-glass account: one, made by command, never without its second factor, never quiet."""

from __future__ import annotations

import json
import logging
from io import StringIO
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from portal.models import SignInEvent, User
from portal.services.people import PersonRefusedError, reset_second_factor
from tests.portal.signin.test_second_factor import code_at

pytestmark = pytest.mark.django_db


def make(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("break_glass_account", "--json", *arguments, stdout=out)
    document: dict[str, Any] = json.loads(out.getvalue())
    return document


def use(client: Client, keys: dict[str, Any]) -> Any:
    data = {"username": keys["username"], "password": keys["password"]}
    answer = client.post("/sign-in/", data)
    assert answer.headers["Location"] == "/sign-in/code/", "the code is asked for, always"
    return client.post("/sign-in/code/", {"code": code_at(keys["totp_secret"], timezone.now())})


def test_it_is_used_with_both_factors_where_all_else_is_switched_off(
    client: Client, rules: Any, caplog: pytest.LogCaptureFixture
) -> None:
    keys = make()
    rules(local_accounts=False, second_factor=False)
    with caplog.at_level(logging.ERROR):
        use(client, keys)
        assert client.get("/people/").status_code == 200
        client.post("/account/sessions/end/")
    loud = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert any("sign_in_break_glass_used" in line for line in loud)
    assert any("break_glass_request" in line for line in loud)
    assert SignInEvent.objects.filter(kind="break_glass_used").count() == 1


def test_every_page_of_everybody_says_that_it_is_in_use(client: Client, db: None) -> None:
    other = Client()
    other.force_login(User.objects.create_user("ada"))
    says = "The break-glass account is signed in."
    assert says not in other.get("/").content.decode()
    use(client, make())
    from django.core.cache import cache

    cache.clear()  # as some seconds later
    assert says in client.get("/").content.decode()
    assert says in other.get("/").content.decode()
    assert says not in Client().get("/sign-in/").content.decode()
    client.post("/sign-out/")
    cache.clear()
    assert says not in other.get("/").content.decode()


@pytest.mark.both_engines
def test_new_keys_end_the_old_ones(client: Client, db: None) -> None:
    old = make()
    use(client, old)
    new = make()
    assert client.get("/people/").status_code == 302
    answer = Client().post("/sign-in/", {"username": old["username"], "password": old["password"]})
    assert answer.status_code == 200
    use(Client(), new)


@pytest.mark.both_engines
def test_there_is_one_and_it_is_nobodys(db: None) -> None:
    make("--username", "envelope")
    with pytest.raises(CommandError, match="is called envelope"):
        make("--username", "another")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user("second", is_break_glass=True)


def test_a_persons_account_does_not_become_it(db: None) -> None:
    User.objects.create_user("ada")
    with pytest.raises(CommandError, match="somebody's account"):
        make("--username", "ada")


def test_its_second_factor_is_neither_removed_nor_reset(client: Client, jun: User) -> None:
    keys = make()
    use(client, keys)
    client.post("/account/second-factor/remove/")
    user = User.objects.get(is_break_glass=True)
    assert Authenticator.objects.filter(user=user, type="totp").exists()
    with pytest.raises(PersonRefusedError, match="made anew"):
        reset_second_factor(user=user, reason="x", at=timezone.now(), actor=jun)
