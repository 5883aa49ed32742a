"""Every error below /api/ is a problem, in one shape, and never a page."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from portal.api.errors import (
    PROBLEM_TYPES,
    FieldProblem,
    Problem,
    Translations,
    invalid,
    problem_for_status,
)
from portal.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.portal.api.toy_urls")]
THINGS = "/api/v1/things/"


def problem_of(response: Any, status: int, code: str) -> dict[str, Any]:
    """The problem document, after checking its shape."""
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["type"] == f"urn:plumbline:problem:{code}"
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    assert document["instance"] == response.wsgi_request.path
    assert len(document["request_id"]) == 36
    assert "<" not in response.content.decode()
    return document


def test_anonymous_is_asked_to_sign_in_and_not_sent_elsewhere() -> None:
    response = APIClient().get(THINGS)
    problem_of(response, 401, "not-signed-in")
    assert response["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", ["/api/", "/api/v1/nothing/", "/api/v2/", "/api/v1/things"])
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_an_unknown_address_is_a_problem_for_anybody(path: str, method: str) -> None:
    problem_of(getattr(APIClient(), method)(path), 404, "not-found")


def test_a_write_without_csrf_token_is_refused(person: User) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(person)
    response = client.post(THINGS, {"name": "a"}, format="json")
    assert "CSRF" in problem_of(response, 403, "forbidden")["detail"]


def test_invalid_fields_are_named_with_code_and_sentence(api: APIClient) -> None:
    payload = {"name": "x" * 11, "lines": [{"amount": 1}, {"amount": "one"}]}
    errors = problem_of(api.post(THINGS, payload, format="json"), 400, "invalid")["errors"]
    assert errors["name"][0]["code"] == "max_length"
    assert errors["lines.1.amount"][0]["code"] == "invalid"
    assert set(errors) == {"name", "lines.1.amount"}


@pytest.mark.parametrize("field", ["id", "nonsense"])
def test_a_field_that_cannot_be_written_is_refused_and_not_ignored(
    api: APIClient, field: str
) -> None:
    response = api.post(THINGS, {"name": "a", field: 1}, format="json")
    assert problem_of(response, 400, "invalid")["errors"][field][0]["code"] == "not_writable"


def test_an_unknown_parameter_is_refused(api: APIClient) -> None:
    errors = problem_of(api.get(THINGS, {"sorce": "x"}), 400, "invalid")["errors"]
    assert errors["sorce"][0]["code"] == "unknown_parameter"


def test_a_parameter_given_twice_is_refused(api: APIClient) -> None:
    errors = problem_of(api.get(f"{THINGS}?named=a&named=b"), 400, "invalid")["errors"]
    assert errors["named"][0]["code"] == "repeated"


@pytest.mark.parametrize("body", ["{", "[" * 100_000, '{"name": NaN}', "\xff"])
def test_a_body_that_is_no_json_is_a_bad_request(api: APIClient, body: str) -> None:
    response = api.post(THINGS, body.encode("latin-1"), content_type="application/json")
    problem_of(response, 400, "bad-request")


def test_a_list_where_an_object_belongs_is_invalid(api: APIClient) -> None:
    problem_of(api.post(THINGS, [1], format="json"), 400, "invalid")


def test_another_media_type_is_refused(api: APIClient) -> None:
    response = api.post(THINGS, "name=a", content_type="application/x-www-form-urlencoded")
    problem_of(response, 415, "unsupported-media-type")


def test_a_large_body_is_refused_before_it_is_read(api: APIClient, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    problem_of(api.post(THINGS, {"name": "a" * 200}, format="json"), 413, "too-large")


def test_html_is_not_acceptable(api: APIClient) -> None:
    problem_of(api.get(THINGS, headers={"accept": "text/html"}), 406, "not-acceptable")


def test_a_method_that_is_not_there_is_named(api: APIClient) -> None:
    response = api.delete(THINGS)
    problem_of(response, 405, "method-not-allowed")
    assert "GET" in response["Allow"]
    problem_of(api.options(THINGS), 405, "method-not-allowed")


def test_too_many_requests_say_when_to_come_back(api: APIClient) -> None:
    response = api.get("/api/v1/failing/throttled/")
    problem_of(response, 429, "too-many-requests")
    assert response["Retry-After"] == "7"


def test_an_unexpected_error_tells_its_id_and_nothing_else(api: APIClient) -> None:
    response = api.get("/api/v1/failing/unexpectedly/")
    problem_of(response, 500, "server-error")
    assert "secret" not in response.content.decode()


def test_a_wrong_host_is_a_problem_too(api: APIClient) -> None:
    problem_of(api.get(THINGS, headers={"host": "elsewhere.example"}), 400, "bad-request")


def test_problem_codes_are_unique_and_cover_the_statuses() -> None:
    codes = [kind.code for kind in PROBLEM_TYPES]
    assert len(set(codes)) == len(codes)
    assert {kind.status for kind in PROBLEM_TYPES} == {
        400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 422, 428, 429, 500,
    }  # fmt: skip
    assert problem_for_status(502).kind.code == "server-error"
    assert problem_for_status(418).kind.code == "bad-request"


def test_the_most_specific_translation_decides() -> None:
    known = Translations()
    known.add(ValueError, lambda error: invalid({"a": [FieldProblem("x", str(error))]}))
    known.add(UnicodeError, lambda error: Problem(PROBLEM_TYPES[0], "text"))
    found = known.find(UnicodeError("u"))
    assert found is not None
    assert found.detail == "text"
    assert "a" in (known.find(ValueError("v")) or found).errors
    assert known.find(KeyError("k")) is None
