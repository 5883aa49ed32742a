"""Pages of a provider that did not change: asked for by ETag, taken from here, kept a month."""

from __future__ import annotations

import datetime as dt
import io
import json
from dataclasses import replace
from typing import Any

import pytest

from adoption.models import PolledPage
from adoption.services.polled_pages import KEPT_FOR, PolledPages, purge_polled_pages
from portal.imports import fetching
from portal.imports.contracts import FetchSpec
from portal.imports.fetching import PROBE_LIMITS, asking
from portal.models import Connection
from tests.adoption.sending import make_connection
from tests.portal.imports.outbound.faults import LOOPBACK, FaultServer, answer

pytestmark = [pytest.mark.django_db, pytest.mark.both_engines]
NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
PAGE = json.dumps([{"number": 7}]).encode()
OTHER = json.dumps([{"number": 8}]).encode()


@pytest.fixture
def connection() -> Connection:
    return make_connection("github")


def poll(server: FaultServer, memory: PolledPages, times: int = 1) -> tuple[list[Any], list[str]]:
    """Ask for one page; what the source was given, and the lines of the spool."""
    spec = FetchSpec(
        origin=lambda _: f"http://127.0.0.1:{server.port}", headers=lambda _: {},
        fetch=lambda _: None, probe=lambda _: None, reread_days=1,
    )  # fmt: skip
    spool = io.BytesIO()
    limits = replace(PROBE_LIMITS, total_seconds=30)
    with asking(spec, {}, None, spool, limits=limits, memory=memory) as ask:
        found = [ask("pulls", "/repos/acme/shop/pulls", [("page", "1")]) for _ in range(times)]
    return found, spool.getvalue().decode().splitlines()


@pytest.fixture(autouse=True)
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "outbound_policy", lambda: LOOPBACK)


def test_a_page_that_did_not_change_costs_a_304_and_reads_as_before(
    connection: Connection,
) -> None:
    memory = PolledPages(connection.pk, lambda: NOW)
    scripts = [answer(200, PAGE, ETag='W/"one"'), answer(304, b""), answer(200, OTHER, ETag='"2"')]
    with FaultServer(scripts=scripts) as server:
        first, new = poll(server, memory)
        second, same = poll(server, memory)
        third, other = poll(server, memory)
    assert [first, second, third] == [[[{"number": 7}]], [[{"number": 7}]], [[{"number": 8}]]]
    asked = [head.decode().lower() for head in server.requests]
    assert ["if-none-match" in head for head in asked] == [False, True, True]
    assert 'if-none-match: w/"one"' in asked[1]
    # The same lines: what was remembered may never have been imported.
    assert new[0] == same[0]
    assert [json.loads(lines[-1])["body"] for lines in (new, same, other)] == [
        [1, 0], [1, 1], [1, 0],
    ]  # fmt: skip
    assert PolledPage.objects.get().etag == '"2"'


def test_an_answer_without_an_etag_is_not_remembered(connection: Connection) -> None:
    memory = PolledPages(connection.pk, lambda: NOW)
    with FaultServer(scripts=[answer(200, PAGE)]) as server:
        poll(server, memory, times=2)
    assert not PolledPage.objects.exists()
    assert b"if-none-match" not in server.requests[1].lower()


def test_what_one_connection_may_read_is_not_shown_to_another(connection: Connection) -> None:
    PolledPages(connection.pk, lambda: NOW).keep("https://api.test/a", '"1"', PAGE)
    other = PolledPages(make_connection("github", "other").pk, lambda: NOW)
    assert other.recall("https://api.test/a") is None
    assert "api.test" not in str(PolledPage.objects.values())  # addresses name people


def test_what_is_too_large_is_asked_for_whole(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adoption.services.polled_pages.MOST_BYTES", 20)
    memory = PolledPages(connection.pk, lambda: NOW)
    memory.keep("a", '"1"', bytes(range(256)) * 4)
    memory.keep("b", '"' + "x" * 300 + '"', b"[]")
    assert not PolledPage.objects.exists()


def test_a_page_is_forgotten_a_month_after_it_was_last_asked_for(connection: Connection) -> None:
    clock = [NOW]
    memory = PolledPages(connection.pk, lambda: clock[0])
    memory.keep("a", '"1"', PAGE)
    memory.keep("b", '"1"', PAGE)
    clock[0] = NOW + dt.timedelta(days=20)
    assert memory.recall("a") == ('"1"', PAGE)
    assert purge_polled_pages(at=NOW + KEPT_FOR) == 0
    assert purge_polled_pages(at=NOW + KEPT_FOR + dt.timedelta(seconds=1)) == 1
    assert memory.recall("b") is None
    assert memory.recall("a") is not None
    assert purge_polled_pages(at=clock[0] + KEPT_FOR + dt.timedelta(seconds=1)) == 1
