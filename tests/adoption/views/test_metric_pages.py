"""Pages of metric values: what may not be shown is not, what is not approved says so."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from adoption.choices import StandingStatus
from adoption.metrics.contracts import Computed
from adoption.metrics.registry import NANO
from adoption.models import MetricStanding, MetricValue, UseCase
from portal.choices import Role
from portal.models import ApprovalRequest, User
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
def lead() -> User:
    return make_user(Role.PROGRAMME_LEAD, name="Lea Lead")


def as_(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def html(client: Client, name: str, *args: object, query: str = "") -> str:
    answer = client.get(f"{reverse(name, args=args)}{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_series_shows_values_intervals_and_that_nobody_approved_them(case: UseCase) -> None:
    page = html(as_(make_user()), "metric-values", KEY)
    assert "Not approved here" in page
    assert 'class="band f1"' in page
    assert "Version 1.0.0" in page


def test_both_versions_stand_side_by_side(things: ThingsMetric, case: UseCase) -> None:
    earlier = things.definition
    assert earlier.windowed is not None
    doubled = replace(
        earlier.windowed,
        calculate=lambda facts: Computed(
            nano=2 * facts["things"] * NANO, n=facts["things"], contributors=12
        ),
    )
    things.change(version="2.0.0", windowed=doubled, superseded_versions=(earlier,))
    things.fill(FILLED + dt.timedelta(days=1))
    page = html(as_(make_user()), "metric-values", KEY)
    assert page.index("Version 2.0.0") < page.index("Version 1.0.0", page.index("<h2"))
    assert "f2" in page


def test_a_small_group_is_on_no_page(things: ThingsMetric, case: UseCase) -> None:
    things.set(case.pk, FEBRUARY, 4711, contributors=4)
    things.fill(FILLED + dt.timedelta(days=1))
    client = as_(make_user())
    small = MetricValue.objects.get(window_starts_on=FEBRUARY, superseded_at=None)
    pages = html(client, "metric-values", KEY) + html(client, "metric-value", small.pk)
    assert "small group" in pages
    assert "4,711" not in pages
    assert "4711" not in pages


def test_a_value_shows_its_facts_and_every_state(things: ThingsMetric, case: UseCase) -> None:
    things.set(case.pk, FEBRUARY, 7, contributors=20)
    things.fill(FILLED + dt.timedelta(days=1))
    value = MetricValue.objects.get(window_starts_on=FEBRUARY, superseded_at=None)
    page = html(as_(make_user()), "metric-value", value.pk)
    assert "&quot;things&quot;: 7" in page
    assert "&quot;contributors&quot;: &quot;enough&quot;" in page
    assert "Data version 1" in page


def test_a_lead_proposes_a_second_person_approves_and_the_page_says_what(
    case: UseCase, lead: User
) -> None:
    client = as_(lead)
    made = client.post(
        reverse("metric-standing-new", args=[KEY]),
        {"definition": "1.0.0", "scope": case.pk, "owner": lead.pk},
    )
    standing = MetricStanding.objects.get()
    assert made.headers["Location"] == reverse("metric-standing", args=[standing.pk])
    asked = client.post(
        reverse("metric-standing-propose", args=[standing.pk]), {"to": "approved", "reason": ""}
    )
    assert asked.status_code == 302
    assert "has asked" in html(client, "metric-standing", standing.pk)
    assert ApprovalRequest.objects.get().status == "pending"
    standing.refresh_from_db()
    approve_standing(standing, at=dt.datetime.now(dt.UTC))
    page = html(client, "metric-standing", standing.pk)
    assert "Second Person" in page
    assert "every value up to" in page
    client.post(reverse("metric-standing-suspend", args=[standing.pk]), {"reason": "Looks odd."})
    assert "Looks odd." in html(as_(make_user()), "metric-standing", standing.pk)


def test_an_employee_moves_nothing(case: UseCase, lead: User) -> None:
    standing = make_standing(lead, case.pk)
    client = as_(make_user())
    for name in ("propose", "suspend", "deprecate", "retire"):
        address = reverse(f"metric-standing-{name}", args=[standing.pk])
        assert client.post(address, {"reason": "x"}).status_code == 403
    assert client.get(reverse("metric-standing-new", args=[KEY])).status_code == 403


def test_the_catalogue_says_where_each_metric_stands(case: UseCase, lead: User) -> None:
    approve_standing(make_standing(lead, case.pk), StandingStatus.CERTIFIED)
    client = as_(make_user())
    assert "certified in 1" in html(client, "metric-list")
    page = html(client, "metric", KEY)
    assert "deploying the same thing again" in page
    assert "10 for who leads or owns" in page
    assert "Answer drafts" in page


def test_a_scope_that_is_not_there_is_no_page(case: UseCase) -> None:
    client = as_(make_user())
    address = reverse("metric-values", args=[KEY])
    for scope in ("use_case:nothing", "team:x", "nonsense", "service:9" * 30):
        assert client.get(address, {"scope": scope}).status_code == 404


def test_more_scopes_cost_no_more_queries(things: ThingsMetric, case: UseCase) -> None:
    client = as_(make_user())
    html(client, "metric-values", KEY)
    with CaptureQueriesContext(connection) as one:
        html(client, "metric-values", KEY)
    for _ in range(3):
        fill_year(things, make_use_case())
    with CaptureQueriesContext(connection) as many:
        html(client, "metric-values", KEY)
    assert len(many) == len(one)
