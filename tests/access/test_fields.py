"""What may be written from outside, field by field: nothing that a form or a payload does not name.

Every name of a column of every table is sent along, and names from elsewhere that would be worth
having. The API refuses each by name; a page leaves it out.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django import forms
from django.apps import apps
from django.db import models
from drf_spectacular.generators import SchemaGenerator

from tests.access.asking import Asker, drawn
from tests.access.matrix import Column, Row
from tests.access.rewriting import ROOMS, modules
from tests.access.routes import addresses
from tests.access.rows import all_rows

pytestmark = pytest.mark.django_db

# Nobody writes these; they are decided, measured or kept by the product.
DECIDED = frozenset(
    """
    id pk version status state stage stage_since state_reason role roles is_superuser is_staff
    is_active groups user_permissions password last_login person_key granted_by granted_at
    created_by created_at updated_at claimed_by claimed_at reviewed_by reviewed_at approved_by
    approved_at decided_by decided_at approval requested_by released_by released_at retired_by
    retired_at reached_at measured_nano measured_at merged_at deployed_at held_at reverted_at
    secret_hash revoked_at revoked_by
    """.split()  # noqa: SIM905  (sixty strings in a list cannot be read)
)
# What every save moves: the version, its moment, and who has edited since the last approval.
BY_ITSELF = {"version", "updated_at", "editors_since_stage", "editors_since_approval"}
# Forms in which somebody with the right to it sets such a thing, each with the reason.
MEANT = {
    ("ConnectionForm", "is_active"): "an administrator switches a connection on and off",
    ("AskForRoleForm", "role"): "it asks for a role; another person's approval grants it",
    ("TileForm", "version"): "which version of a metric a tile shows, not that of a record",
    ("SignInForm", "password"): "to be compared, not written",
}
# Endpoints by which another system says how things stand there, with the reason.
SAID = {
    ("api-changes", "POST"): "what a provider says of its requests: when they were merged",
    ("api-mcp", "POST"): "the number of a message, which its answer carries",
    ("api-deployments", "POST"): "what a deployment tool says of its own: version and status",
}


def names() -> dict[str, models.Field[Any, Any]]:
    """Every column of every table of the rooms, by both of its names."""
    found: dict[str, models.Field[Any, Any]] = {}
    for model in apps.get_models():
        if model._meta.app_label in ROOMS:
            for each in model._meta.concrete_fields:
                found |= {each.name: each, each.attname: each}
    return found


def hostile(asker: Asker) -> dict[str, Any]:
    """A value for each name, of its kind, that differs from what is there."""
    given: dict[str, Any] = {}
    for name, each in names().items():
        if isinstance(each, models.BooleanField):
            given[name] = True
        elif isinstance(each, (models.DateField, models.DateTimeField)):
            given[name] = "2031-03-03"
        elif isinstance(each, (models.ForeignKey, models.IntegerField)):
            given[name] = asker.world.people[Column.EMPLOYEE].pk
        else:
            given[name] = "hostile"
    return dict.fromkeys(DECIDED, "hostile") | given


# --- The API -------------------------------------------------------------------------------------


def bodies() -> dict[tuple[str, str], set[str]]:
    """Route and method → names that the schema says a payload may have."""
    schema = SchemaGenerator().get_schema(public=True)
    found: dict[tuple[str, str], set[str]] = {}
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {})
            reference = content.get("application/json", {}).get("schema", {}).get("$ref", "")
            if reference:
                body = schema["components"]["schemas"][reference.split("/")[-1]]
                found[re.sub(r"{\w+}", "{}", path), method.upper()] = set(
                    body.get("properties", ())
                )
    return found


def writable() -> Iterator[tuple[Row, str]]:
    """Rows of the API with a method that takes a payload, and lets somebody in."""
    seen = set()
    for row in all_rows():
        for method, door in row.doors.items():
            takes_payload = row.is_api and method in {"POST", "PUT", "PATCH"} and door.to
            if takes_payload and not row.label and (row.route, method) not in seen:
                seen.add((row.route, method))
                yield row, method


def _schema_path(row: Row) -> str:
    route = next(each.route for each in addresses() if each.key == row.route)
    return "/" + re.sub(r"<(?:\w+:)?\w+>", "{}", route)


def test_the_api_refuses_by_name_whatever_a_payload_may_not_have(asker: Asker) -> None:
    known, everything = bodies(), hostile(asker)
    problems = []
    for row, method in writable():
        column = min(row.doors[method].to)
        allowed = known.get((_schema_path(row), method), set())
        too_much = allowed & DECIDED
        if too_much and (row.route, method) not in SAID:
            problems.append(f"{method} {row.id} lets {sorted(too_much)} be written")
        sent = {name: value for name, value in everything.items() if name not in allowed}
        path = asker.path(row)
        # An action stands below the thing whose version it wants to know.
        thing = path if "GET" in row.doors else path.rsplit("/", 2)[0] + "/"
        headers = {"if-match": asker.send(column, "GET", thing).headers.get("ETag", "")}
        answer = asker.send(column, method, path, sent, headers=headers)
        errors = json.loads(answer.body or "{}").get("errors", {})
        refused = {name for name, found in errors.items() if found[0]["code"] == "not_writable"}
        if answer.status_code != 400 or refused != set(sent):
            problems.append(
                f"{method} {row.id}: {answer.status_code}, takes {sorted(set(sent) - refused)[:9]}"
            )
    assert not problems, "\n".join(problems)


# --- Pages ---------------------------------------------------------------------------------------


def test_no_form_asks_for_what_is_decided_elsewhere() -> None:
    asked = {
        (form.__name__, name)
        for module in modules()
        for _, form in inspect.getmembers(sys.modules[module], inspect.isclass)
        if issubclass(form, forms.Form) and form.__module__ == module
        if "filters" not in module
        for name in set(form.declared_fields) & DECIDED
    }
    assert asked - set(MEANT) == set()


def everything_stored() -> dict[tuple[str, Any], dict[str, Any]]:
    """Every row of every table of the rooms."""
    return {
        (model._meta.label, row["pk"]): row
        for model in apps.get_models()
        if model._meta.app_label in ROOMS
        for row in model._base_manager.values(
            "pk", *(each.attname for each in model._meta.concrete_fields)
        )
    }


def edits() -> Iterator[tuple[Row, Column]]:
    """Pages with a form about something that exists, and somebody who may send it."""
    for row in all_rows():
        door = row.doors.get("POST")
        if door and door.to and not row.is_api and not row.label and "edit" in row.route:
            yield row, min(door.to)


def payload_of(answer: Any) -> dict[str, Any]:
    """What a browser would send of a form that nobody has touched."""
    form = answer.context["form"]
    found = {bound.html_name: bound.value() for bound in form}
    return {name: "on" if value is True else value or "" for name, value in found.items()}


def test_a_page_writes_nothing_but_the_fields_of_its_form(asker: Asker) -> None:
    everything, problems, saved = hostile(asker), [], 0
    before = everything_stored()  # and again after each request, which is undone
    for row, column in edits():
        path = asker.path(row)
        with drawn():
            payload = payload_of(asker.send(column, "GET", path))
        extra = {name: value for name, value in everything.items() if name not in payload}
        after: dict[tuple[str, Any], dict[str, Any]] = {}

        def look(into: dict[tuple[str, Any], dict[str, Any]] = after) -> None:
            into.update(everything_stored())

        answer = asker.send(column, "POST", path, {**payload, **extra}, look=look)
        saved += answer.status_code == 302
        for key in before.keys() & after.keys():
            changed = {n for n, value in before[key].items() if after[key][n] != value}
            if changed - BY_ITSELF:
                problems.append(f"{row.id}: {key} {sorted(changed)}")
        for key in after.keys() - before.keys():
            if marks := {n for n, value in after[key].items() if value == "hostile"}:
                problems.append(f"{row.id} made {key} with {sorted(marks)}")
    assert not problems, "\n".join(problems)
    assert saved > 3, "hardly any of the forms was taken, so this shows nothing"
