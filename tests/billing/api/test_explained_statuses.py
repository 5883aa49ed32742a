"""Explained through the API and the command, every amount says how settled it is."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from rest_framework.test import APIClient

from tests.billing.settled import DAYS, LATER, Settled, bill
from tests.imports import START, Clock, run_import
from tests.portal.api.conformance import published_schema

pytestmark = pytest.mark.django_db
EXPLAIN = "/api/v1/costs/explain/"
STATED = {"closed": "closed", "moved": "restated", "calm": "final", "bare": "restated"}


@pytest.fixture
def client(settled: Settled) -> Iterator[APIClient]:
    with time_machine.travel(LATER, tick=False):
        made = APIClient()
        made.force_login(settled.finance)
        yield made


def explained(client: APIClient, figure: str, **query: str) -> Any:
    response = client.get(EXPLAIN, {"figure": figure, **query})
    assert response.status_code == 200, response.content
    published_schema().check(response, "get")
    return response.json()


@pytest.mark.both_engines
def test_a_charge_and_its_parts(client: APIClient, settled: Settled) -> None:
    for name, (_, status) in DAYS.items():
        found = explained(client, f"charge:{settled.charge(name).pk}")
        assert found["charge"]["status"] == status, name
        assert [each["status"] for each in found["allocations"]] == [status]
        assert found["part_statuses"] is None


@pytest.mark.both_engines
def test_a_charge_as_it_was(client: APIClient, settled: Settled) -> None:
    """Provisional when it came, closed, and restated since: each moment says what was so then."""
    figure = f"charge:{settled.charge('moved').pk}"
    moments = {
        START + dt.timedelta(hours=1): "provisional",
        START + dt.timedelta(days=1, hours=1): "closed",
        START + dt.timedelta(days=2, hours=1): "restated",
    }
    for at, status in moments.items():
        found = explained(client, figure, as_of=at.isoformat())
        assert found["charge"]["status"] == status
        assert [each["status"] for each in found["allocations"]] == [status]


@pytest.mark.both_engines
def test_an_invoice_its_parts_and_destinations(client: APIClient, settled: Settled) -> None:
    for name, stated in STATED.items():
        lines = DAYS[name][1]
        found = explained(client, f"invoice:{name.title()} Ltd/{name}-1")
        said = found["invoice"]
        assert (said["status"], said["lines_status"]) == (stated, lines), name
        assert found["part_statuses"].keys() == found["parts"].keys()
        assert found["part_statuses"]["allocated"] == lines
        assert found["part_statuses"]["rounding"] == stated
        assert [each["status"] for each in found["destinations"]] == [lines]
        assert [each["status"] for each in found["allocations"]] == [lines]


@pytest.mark.both_engines
def test_every_line_of_a_figure_now_and_then(client: APIClient, settled: Settled) -> None:
    found = explained(client, "cost:month=2026-05")
    told = {each["charge"]: each["status"] for each in found["allocations"]}
    assert told == {settled.charge(name).pk: status for name, (_, status) in DAYS.items()}
    then = explained(client, "cost:month=2026-05", as_of=f"{START:%Y-%m-%d}")
    assert {each["status"] for each in then["allocations"]} == {"provisional", "estimated"}


def test_pages_of_lines_need_no_more_queries(
    client: APIClient, settled: Settled, django_assert_max_num_queries: Any
) -> None:
    figure = "invoice:Calm Ltd/calm-1"
    with django_assert_max_num_queries(60) as counted:
        explained(client, figure)
    rows = [bill("calm", "1", ResourceId=f"r{number}") for number in range(80)]
    run_import(settled.charge("calm").slice.connection, rows, clock=Clock())
    with django_assert_max_num_queries(len(counted.captured_queries)):
        assert len(explained(client, figure, limit="80")["allocations"]) == 80


def test_the_command_says_it_too(client: APIClient, settled: Settled) -> None:
    charge = settled.charge("moved")
    found = json.loads(said("explain", f"charge:{charge.pk}", "--json"))
    assert [each["status"] for each in found["versions"]] == ["restated", "restated"]
    text = said("explain", "invoice:Closed Ltd/closed-1")
    assert "allocated: 10  closed" in text
    assert "10  closed" in text.partition("went to:")[2]
    assert "USD  closed  answer-drafts" in text


def said(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()
