"""A repeated POST is answered again and not done again."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from portal.models import Connection, IdempotencyKey, User
from portal.services.idempotency import (
    CLAIM_LASTS,
    KEPT_FOR,
    KeyInUseError,
    claim_key,
    give_back,
    hold_claim,
)
from tests.portal.api.toy_urls import ThingsView

pytestmark = [pytest.mark.both_engines, pytest.mark.urls("tests.portal.api.toy_urls")]
THINGS = "/api/v1/things/"


def post(client: APIClient, name: str, key: str | None = "k-1") -> Any:
    headers = {} if key is None else {"idempotency-key": key}
    return client.post(THINGS, {"name": name}, format="json", headers=headers)


@pytest.mark.django_db
class TestOneAfterTheOther:
    def test_a_repeated_request_gets_the_first_answer(self, api: APIClient) -> None:
        first, second = post(api, "a"), post(api, "a")
        assert first.status_code == second.status_code == 201
        assert first.content == second.content
        assert first["Location"] == second["Location"]
        assert "Idempotency-Replayed" not in first
        assert second["Idempotency-Replayed"] == "true"
        assert Connection.objects.count() == 1

    def test_another_payload_under_the_same_key_is_refused(self, api: APIClient) -> None:
        post(api, "a")
        response = post(api, "b")
        assert response.status_code == 422
        assert response.json()["type"].endswith(":key-reused")
        assert Connection.objects.count() == 1

    def test_keys_belong_to_a_person(self, api: APIClient) -> None:
        other = APIClient()
        other.force_login(User.objects.create_user("bob"))
        assert post(api, "a").json() != post(other, "a").json()
        assert Connection.objects.count() == 2

    def test_without_a_key_each_request_is_done(self, api: APIClient) -> None:
        post(api, "a", None)
        post(api, "a", None)
        assert Connection.objects.count() == 2

    def test_a_failure_is_undone_and_leaves_the_key_free(self, api: APIClient) -> None:
        assert post(api, "conflict").status_code == 409
        assert Connection.objects.count() == 0
        assert post(api, "a").status_code == 201

    def test_an_invalid_payload_leaves_no_key(self, api: APIClient) -> None:
        assert post(api, "x" * 11).status_code == 400
        assert IdempotencyKey.objects.count() == 0

    @pytest.mark.parametrize("key", ["", "x" * 256, "two words", "é"])
    def test_a_malformed_key_is_invalid(self, api: APIClient, key: str) -> None:
        response = post(api, "a", key)
        assert response.status_code == 400
        assert "Idempotency-Key" in response.json()["errors"]

    def test_a_key_is_forgotten_after_a_day(self, api: APIClient) -> None:
        post(api, "a")
        IdempotencyKey.objects.update(claimed_at=timezone.now() - KEPT_FOR - dt.timedelta(1))
        assert "Idempotency-Replayed" not in post(api, "a")
        assert Connection.objects.count() == 2


@pytest.mark.django_db
class TestClaims:
    NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)

    def claim(self, person: User, now: dt.datetime) -> Any:
        return claim_key(user_id=person.pk, key="k", request_digest="d", now=now)

    def test_a_second_claim_waits_its_turn(self, person: User) -> None:
        self.claim(person, self.NOW)
        with pytest.raises(KeyInUseError):
            self.claim(person, self.NOW + CLAIM_LASTS - dt.timedelta(seconds=1))

    def test_a_claim_of_a_dead_process_is_taken_over_and_fenced(self, person: User) -> None:
        first = self.claim(person, self.NOW)
        later = self.NOW + CLAIM_LASTS
        second = self.claim(person, later)
        with pytest.raises(KeyInUseError):
            hold_claim(first, now=later)
        give_back(first)
        hold_claim(second, now=later)
        assert IdempotencyKey.objects.count() == 1


@pytest.fixture
def slow_work() -> Iterator[tuple[threading.Event, threading.Event]]:
    ThingsView.works, ThingsView.may_go_on = threading.Event(), threading.Event()
    yield ThingsView.works, ThingsView.may_go_on
    ThingsView.works = ThingsView.may_go_on = None


def in_thread(person: User, answers: list[Any]) -> threading.Thread:
    def run() -> None:
        client = APIClient()
        client.force_login(person)
        try:
            answers.append(post(client, "a"))
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.django_db(transaction=True)
def test_a_twin_at_the_same_time_is_told_to_wait_and_nothing_is_done_twice(
    slow_work: tuple[threading.Event, threading.Event], engine: str
) -> None:
    person = User.objects.create_user("ann")
    works, may_go_on = slow_work
    answers: list[Any] = []
    first = in_thread(person, answers)
    assert works.wait(20)
    if engine == "sqlite":
        # One writer at a time: the twin waits for the lock and then finds the answer.
        twin = in_thread(person, answers)
        may_go_on.set()
        twin.join(30)
    else:
        twin = in_thread(person, answers)
        twin.join(30)
        may_go_on.set()
    first.join(30)
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == ([201, 201] if engine == "sqlite" else [201, 409])
    assert Connection.objects.count() == 1
    if engine == "postgres":
        refused = next(answer for answer in answers if answer.status_code == 409)
        assert refused.json()["type"].endswith(":in-progress")
        assert refused["Retry-After"] == "1"


@pytest.mark.django_db(transaction=True)
def test_a_crowd_with_one_key_does_the_work_once() -> None:
    person = User.objects.create_user("ann")
    answers: list[Any] = []
    threads = [in_thread(person, answers) for _ in range(6)]
    for thread in threads:
        thread.join(60)
    assert len(answers) == 6
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert Connection.objects.count() == 1
