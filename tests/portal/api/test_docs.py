"""The schema is valid OpenAPI 3.1, and its page runs under the strict policy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from playwright.sync_api import Page
from rest_framework.test import APIClient

from portal.models import User
from tests.portal.api.conformance import published_schema

SCHEMA, DOCS = "/api/v1/schema/", "/api/v1/docs/"


@pytest.mark.django_db
def test_the_schema_is_valid_openapi_3_1_and_what_the_other_tests_read(api: APIClient) -> None:
    schema = api.get(SCHEMA, {"format": "json"}).json()
    assert schema["paths"] == published_schema().document["paths"]
    assert schema["openapi"].startswith("3.1")
    validate_schema(schema)


def test_every_operation_says_what_it_does_and_how_it_fails() -> None:
    for path, method, operation in published_schema().operations():
        where = f"{method} {path}"
        assert operation.get("summary"), where
        assert operation.get("tags"), where
        # A sender of hooks is proven or not; it has no rights, and reads no answer.
        general = {"401", "500"} if "/hooks/" in path else {"401", "403", "406", "500"}
        assert general <= set(operation["responses"]), where
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"], where
        if "{" in path:
            assert "404" in operation["responses"], where
        if method in {"post", "patch"}:
            assert {"400", "409", "415"} <= set(operation["responses"]), where


def test_generating_the_schema_needs_no_guess() -> None:
    """As `check --deploy` asks: a warning is a name or a type that the generator made up."""
    GENERATOR_STATS.reset()
    with GENERATOR_STATS.silence():
        SchemaGenerator().get_schema(public=True)
    assert [*GENERATOR_STATS._warn_cache, *GENERATOR_STATS._error_cache] == []


@pytest.mark.django_db
def test_the_schema_is_for_people_who_are_signed_in() -> None:
    response = APIClient().get(SCHEMA)
    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.django_db
def test_the_page_sends_to_sign_in() -> None:
    response = Client().get(DOCS)
    assert response.status_code == 302
    assert response["Location"] == f"/sign-in/?next={DOCS}"


def test_only_the_files_that_the_page_needs_are_served() -> None:
    assert finders.find("vendor/swagger-ui/swagger-ui-bundle.js")
    for name in ("swagger-ui-bundle.js.map", "oauth2-redirect.html"):
        assert not finders.find(f"vendor/swagger-ui/{name}")
        assert not finders.find(f"drf_spectacular_sidecar/swagger-ui-dist/{name}")


@pytest.mark.django_db(transaction=True)
def test_the_page_runs_without_a_complaint_of_the_browser(
    page: Page, live_server: Any, sign_in: Callable[[Any], None]
) -> None:
    sign_in(User.objects.create_user("ann"))
    page.goto(live_server.url + DOCS)
    page.locator(".swagger-ui .info .title").wait_for()
    page.wait_for_load_state("networkidle")
    assert "Plumbline API" in page.inner_text(".swagger-ui .info .title")
