"""Every address four ways: nobody, somebody who may not, somebody who may, what stays hidden."""

from __future__ import annotations

from typing import Any

from rest_framework.test import APIClient

from portal.models import User
from tests.adoption.api.conftest import World, client_of

READS = [
    "/api/v1/use-cases/",
    "/api/v1/programmes/",
    "/api/v1/teams/",
    "/api/v1/metrics/",
    "/api/v1/metrics/things/",
    "/api/v1/deliveries/",
    "{use_case}",
    "{use_case}milestones/",
    "{use_case}milestones/{milestone}/",
    "{use_case}deliveries/",
]
WRITES = [
    ("post", "/api/v1/use-cases/"),
    ("post", "/api/v1/deliveries/"),
    ("patch", "{use_case}"),
    ("post", "{use_case}milestones/"),
    ("patch", "{use_case}milestones/{milestone}/"),
]
GOVERNED = [write for write in WRITES if "{use_case}" in write[1]]


def filled(world: World, path: str) -> str:
    return path.format(use_case=world.path, milestone=world.milestone.pk)


def send(client: APIClient, method: str, path: str) -> Any:
    return getattr(client, method)(path, {}, format="json")


def test_nobody_is_let_in(world: World) -> None:
    client = APIClient()
    for method, path in [("get", path) for path in READS] + WRITES:
        response = send(client, method, filled(world, path))
        assert response.status_code == 401, (method, path)
        assert response["Content-Type"] == "application/problem+json", (method, path)


def test_everybody_inside_may_read(world: World) -> None:
    client = client_of(world.employee)
    for path in READS:
        response = client.get(filled(world, path))
        assert response.status_code == 200, path
        assert response["ETag"], path
        again = client.get(filled(world, path), headers={"if-none-match": response["ETag"]})
        assert again.status_code == 304, path


def test_an_account_that_was_closed_is_nobody(world: World) -> None:
    client = client_of(world.employee)
    User.objects.filter(pk=world.employee.pk).update(is_active=False)
    for path in READS:
        assert client.get(filled(world, path)).status_code == 401, path


def test_who_does_not_own_a_use_case_cannot_change_it(world: World) -> None:
    client = client_of(world.employee)
    for method, path in GOVERNED:
        response = send(client, method, filled(world, path))
        assert response.status_code == 403, (method, path)
        assert response.json()["type"].endswith(":forbidden"), (method, path)


def test_owner_and_programme_lead_get_past_the_door(world: World) -> None:
    for person in (world.owner, world.lead):
        client = client_of(person)
        for method, path in GOVERNED:
            response = send(client, method, filled(world, path))
            expected = 428 if method == "patch" else 400
            assert response.status_code == expected, (person, method, path)


def test_what_is_not_there_is_not_found(world: World) -> None:
    client = client_of(world.lead)
    for path in (
        "/api/v1/use-cases/no-such/",
        "/api/v1/use-cases/no-such/milestones/",
        "/api/v1/use-cases/no-such/deliveries/",
        "/api/v1/use-cases/no-such/milestones/1/",
        "{use_case}milestones/999999/",
        "/api/v1/metrics/no-such/",
    ):
        response = client.get(filled(world, path))
        assert response.status_code == 404, path
        assert response["Content-Type"] == "application/problem+json", path


def test_a_milestone_is_found_below_its_own_use_case_only(world: World) -> None:
    from tests.adoption.factories import make_use_case

    other = make_use_case()
    path = f"/api/v1/use-cases/{other.slug}/milestones/{world.milestone.pk}/"
    assert client_of(world.lead).get(path).status_code == 404
