"""Use cases through the API: what a list tells, what may be written, and that nothing is lost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from adoption.models import UseCase
from portal.models import User
from tests.adoption.api.conftest import World, client_of
from tests.adoption.factories import (
    NOW,
    make_programme,
    make_team,
    make_use_case,
    make_user,
    move_stage,
)
from tests.plugins.sweeping import examples

LIST = "/api/v1/use-cases/"


def payload(world: World, **fields: Any) -> dict[str, Any]:
    return {
        "title": "Search in contracts",
        "programme": world.use_case.programme.slug,
        "team": world.use_case.team.slug,
        "value_type": "task_time",
        **fields,
    }


def patch(world: World, user: User, data: dict[str, Any], tag: str | None = None) -> Any:
    client = client_of(user)
    tag = tag or client.get(world.path)["ETag"]
    return client.patch(world.path, data, format="json", headers={"if-match": tag})


def test_the_list_names_what_a_row_needs(world: World) -> None:
    answer = client_of(world.employee).get(LIST).json()
    assert answer["next"] is answer["previous"] is None
    assert answer["results"] == [
        {
            "slug": "answer-drafts",
            "title": "Answer drafts",
            "programme": world.use_case.programme.slug,
            "team": world.use_case.team.slug,
            "owner": world.owner.username,
            "value_type": "quality",
            "risk_tier": "minimal",
            "stage": "proposed",
            "stage_since": "2026-11-20",
            "updated_at": "2026-11-20T12:00:00Z",
            "version": 1,
            "url": f"http://testserver{world.path}",
        }
    ]


def test_each_filter_narrows_the_list(world: World) -> None:
    other = make_use_case(value_type="risk")
    move_stage(other, "approved", actor=world.lead, at=NOW)
    client = client_of(world.employee)
    assert len(client.get(LIST).json()["results"]) == 2
    for name, value in (
        ("stage", "proposed"),
        ("value_type", "quality"),
        ("owner", world.owner.username),
        ("programme", world.use_case.programme.slug),
        ("team", world.use_case.team.slug),
    ):
        found = client.get(LIST, {name: value}).json()["results"]
        assert [row["slug"] for row in found] == [world.use_case.slug], name


def test_a_filter_that_cannot_be_read_is_refused(world: World) -> None:
    client = client_of(world.employee)
    for name, value in (("stage", "finished"), ("team", "no slug"), ("owner", "a\0b"), ("q", "x")):
        response = client.get(LIST, {name: value})
        assert response.status_code == 400
        assert name in response.json()["errors"]


def test_the_list_costs_the_same_queries_however_long(
    world: World, django_assert_num_queries: Any
) -> None:
    programme, team = make_programme(), make_team()
    for _ in range(5):
        make_use_case(programme=programme, team=team, owner=world.owner)
    client = client_of(world.employee)
    tag = client.get(LIST)["ETag"]
    with django_assert_num_queries(4):  # session, user, state, page
        client.get(LIST)
    with django_assert_num_queries(3):  # session, user, state
        client.get(LIST, headers={"if-none-match": tag})


def test_any_write_changes_the_tag_of_the_list(world: World) -> None:
    client = client_of(world.employee)
    tags = [client.get(LIST)["ETag"]]
    patch(world, world.owner, {"title": "Answer drafts, better"})
    tags.append(client.get(LIST)["ETag"])
    make_use_case()
    tags.append(client.get(LIST)["ETag"])
    move_stage(world.use_case, "approved", actor=world.lead, at=NOW)
    tags.append(client.get(LIST)["ETag"])
    assert len(set(tags)) == 4


def test_anybody_may_propose_and_owns_what_they_proposed(world: World) -> None:
    client = client_of(world.employee)
    response = client.post(LIST, payload(world, hypothesis="If …, then …"), format="json")
    assert response.status_code == 201
    made = response.json()
    assert made["slug"] == "search-in-contracts"
    assert made["owner"] == world.employee.username
    assert made["stage"] == "proposed"
    assert made["version"] == 1
    read = client.get(response["Location"])
    assert read.json() == made
    assert read["ETag"] == response["ETag"]


def test_a_name_that_nothing_has_is_invalid(world: World) -> None:
    for field in ("programme", "team"):
        data = payload(world, **{field: "nowhere"})
        response = client_of(world.employee).post(LIST, data, format="json")
        assert response.status_code == 400
        assert response.json()["errors"][field][0]["code"] == "does_not_exist"


def test_what_others_decide_cannot_be_written(world: World) -> None:
    for field in ("stage", "owner", "slug", "version", "stage_since", "id"):
        created = client_of(world.lead).post(LIST, payload(world, **{field: "live"}), format="json")
        patched = patch(world, world.lead, {field: "live"})
        for response in (created, patched):
            assert response.status_code == 400
            assert response.json()["errors"][field][0]["code"] == "not_writable"
    world.use_case.refresh_from_db()
    assert world.use_case.stage == "proposed"
    assert world.use_case.owner == world.owner


def test_a_repeated_proposal_is_made_once(world: World) -> None:
    client = client_of(world.employee)
    headers = {"idempotency-key": "proposal-1"}
    first = client.post(LIST, payload(world), format="json", headers=headers)
    second = client.post(LIST, payload(world), format="json", headers=headers)
    assert first.json() == second.json()
    assert second["Location"] == first["Location"]
    assert UseCase.objects.count() == 2
    other = client.post(LIST, payload(world, title="Another"), format="json", headers=headers)
    assert other.status_code == 422


def test_an_edit_changes_what_it_names_and_raises_the_version(world: World) -> None:
    before = client_of(world.owner).get(world.path).json()
    response = patch(world, world.owner, {"problem": "Answers take long.", "risk_tier": "limited"})
    assert response.status_code == 200
    after = response.json()
    assert after["version"] == 2
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"problem", "risk_tier", "version", "updated_at"}


def test_an_edit_of_an_older_version_is_refused(world: World) -> None:
    tag = client_of(world.owner).get(world.path)["ETag"]
    assert patch(world, world.lead, {"title": "Mine"}).status_code == 200
    response = patch(world, world.owner, {"title": "No, mine"}, tag)
    assert response.status_code == 412
    assert response.json()["type"].endswith(":stale-version")
    assert client_of(world.owner).get(world.path).json()["title"] == "Mine"


def test_what_the_stage_asks_for_is_named_by_field(world: World) -> None:
    version = 1
    patch(world, world.owner, {"stop_rule": "No held delivery by June."})
    for stage in ("approved", "pilot"):
        version += 1
        move_stage(world.use_case, stage, actor=world.lead, at=NOW)
    response = patch(world, world.owner, {"stop_rule": ""})
    assert response.status_code == 400
    assert "stop rule" in response.json()["errors"]["stop_rule"][0]["detail"]


def test_renaming_a_team_changes_no_tag_and_renaming_the_owner_does(world: World) -> None:
    client = client_of(world.employee)
    tag = client.get(world.path)["ETag"]
    User.objects.filter(pk=world.owner.pk).update(full_name="Olga New")
    response = client.get(world.path, headers={"if-none-match": tag})
    assert response.status_code == 200
    assert response.json()["owner_name"] == "Olga New"


@pytest.mark.both_engines
class PagesTest(TestCase):
    @given(
        titles=st.lists(st.sampled_from(["Ä draft", "a draft", "B", "_"]), max_size=7),
        limit=st.integers(1, 4),
        inserted=st.sampled_from(["A", "a draft", "zz"]),
    )
    @settings(max_examples=examples(4))
    def test_following_the_links_shows_every_use_case_once(
        self, titles: list[str], limit: int, inserted: str
    ) -> None:
        owner = make_user()
        programme, team = make_programme(owner=owner), make_team()
        fields = {"owner": owner, "programme": programme, "team": team}
        present = {make_use_case(title=title, **fields).slug for title in titles}
        client = client_of(owner)
        seen: list[str] = []
        address: str | None = f"{LIST}?limit={limit}"
        while address:
            answer = client.get(address).json()
            if not seen:
                make_use_case(title=inserted, **fields)
            seen += [row["slug"] for row in answer["results"]]
            address = answer["next"]
        assert len(seen) == len(set(seen))
        assert present <= set(seen)
