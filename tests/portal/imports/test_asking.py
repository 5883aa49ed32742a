"""Asking a provider: reading by POST, and what of an answer may be kept."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import json
from decimal import Decimal
from typing import Any, Self

import pytest
from pydantic import SecretStr

from portal.env import Mode
from portal.imports import fetching
from portal.imports.contracts import FetchJob, FetchSpec
from portal.imports.fetching import asking, due_windows
from portal.imports.http import JsonAnswer
from portal.version import VERSION

SPEC = FetchSpec(
    origin=lambda config: "https://provider.example/",
    headers=lambda secret: {},
    fetch=lambda job: None,
    probe=lambda job: None,
    reread_days=1,
)
ANSWER = b'{"cost": 0.10,\n "prompt": "a secret"}'


class FakeClient:
    """Stands for the client that opens connections; remembers what it was asked."""

    asked: list[tuple[str, bytes | None]]
    options: dict[str, Any]

    def __init__(self, **options: Any) -> None:
        FakeClient.asked = []
        FakeClient.options = options

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        return None

    def fetch_json(
        self, url: str, *, body: bytes | None = None, etag: str | None = None
    ) -> JsonAnswer:
        FakeClient.asked.append((url, body))
        return JsonAnswer(json.loads(ANSWER, parse_float=Decimal), {}, ANSWER)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "OutboundClient", FakeClient)


def spooled(spec: FetchSpec, **options: Any) -> bytes:
    spool = io.BytesIO()
    with asking(spec, {}, SecretStr("key"), spool) as ask:
        answer = ask("costs", "/costs", [("a", "1"), ("a", "2")], **options)
    assert answer["cost"] == Decimal("0.10")
    return spool.getvalue()


def test_a_body_makes_it_a_post_of_json() -> None:
    spooled(SPEC)
    assert FakeClient.asked == [("https://provider.example/costs?a=1&a=2", None)]
    spooled(SPEC, body={"page": 1})
    assert FakeClient.asked == [("https://provider.example/costs?a=1&a=2", b'{"page": 1}')]


def test_a_provider_is_told_who_asks_and_in_production_where_to_turn(
    settings: Any,
) -> None:
    spooled(SPEC)
    assert FakeClient.options["user_agent"] == f"Plumbline/{VERSION}"
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(
        update={
            "plumbline_env": Mode.PRODUCTION,
            "plumbline_allowed_hosts": "costs.example.org,other.example.org",
        }
    )
    spooled(SPEC)
    told = FakeClient.options["user_agent"]
    assert told == f"Plumbline/{VERSION} (https://costs.example.org)"


def test_an_answer_is_spooled_as_it_came_unless_some_of_it_may_not_be_kept() -> None:
    assert b'{"cost": 0.10,  "prompt": "a secret"}' in spooled(SPEC)
    careful = dataclasses.replace(SPEC, redact=lambda answer: {"cost": answer["cost"]})
    assert spooled(careful) == b'{"endpoint": "costs", "body": {"cost": "0.10"}}\n'


def test_days_that_the_provider_has_forgotten_are_not_asked_for() -> None:
    today = dt.date(2026, 9, 5)
    short = dataclasses.replace(SPEC, history_days=30)
    for fetched_to in (None, dt.date(2026, 5, 1)):
        (window,) = due_windows(short, first=None, fetched_to=fetched_to, today=today)
        assert (window.start, window.end) == (dt.date(2026, 8, 6), today)
    assert len(due_windows(SPEC, first=None, fetched_to=None, today=today)) == 3


def test_only_the_window_that_ends_today_is_the_newest() -> None:
    day = dt.date(2026, 9, 5)
    job = FetchJob({}, dt.date(2026, 9, 1), day, lambda *args, **kwargs: None, day)
    assert job.is_newest
    assert not dataclasses.replace(job, today=day + dt.timedelta(1)).is_newest
    assert not dataclasses.replace(job, today=None).is_newest


class Remembered:
    """A memory of one connection."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[str, bytes]] = {}

    def recall(self, address: str) -> tuple[str, bytes] | None:
        return self.kept.get(address)

    def keep(self, address: str, etag: str, body: bytes) -> None:
        self.kept[address] = (etag, body)


def test_what_did_not_change_is_spooled_from_memory_and_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[str | None] = []

    def fetch_json(
        _self: FakeClient, url: str, *, body: bytes | None = None, etag: str | None = None
    ) -> JsonAnswer:
        sent.append(etag)
        if etag == '"one"' and url.endswith("=1"):
            return JsonAnswer(None, {}, is_unchanged=True)
        content = json.dumps({"url": url, "n": len(sent)}).encode()
        return JsonAnswer(json.loads(content), {"etag": '"one"'}, content)

    monkeypatch.setattr(FakeClient, "fetch_json", fetch_json)
    memory = Remembered()

    def poll() -> list[dict[str, Any]]:
        spool = io.BytesIO()
        with asking(SPEC, {}, None, spool, memory=memory) as ask:
            for page in ("1", "2"):
                ask("pulls", "/pulls", [("page", page)])
        return [json.loads(line) for line in spool.getvalue().splitlines()]

    first, second = poll(), poll()
    assert sent == [None, None, '"one"', '"one"']
    assert first[0] == second[0]  # the page that did not change, whole
    assert first[1] != second[1]
    assert [each["body"] for each in (first[-1], second[-1])] == [[2, 0], [2, 1]]
