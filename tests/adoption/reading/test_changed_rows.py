"""One source row is changed after approval: within one fill nothing is served as if nothing were.

Through the real ingest, with the metrics of the catalogue that are about services: the API answers
409, the approval is void, consumers are told once of each value, and once somebody has looked again
the value says that it was restated.
"""

from __future__ import annotations

import datetime as dt
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction

from adoption.choices import ScopeKind, StandingStatus
from adoption.metrics.registry import metrics
from adoption.models import MetricStanding, MetricValue, Service
from adoption.services.metric_filling import fill_metrics
from adoption.services.metric_standings import open_standing
from portal.choices import Role
from portal.models import WebhookDelivery
from portal.services.webhooks import create_subscription
from tests.adoption.api.conftest import client_of
from tests.adoption.delivering import BEGINS, DAY, HOUR, NOW, Delivering
from tests.adoption.factories import make_programme, make_user
from tests.adoption.metrics.windowed import approve_standing
from tests.plugins.proofs import Figures

pytestmark = pytest.mark.django_db
DAYS = 80
LATER = NOW + HOUR
UNTIL = dt.date(2026, 8, 1)  # what a day of the story changes is in windows before


@dataclass
class Approved:
    """A service that tells what it does, and the metrics of it that are approved."""

    shop: Delivering
    service: Service
    keys: list[str]


def _incident(shop: Delivering, day: int) -> None:
    shop.incident("late", BEGINS + day * DAY, caused_by_deployment=f"shop-v{day}",
                  resolved_at=(BEGINS + day * DAY + 5 * HOUR).isoformat())  # fmt: skip


def _failed(shop: Delivering, day: int) -> None:
    shop.deploy(f"v{day}", BEGINS + day * DAY, day, status="failed", observed_at=NOW.isoformat())


def _begun_earlier(shop: Delivering, day: int) -> None:
    at = BEGINS + day * DAY
    begun = (at - 40 * DAY).isoformat()
    shop.change(day, at, first_commit_at=begun, observed_at=NOW.isoformat())


def _hotfix(shop: Delivering, day: int) -> None:
    at = BEGINS + day * DAY + 2 * HOUR
    shop.change(1000 + day, at)
    shop.deploy(f"fix{day}", at, 1000 + day, fixes=f"v{day}")


CHANGES: tuple[Callable[[Delivering, int], None], ...] = (
    _incident, _failed, _begun_earlier, _hotfix,
)  # fmt: skip


EVERY = [
    each.key
    for each in metrics
    if each.windowed is not None and each.windowed.scope is ScopeKind.SERVICE
]
FEW = ["change_fail_rate", "ndu"]


def _approve(keys: list[str]) -> Approved:
    """Three months of one service, these metrics of it approved, and a consumer."""
    make_programme(starts_on=dt.date(2026, 1, 1), ends_on=dt.date(2026, 12, 31))
    shop = Delivering()
    shop.daily(DAYS)
    service = shop.send()
    fill_metrics(at=NOW, keys=keys, until=UNTIL)
    lead = make_user(Role.PROGRAMME_LEAD)
    for key in keys:
        version = metrics.get(key).version
        standing = open_standing(
            key=key, version=version, scope_id=service.pk, owner=lead, actor=lead, at=NOW
        )
        approve_standing(standing, at=NOW)
    create_subscription(
        name="Reports", url="https://203.0.113.9/hook", events=["metric.restated"], actor=None,
        at=NOW,
    )  # fmt: skip
    return Approved(shop, service, keys)


@pytest.fixture
def approved() -> Approved:
    """With every metric of a service."""
    return _approve(EVERY)


def _told() -> Counter[int]:
    """By value, in how many messages it was named."""
    bodies = WebhookDelivery.objects.filter(event="metric.restated").values_list("body", flat=True)
    named = [json.loads(body)["data"]["windows"] for body in bodies]
    return Counter(window["value_id"] for windows in named for window in windows)


def changed_row(
    approved: Approved, change: Callable[[Delivering, int], None], day: int
) -> tuple[int, list[str]]:
    """Change one row, fill, and look: how many metrics it restated, and what was not as it must."""
    change(approved.shop, day)
    approved.shop.send()
    fill_metrics(at=LATER, keys=approved.keys, until=UNTIL)
    # Earlier versions are computed beside the newest; what nobody approved is told to nobody.
    new = MetricValue.objects.filter(
        computed_at=LATER, data_version__gt=1, metric_version__standings__isnull=False
    )
    restated = {row.metric_version.key: row.pk for row in new.select_related("metric_version")}
    wrong = []
    told = _told()
    # One message for each approval that ended, which names every window that was restated.
    metric_of = dict(new.filter(status="restated").values_list("pk", "metric_version__key"))
    if set(told) != set(metric_of) or set(told.values()) - {1}:
        wrong.append(f"told {told} of {metric_of}")
    if WebhookDelivery.objects.filter(event="metric.restated").count() != len(restated):
        wrong.append("not one message for each approval that ended")
    fill_metrics(at=LATER + HOUR, keys=approved.keys, until=UNTIL)
    if _told() != told:
        wrong.append("told again by the next fill")
    for standing in MetricStanding.objects.select_related("metric_version"):
        key = standing.metric_version.key
        wrong += _look(standing, approved.service, is_restated=key in restated)
    return len(restated), [f"{change.__name__} {day}: {each}" for each in wrong]


def _look(standing: MetricStanding, service: Service, *, is_restated: bool) -> list[str]:
    """What is wrong with one metric: before somebody looked again, and after."""
    key = standing.metric_version.key
    status, answer = _ask(key, service)
    if not is_restated:
        return [] if (status, standing.status) == (200, "approved") else [f"{key}: {status}"]
    wrong = []
    if (status, answer.get("metric_status")) != (409, "suspended"):
        wrong.append(f"{key}: {status} {answer}")
    if standing.status != StandingStatus.SUSPENDED:
        wrong.append(f"{key}: still {standing.status}")
    approve_standing(standing, at=LATER + HOUR)
    status, answer = _ask(key, service)
    if status != 200 or "restated" not in {each["data_status"] for each in answer["results"]}:
        wrong.append(f"{key}: {status} without a restated value")
    return wrong


def _ask(key: str, service: Service) -> tuple[int, Any]:
    client = client_of(make_user())
    answer = client.get(f"/api/v1/metrics/{key}/values/", {"scope": f"service:{service.pk}"})
    return answer.status_code, json.loads(answer.content)


def drawn(source: random.Random) -> tuple[Callable[[Delivering, int], None], int]:
    return source.choice(CHANGES), source.randint(2, DAYS - 12)


def test_a_changed_row_is_noticed_within_one_fill() -> None:
    """Two of the metrics, and a change that restates both; a sweep has all of them."""
    count, wrong = changed_row(_approve(FEW), _failed, 30)
    assert (count, wrong) == (len(FEW), [])


@pytest.mark.sweep
@pytest.mark.both_engines
def test_a_few_changed_rows_are_noticed_by_every_metric(approved: Approved) -> None:
    source = random.Random(20261129)  # noqa: S311  (a story, not a secret)
    restated = 0
    for _ in range(4):
        with transaction.atomic():
            count, wrong = changed_row(approved, *drawn(source))
            transaction.set_rollback(True)
        assert wrong == []
        restated += count
    assert restated > 0


@pytest.mark.both_engines
@pytest.mark.prove("Source rows changed after approval")
def test_changed_rows_are_noticed_within_one_fill(approved: Approved, figures: Figures) -> None:
    rounds = figures.scaled(60)
    moved = metrics_restated = 0
    for _ in figures.progress(range(rounds), "rows"):
        with transaction.atomic():
            count, wrong = changed_row(approved, *drawn(figures.random))
            transaction.set_rollback(True)
        for each in wrong:
            figures.bad(each)
        moved += bool(count)
        metrics_restated += count
    figures("rows changed that moved a figure", moved, rounds * 3 // 4)
    figures("approvals void, 409, told once, then restated", metrics_restated, moved)
