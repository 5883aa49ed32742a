"""The tag of metric values: it holds as long as the answer does, and asking by it is one query."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import time_machine
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from adoption.choices import StandingStatus
from adoption.models import MetricStanding, UseCase, ValueWrite
from adoption.services.metric_filling import fill_metrics
from portal.choices import Role
from portal.models import RoleGrant, User
from tests.adoption.api.conftest import client_of
from tests.adoption.factories import make_use_case, make_user
from tests.adoption.metrics.windowed import (
    FEBRUARY,
    FILLED,
    KEY,
    MARCH,
    ThingsMetric,
    approve_standing,
    fill_year,
    make_standing,
    registered_things,
)
from tests.approving import second_person

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db]
DAY = dt.timedelta(days=1)
URL = f"/api/v1/metrics/{KEY}/values/"
FEW = 6  # enough people for whoever leads nothing, too few for whoever does


@dataclass(frozen=True)
class Asked:
    """Approved values of a use case, and who asks for them."""

    things: ThingsMetric
    case: UseCase
    standing: MetricStanding
    reader: User
    client: APIClient

    def get(self, tag: str = "", **query: str) -> Any:
        headers = {"If-None-Match": tag} if tag else {}
        return self.client.get(URL, query, headers=headers)

    def again(self) -> Asked:
        """The same reader in a new session: the old one has ended by now."""
        return replace(self, client=client_of(self.reader))


@pytest.fixture
def asked() -> Iterator[Asked]:
    with registered_things() as things, time_machine.travel(FILLED, tick=False):
        case = make_use_case(title="Answer drafts")
        fill_year(things, case)
        things.set(case.pk, FEBRUARY, 4, contributors=FEW)
        things.fill()
        standing = make_standing(make_user(Role.PROGRAMME_LEAD, name="Lea Lead"), case.pk)
        approve_standing(standing)
        reader = make_user(name="Rita Reader")
        yield Asked(things, case, standing, reader, client_of(reader))


def a_value_is_revised(asked: Asked) -> None:
    asked.things.set(asked.case.pk, dt.date(2026, 10, 1), 7)
    asked.things.fill(FILLED + DAY)
    approve_standing(asked.standing, at=FILLED + DAY)


def a_window_is_new(asked: Asked) -> None:
    asked.things.set(asked.case.pk, dt.date(2026, 11, 1), 11)
    asked.things.fill(dt.datetime(2026, 12, 5, tzinfo=dt.UTC))


def a_fill_finds_nothing_new(asked: Asked) -> None:
    """What is answered says how fresh it is."""
    asked.things.fill(FILLED + DAY)


def it_is_certified(asked: Asked) -> None:
    approve_standing(asked.standing, StandingStatus.CERTIFIED)


def its_owner_is_renamed(asked: Asked) -> None:
    User.objects.filter(pk=asked.standing.owner_id).update(full_name="Lea Newname")


def its_approver_is_renamed(asked: Asked) -> None:
    User.objects.filter(pk=second_person().pk).update(full_name="Sec Newname")


def its_scope_is_renamed(asked: Asked) -> None:
    UseCase.objects.filter(pk=asked.case.pk).update(title="Drafts of answers")


def its_address_is_another(asked: Asked) -> None:
    UseCase.objects.filter(pk=asked.case.pk).update(slug="drafts-of-answers")


def there_is_another_scope(asked: Asked) -> None:
    make_use_case(title="Call notes")


def a_guardrail_has_its_first_version(asked: Asked) -> None:
    fill_metrics(at=FILLED, keys=["held_deliveries"])


def the_reader_owns_a_use_case(asked: Asked) -> None:
    UseCase.objects.filter(pk=asked.case.pk).update(owner=asked.reader)


def the_reader_leads(asked: Asked) -> None:
    RoleGrant.objects.create(user=asked.reader, role=Role.PROGRAMME_LEAD, granted_at=FILLED)


CHANGES = (
    a_value_is_revised,
    a_window_is_new,
    a_fill_finds_nothing_new,
    it_is_certified,
    its_owner_is_renamed,
    its_approver_is_renamed,
    its_scope_is_renamed,
    its_address_is_another,
    there_is_another_scope,
    a_guardrail_has_its_first_version,
    the_reader_owns_a_use_case,
    the_reader_leads,
)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_another_answer_has_another_tag(asked: Asked, change: Callable[[Asked], None]) -> None:
    before = asked.get()
    assert asked.get(before["ETag"]).status_code == 304
    change(asked)
    after = asked.get(before["ETag"])
    assert after.status_code == 200
    assert after.json() != before.json(), "a change that nobody sees shows nothing here"
    assert asked.get(after["ETag"]).status_code == 304


def test_time_alone_makes_another_answer(asked: Asked) -> None:
    """Values that nobody looked after become stale, and certificates end."""
    fresh = asked.get()
    with time_machine.travel(FILLED + dt.timedelta(hours=27), tick=False):
        stale = asked.again().get(fresh["ETag"])
        assert stale.status_code == 200
        assert stale.json()["results"][0]["freshness"]["stale"] is True
    approve_standing(asked.standing, StandingStatus.CERTIFIED)
    file = asked.get(format="csv")
    assert asked.get(file["ETag"], format="csv").status_code == 304
    with time_machine.travel(FILLED + 181 * DAY, tick=False):
        assert asked.again().get(file["ETag"], format="csv").status_code == 409


def test_a_question_has_its_own_tag(asked: Asked) -> None:
    tag = asked.get()["ETag"]
    assert asked.get(tag, to="2026-03-01").status_code == 200
    assert asked.get(tag, format="json").status_code == 200
    answer = asked.client.get(URL, headers={"If-None-Match": tag, "Accept": "text/csv"})
    assert answer.status_code == 409  # not certified, so no file: the tag is that of the JSON
    other = client_of(make_user())
    assert other.get(URL, headers={"If-None-Match": tag}).status_code == 200


def test_a_star_is_no_way_to_what_is_not_answered(asked: Asked) -> None:
    assert asked.get("*").status_code == 304
    unknown = asked.client.get("/api/v1/metrics/nothing/values/", headers={"If-None-Match": "*"})
    assert unknown.status_code == 404
    MetricStanding.objects.filter(pk=asked.standing.pk).update(
        status=StandingStatus.SUSPENDED, version=99
    )
    refused = asked.get("*")
    assert refused.status_code == 409
    assert json.loads(refused.content)["metric_status"] == "suspended"


def test_asking_by_a_tag_takes_one_query_beside_knowing_who_asks(
    asked: Asked, django_assert_num_queries: Callable[[int], CaptureQueriesContext]
) -> None:
    tag = asked.get()["ETag"]
    with django_assert_num_queries(3) as asked_for:  # the session, its person, the state
        assert asked.get(tag).status_code == 304
    last = asked_for[-1]["sql"]
    assert "adoption_valuewrite" in last or last.startswith("EXECUTE plumbline_")


def test_writes_are_counted_with_what_they_write(asked: Asked) -> None:
    def writes() -> int:
        return ValueWrite.objects.get(metric_version__key=KEY).writes

    first = writes()
    asked.things.set(asked.case.pk, MARCH, 30)
    asked.things.set(asked.case.pk, FEBRUARY, 20)
    asked.things.fill(FILLED + DAY)
    assert writes() == first + 3  # two windows, and that all of them were looked at
    asked.things.fill(FILLED + DAY)
    assert writes() == first + 3
