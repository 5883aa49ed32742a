"""Costs through the API: exact, apart by currency and basis, with all that a reader needs."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from rest_framework.test import APIClient

from adoption.models import UseCase
from billing.models import DailyCost
from billing.services.monthly_rollups import refresh_monthly_costs
from portal.choices import ImportKind, RunStatus, RunTrigger
from portal.models import Connection, ImportRun, User
from portal.shell.periods import Month
from tests.adoption.factories import NOW, make_use_case, make_user
from tests.portal.api.conformance import PublishedSchema

DAILY = "/api/v1/costs/daily/"
IMPORTED = NOW - dt.timedelta(hours=2)


@pytest.fixture
def use_case(db: None) -> UseCase:
    return make_use_case(title="Answer drafts")


@pytest.fixture
def connection(db: None) -> Connection:
    made = Connection.objects.create(
        slug="cloud", name="Cloud", source="focus", kind=ImportKind.COSTS, created_at=NOW
    )
    ImportRun.objects.create(
        connection=made,
        status=RunStatus.APPLIED,
        trigger=RunTrigger.COMMAND,
        requested_at=IMPORTED,
        finished_at=IMPORTED,
    )
    return made


@pytest.fixture
def client(use_case: UseCase) -> APIClient:
    made = APIClient()
    made.force_login(make_user())
    return made


def cost(connection: Connection, use_case: UseCase | None, day: str, **fields: Any) -> DailyCost:
    values: dict[str, Any] = {
        "provider": "AWS",
        "service_name": "Bedrock",
        "charge_category": "Usage",
        "currency": "USD",
        "cost_basis": "metered",
        "billed_nano": 1_000_000_001,
        "effective_nano": 900_000_000,
        "effective_unknown": 0,
        "charges": 2,
        "changed_at": IMPORTED,
        "unallocated_reason": "" if use_case else "no_rule",
    }
    made = DailyCost.objects.create(
        connection=connection,
        use_case=use_case,
        day=dt.date.fromisoformat(day),
        **(values | fields),
    )
    refresh_monthly_costs(connection_id=connection.pk, months={Month.of(made.day)})
    return made


def get(client: APIClient, path: str, **query: str) -> Any:
    with time_machine.travel(NOW, tick=False):
        return client.get(path, query)


def costs_path(use_case: UseCase) -> str:
    return f"/api/v1/use-cases/{use_case.slug}/costs/"


def test_a_daily_row_carries_figures_and_where_they_come_from(
    client: APIClient, use_case: UseCase, connection: Connection
) -> None:
    cost(connection, use_case, "2026-11-19")
    (row,) = get(client, DAILY).json()["results"]
    lineage = row["billed"].pop("lineage_url")
    assert row["billed"] == {
        "value": "1.000000001",
        "reason": None,
        "unit": "money",
        "currency": "USD",
        "basis": "metered",
        "status": "provisional",
        "as_of": "2026-11-20T10:00:00Z",
    }
    assert parse_qs(urlsplit(lineage).query) == {
        "use_case": ["answer-drafts"],
        "day": ["2026-11-19"],
        "service": ["Bedrock"],
        "provider": ["AWS"],
        "model": ["(none)"],
        "cost_center": ["(none)"],
        "category": ["Usage"],
        "connection": ["cloud"],
        "currency": ["USD"],
        "basis": ["metered"],
        "measure": ["billed"],
    }
    assert row["effective"]["value"] == "0.9"
    assert "measure=effective" in row["effective"]["lineage_url"]
    assert (row["day"], row["use_case"], row["connection"]) == (
        "2026-11-19",
        "answer-drafts",
        "cloud",
    )
    assert row["unallocated_reason"] is None


def test_an_effective_cost_that_no_line_states_is_null_with_a_reason(
    client: APIClient, use_case: UseCase, connection: Connection
) -> None:
    cost(connection, use_case, "2026-11-19", effective_nano=0, effective_unknown=2)
    (row,) = get(client, DAILY).json()["results"]
    assert row["effective"]["value"] is None
    assert row["effective"]["reason"] == "effective_cost_not_stated"
    assert row["effective"]["status"] is None
    assert row["effective_unknown"] == 2


@pytest.mark.parametrize(
    ("day", "fields", "status"),
    [
        ("2026-11-19", {}, "provisional"),
        ("2026-08-01", {"changed_at": NOW - dt.timedelta(days=30)}, "final"),
        ("2026-08-01", {"uninvoiced": 1}, "provisional"),
        ("2026-08-01", {"restated": 1}, "restated"),
        ("2026-08-01", {"cost_basis": "estimated"}, "estimated"),
    ],
)
def test_a_figure_says_how_settled_it_is(
    client: APIClient,
    use_case: UseCase,
    connection: Connection,
    day: str,
    fields: dict[str, Any],
    status: str,
) -> None:
    cost(connection, use_case, day, **fields)
    (row,) = get(client, DAILY).json()["results"]
    assert row["billed"]["status"] == status
    assert get(client, costs_path(use_case)).json()["totals"][0]["billed"]["status"] == status


def test_the_window_is_half_open_and_days_add_up(
    client: APIClient, use_case: UseCase, connection: Connection
) -> None:
    for day in ("2026-10-31", "2026-11-01", "2026-11-02"):
        cost(connection, use_case, day)
    window = {"from": "2026-10-31", "to": "2026-11-02"}
    days = [row["day"] for row in get(client, DAILY, **window).json()["results"]]
    assert days == ["2026-10-31", "2026-11-01"]


def test_filters_by_use_case_and_by_what_none_bears(
    client: APIClient, use_case: UseCase, connection: Connection
) -> None:
    cost(connection, use_case, "2026-11-01")
    cost(connection, make_use_case(), "2026-11-01")
    cost(connection, None, "2026-11-01")
    assert len(get(client, DAILY).json()["results"]) == 3
    (own,) = get(client, DAILY, use_case=use_case.slug).json()["results"]
    assert own["use_case"] == use_case.slug
    (rest,) = get(client, DAILY, unallocated="true").json()["results"]
    assert (rest["use_case"], rest["unallocated_reason"]) == (None, "no_rule")
    assert "use_case=unallocated" in rest["billed"]["lineage_url"]
    assert len(get(client, DAILY, unallocated="false").json()["results"]) == 2


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2026-13-01"},
        {"from": "2026-11-02", "to": "2026-11-02"},
        {"use_case": "nowhere"},
        {"unallocated": "perhaps"},
        {"until": "2026-11-02"},
        {"person": "1"},
    ],
)
def test_what_cannot_be_read_is_refused_and_not_answered_with_everything(
    client: APIClient, query: dict[str, str]
) -> None:
    response = get(client, DAILY, **query)
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"


def test_daily_pages_are_complete_and_cost_the_same_queries(
    client: APIClient, use_case: UseCase, connection: Connection, django_assert_num_queries: Any
) -> None:
    made = [cost(connection, use_case, f"2026-11-{1 + n // 3:02}", charges=n) for n in range(10)]
    seen = []
    address: str | None = f"{DAILY}?limit=4"
    while address:
        with django_assert_num_queries(4):  # session, user, page, freshness
            answer = client.get(address).json()
        seen += [row["charges"] for row in answer["results"]]
        address = answer["next"]
    assert seen == list(range(len(made)))


@pytest.mark.both_engines
def test_sums_never_mix_currencies_or_bases_and_are_exact(
    client: APIClient, use_case: UseCase, connection: Connection
) -> None:
    huge = 9_000_000_000_000_000_001
    cost(connection, use_case, "2026-10-01", billed_nano=huge, effective_nano=-5)
    cost(connection, use_case, "2026-11-01", billed_nano=huge, effective_nano=-5)
    cost(connection, use_case, "2026-11-01", currency="EUR", service_name="Search")
    cost(connection, use_case, "2026-11-01", cost_basis="estimated", service_name="Search")
    cost(connection, None, "2026-11-01", billed_nano=7)
    answer = get(client, costs_path(use_case)).json()
    totals = [
        (one["billed"]["currency"], one["billed"]["basis"], one["billed"]["value"])
        for one in answer["totals"]
    ]
    assert totals == [
        ("EUR", "metered", "1.000000001"),
        ("USD", "estimated", "1.000000001"),
        ("USD", "metered", "18000000000.000000002"),
    ]
    assert answer["totals"][2]["effective"]["value"] == "-0.00000001"
    months = [
        (one["month"], one["billed"]["currency"], one["billed"]["basis"])
        for one in answer["by_month"]
    ]
    assert months == [
        ("2026-10", "USD", "metered"),
        ("2026-11", "EUR", "metered"),
        ("2026-11", "USD", "estimated"),
        ("2026-11", "USD", "metered"),
    ]
    for part in ("by_month", "by_service"):
        total = sum(
            Decimal(one["billed"]["value"])
            for one in answer[part]
            if (one["billed"]["currency"], one["billed"]["basis"]) == ("USD", "metered")
        )
        assert total == Decimal("18000000000.000000002")
    assert [one["billed"]["value"] for one in answer["unallocated"]] == ["0.000000007"]


@pytest.mark.sweep
def test_months_narrow_the_sums_and_their_lineage(
    client: APIClient, use_case: UseCase, connection: Connection
) -> None:
    for day in ("2026-09-30", "2026-10-01", "2026-10-31", "2026-11-01"):
        cost(connection, use_case, day)
    answer = get(client, costs_path(use_case), **{"from": "2026-10", "to": "2026-10"}).json()
    assert answer["window"] == {"from": "2026-10-01", "to": "2026-11-01"}
    assert answer["totals"][0]["billed"]["value"] == "2.000000002"
    assert "month=2026-10" in answer["totals"][0]["billed"]["lineage_url"]


@pytest.mark.parametrize(
    "query", [{"from": "2026-10-01"}, {"from": "2026-11", "to": "2026-10"}, {"limit": "5"}]
)
def test_months_that_cannot_be_read_are_refused(
    client: APIClient, use_case: UseCase, query: dict[str, str]
) -> None:
    assert get(client, costs_path(use_case), **query).status_code == 400


def test_no_cost_is_said_and_not_zero(client: APIClient, use_case: UseCase) -> None:
    answer = get(client, costs_path(use_case)).json()
    assert answer["reason"] == "no_cost_allocated"
    assert answer["totals"] == answer["by_month"] == answer["by_service"] == []


@pytest.mark.sweep
def test_what_has_not_changed_is_not_sent_again(
    client: APIClient, use_case: UseCase, connection: Connection
) -> None:
    cost(connection, use_case, "2026-11-01")
    for path in (DAILY, costs_path(use_case)):
        with time_machine.travel(NOW, tick=False):
            tag = client.get(path)["ETag"]
            assert client.get(path, headers={"if-none-match": tag}).status_code == 304
            row = cost(connection, use_case, "2026-11-02")
            assert client.get(path, headers={"if-none-match": tag}).status_code == 200
            row.delete()
            refresh_monthly_costs(connection_id=connection.pk, months={Month(2026, 11)})


@pytest.mark.parametrize("path", [DAILY, "{use_case}"])
def test_nobody_and_closed_accounts_are_refused(
    client: APIClient, use_case: UseCase, path: str
) -> None:
    path = path.format(use_case=costs_path(use_case))
    assert APIClient().get(path).status_code == 401
    User.objects.update(is_active=False)
    assert client.get(path).status_code == 401


@pytest.mark.sweep
def test_a_use_case_that_is_not_there_is_not_found(client: APIClient) -> None:
    assert client.get("/api/v1/use-cases/nowhere/costs/").status_code == 404


def test_answers_are_as_the_schema_says(
    client: APIClient, use_case: UseCase, connection: Connection
) -> None:
    published = PublishedSchema()
    cost(connection, use_case, "2026-11-01")
    cost(connection, None, "2026-11-01", effective_unknown=2)
    for path in (DAILY, costs_path(use_case)):
        published.check(client.get(path), "get")
