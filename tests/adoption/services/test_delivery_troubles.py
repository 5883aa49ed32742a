"""Deliveries whose deployment failed: demoted with the reason, in whatever order that is told."""

from __future__ import annotations

import datetime as dt
import random
from itertools import permutations
from typing import Any

import pytest

from adoption.models import Change, Delivery, DeliveryEvent, Milestone
from adoption.selectors.troubles import troubles_of
from adoption.services.deliveries import advance_deliveries, log_delivery
from adoption.services.ingest import ingest
from adoption.services.milestones import measure_milestones
from portal.models import WorkItem
from tests.adoption.delivering import BEGINS, DAY, HOUR, Delivering
from tests.adoption.factories import make_milestone, make_use_case, make_user
from tests.adoption.sending import place_all
from tests.plugins.sweeping import examples

pytestmark = pytest.mark.django_db
HELD = BEGINS + 30 * DAY


def shop() -> Delivering:
    """A baseline, then change 1 in production a day later."""
    found = Delivering()
    found.deploy("baseline", BEGINS)
    found.change(1, BEGINS + DAY)
    found.deploy("v1", BEGINS + DAY, 1)
    return found


def logged(world: Delivering, at: dt.datetime = HELD) -> Delivery:
    world.send()
    change = Change.objects.get(external_id="1")
    return log_delivery(use_case=make_use_case(), change=change, actor=make_user(), at=at)


def tell_incident(world: Delivering, **said: Any) -> None:
    """What a paging system says of one incident of the twentieth day; nothing is placed yet."""
    world.incident("i1", BEGINS + 20 * DAY, **said)
    items = world.items.pop("incidents")
    world.items["incidents"] = []
    ingest(connection=world.connection, noun="incidents", items=items, actor=None, at=HELD)


def lines(delivery: Delivery) -> list[str]:
    rows = DeliveryEvent.objects.filter(delivery=delivery).order_by("pk")
    return [f"{row.to_state}: {row.reason}" for row in rows]


@pytest.mark.both_engines
def test_an_incident_that_names_the_deployment_demotes_while_it_is_open_and_starts_anew() -> None:
    world = shop()
    delivery = logged(world)
    assert delivery.state == "held"
    tell_incident(world, caused_by_deployment="v1")
    advance_deliveries(at=HELD)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.held_at) == ("deployed", None)
    assert delivery.state_reason.endswith("that it caused is still open.")
    over = (BEGINS + 22 * DAY).isoformat()
    tell_incident(world, caused_by_deployment="v1", resolved_at=over)
    advance_deliveries(at=HELD)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.held_at) == ("deployed", None)
    assert "was over on 27 Jan 2026; holds on 10 Feb 2026." in delivery.state_reason
    advance_deliveries(at=BEGINS + 36 * DAY)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.held_at) == ("held", BEGINS + 36 * DAY)
    told = lines(delivery)
    assert [line.partition(":")[0] for line in told] == ["held", "deployed", "held"]
    assert told[1].startswith("deployed: It had held and does not any more.")


def test_an_incident_is_enough_to_have_its_service_looked_at() -> None:
    """By the hook or the API that brings it: nobody waits for the next deployment."""
    world = shop()
    logged(world)
    tell_incident(world, caused_by_change="1")
    assert WorkItem.objects.filter(kind="adoption.place-changes").count() == 1
    place_all()
    assert Delivery.objects.get().state == "deployed"


@pytest.mark.parametrize(
    "incident",
    [
        {"caused_by_deployment": "v1", "human_actioned": False},
        {"caused_by_deployment": "v0"},
        {"caused_by_change": "2"},
        {},
    ],
)
def test_what_nobody_acted_on_or_was_caused_by_something_else_changes_nothing(
    incident: dict[str, Any],
) -> None:
    world = shop()
    world.incident("i1", BEGINS + 2 * DAY, **incident)
    assert logged(world).state == "held"


def test_a_repair_leaves_it_in_production_and_its_window_begins_with_it() -> None:
    world = shop()
    world.change(2, BEGINS + 20 * DAY)
    world.deploy("v2", BEGINS + 20 * DAY, 2, fixes="v1")
    delivery = logged(world, BEGINS + 30 * DAY)
    assert delivery.state == "deployed"
    assert delivery.deployed_at == BEGINS + DAY
    assert "repaired by a deployment of 25 Jan 2026; holds on 8 Feb 2026." in delivery.state_reason
    advance_deliveries(at=BEGINS + 34 * DAY)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.held_at) == ("held", BEGINS + 34 * DAY)


@pytest.mark.both_engines
def test_the_order_in_which_it_is_told_means_nothing() -> None:
    """Change, deployments, repair and incident, each alone and in every order."""
    world = shop()
    world.change(2, BEGINS + 3 * DAY)
    world.deploy("v2", BEGINS + 3 * DAY, 2, fixes="v1")
    world.incident("i1", BEGINS + 2 * DAY, caused_by_deployment="v1",
                   resolved_at=(BEGINS + 3 * DAY + HOUR).isoformat())  # fmt: skip
    told = [(noun, item) for noun, items in world.items.items() for item in items]
    orders = list(permutations(range(len(told))))
    found = set()
    for order in random.Random(7).sample(orders, examples(2)):  # noqa: S311  (orders of a test)
        connection = Delivering(connection=world.connection).connection
        for place in order:
            noun, item = told[place]
            ingest(connection=connection, noun=noun, items=[item], actor=None, at=HELD)
            place_all()
        change = Change.objects.get(external_id="1")
        found.add(troubles_of([change])[change.pk])
    (troubles,) = found
    assert [(each.kind, each.until) for each in troubles] == [
        ("incident", BEGINS + 3 * DAY + HOUR), ("repair", BEGINS + 3 * DAY),
    ]  # fmt: skip


def test_a_milestone_on_held_deliveries_opens_again() -> None:
    world = shop()
    delivery = logged(world)
    milestone = make_milestone(
        delivery.use_case, metric_key="held_deliveries", threshold_nano=10**9,
        due_on=(BEGINS + 60 * DAY).date(),
    )  # fmt: skip
    measure_milestones(use_case_ids=[delivery.use_case_id], at=HELD)
    assert Milestone.objects.get(pk=milestone.pk).state == "reached"
    tell_incident(world, caused_by_deployment="v1")
    advance_deliveries(at=HELD)
    measure_milestones(use_case_ids=[delivery.use_case_id], at=HELD + HOUR)
    assert Milestone.objects.get(pk=milestone.pk).state == "open"


def test_it_costs_two_queries_whatever_the_number(django_assert_num_queries: Any) -> None:
    world = Delivering()
    world.daily(12)
    world.incident("i1", BEGINS + 5 * DAY, caused_by_deployment="v3")
    world.send()
    changes = list(Change.objects.all())
    with django_assert_num_queries(2):
        found = troubles_of(changes)
    assert len(found) == 1
    with django_assert_num_queries(0):
        assert troubles_of([]) == {}
