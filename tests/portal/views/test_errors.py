"""Error pages: in the house look, without the database, and as problems for the API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client, RequestFactory

from portal.views import errors


@pytest.fixture
def no_database(settings: Any) -> Iterator[None]:
    """Any query fails, as it would with the database gone."""

    def refuse(*_: Any) -> Any:
        raise AssertionError("an error page asked the database")

    with connection.execute_wrapper(refuse):
        yield


@pytest.mark.parametrize(
    ("view", "status"),
    [
        (errors.bad_request, 400),
        (errors.forbidden, 403),
        (errors.not_found, 404),
        (errors.server_error, 500),
        (errors.csrf_failure, 403),
    ],
)
@pytest.mark.usefixtures("no_database")
def test_each_page_stands_without_user_session_and_database(
    rf: RequestFactory, view: Any, status: int
) -> None:
    response = view(rf.get("/somewhere/"))
    html = response.content.decode()
    assert response.status_code == status
    assert html.count("<h1>") == 1
    assert "plumbline.css" in html
    assert 'href="/"' in html


def test_a_page_keeps_the_chosen_theme(rf: RequestFactory) -> None:
    request = rf.get("/somewhere/")
    request.COOKIES["plumbline_theme"] = "dark"
    assert b'data-theme="dark"' in errors.not_found(request).content


def test_the_api_gets_a_problem_instead_of_a_page(rf: RequestFactory) -> None:
    response = errors.not_found(rf.get("/api/v1/no-such/"))
    assert response.headers["Content-Type"] == "application/problem+json"
    assert json.loads(response.content)["status"] == 404


def test_the_last_resort_needs_no_template(
    rf: RequestFactory, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(name: str) -> Any:
        raise RuntimeError(name)

    monkeypatch.setattr(errors, "get_template", fail)
    response = errors.server_error(rf.get("/"))
    assert response.status_code == 500
    assert response.content.startswith(b"Something went wrong")
    assert "the error page itself failed" in caplog.text


def test_a_fault_in_a_page_is_answered_with_a_reference_and_without_details(
    ada_client: Client, gallery: str
) -> None:
    ada_client.raise_request_exception = False
    response = ada_client.get(f"{gallery}broken/")
    html = response.content.decode()
    assert response.status_code == 500
    assert "the gallery's broken page" not in html
    assert "Reference for support" in html


def test_an_unknown_address_and_a_refused_page_say_so(ada_client: Client, gallery: str) -> None:
    assert ada_client.get("/no-such-page/").status_code == 404
    response = ada_client.get(f"{gallery}refused/")
    assert response.status_code == 403
    assert "not open to you" in response.content.decode()


def test_a_form_without_its_token_is_refused_in_words(db: None) -> None:
    response = Client(enforce_csrf_checks=True).post("/sign-in/", {"username": "ada"})
    assert response.status_code == 403
    assert "The form has expired" in response.content.decode()
