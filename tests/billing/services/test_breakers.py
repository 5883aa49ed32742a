"""Circuit breakers trip once a window, tell other systems once, and are reset by a person."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connections, transaction

from billing.models import BreakerTrip, CircuitBreaker
from billing.services import breakers
from billing.services.breakers import (
    BreakerDraft,
    check_breakers,
    create_breaker,
    end_breaker,
    reset_breaker,
)
from billing.services.refusals import ChangeRefusedError
from portal.models import Notice, WebhookDelivery
from portal.services.webhooks import create_subscription
from portal.shell.money import NANO_PER_UNIT
from tests.adoption.factories import make_use_case, make_user
from tests.billing.sweeps import sweep_both_engines, swept
from tests.billing.watching import spend
from tests.imports import make_connection

DAY = dt.date(2026, 6, 10)
NOW = dt.datetime(2026, 6, 10, 18, tzinfo=dt.UTC)


def make_breaker(limit: int = 100, **fields: Any) -> CircuitBreaker:
    values: dict[str, Any] = {
        "name": "Nightly batch", "use_case_id": make_use_case(title="Drafts").pk, "field": "tag",
        "tag_key": "use_case", "value": "batch", "window": "day", "currency": "USD",
        "cost_basis": "invoiced", "limit_nano": limit * NANO_PER_UNIT,
    }  # fmt: skip
    draft = BreakerDraft(**(values | fields))
    return create_breaker(draft=draft, actor=make_user(), at=NOW - dt.timedelta(days=30))


def subscribe() -> None:
    create_subscription(
        name="Gateway", url="https://gateway.example/hook", actor=None, at=NOW,
        events=[breakers.TRIPPED, breakers.RESET],
    )  # fmt: skip


@pytest.mark.both_engines
@pytest.mark.django_db
def test_it_trips_once_above_its_limit_and_tells_with_the_amounts() -> None:
    breaker = make_breaker()
    subscribe()
    bill = spend({DAY: "100"}, "batch")
    assert check_breakers(at=NOW) == []
    spend({DAY: "100.000000001"}, "batch", connection=bill)
    for _ in range(3):
        check_breakers(at=NOW)
    trip = BreakerTrip.objects.get()
    told = WebhookDelivery.objects.get()
    body = json.loads(told.body)
    assert (body["id"], body["type"]) == (str(trip.event_id), "cost.breaker_tripped")
    assert body["data"]["spent"] == "100.000000001"
    assert (body["data"]["limit"], body["data"]["value"]) == ("100", "batch")
    assert body["data"]["status"] == "provisional"
    assert all("(provisional) in the day" in each.text for each in Notice.objects.all())
    assert {each.user for each in Notice.objects.all()} == {
        breaker.use_case.owner, breaker.created_by,
    }  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "costs", "trips"),
    [
        ({"value": "other"}, {}, 0),
        *swept(
            ({"tag_key": "team"}, {}, 0),
            ({"currency": "EUR"}, {}, 0),
            ({"cost_basis": "metered"}, {}, 0),
        ),
        ({"field": "sub_account", "tag_key": "", "value": "ws-1"}, {"SubAccountId": "ws-1"}, 1),
        *swept(
            (
                {"field": "sub_account", "tag_key": "", "value": "ws-1"},
                {"SubAccountId": "ws-10"},
                0,
            ),
            ({"window": "hour"}, {}, 0),  # a line of a day has no hour
        ),
        ({}, {"ChargePeriodEnd": "2026-07-10T00:00:00Z"}, 0),  # nor one of a month a day
        ({}, {"ChargeCategory": "Purchase"}, 0),
        *swept(
            ({}, {"ChargeCategory": "Tax"}, 0),
            ({}, {"ChargeCategory": "Adjustment"}, 0),
            ({}, {"ChargeClass": "Correction"}, 0),
        ),
        (
            {"window": "hour"},
            {
                "ChargePeriodStart": "2026-06-10T07:00:00Z",
                "ChargePeriodEnd": "2026-06-10T08:00:00Z",
            },
            1,
        ),
    ],
)
def test_only_the_charges_of_its_job_count(
    fields: dict[str, Any], costs: dict[str, Any], trips: int
) -> None:
    make_breaker(**fields)
    spend({DAY: "500"}, "batch", **costs)
    assert len(check_breakers(at=NOW)) == trips


@pytest.mark.django_db
@pytest.mark.parametrize(
    "fields",
    [{"ChargeCategory": "Credit"}, *swept([{"ChargeClass": "Correction"}])],
)
def test_what_is_given_back_does_not_hide_what_flows(fields: dict[str, Any]) -> None:
    make_breaker()
    spend({DAY: "500"}, "batch")
    spend({DAY: "-450"}, "batch", make_connection("back"), BillingAccountId="2", **fields)
    (trip,) = check_breakers(at=NOW)
    assert trip.spent_nano == 500 * NANO_PER_UNIT


@sweep_both_engines
@pytest.mark.django_db
def test_reset_it_stays_closed_for_its_window_and_trips_again_in_the_next() -> None:
    breaker = make_breaker()
    subscribe()
    bill = spend({DAY: "500"}, "batch")
    check_breakers(at=NOW)
    reset: dict[str, Any] = {"pk": breaker.pk, "actor": make_user(), "at": NOW}
    with pytest.raises(ChangeRefusedError, match="why"):
        reset_breaker(**reset, reason=" ")
    with pytest.raises(ChangeRefusedError, match="open"):
        end_breaker(**reset, reason="Over.")
    trip = reset_breaker(**reset, reason="The loop is mended.")
    with pytest.raises(ChangeRefusedError, match="not open"):
        reset_breaker(**reset, reason="Again.")
    assert check_breakers(at=NOW) == []
    next_day = DAY + dt.timedelta(days=1)
    spend({DAY: "500", next_day: "101"}, "batch", connection=bill)
    (again,) = check_breakers(at=NOW + dt.timedelta(days=1))
    assert (again.window_start.date(), again.event_id != trip.event_id) == (next_day, True)
    events = WebhookDelivery.objects.order_by("pk").values_list("event", flat=True)
    assert list(events) == [breakers.TRIPPED, breakers.RESET, breakers.TRIPPED]


@sweep_both_engines
@pytest.mark.django_db
def test_the_past_does_not_trip_it_and_an_ended_one_neither() -> None:
    breaker = make_breaker()
    bill = spend({DAY - dt.timedelta(days=5): "500"}, "batch")
    assert check_breakers(at=NOW) == []
    end_breaker(pk=breaker.pk, reason="Over.", actor=make_user(), at=NOW)
    spend({DAY: "500"}, "batch", connection=bill)
    assert check_breakers(at=NOW) == []


@pytest.mark.both_engines
@pytest.mark.django_db
def test_a_trip_is_reset_once_and_never_edited_or_deleted() -> None:
    breaker = make_breaker()
    spend({DAY: "500"}, "batch")
    check_breakers(at=NOW)
    rows = BreakerTrip.objects.all()
    with pytest.raises(DatabaseError, match="only reset"), transaction.atomic():
        rows.update(spent_nano=0)
    reset_breaker(pk=breaker.pk, reason="Mended.", actor=make_user(), at=NOW)
    with pytest.raises(DatabaseError, match="only reset"), transaction.atomic():
        rows.update(reset_reason="Something else.")
    with pytest.raises(DatabaseError, match="never"), transaction.atomic():
        rows.delete()


@pytest.mark.both_engines
@pytest.mark.django_db(transaction=True)
def test_of_two_workers_one_trips_it(monkeypatch: pytest.MonkeyPatch) -> None:
    make_breaker()
    subscribe()
    spend({DAY: "500"}, "batch")
    both_know = threading.Barrier(2, timeout=30)
    known = breakers._newest_trips

    def wait() -> Any:
        found = known()
        both_know.wait()
        return found

    monkeypatch.setattr(breakers, "_newest_trips", wait)
    problems: list[Exception] = []

    def one(check: Callable[..., Any]) -> None:
        try:
            check(at=NOW)
        except Exception as error:  # seen below
            problems.append(error)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=one, args=(check_breakers,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert problems == []
    assert BreakerTrip.objects.count() == WebhookDelivery.objects.count() == 1
