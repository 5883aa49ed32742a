"""What the API answers about metrics: approved figures with all they must say, and nothing else."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from rest_framework.test import APIClient

from adoption.choices import StandingStatus
from adoption.metrics.contracts import Computed
from adoption.metrics.registry import NANO
from adoption.models import MetricStanding, MetricValue, UseCase
from adoption.services.metric_standings import (
    deprecate_standing,
    request_standing,
    review_standings,
    suspend_standing,
)
from portal.choices import Role
from portal.models import AuditEvent, WebhookDelivery
from portal.services.webhooks import create_subscription
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
from tests.plugins.proofs import Figures
from tests.plugins.sweeping import examples

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)
URL = f"/api/v1/metrics/{KEY}/values/"
# Without these no number leaves the API.
MUST_SAY = (
    "version", "definition_sha256", "status", "owner", "approved_by", "unit", "scope", "window",
    "freshness", "data_status", "data_version", "lineage",
)  # fmt: skip


@pytest.fixture
def things() -> Iterator[ThingsMetric]:
    with registered_things() as metric:
        yield metric


@pytest.fixture
def case(things: ThingsMetric) -> UseCase:
    found = make_use_case(title="Answer drafts")
    fill_year(things, found)
    return found


@pytest.fixture
def standing(case: UseCase) -> MetricStanding:
    return make_standing(make_user(Role.PROGRAMME_LEAD, name="Lea Lead"), case.pk)


@pytest.fixture
def client() -> APIClient:
    return client_of(make_user())


def ask(client: APIClient, **query: str) -> Any:
    return client.get(URL, query)


def test_nothing_but_an_approved_figure_is_answered(
    client: APIClient, standing: MetricStanding
) -> None:
    def refusal() -> tuple[int, str]:
        answer = ask(client, scope="use_case:answer-drafts")
        return answer.status_code, json.loads(answer.content)["metric_status"]

    assert refusal() == (409, "draft")
    request_standing(
        standing_id=standing.pk, to=StandingStatus.APPROVED, actor=standing.owner, at=FILLED
    )
    assert refusal() == (409, "proposed")
    approve_standing(standing)
    assert ask(client).status_code == 200
    suspend_standing(standing_id=standing.pk, reason="Looks odd.", actor=standing.owner, at=FILLED)
    assert refusal() == (409, "suspended")


def test_a_value_says_all_that_it_must(client: APIClient, standing: MetricStanding) -> None:
    approve_standing(standing, StandingStatus.CERTIFIED)
    found = ask(client, scope="use_case:answer-drafts", to="2026-03-01", compare="previous").json()
    assert [each["value"] for each in found["results"]] == ["1", "2"]
    value = found["results"][1]
    assert value["window"] == {"from": "2026-02-01", "to": "2026-03-01", "zone": "UTC"}
    assert value["interval"] == {"level": "0.95", "low": "1", "high": "3", "method": "test"}
    assert (value["status"], value["certified_by"], value["approved_as"], value["owner"]) == (
        "certified", "Second Person", "approver", "Lea Lead",
    )  # fmt: skip
    assert value["seen_by_approver"] is True
    assert value["change"] == {
        "value_id": found["results"][0]["id"], "value": "1", "reason": None,
    }  # fmt: skip
    assert value["guardrails"] == [
        {"metric": "held_deliveries", "version": None, "state": "not_approved"}
    ]
    assert (value["grain"], value["completeness"], value["n"]) == ("use_case x month", "1", 2)


def test_one_source_row_changed_after_approval(
    things: ThingsMetric, client: APIClient, standing: MetricStanding, case: UseCase
) -> None:
    """Within one fill: 409, the approval void, the consumer told once; then `restated`."""
    create_subscription(
        name="Reports", url="https://203.0.113.9/hook", events=["metric.restated"], actor=None,
        at=FILLED,
    )  # fmt: skip
    approve_standing(standing)
    assert ask(client).status_code == 200
    things.set(case.pk, FEBRUARY, 7)
    things.fill(FILLED + DAY)
    answer = ask(client)
    assert answer.status_code == 409
    assert json.loads(answer.content)["metric_status"] == "suspended"
    things.fill(FILLED + 2 * DAY)
    assert WebhookDelivery.objects.filter(event="metric.restated").count() == 1
    approve_standing(standing, at=FILLED + 2 * DAY)
    value = ask(client, **{"from": "2026-02-01", "to": "2026-03-01"}).json()["results"][0]
    assert (value["value"], value["data_status"], value["data_version"]) == ("7", "restated", 2)
    assert "restated" in value["warnings"]
    before = ask(client, as_of=FILLED.isoformat(), to="2026-03-01").json()["results"]
    assert [each["value"] for each in before] == ["1", "2"]


def test_a_newer_window_says_that_the_approver_has_not_seen_it(
    things: ThingsMetric, client: APIClient, standing: MetricStanding, case: UseCase
) -> None:
    approve_standing(standing)
    things.set(case.pk, dt.date(2026, 11, 1), 11)
    things.fill(dt.datetime(2026, 12, 5, tzinfo=dt.UTC))
    value = ask(client, **{"from": "2026-11-01"}).json()["results"][0]
    assert value["seen_by_approver"] is False
    assert "not_seen_by_approver" in value["warnings"]


def test_a_pinned_version_is_answered_until_it_is_retired_and_says_when(
    things: ThingsMetric, client: APIClient, standing: MetricStanding, case: UseCase
) -> None:
    approve_standing(standing)
    earlier = things.definition
    assert earlier.windowed is not None
    doubled = replace(
        earlier.windowed,
        calculate=lambda facts: Computed(
            nano=2 * facts["things"] * NANO, n=facts["things"], contributors=12
        ),
    )
    things.change(version="2.0.0", windowed=doubled, superseded_versions=(earlier,))
    things.fill(FILLED + DAY)
    assert ask(client).json()["version"] == "1.0.0"  # the newest that is approved
    newer = make_standing(standing.owner, case.pk, "2.0.0")
    approve_standing(newer, at=FILLED + DAY)
    assert ask(client).json()["version"] == "2.0.0"
    deprecate_standing(
        standing_id=standing.pk, reason="2.0.0 counts rightly.", sunset_on=dt.date(2027, 3, 1),
        actor=standing.owner, at=FILLED + DAY,
    )  # fmt: skip
    pinned = ask(client, version="1.0.0")
    assert pinned.json()["results"][0]["value"] == "1"
    assert pinned["Sunset"] == "Mon, 01 Mar 2027 00:00:00 GMT"
    assert pinned["Deprecation"] == f"@{int((FILLED + DAY).timestamp())}"
    review_standings(at=dt.datetime(2027, 3, 2, tzinfo=dt.UTC))
    assert ask(client, version="1.0.0").status_code == 409
    assert ask(client, version="9.9.9").status_code == 400


def test_only_certified_figures_leave_as_a_file_and_who_took_them_is_noted(
    client: APIClient, standing: MetricStanding, tmp_path: Path
) -> None:
    approve_standing(standing)
    assert ask(client, format="csv").status_code == 409
    assert ask(client, format="parquet").status_code == 409
    approve_standing(standing, StandingStatus.CERTIFIED)
    answer = client.get(URL, {"to": "2026-03-01"}, headers={"Accept": "text/csv"})
    assert answer["Content-Type"] == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [(row["value"], row["version"], row["status"]) for row in rows] == [
        ("1", "1.0.0", "certified"), ("2", "1.0.0", "certified"),
    ]  # fmt: skip
    assert all(row["certified_until"] for row in rows)
    path = tmp_path / "values.parquet"
    path.write_bytes(ask(client, format="parquet").content)
    stored = duckdb.connect().execute(
        'SELECT "value", "version", "suppressed" FROM read_parquet(?) ORDER BY "from"', [str(path)]
    )
    first = stored.fetchall()[0]
    assert (str(first[0]), first[1:]) == ("1.000000000", ("1.0.0", False))
    noted = AuditEvent.objects.filter(table="metric export")
    assert [json.loads(each.after)["format"] for each in noted.order_by("pk")] == [
        "csv", "parquet",
    ]  # fmt: skip


def test_a_small_group_is_null_with_its_reason_everywhere(
    things: ThingsMetric, client: APIClient, standing: MetricStanding, case: UseCase
) -> None:
    things.set(case.pk, FEBRUARY, 4, contributors=4)
    things.fill(FILLED + DAY)
    approve_standing(standing, StandingStatus.CERTIFIED, at=FILLED + DAY)
    value = ask(client, **{"from": "2026-02-01", "to": "2026-03-01"}).json()["results"][0]
    assert (value["value"], value["reason"], value["n"], value["suppressed"]) == (
        None, "small_group", None, True,
    )  # fmt: skip
    told = client.get(f"/api/v1/explain/{value['id']}/").json()
    assert (told["value"], told["facts"], told["data_snapshot"]) == (None, None, None)
    line = ask(client, format="csv", to="2026-03-01").content.decode().splitlines()[2]
    assert '"small_group"' in line
    assert ",4," not in line


def test_explain_gives_the_facts_and_calculates_again(
    things: ThingsMetric, client: APIClient, standing: MetricStanding, case: UseCase
) -> None:
    things.set(case.pk, FEBRUARY, 3, contributors=40)
    things.fill(FILLED + DAY)
    pk = MetricValue.objects.get(window_starts_on=FEBRUARY, superseded_at=None).pk
    assert client.get(f"/api/v1/explain/{pk}/").status_code == 409
    approve_standing(standing, at=FILLED + DAY)
    told = client.get(f"/api/v1/explain/{pk}/").json()
    assert told["facts"] == {"things": 3, "contributors": "enough"}
    assert told["recalculated"] is True
    assert [(each["value"], each["data_version"]) for each in told["history"]] == [
        ("3", 2), ("2", 1),
    ]  # fmt: skip
    assert client.get(f"/api/v1/explain/{2**63 + 5}/").status_code == 404


def test_definitions_say_where_they_stand(client: APIClient, standing: MetricStanding) -> None:
    found = client.get(f"/api/v1/metrics/{KEY}/").json()
    assert found["catalogue"]["resists"] == {"A3": "tests/adoption/metrics/windowed.py::none"}
    assert found["catalogue"]["coverage_bound"] == "0.1"
    assert [(each["scope"], each["status"]) for each in found["standings"]] == [
        ("use_case:answer-drafts", "draft")
    ]


def test_what_cannot_be_read_is_named(client: APIClient, standing: MetricStanding) -> None:
    for name, value in (
        ("scope", "team:platform"),
        ("scope", "use_case:nothing"),
        ("scope", "nonsense"),
        ("from", "soon"),
        ("as_of", "yesterday"),
        ("shape", "round"),
        ("compare", "best"),
    ):
        answer = ask(client, **{name: value})
        assert answer.status_code == 400, value
        assert set(json.loads(answer.content)["errors"]) == {name}, value


# --- fuzz -----------------------------------------------------------------------------------------

_SEED = 20261129
_WORDS = {
    "scope": ("use_case:answer-drafts", "use_case:call-notes", "use_case:", "team:x", "use_case",
              "service:1", "service:99999999999999999999", "programme:p", "x" * 200, "", "\0"),
    "from": ("2026-01-01", "2026-02-30", "0001-01-01", "9999-12-31", "-1", "", "2026-01-01T00:00"),
    "to": ("2026-03-01", "2026-12-31", "0001-01-01", "9999-12-31", "01/02/2026", ""),
    "as_of": ("2026-11-20T12:00:00Z", "2026-11-21T12:00:00+14:00", "0001-01-01T00:00:00+14:00",
              "9999-12-31T23:59:59-12:00", "2026-11-20", "now", "", "2026-11-20T12:00:00"),
    "version": ("1.0.0", "2.0.0", "latest", "1", "", "1.0.0 ", "' OR 1=1"),
    "compare": ("previous", "best", ""),
    "format": ("json", "csv", "parquet", "xml", "", "JSON"),
    "limit": ("1", "-1"),
    "cursor": ("x",),
}  # fmt: skip
_ACCEPT = ("*/*", "application/json", "text/csv", "application/vnd.apache.parquet", "text/html",
           "nonsense", "application/json;q=0")  # fmt: skip


def _check(answer: Any, served: set[str]) -> str:
    """What is wrong with an answer; empty when nothing is."""
    if answer.status_code >= 500:
        return f"{answer.status_code}"
    if answer.status_code != 200:
        return "" if answer.status_code in (304, 400, 404, 406, 409) else str(answer.status_code)
    if answer["Content-Type"] != "application/json":
        return "" if answer["Content-Type"].split(";")[0] in _ACCEPT[2:4] else "type"
    document = json.loads(answer.content)
    values = document.get("results", [document])
    for value in values:
        if any(value.get(name) in (None, "", []) for name in MUST_SAY):
            return f"bare: {value}"
        if (value["value"] is None) == (value["reason"] is None):
            return f"neither number nor reason: {value}"
        if value["scope"] not in served or value["status"] not in ("approved", "certified"):
            return f"not approved: {value}"
    kinds = {(value["unit"], value["currency"], value["basis"]) for value in values}
    return f"mixed: {kinds}" if len(kinds) > 1 else ""


def _requests(
    count: int, ids: list[int], source: random.Random
) -> Iterator[tuple[str, dict[str, str], str]]:
    keys = (KEY, KEY, KEY, "held_deliveries", "nothing", "%00")
    for _ in range(count):
        names = source.sample(sorted(_WORDS), source.randint(0, 4))
        query = {name: source.choice(_WORDS[name]) for name in names}
        path = f"/api/v1/metrics/{source.choice(keys)}/values/"
        if source.random() < 0.2:
            path = f"/api/v1/explain/{source.choice([*ids, 0, 2**63, 10**30])}/"
            query = {} if source.random() < 0.7 else query
        yield path, query, source.choice(_ACCEPT)


def _fuzz(
    things: ThingsMetric, standing: MetricStanding, count: int, source: random.Random
) -> list[str]:
    approve_standing(standing, StandingStatus.CERTIFIED)
    secret = make_use_case(title="Call notes", programme=None)
    fill_year(things, secret)  # filled and approved by nobody
    ids = list(MetricValue.objects.values_list("pk", flat=True))
    client = client_of(make_user())
    client.raise_request_exception = False
    wrong = []
    answered = 0
    for path, query, accept in _requests(count, ids, source):
        answer = client.get(path, query, headers={"Accept": accept})
        answered += answer.status_code == 200
        if problem := _check(answer, {"use_case:answer-drafts"}):
            wrong.append(f"{path} {query} {accept}: {problem}")
    assert answered > count / 50, "a fuzz that is never answered shows nothing"
    return wrong


def test_no_request_gets_a_bare_mixed_or_unapproved_number(
    things: ThingsMetric, standing: MetricStanding
) -> None:
    source = random.Random(_SEED)  # noqa: S311  (a story, not a secret)
    assert _fuzz(things, standing, examples(80), source) == []


@pytest.mark.prove("Requests for metric values")
def test_ten_thousand_requests_get_no_bare_mixed_or_unapproved_number(
    things: ThingsMetric, standing: MetricStanding, figures: Figures
) -> None:
    count = figures.scaled(10_000)
    for each in _fuzz(things, standing, count, figures.random):
        figures.bad(each)
    figures("fuzzed requests", count, count)
