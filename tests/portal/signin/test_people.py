"""People: leavers cut off at once, unlocking, who holds what, and who may see and do that."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from portal.models import RoleGrant, SignInEvent, User
from portal.services.people import (
    PersonRefusedError,
    deactivate_person,
    end_sessions,
    reactivate_person,
)
from tests.portal.signin.conftest import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def ines(db: None) -> User:
    """A person with a role and a password."""
    user = User.objects.create_user(
        "ines", password=PASSWORD, full_name="Ines Okafor", email="ines@acme.example"
    )
    user.role_grants.create(role="finance", granted_at=user.date_joined)
    return user


@pytest.fixture
def admin(jun: User) -> Client:
    client = Client()
    client.force_login(jun)
    return client


def signed_in(username: str = "ines") -> Client:
    client = Client()
    client.post("/sign-in/", {"username": username, "password": PASSWORD})
    assert client.get("/account/").status_code == 200
    return client


@pytest.mark.both_engines
def test_a_leaver_is_cut_off_at_once_everywhere(ines: User, jun: User) -> None:
    sessions = [signed_in(), signed_in()]
    forced = Client()
    forced.force_login(ines)
    deactivate_person(user=ines, reason="left on 20 November", at=timezone.now(), actor=jun)
    for session in (*sessions, forced):
        assert session.get("/account/").status_code == 302
        assert session.get("/api/v1/metrics/").status_code == 401
    assert not RoleGrant.objects.filter(user=ines).exists()
    answer = Client().post("/sign-in/", {"username": "ines", "password": PASSWORD})
    assert "do not match" in answer.content.decode()
    event = SignInEvent.objects.get(kind="deactivated")
    assert (event.user, event.actor, event.detail) == (ines, jun, "left on 20 November")


@pytest.mark.both_engines
def test_coming_back_revives_no_session_and_no_role(ines: User, jun: User) -> None:
    session = signed_in()
    forced = Client()
    forced.force_login(ines)
    deactivate_person(user=ines, reason="left", at=timezone.now(), actor=jun)
    reactivate_person(user=ines, reason="came back", at=timezone.now(), actor=jun)
    assert session.get("/account/").status_code == 302
    assert forced.get("/account/").status_code == 302
    assert not User.objects.get(pk=ines.pk).roles
    signed_in()


def test_ending_sessions_needs_no_knowledge_of_them(ines: User) -> None:
    forced = Client()
    forced.force_login(ines)
    assert end_sessions(user=ines, at=timezone.now()) == 0
    assert forced.get("/account/").status_code == 302


@pytest.mark.both_engines
def test_it_is_refused_without_a_reason_for_oneself_and_for_the_last_administrator(
    ines: User, jun: User
) -> None:
    now = timezone.now()
    with pytest.raises(PersonRefusedError, match="Say why"):
        deactivate_person(user=ines, reason="  ", at=now, actor=jun)
    with pytest.raises(PersonRefusedError, match="their own account"):
        deactivate_person(user=jun, reason="x", at=now, actor=jun)
    with pytest.raises(PersonRefusedError, match="last active administrator"):
        deactivate_person(user=jun, reason="x", at=now)
    assert User.objects.filter(is_active=True).count() == 2


def run(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("deactivate_person", *arguments, "--json", stdout=out)
    document: dict[str, Any] = json.loads(out.getvalue())
    return document


def test_the_command_for_the_personnel_department(ines: User, jun: User) -> None:
    session = signed_in()
    said = run("INES@acme.example", "--reason", "left")
    assert said == {"username": "ines", "was_active": True, "is_active": False}
    assert session.get("/account/").status_code == 302
    assert run("ines", "--reason", "left")["was_active"] is False
    assert SignInEvent.objects.filter(kind="deactivated").count() == 1


@pytest.mark.parametrize("name", ["nobody", "shared@acme.example", ""])
def test_the_command_deactivates_nobody_by_mistake(ines: User, name: str) -> None:
    for number in range(2):
        User.objects.create_user(f"twin-{number}", email="shared@acme.example")
    with pytest.raises(CommandError) as failure:
        run(name, "--reason", "left")
    assert failure.value.returncode == 2
    assert not User.objects.filter(is_active=False).exists()


def test_an_administrator_does_it_on_the_page(admin: Client, ines: User, jun: User) -> None:
    session = signed_in()
    page = admin.get(f"/people/{ines.pk}/").content.decode()
    assert f"/people/{ines.pk}/deactivate/" in page
    assert f"/people/{ines.pk}/roles/ask/" in page
    assert f"/people/{ines.pk}/roles/finance/revoke/" in page
    address = f"/people/{ines.pk}/deactivate/"
    assert admin.post(address, {"reason": ""}).status_code == 200
    assert admin.post(address, {"reason": "left"}).headers["Location"] == f"/people/{ines.pk}/"
    assert session.get("/account/").status_code == 302
    page = admin.get(f"/people/{ines.pk}/").content.decode()
    assert "Deactivated: left" in page
    assert "by Jun Watanabe" in page
    assert admin.post(f"/people/{jun.pk}/deactivate/", {"reason": "x"}).status_code == 200
    assert User.objects.get(pk=jun.pk).is_active


def test_an_administrator_unlocks_and_that_is_recorded(
    admin: Client, ines: User, jun: User
) -> None:
    for _ in range(10):
        Client().post("/sign-in/", {"username": "INES", "password": "wrong"})
    page = admin.get(f"/people/{ines.pk}/").content.decode()
    assert "Locked." in page
    admin.post(f"/people/{ines.pk}/unlock/", {"reason": "called back"})
    signed_in()
    event = SignInEvent.objects.get(kind="unlocked")
    assert (event.user, event.actor) == (ines, jun)


def test_lists_say_who_holds_what_since_when_and_by_whom(
    admin: Client, ines: User, jun: User
) -> None:
    people = admin.get("/people/?role=finance").content.decode()
    assert "Ines Okafor" in people
    assert f'href="/people/{jun.pk}/"' not in people
    held = admin.get("/people/roles/?export=csv")
    text = b"".join(held.streaming_content).decode()  # type: ignore[attr-defined]
    assert '"ines"' in text
    assert '"Set up at the command line"' in text
    csv = b"".join(admin.get("/people/?export=csv").streaming_content).decode()  # type: ignore[attr-defined]
    assert '"Finance"' in csv


def test_a_list_costs_the_same_whatever_its_length(
    admin: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(40):
        user = User.objects.create_user(f"p{number:02}")
        user.role_grants.create(role="finance", granted_at=user.date_joined)
    with django_assert_max_num_queries(12):
        admin.get("/people/")


def test_an_auditor_sees_and_changes_nothing(client: Client, ines: User) -> None:
    auditor = User.objects.create_user("signe")
    auditor.role_grants.create(role="auditor", granted_at=auditor.date_joined)
    client.force_login(auditor)
    page = client.get(f"/people/{ines.pk}/").content.decode()
    assert "deactivate" not in page
    assert client.post(f"/people/{ines.pk}/deactivate/", {"reason": "x"}).status_code == 403
