"""The list of connections, one connection, and configuring it by its source's schema."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from django.test import Client
from pydantic import BaseModel

from billing.sources.focus.config import FocusConfig
from portal.choices import Role
from portal.forms.config_fields import UnknownKindError, config_fields
from portal.models import Connection
from tests.imports import Clock, line, make_connection, request, run_import
from tests.portal.imports.conftest import SignedIn

# What the form of a FOCUS connection sends where nobody fills in a bucket.
NO_BUCKET = {"config_region": "us-east-1", "config_late_days": "5"}


def text_of(response: Any) -> str:
    """What a reader sees, without tags."""
    body = re.sub(r"<[^>]+>", " ", response.content.decode())
    return re.sub(r"\s+", " ", body)


def test_the_list_says_how_fresh_a_connection_is_and_what_waits(
    fin_client: Client, cloud: Connection
) -> None:
    run_import(cloud, [line(), line(4, ChargePeriodStart="soon")], clock=Clock())
    run_import(cloud, b"nonsense\n1\n")
    html = fin_client.get("/imports/").content.decode()
    assert "Refused" in html
    assert "20 Nov 2026, 12:00" in html
    assert f'href="/imports/quarantine/?connection={cloud.pk}&amp;state=waiting">1</a>' in html


def test_a_connection_that_never_imported_says_so(fin_client: Client, cloud: Connection) -> None:
    assert "never imported" in text_of(fin_client.get("/imports/"))
    assert "nothing applied yet" in text_of(fin_client.get("/imports/connections/cloud/"))


def test_the_list_costs_the_same_number_of_queries_whatever_its_length(
    fin_client: Client, django_assert_max_num_queries: Any, db: None
) -> None:
    def cost() -> int:
        with django_assert_max_num_queries(20) as captured:
            fin_client.get("/imports/")
        return len(captured)

    make_connection("first")
    cost()  # the footer's freshness is asked for once and then cached
    few = cost()
    for number in range(12):
        request(make_connection(f"more-{number}"), [line()])
    assert cost() == few


def test_the_list_filters_sorts_and_exports(fin_client: Client, cloud: Connection) -> None:
    other = make_connection("other")
    Connection.objects.filter(pk=other.pk).update(is_active=False)
    shown = text_of(fin_client.get("/imports/?active=no"))
    assert "Other" in shown
    assert "Cloud cloud" not in shown
    response: Any = fin_client.get("/imports/?sort=-name&export=csv")
    export = b"".join(response.streaming_content)
    rows = list(csv.reader(io.StringIO(export.decode().lstrip("\ufeff"))))
    assert [row[0] for row in rows] == ["Connection", "Other", "Cloud"]


def test_an_administrator_makes_a_connection_in_two_steps(signed_in: SignedIn) -> None:
    admin = signed_in(Role.ADMINISTRATOR)
    choice = admin.get("/imports/connections/new/").content.decode()
    assert 'href="?source=focus"' in choice
    assert 'href="?source=git"' in choice
    form = admin.get("/imports/connections/new/?source=focus").content.decode()
    assert 'name="config_hold_jump_percent"' in form
    response = admin.post(
        "/imports/connections/new/?source=focus",
        {
            "name": "Main cloud",
            "slug": "main-cloud",
            "rejection_policy": "refuse",
            "config_cost_basis": "metered",
            "config_hold_jump_percent": "25",
            "config_hold_jump_floor": "10",
            **NO_BUCKET,
        },
    )
    assert response.headers["Location"] == "/imports/connections/main-cloud/"
    made = Connection.objects.get()
    assert (made.name, made.source, made.rejection_policy) == ("Main cloud", "focus", "refuse")
    assert made.config == FocusConfig().model_dump() | {
        "cost_basis": "metered",
        "hold_jump_percent": 25,
        "hold_jump_floor": 10,
    }
    assert made.created_by is not None
    assert "25" in text_of(admin.get("/imports/connections/main-cloud/"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"slug": "cloud"}, "already exists"),
        ({"slug": "no spaces"}, "valid"),
        ({"config_hold_jump_percent": "-1"}, "greater than or equal to 0"),
        ({"config_hold_jump_percent": "10001"}, "less than or equal to 10000"),
        ({"config_cost_basis": "guessed"}, "guessed is not one of the available choices"),
        ({"name": ""}, "required"),
    ],
)
def test_a_mistake_comes_back_with_what_was_typed_and_makes_nothing(
    signed_in: SignedIn, cloud: Connection, changes: dict[str, str], said: str
) -> None:
    data = {
        "name": "Typed name",
        "slug": "typed",
        "rejection_policy": "quarantine",
        "config_cost_basis": "invoiced",
        "config_hold_jump_percent": "50",
        "config_hold_jump_floor": "100",
        **NO_BUCKET,
    }
    admin = signed_in(Role.ADMINISTRATOR)
    response = admin.post("/imports/connections/new/?source=focus", data | changes)
    assert response.status_code == 200
    assert said in text_of(response)
    assert Connection.objects.count() == 1


def test_a_source_checks_what_its_schema_alone_knows(signed_in: SignedIn) -> None:
    admin = signed_in(Role.ADMINISTRATOR)
    data = {
        "name": "Code",
        "slug": "code",
        "rejection_policy": "quarantine",
        "config_production_tag_pattern": "(",
    }
    response = admin.post("/imports/connections/new/?source=git", data)
    assert "not a regular expression" in text_of(response)
    assert not Connection.objects.exists()


def test_editing_keeps_slug_and_source_and_shows_what_is_set(
    signed_in: SignedIn, cloud: Connection
) -> None:
    admin = signed_in(Role.ADMINISTRATOR)
    path = "/imports/connections/cloud/edit/"
    assert 'name="slug"' not in admin.get(path).content.decode()
    data = {
        "name": "Renamed",
        "rejection_policy": "refuse",
        "config_cost_basis": "estimated",
        "config_hold_jump_percent": "7",
        "config_hold_jump_floor": "0",
        **NO_BUCKET,
    }
    assert admin.post(path, data).status_code == 302
    cloud.refresh_from_db()
    assert (cloud.slug, cloud.source, cloud.name) == ("cloud", "focus", "Renamed")
    assert not cloud.is_active
    assert cloud.config["hold_jump_percent"] == 7
    assert "Switched off" in text_of(admin.get("/imports/connections/cloud/"))


def test_a_connection_pages_through_its_runs_without_loading_the_page_again(
    fin_client: Client, cloud: Connection
) -> None:
    for _ in range(11):
        request(cloud, [line()])
    fragment = fin_client.get(
        "/imports/connections/cloud/?page=2", headers={"HX-Request": "true"}
    ).content.decode()
    assert fragment.strip().startswith('<div id="runs">')
    assert fragment.count("<tr>") == 2


def test_a_schema_with_a_kind_that_no_form_knows_is_named() -> None:
    class Odd(BaseModel):
        days: dict[str, int] = {}

    with pytest.raises(UnknownKindError, match="days"):
        config_fields(Odd, {})
