"""How often somebody may: counted across processes, said with 429, forged addresses ignored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.test import Client
from rest_framework.test import APIClient

from portal import limits
from portal.choices import Role
from portal.limits import PREFIX, Rate, TooManyRequestsError, take_turn
from tests.imports import make_person
from tests.portal.api.conformance import PublishedSchema

ADDRESS = "/api/v1/programmes/"


@pytest.fixture(autouse=True)
def _no_counts() -> Iterator[None]:
    """Counters live in the broker of the whole run."""
    forget()
    yield
    forget()
    limits._Away.until = 0.0


def forget() -> None:
    client = limits.shared_counters()
    assert client is not None
    for key in client.scan_iter(f"{PREFIX}*"):
        client.delete(key)


@pytest.fixture
def rates(settings: Any) -> dict[str, str]:
    """Limits small enough to reach."""
    settings.RATES = dict.fromkeys(settings.RATES, "3/day")
    found: dict[str, str] = settings.RATES
    return found


def test_the_fourth_of_three_is_refused_until_the_next_window(rates: dict[str, str]) -> None:
    day = 86_400.0
    for _ in range(3):
        take_turn("api", "ada", now=10 * day + 5)
    with pytest.raises(TooManyRequestsError) as error:
        take_turn("api", "ada", now=10 * day + 5)
    assert (error.value.wait, error.value.rate) == (86_395, "3 a day")
    take_turn("api", "ben", now=10 * day + 5)
    take_turn("upload", "ada", now=10 * day + 5)
    take_turn("api", "ada", now=11 * day)


def test_a_name_is_never_written_into_the_broker(rates: dict[str, str]) -> None:
    take_turn("api", "ada lovelace")
    client = limits.shared_counters()
    assert client is not None
    keys = [key.decode() for key in client.scan_iter(f"{PREFIX}*")]
    assert len(keys) == 1
    assert "ada" not in keys[0]
    assert client.ttl(keys[0]) > 0


def test_without_the_broker_each_process_counts_for_itself(
    rates: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    away = redis.Redis(unix_socket_path="/nowhere/valkey.sock")
    with monkeypatch.context() as patch:
        patch.setattr(limits, "shared_counters", lambda: away)
        for _ in range(3):
            take_turn("api", "ada")
        with pytest.raises(TooManyRequestsError):
            take_turn("api", "ada")


@pytest.mark.django_db
def test_the_api_answers_429_as_documented(rates: dict[str, str]) -> None:
    schema = PublishedSchema()
    ada, ben = make_person("ada"), make_person("ben")
    client = APIClient()
    client.force_login(ada)
    assert [client.get(ADDRESS).status_code for _ in range(4)] == [200, 200, 200, 429]
    response = client.get(ADDRESS)
    schema.check(response, "get")
    assert response.json()["type"] == "urn:plumbline:problem:too-many-requests"
    assert 1 <= int(response["Retry-After"]) <= 86_400
    documented = schema.operation(ADDRESS, "get")["responses"]["429"]
    assert "Retry-After" in documented["headers"]
    client.force_login(ben)
    assert client.get(ADDRESS).status_code == 200


@pytest.mark.django_db
def test_strangers_count_by_address_and_forging_one_does_not_help(rates: dict[str, str]) -> None:
    client = APIClient()
    statuses = [
        client.get(ADDRESS, headers={"x-forwarded-for": f"10.0.0.{number}"}).status_code
        for number in range(4)
    ]
    assert statuses == [401, 401, 401, 429]
    assert client.get(ADDRESS, REMOTE_ADDR="203.0.113.9").status_code == 401


@pytest.mark.django_db
def test_a_wrong_token_counts_as_well_and_a_person_beside_it_does_not_suffer(
    rates: dict[str, str],
) -> None:
    client = APIClient(headers={"authorization": "Bearer plb_nothing"})
    assert [client.get(ADDRESS).status_code for _ in range(4)] == [401, 401, 401, 429]
    person = APIClient()
    person.force_login(make_person("ada"))
    assert person.get(ADDRESS).status_code == 200


@pytest.mark.django_db
def test_exports_are_counted_by_person(rates: dict[str, str]) -> None:
    client = Client()
    client.force_login(make_person("fin", Role.FINANCE))
    page = "/imports/runs/"
    codes = [client.get(page, {"export": "csv"}).status_code for _ in range(4)]
    assert codes == [200, 200, 200, 429]
    refused = client.get(page, {"export": "csv"})
    assert int(refused["Retry-After"]) >= 1
    assert "The limit is 3 a day" in refused.content.decode()
    assert client.get(page).status_code == 200


@pytest.mark.parametrize(
    ("text", "most", "seconds", "words"),
    [
        ("60/minute", 60, 60, "60 a minute"),
        ("1000/day", 1000, 86_400, "1,000 a day"),
        ("5/second", 5, 1, "5 a second"),
        ("7/hour", 7, 3600, "7 an hour"),
    ],
)
def test_a_rate_is_read(text: str, most: int, seconds: int, words: str) -> None:
    rate = Rate.parse(text)
    assert (rate.most, rate.seconds, rate.text) == (most, seconds, words)
