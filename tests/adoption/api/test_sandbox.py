"""The sandbox: the shape of real values, marked everywhere, about nothing of the house."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from adoption.api.metric_shapes import MetricValueSerializer
from adoption.api.sandbox_samples import SAMPLES
from tests.adoption.api.conftest import client_of
from tests.adoption.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> APIClient:
    return client_of(make_user())


def values(client: APIClient, key: str, **query: str) -> Any:
    return client.get(f"/api/v1/sandbox/metrics/{key}/values/", query)


def test_every_sample_has_the_shape_of_a_real_value_and_says_sandbox(client: APIClient) -> None:
    listed = client.get("/api/v1/sandbox/metrics/").json()["results"]
    assert [each["key"] for each in listed] == [each.key for each in SAMPLES]
    fields = set(MetricValueSerializer().fields)
    for sample in listed:
        assert sample["key"].startswith("sandbox_")
        answer = client.get(sample["url"])
        if answer.status_code == 409:
            assert json.loads(answer.content)["metric_status"] == "suspended"
            continue
        document = answer.json()
        assert document["sandbox"] is True
        for value in document["results"]:
            assert set(value) == fields
            assert "sandbox" in value["warnings"]
            assert value["scope"] == "use_case:sandbox"
            assert value["lineage"] == [sample["url"]]
            assert (value["value"] is None) != (value["reason"] is None)


def test_each_state_that_a_reader_must_cope_with_is_there(client: APIClient) -> None:
    found = {
        each.key: values(client, each.key) for each in SAMPLES if each.key != "sandbox_suspended"
    }
    newest = {key: answer.json()["results"][-1] for key, answer in found.items()}
    assert newest["sandbox_restated"]["data_status"] == "restated"
    assert newest["sandbox_money"]["value"] == "1999.999999999"
    assert (newest["sandbox_money"]["currency"], newest["sandbox_money"]["basis"]) == (
        "EUR", "invoiced",
    )  # fmt: skip
    small = found["sandbox_small_group"].json()["results"][1]
    assert (small["value"], small["reason"], small["n"]) == (None, "small_group", None)
    gap = found["sandbox_gap"].json()["results"][1]
    assert (gap["value"], gap["reason"], gap["suppressed"]) == (None, "no_data", False)
    ending = found["sandbox_deprecated"]
    assert ending["Sunset"] == "Thu, 31 Dec 2099 00:00:00 GMT"
    assert ending["Deprecation"].startswith("@")
    assert "Sunset" not in found["sandbox_series"]


def test_ranges_tags_and_files_are_as_of_real_ones(client: APIClient) -> None:
    answer = values(client, "sandbox_series", **{"from": "2026-02-01", "to": "2026-03-01"})
    assert [each["value"] for each in answer.json()["results"]] == ["15"]
    again = client.get(
        "/api/v1/sandbox/metrics/sandbox_series/values/?from=2026-02-01&to=2026-03-01",
        headers={"If-None-Match": answer["ETag"]},
    )
    assert again.status_code == 304
    rows = list(
        csv.DictReader(io.StringIO(values(client, "sandbox_money", format="csv").content.decode()))
    )
    assert [row["value"] for row in rows] == ["1234.567890123", "2000", "1999.999999999"]
    assert all("sandbox" in row["warnings"] for row in rows)
    assert values(client, "sandbox_series", scope="use_case:x").status_code == 400
    assert values(client, "held_deliveries").status_code == 404


def test_nothing_of_the_house_is_read(client: APIClient) -> None:
    values(client, "sandbox_series")
    with CaptureQueriesContext(connection) as queries:
        values(client, "sandbox_series")
    assert not [each for each in queries if "adoption_metric" in each["sql"]]
