"""Which changes served a promise, and what version 2 of the values makes of them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from adoption.choices import DeliveryState
from adoption.metrics.contracts import Computed, canonical
from adoption.metrics.promised_changes import LOGGED_WITHIN, promised_changes
from adoption.metrics.registry import metrics
from adoption.metrics.sizes import shrunk, size_facts
from adoption.metrics.windows import Window, WindowKind, window_of
from adoption.models import Change, Delivery, Milestone, RepositoryLink, Service, UseCase
from tests.adoption.delivering import BEGINS, DAY, NOW, Delivering
from tests.adoption.factories import make_programme, make_use_case

pytestmark = pytest.mark.django_db
WEEK = Window(dt.date(2026, 3, 9), dt.date(2026, 3, 16), "UTC")

SIX_WEEKS = Window(dt.date(2026, 2, 1), dt.date(2026, 3, 15), "UTC")
NANO = 10**9


def value(key: str, pk: int, window: Window) -> Computed:
    windowed = metrics.get(key).windowed
    assert windowed is not None
    facts = windowed.collect([pk], window, NOW)[pk]
    canonical(facts)
    return windowed.calculate(facts)


def make_case(service: Service) -> UseCase:
    case = make_use_case(programme=make_programme(starts_on=dt.date(2026, 1, 1)))
    RepositoryLink.objects.create(
        use_case=case, repository=service.repository, starts_on=dt.date(2026, 1, 1)
    )
    return case


def promise(case: UseCase, **fields: Any) -> Milestone:
    values = {
        "title": "Answers are drafted",
        "due_on": dt.date(2026, 12, 31),
        "metric_key": "held_deliveries",
        "comparator": "gte",
        "threshold_nano": 9 * NANO,
        "created_at": BEGINS,
    }
    found: Milestone = Milestone.objects.create(use_case=case, **(values | fields))
    return found


def log(case: UseCase, change: Change, **fields: Any) -> Delivery:
    values = {
        "title": change.title,
        "claimed_by": case.owner,
        "claimed_at": change.delivered_at,
        "state": DeliveryState.DEPLOYED,
    }
    found: Delivery = Delivery.objects.create(use_case=case, change=change, **(values | fields))
    return found


def changes_of(service: Service) -> list[Change]:
    return list(Change.objects.filter(delivered_by__service=service).order_by("delivered_at", "pk"))


def promised(service: Service) -> set[int]:
    return set(promised_changes([service.pk], BEGINS, NOW, NOW))


def test_a_change_is_linked_by_a_log_and_an_open_milestone() -> None:
    shop = Delivering()
    shop.daily(10)
    service = shop.send()
    case, (first, *others) = make_case(service), changes_of(service)
    assert promised(service) == set()
    logged = log(case, first)
    assert promised(service) == set()  # logged, but nothing had been promised
    milestone = promise(case, created_at=first.merged_at)
    assert promised(service) == {first.pk}
    for late in (
        {"created_at": first.merged_at + dt.timedelta(seconds=1)},
        {"due_on": first.merged_at.date() - DAY},
        {"reached_at": first.merged_at, "state": "reached", "measured_nano": 9 * NANO},
    ):
        kept = {name: getattr(milestone, name) for name in late}
        Milestone.objects.filter(pk=milestone.pk).update(**late)
        assert promised(service) == set(), late
        Milestone.objects.filter(pk=milestone.pk).update(**kept | {"state": "open"})
    assert first.delivered_at is not None
    Delivery.objects.filter(pk=logged.pk).update(claimed_at=first.delivered_at + LOGGED_WITHIN)
    assert promised(service) == set()  # by then its owner knows how it went
    Delivery.objects.filter(pk=logged.pk).update(claimed_at=first.delivered_at)
    for each in others:
        log(case, each)
    assert len(promised(service)) == len(others) + 1
    assert not promised_changes([service.pk], BEGINS, NOW, BEGINS)  # nothing was known then


@pytest.mark.both_engines
def test_version_2_counts_what_was_promised_and_version_1_beside_it_everything() -> None:
    shop = Delivering()
    shop.daily(80)
    shop.incident("a", BEGINS + 40 * DAY, caused_by_deployment="v40")
    shop.incident("b", BEGINS + 41 * DAY, caused_by_deployment="v41")
    service = shop.send()
    case = make_case(service)
    promise(case)
    for change in changes_of(service):
        if change.external_id != "40" and int(change.external_id) % 7:
            log(case, change)
    units = value("ndu", service.pk, WEEK)
    assert (units.nano, units.coverage_nano) == (6 * NANO, round(6 / 7 * NANO))
    survival = value("survival_21_days", case.pk, SIX_WEEKS)
    # 42 days of which 7 are not logged; v41 broke a unit, v40 failed and was not logged.
    assert survival.n == 35
    assert survival.nano == round(33 / 35 * NANO)
    quarter = Window(dt.date(2026, 1, 1), dt.date(2026, 4, 1), "UTC")
    severe = value("severe_incidents_per_100_ndu", case.pk, quarter)
    assert (severe.n, severe.nano) == (68, round(100 * 2 / 68 * NANO))
    (earlier,) = metrics.get("ndu").superseded_versions
    assert earlier.windowed is not None
    facts = earlier.windowed.collect([service.pk], WEEK, NOW)[service.pk]
    assert earlier.windowed.calculate(facts).nano == 7 * NANO
    assert "promised" not in canonical(facts)


def test_small_changes_in_place_of_large_ones_leave_no_value() -> None:
    shop = Delivering()
    shop.daily(76)
    for change in shop.items["changes"]:
        change["additions"] = 90
    for day in range(77, 105):  # the four weeks from 23 March on
        shop.change(day, BEGINS + day * DAY, additions=1, deletions=1)
        shop.deploy(f"v{day}", BEGINS + day * DAY, day)
    service = shop.send()
    later = window_of(WindowKind.FOUR_WEEKS, dt.date(2026, 4, 8), "UTC")
    found = value("change_lead_time", service.pk, later)
    assert (found.nano, found.reason, found.n) == (None, "not_evaluable", 28)
    assert "100 % of 28 have at most 22 lines, 0 % of 63 before" in found.missing
    before = window_of(WindowKind.FOUR_WEEKS, dt.date(2026, 2, 9), "UTC")
    assert value("change_lead_time", service.pk, before).nano is not None


def test_two_queries_more_and_no_more_for_more_services() -> None:
    shop = Delivering()
    shop.daily(20)
    service = shop.send()
    case = make_case(service)
    promise(case)
    for change in changes_of(service):
        log(case, change)
    other = Delivering("search", shop.connection)
    other.daily(20)
    services = [service.pk, other.send().pk]
    windowed = metrics.get("ndu").windowed
    (earlier,) = metrics.get("ndu").superseded_versions
    assert windowed is not None
    assert earlier.windowed is not None
    counts = []
    for collect, ids in (
        (earlier.windowed.collect, services),
        (windowed.collect, services[:1]),
        (windowed.collect, services),
    ):
        with CaptureQueriesContext(connection) as captured:
            assert collect(ids, WEEK, NOW)
        counts.append(len(captured))
    assert counts == [counts[0], counts[0] + 2, counts[0] + 2]


def test_sizes_are_measured_against_the_service_itself() -> None:
    alike = size_facts([100] * 40 + [4] * 2, [100] * 40 + [4] * 3)
    assert (alike["limit"], shrunk(alike)) == (25, "")
    half = [100] * 20 + [2] * 20
    assert "50 % of 40" in shrunk(size_facts([100] * 40, half))
    assert not shrunk(size_facts(half, [100] * 40))  # larger changes are no concern here
    assert shrunk(size_facts([100] * 40, [100] * 20 + [None] * 20))  # hidden is small
    assert not shrunk(size_facts([None] * 40, [None] * 40))  # no source says sizes: nothing moved
    assert not shrunk(size_facts([100] * 19, [2] * 40))  # too few to tell
    assert not shrunk(size_facts([], []))
