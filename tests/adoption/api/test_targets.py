"""Adoption targets through the API: outcomes are taken, usage is refused with what to use."""

from __future__ import annotations

from typing import Any

import pytest

from adoption.models import AdoptionTarget
from tests.adoption.api.conftest import World, client_of

PATH = "/api/v1/targets/"


@pytest.fixture(autouse=True)
def at_that_time() -> Any:
    """The registry of these tests lives in November 2026."""
    import time_machine

    from tests.adoption.factories import NOW

    with time_machine.travel(NOW, tick=True):
        yield


def wanted(world: World, **fields: Any) -> dict[str, Any]:
    return {
        "title": "Ten deliveries that hold", "milestone_id": world.milestone.pk,
        "scope_kind": "use_case", "comparator": "gte", "value": "10", "due_on": "2026-12-31",
    } | fields  # fmt: skip


def test_a_target_is_set_read_listed_and_changed_by_version(world: World) -> None:
    client = client_of(world.owner)
    made = client.post(PATH, wanted(world), format="json")
    assert made.status_code == 201, made.json()
    shown = made.json()
    assert (shown["metric_key"], shown["value"], shown["scope"]) == (
        "held_deliveries", "10", world.use_case.slug,
    )  # fmt: skip
    assert shown["baseline"]["value"] == "0"
    assert shown["measured"]["value"] is None
    assert client.get(shown["url"])["ETag"] == made["ETag"]
    for path in (PATH, f"{world.path}targets/"):
        assert [each["id"] for each in client.get(path).json()["results"]] == [shown["id"]]
    change = {"value": "8"}
    assert client.patch(shown["url"], change, format="json").status_code == 428
    tag = {"if-match": made["ETag"]}
    changed = client.patch(shown["url"], change, format="json", headers=tag)
    assert (changed.status_code, changed.json()["value"]) == (200, "8")
    assert client.patch(shown["url"], change, format="json", headers=tag).status_code == 412


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"metric_key": "tokens"}, "metric_key"),
        ({"metric_key": "active_users"}, "metric_key"),
        ({"title": "80% of developers weekly"}, "title"),
        ({"title": "Adoption rate of 60 %"}, "title"),
        ({"title": "Make it better"}, "title"),
        ({"value": "2.5"}, "value"),
        ({"milestone_id": 999_999}, "milestone_id"),
        ({"scope_kind": "team", "team": "no-such-team"}, "team"),
        ({"due_on": "2026-11-01"}, "due_on"),
    ],
)
def test_what_is_no_target_is_refused_by_field(
    world: World, fields: dict[str, Any], field: str
) -> None:
    response = client_of(world.lead).post(PATH, wanted(world, **fields), format="json")
    assert response.status_code == 400
    assert field in response.json()["errors"], response.json()
    assert not AdoptionTarget.objects.exists()


def test_usage_is_refused_with_reason_and_alternative(world: World) -> None:
    response = client_of(world.owner).post(
        PATH, wanted(world, title="80% of developers weekly"), format="json"
    )
    (problem,) = response.json()["errors"]["title"]
    assert "counts who opened a tool" in problem["detail"]
    assert "share_of_teams_with_held_delivery" in problem["detail"]
    assert "eligible teams with at least one held delivery in 28 days" in problem["detail"]


def test_wider_scopes_are_for_leads_and_strangers_set_nothing(world: World) -> None:
    programme = wanted(world, scope_kind="programme")
    assert client_of(world.owner).post(PATH, programme, format="json").status_code == 403
    assert client_of(world.employee).post(PATH, wanted(world), format="json").status_code == 403
    made = client_of(world.lead).post(PATH, programme, format="json")
    assert (made.status_code, made.json()["scope"]) == (201, world.use_case.programme.slug)
