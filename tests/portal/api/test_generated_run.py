"""Whatever is sent, each operation answers as the schema says, and never with a 500."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from tests.adoption.api.conftest import World, client_of, world
from tests.plugins.sweeping import examples
from tests.portal.api.conformance import PublishedSchema, published_schema

__all__ = ["world"]

NUMBERS = ["1", "0", "99999999999999999999999"]  # for whatever else stands in a path
TEXTS = ["", "x", "a b", "é", "\0", "0", "-1", "2026-02-30", "2026-11-20", "9" * 30, "NaN", "'--"]
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(TEXTS),
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.sampled_from(["a", "id"]), st.integers(), max_size=1),
)
SOME = settings(
    max_examples=examples(2), suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def published() -> PublishedSchema:
    return published_schema()


def names_in(published: PublishedSchema, operation: dict[str, Any], where: str) -> list[str]:
    return [one["name"] for one in operation.get("parameters", []) if one["in"] == where]


def body_fields(published: PublishedSchema, operation: dict[str, Any]) -> dict[str, Any]:
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    name = schema["$ref"].rsplit("/", 1)[1]
    fields: dict[str, Any] = published.document["components"]["schemas"][name]["properties"]
    return fields


@pytest.fixture
def paths(world: World) -> dict[str, list[str]]:
    """Values for what stands in paths: one that is there, and some that are not."""
    return {
        "slug": [world.use_case.slug, "nowhere"],
        "milestone_id": [str(world.milestone.pk), "0", "99999999999999999999999"],
        "key": ["things", "no.such"],
    }


@pytest.fixture
def clients(world: World) -> dict[str, APIClient]:
    return {
        "nobody": APIClient(),
        "employee": client_of(world.employee),
        "owner": client_of(world.owner),
        "lead": client_of(world.lead),
    }


@pytest.mark.django_db
@SOME
@given(data=st.data())
def test_no_request_surprises(
    published: PublishedSchema,
    world: World,
    paths: dict[str, list[str]],
    clients: dict[str, APIClient],
    data: st.DataObject,
) -> None:
    for template, method, operation in published.operations():
        if "/hooks/" in template:
            continue  # takes any bytes and believes none that are not signed: `test_hooks.py`
        who = data.draw(st.sampled_from(sorted(clients)), label="who")
        client = clients[who]
        given = {
            name: data.draw(st.sampled_from(paths.get(name, NUMBERS)))
            for name in names_in(published, operation, "path")
        }
        path = template.format(**given)
        if method == "get":
            names = names_in(published, operation, "query")
            query = data.draw(
                st.dictionaries(st.sampled_from([*names, "more"]), st.sampled_from(TEXTS))
                if names
                else st.just({})
            )
            response = client.get(path, query)
        else:
            fields = sorted(body_fields(published, operation))
            body = data.draw(
                st.dictionaries(st.sampled_from([*fields, "more"]), VALUES, max_size=6)
            )
            headers = data.draw(
                st.sampled_from([{}, {"if-match": '"v1"'}, {"idempotency-key": "k"}])
            )
            response = getattr(client, method)(path, body, format="json", headers=headers)
        published.check(response, method)
