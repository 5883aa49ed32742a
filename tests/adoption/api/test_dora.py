"""DORA's five of a service: approved ones as `values` answers them, the others by their status."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from adoption.metrics.registry import metrics
from adoption.models import MetricStanding, Service
from adoption.selectors.dora import FIVE
from adoption.services.metric_filling import fill_metrics
from adoption.services.metric_standings import deprecate_standing, open_standing
from portal.choices import Role
from tests.adoption.api.conftest import client_of
from tests.adoption.delivering import NOW, Delivering
from tests.adoption.factories import make_programme, make_user
from tests.adoption.metrics.windowed import approve_standing

pytestmark = pytest.mark.django_db


@pytest.fixture
def service() -> Service:
    make_programme()
    shop = Delivering()
    shop.daily(60)
    found = shop.send()
    fill_metrics(at=NOW, keys=FIVE)
    return found


@pytest.fixture
def client() -> APIClient:
    return client_of(make_user())


def standing_of(key: str, service: Service) -> MetricStanding:
    lead = make_user(Role.PROGRAMME_LEAD)
    return open_standing(
        key=key, version=metrics.get(key).version, scope_id=service.pk, owner=lead, actor=lead,
        at=NOW,
    )  # fmt: skip


def test_only_what_is_approved_for_this_service_is_answered(
    client: APIClient, service: Service
) -> None:
    url = f"/api/v1/services/{service.key}/dora/"
    assert "/" in service.key
    refused = client.get(url)
    assert (refused.status_code, json.loads(refused.content)["metric_status"]) == (409, "draft")
    standing = standing_of("change_lead_time", service)
    approve_standing(standing)
    answer = client.get(url)
    found: dict[str, Any] = answer.json()
    assert found["service"] == {
        "key": service.key, "name": service.name, "scope": f"service:{service.pk}",
    }  # fmt: skip
    assert [each["metric"] for each in found["metrics"]] == ["change_lead_time"]
    assert {each["metric"]: each["status"] for each in found["not_served"]} == {
        key: "draft" for key in FIVE if key != "change_lead_time"
    }
    values = client.get(
        "/api/v1/metrics/change_lead_time/values/", {"scope": f"service:{service.pk}"}
    ).json()
    assert found["metrics"][0]["results"] == values["results"]
    assert "24" in {each["value"] for each in values["results"]}
    assert client.get(url, headers={"If-None-Match": answer["ETag"]}).status_code == 304
    by_number = client.get(f"/api/v1/services/{service.pk}/dora/", {"to": "2026-03-01"}).json()
    assert {
        each["window"]["to"] <= "2026-03-01" for each in by_number["metrics"][0]["results"]
    } == {True}
    deprecate_standing(
        standing_id=standing.pk, reason="Another one.", sunset_on=dt.date(2027, 3, 1),
        actor=standing.owner, at=NOW,
    )  # fmt: skip
    ended = client.get(url)
    assert ended["Sunset"] == "Mon, 01 Mar 2027 00:00:00 GMT"
    assert client.get(url, headers={"If-None-Match": answer["ETag"]}).status_code == 200


def test_a_service_that_is_not_there_is_404(client: APIClient, service: Service) -> None:
    for key in ("git.example/acme/nothing", "0", "9" * 30, "%00"):
        assert client.get(f"/api/v1/services/{key}/dora/").status_code == 404
    assert client.get(f"/api/v1/services/{service.key}/dora/", {"x": "1"}).status_code == 400
