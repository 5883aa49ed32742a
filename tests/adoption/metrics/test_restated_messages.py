"""Who relied on a metric is told once of every window that was revised."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest

from adoption.choices import StandingStatus
from adoption.models import MetricStanding, UseCase
from portal.choices import Role
from portal.models import WebhookDelivery
from portal.services.webhooks import create_subscription
from tests.adoption.factories import make_use_case, make_user
from tests.adoption.metrics.windowed import (
    FEBRUARY,
    FILLED,
    JANUARY,
    ThingsMetric,
    approve_standing,
    fill_year,
    make_standing,
    registered_things,
)

pytestmark = [pytest.mark.django_db, pytest.mark.both_engines]
DAY = dt.timedelta(days=1)


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
    """An approved one, and a consumer of its restatements."""
    create_subscription(
        name="Reports", url="https://203.0.113.9/hook", events=["metric.restated"], actor=None,
        at=FILLED,
    )  # fmt: skip
    found = make_standing(make_user(Role.PROGRAMME_LEAD), case.pk)
    approve_standing(found)
    return found


def told() -> list[dict[str, Any]]:
    rows = WebhookDelivery.objects.order_by("pk")
    return [json.loads(row.body)["data"] for row in rows]


def test_one_message_names_every_window_of_an_approval_that_ended(
    things: ThingsMetric, standing: MetricStanding, case: UseCase
) -> None:
    things.set(case.pk, JANUARY, 7)
    things.set(case.pk, FEBRUARY, 8)
    things.fill(FILLED + DAY)
    things.fill(FILLED + 2 * DAY)
    (data,) = told()
    assert (data["from"], data["old"]["value"], data["new"]["value"]) == ("2026-01-01", "1", "7")
    assert [
        (each["from"], each["old"]["value"], each["new"]["value"], each["data_version"])
        for each in data["windows"]
    ] == [("2026-01-01", "1", "7", 2), ("2026-02-01", "2", "8", 2)]


def test_a_fill_that_is_killed_is_told_of_by_the_next(
    things: ThingsMetric,
    standing: MetricStanding,
    case: UseCase,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    things.set(case.pk, JANUARY, 7)

    def die(*_: object, **__: object) -> None:
        raise SystemExit("killed")

    with monkeypatch.context() as patch:
        patch.setattr("adoption.services.metric_filling._note_pass", die)
        with pytest.raises(SystemExit):
            things.fill(FILLED + DAY)
    standing.refresh_from_db()
    assert standing.status == StandingStatus.SUSPENDED
    assert told() == []
    things.fill(FILLED + 2 * DAY)
    (data,) = told()
    assert [each["new"]["value"] for each in data["windows"]] == ["7"]
