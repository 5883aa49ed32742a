"""The first people of an installation: made at the command line, with roles, once."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from portal.choices import GrantSource
from portal.models import AuditEvent, RoleGrant, User

pytestmark = [pytest.mark.django_db, pytest.mark.both_engines]


def make(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("create_person", *arguments, "--json", stdout=out)
    document: dict[str, Any] = json.loads(out.getvalue())
    return document


def test_who_was_made_signs_in_and_holds_the_roles() -> None:
    made = make("ada", "--name", "Ada Byron", "--role", "administrator", "--role", "finance")
    assert made["roles"] == ["administrator", "finance"]
    client = Client()
    client.post("/sign-in/", {"username": "ada", "password": made["password"]})
    assert client.get("/people/").status_code == 200
    assert "Ada Byron" in client.get("/").content.decode()
    grants = RoleGrant.objects.filter(user__username="ada")
    assert {grant.source for grant in grants} == {GrantSource.BOOTSTRAP}


def test_the_audit_has_the_reason() -> None:
    make("ada", "--name", "Ada Byron", "--role", "finance", "--reason", "our first controller")
    grant = RoleGrant.objects.get()
    event = AuditEvent.objects.get(table="portal_rolegrant", key=str(grant.pk))
    assert event.reason == "our first controller"


def test_a_name_that_is_taken_or_impossible_is_refused_and_nothing_is_made() -> None:
    make("ada", "--name", "Ada Byron")
    with pytest.raises(CommandError, match="somebody signs in as 'ADA' already"):
        make("ADA", "--name", "Another")
    with pytest.raises(CommandError, match="email: Enter a valid email address"):
        make("ben", "--name", "Ben", "--email", "nowhere")
    with pytest.raises(CommandError, match="username: Enter a valid username"):
        make("two words", "--name", "Two")
    assert User.objects.count() == 1


def test_the_password_alone_is_on_stdout() -> None:
    out, said = StringIO(), StringIO()
    call_command("create_person", "ada", "--name", "Ada Byron", stdout=out, stderr=said)
    password = out.getvalue().strip()
    assert User.objects.get().check_password(password)
    assert password not in said.getvalue()
