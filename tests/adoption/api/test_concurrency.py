"""Two people at the same time, on both engines: nobody overwrites, nothing is done twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from adoption.models import Delivery, UseCase
from tests.adoption.api.conftest import client_of
from tests.adoption.factories import make_use_case, make_user

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db(transaction=True)]


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """The answers of `works`, which all start together."""
    start, answers = threading.Barrier(len(works)), []

    def run(work: Callable[[], Any]) -> None:
        try:
            start.wait(20)
            answers.append(work())
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(answers) == len(works)
    return answers


def test_of_edits_of_one_version_one_is_saved_and_the_others_are_told() -> None:
    use_case = make_use_case()
    path = f"/api/v1/use-cases/{use_case.slug}/"
    clients = [client_of(use_case.owner) for _ in range(4)]
    tag = clients[0].get(path)["ETag"]

    def edit(number: int) -> Callable[[], Any]:
        return lambda: clients[number].patch(
            path, {"problem": f"From {number}"}, format="json", headers={"if-match": tag}
        )

    answers = at_once(*[edit(number) for number in range(4)])
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
    saved = next(answer.json() for answer in answers if answer.status_code == 200)
    use_case.refresh_from_db()
    assert (use_case.version, use_case.problem) == (2, saved["problem"])


def test_proposals_with_one_title_get_a_name_each() -> None:
    known = make_use_case(title="Same title")
    data = {
        "title": "Same title",
        "programme": known.programme.slug,
        "team": known.team.slug,
        "value_type": "quality",
    }
    clients = [client_of(make_user()) for _ in range(4)]
    answers = at_once(
        *[
            lambda client=client: client.post("/api/v1/use-cases/", data, format="json")
            for client in clients
        ]
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["slug"] for answer in answers}) == 4
    assert UseCase.objects.count() == 5


def test_a_retry_beside_the_first_request_logs_one_delivery() -> None:
    use_case = make_use_case()
    clients = [client_of(use_case.owner) for _ in range(4)]
    data = {"use_case": use_case.slug, "link": "https://example.org/", "title": "Handbook"}
    answers = at_once(
        *[
            lambda client=client: client.post(
                "/api/v1/deliveries/", data, format="json", headers={"idempotency-key": "k"}
            )
            for client in clients
        ]
    )
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert Delivery.objects.count() == 1
