"""Metrics for assistants: the same caller gets the same answer as from the API, and no other."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from adoption.api.mcp import PROTOCOLS, TOOLS
from adoption.models import MetricStanding, MetricValue
from portal.choices import Role
from portal.services.api_tokens import create_api_token
from tests.adoption.api.conftest import client_of
from tests.adoption.factories import make_use_case, make_user
from tests.adoption.metrics.windowed import (
    FEBRUARY,
    FILLED,
    KEY,
    ThingsMetric,
    approve_standing,
    fill_year,
    make_standing,
    registered_things,
)

pytestmark = pytest.mark.django_db
URL = "/api/v1/mcp/"


@pytest.fixture
def things() -> Iterator[ThingsMetric]:
    with registered_things() as metric:
        yield metric


@pytest.fixture
def standing(things: ThingsMetric) -> MetricStanding:
    case = make_use_case(title="Answer drafts")
    fill_year(things, case)
    things.set(case.pk, FEBRUARY, 4711, contributors=4)
    things.fill(FILLED + dt.timedelta(days=1))
    return make_standing(make_user(Role.PROGRAMME_LEAD, name="Lea Lead"), case.pk)


@pytest.fixture
def client() -> APIClient:
    return client_of(make_user())


def send(client: APIClient, method: str, params: Any = None, **more: Any) -> Any:
    body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params or {}} | more
    return client.post(URL, body, format="json")


def call(client: APIClient, name: str, **arguments: Any) -> dict[str, Any]:
    answer = send(client, "tools/call", {"name": name, "arguments": arguments})
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()["result"]
    assert json.loads(found["content"][0]["text"]) == found["structuredContent"]
    return found


def test_the_protocol_is_agreed_and_the_tools_are_read_only(client: APIClient) -> None:
    said = send(client, "initialize", {"protocolVersion": "2025-03-26"}).json()
    assert (said["id"], said["result"]["protocolVersion"]) == (7, "2025-03-26")
    newer = send(client, "initialize", {"protocolVersion": "2099-01-01"}).json()
    assert newer["result"]["protocolVersion"] == PROTOCOLS[0]
    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert client.post(URL, note, format="json").status_code == 202
    assert send(client, "ping").json()["result"] == {}
    tools = send(client, "tools/list").json()["result"]["tools"]
    assert [tool["name"] for tool in tools] == list(TOOLS)
    assert all(tool["annotations"]["readOnlyHint"] for tool in tools)
    assert client.get(URL).status_code == 405


def test_an_answer_is_that_of_the_api(client: APIClient, standing: MetricStanding) -> None:
    refused = call(client, "get_metric_values", key=KEY)
    problem = refused["structuredContent"]
    assert (refused["isError"], problem["status"], problem["metric_status"]) == (True, 409, "draft")
    approve_standing(standing, at=FILLED + dt.timedelta(days=1))
    query = {"scope": "use_case:answer-drafts", "to": "2026-03-01", "compare": "previous"}
    told = call(client, "get_metric_values", key=KEY, **query)
    api = client.get(f"/api/v1/metrics/{KEY}/values/", query).json()
    assert (told["isError"], told["structuredContent"]) == (False, api)
    assert [each["value"] for each in api["results"]] == ["1", None]
    assert "4711" not in told["content"][0]["text"]
    pk = MetricValue.objects.get(window_starts_on=FEBRUARY, superseded_at=None).pk
    told = call(client, "explain_value", value_id=pk)
    assert told["structuredContent"] == client.get(f"/api/v1/explain/{pk}/").json()
    assert told["structuredContent"]["facts"] is None
    listed = call(client, "list_metrics")["structuredContent"]
    assert listed == client.get("/api/v1/metrics/").json()


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("drop_metrics", {}, "no such tool"),
        ("get_metric_values", {}, "Missing: key"),
        ("get_metric_values", {"key": 5}, "not of its type"),
        ("get_metric_values", {"key": "a/b"}, "No address"),
        ("get_metric_values", {"key": "a", "user": "x"}, "no argument"),
        ("explain_value", {"value_id": True}, "not of its type"),
        ("explain_value", {"value_id": -1}, "not one that a value can have"),
        ("explain_value", ["x"], "is an object"),
    ],
)
def test_what_a_tool_does_not_take_is_an_error(
    client: APIClient, name: str, arguments: Any, said: str
) -> None:
    answer = send(client, "tools/call", {"name": name, "arguments": arguments}).json()
    assert said in answer["error"]["message"]
    assert "result" not in answer


def test_what_is_no_message_is_a_problem(client: APIClient) -> None:
    bodies: tuple[Any, ...] = ([], {}, {"jsonrpc": "1.0", "id": 1, "method": "ping"})
    for body in bodies:
        assert client.post(URL, body, format="json").status_code == 400
    assert send(client, "tools/explode").json()["error"]["code"] == -32601
    wrong = client.post(
        URL, {"jsonrpc": "2.0", "id": 1, "method": "ping"}, format="json",
        headers={"MCP-Protocol-Version": "1999-01-01"},
    )  # fmt: skip
    assert wrong.status_code == 400
    unread = call(client, "get_metric_values", key="held_deliveries", **{"from": "soon"})
    assert unread["structuredContent"]["status"] == 400


def test_a_token_needs_the_scope_and_nobody_gets_nothing() -> None:
    now = timezone.now()
    answers = []
    for scope in ("metrics:read", "registry:read"):
        _, text = create_api_token(
            owner=make_user(), name="Assistant", scopes=[scope], actor=None, at=now,
            expires_at=now + dt.timedelta(days=1),
        )  # fmt: skip
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
        answers.append(send(client, "tools/call", {"name": "list_metrics"}).status_code)
    assert answers == [200, 403]
    assert send(APIClient(), "ping").status_code == 401
