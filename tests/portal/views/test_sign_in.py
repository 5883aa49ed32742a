"""Sign-in, sign-out and the choice of light or dark."""

from __future__ import annotations

import pytest
from django.test import Client

from portal.models import User


def test_signing_in_leads_to_where_the_person_was_heading(client: Client, ada: User) -> None:
    data = {"username": "ada", "password": "a long pass phrase", "next": "/theme/?x=1"}
    response = client.post("/sign-in/", data)
    assert response.headers["Location"] == "/theme/?x=1"
    assert client.get("/").status_code == 200


@pytest.mark.parametrize("target", ["https://elsewhere.example/", "//elsewhere.example/"])
def test_signing_in_never_leads_to_another_site(client: Client, ada: User, target: str) -> None:
    data = {"username": "ada", "password": "a long pass phrase", "next": target}
    assert client.post("/sign-in/", data).headers["Location"] == "/"


def test_every_way_of_being_wrong_gets_the_same_answer(client: Client, ada: User) -> None:
    User.objects.create_user("gone", password="a long pass phrase", is_active=False)
    said = set()
    for name, password in [("ada", "wrong"), ("nobody", "wrong"), ("gone", "a long pass phrase")]:
        html = client.post("/sign-in/", {"username": name, "password": password}).content.decode()
        assert "do not match an active account" in html
        said.add(html.count("<li>"))
    assert len(said) == 1


def test_who_is_signed_in_already_goes_on(ada_client: Client) -> None:
    assert ada_client.get("/sign-in/").headers["Location"] == "/"


def test_signing_out_needs_a_form(ada_client: Client) -> None:
    assert ada_client.get("/sign-out/").status_code == 405
    assert ada_client.post("/sign-out/").headers["Location"] == "/sign-in/"
    assert ada_client.get("/").status_code == 302


@pytest.mark.parametrize("theme", ["light", "dark", "auto"])
def test_a_chosen_theme_is_remembered_and_marked(client: Client, db: None, theme: str) -> None:
    response = client.post("/theme/", {"theme": theme, "next": "/sign-in/"})
    assert response.headers["Location"] == "/sign-in/"
    html = client.get("/sign-in/").content.decode()
    assert f'data-theme="{theme}"' in html
    assert html.count('aria-pressed="true"') == 1


def test_an_unknown_theme_and_a_foreign_address_are_not_taken(client: Client, db: None) -> None:
    data = {"theme": '"><script>', "next": "https://elsewhere.example/"}
    response = client.post("/theme/", data)
    assert response.headers["Location"] == "/"
    assert not response.cookies
    client.cookies["plumbline_theme"] = "nonsense"
    assert 'data-theme="auto"' in client.get("/sign-in/").content.decode()
