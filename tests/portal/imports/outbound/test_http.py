"""A provider that misbehaves: bounded time and memory, one clear error (catalogue, rows 40, 41)."""

from __future__ import annotations

import gzip
import io
import random
import time
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from structlog.testing import capture_logs

from portal.imports.contracts import ImportRefusedError, SourceUnavailableError
from portal.imports.http import OutboundClient
from portal.imports.outbound.bodies import unpacked
from portal.imports.outbound.errors import (
    AnswerRefusedError,
    CredentialRefusedError,
    SourceBusyError,
)
from portal.imports.outbound.strict_json import read_json
from portal.imports.outbound.waiting import asked_wait, next_wait
from portal.version import VERSION
from tests.portal.imports.outbound.faults import (
    PATIENT,
    QUICK,
    FaultServer,
    Script,
    answer,
    dripping,
    flooding,
    raw,
    reset,
    silent,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECRET = "sk-canary-5b1fe0c2d94a7733"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
UNAVAILABLE, REFUSED = SourceUnavailableError, AnswerRefusedError


def fetched(*scripts: Script, **changes: Any) -> tuple[Any, FaultServer, list[float]]:
    """What a client gets of a server with these scripts, and for how long it slept."""
    slept: list[float] = []
    with FaultServer(scripts=list(scripts)) as server:
        changes = {"sleep": slept.append, "clock": lambda: NOW, **changes}
        with server.client(**changes) as client:
            try:
                return client.fetch_json(server.url("/v1/costs?key=hidden")), server, slept
            except (ImportRefusedError, SourceUnavailableError) as error:
                return error, server, slept


@pytest.mark.parametrize(
    ("script", "error", "said"),
    [
        (answer(500), UNAVAILABLE, "answered 500"),
        (answer(502), UNAVAILABLE, "answered 502"),
        (answer(503), UNAVAILABLE, "answered 503"),
        (answer(401), CredentialRefusedError, "answered 401: the credential"),
        (answer(403), CredentialRefusedError, "answered 403: the credential"),
        (answer(404), REFUSED, "answered 404"),
        (answer(204, b""), REFUSED, "answered 204"),
        (answer(200, b"<html>Sign in</html>", kind="text/html"), REFUSED, "with a page"),
        (answer(200, b"\n <!doctype html>"), REFUSED, "with a page"),
        (answer(200, b'{"a": 1'), REFUSED, "no valid JSON"),
        (answer(200, b""), REFUSED, "no valid JSON"),
        (answer(200, b'{"a": 1}{"a": 2}'), REFUSED, "no valid JSON"),
        (answer(200, b'{"a": NaN}'), REFUSED, "no valid JSON"),
        (answer(200, b'{"a": "\xff"}'), REFUSED, "no valid JSON"),
        (answer(200, b"[" * 90_000), REFUSED, "no valid JSON"),
        (answer(200, b"9" * 9_000), REFUSED, "no valid JSON"),
        (answer(200, b'{"rows": [{"cost": 1, "cost": 2}]}'), REFUSED, "one key twice"),
        (flooding(HEAD + b"Content-Length: 1073741824\r\n\r\n"), REFUSED, "more than 100000"),
        (flooding(CHUNKED, b"10000\r\n" + b" " * 65536 + b"\r\n"), REFUSED, "more than 100000"),
        (dripping(b" ", HEAD + b"Content-Length: 9999\r\n\r\n"), UNAVAILABLE, "took too long"),
        (dripping(b"X-A: b\r\n", b"HTTP/1.1 200 OK\r\n"), UNAVAILABLE, "took too long"),
        (dripping(b"H"), UNAVAILABLE, "took too long|failed"),
        (silent, UNAVAILABLE, "took too long"),
        (reset(HEAD + b'Content-Length: 50\r\n\r\n{"data"'), UNAVAILABLE, "failed"),
        (raw(b""), UNAVAILABLE, "failed"),
        (raw(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"), UNAVAILABLE, "failed"),
        (answer(200, b'{"data": []}', length=40), UNAVAILABLE, "failed"),
        (answer(200, b'{"data": []}', length=5), REFUSED, "no valid JSON"),
        (raw(CHUNKED + b'ff\r\n{"data": ['), UNAVAILABLE, "failed"),
        (raw(HEAD + b"Content-Length: many\r\n\r\n{}"), UNAVAILABLE, "failed"),
        (raw(HEAD + b"X: " + b"x" * 300_000 + b"\r\n\r\n{}"), UNAVAILABLE, "failed"),
        (answer(200, b"x" * 20, Content_Encoding="br"), REFUSED, "with an encoding"),
        (answer(200, b"x" * 20, Content_Encoding="gzip"), UNAVAILABLE, "damaged"),
        (
            answer(200, gzip.compress(b'{"data": []}' * 99)[:-9], Content_Encoding="gzip"),
            UNAVAILABLE,
            "cut|damaged",
        ),
        (
            answer(200, gzip.compress(b" " * 50_000_000), Content_Encoding="gzip"),
            REFUSED,
            "more than 100000",
        ),
    ],
)
def test_a_fault_ends_in_time_with_one_clear_error(
    script: Script, error: type[Exception], said: str
) -> None:
    tracemalloc.start()
    began = time.monotonic()
    found, _, _ = fetched(script, limits=QUICK if said.startswith("took") else PATIENT)
    took = time.monotonic() - began
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert type(found) is error
    with pytest.raises(error, match=said):
        raise found
    assert "provider.test/v1/costs" in str(found)
    assert "hidden" not in str(found)
    assert took < 30
    assert peak < 60_000_000  # the packed 50 MB are made before, not by the client


def test_a_good_answer_is_exact() -> None:
    body = b'\xef\xbb\xbf{"cost": 0.1000000000000000055511151231257827, "n": 12345678901234567890}'
    found, server, _ = fetched(answer(body=body, X_Next="p2"))
    assert found.data == {
        "cost": Decimal("0.1000000000000000055511151231257827"),
        "n": 12345678901234567890,
    }
    assert found.headers["x-next"] == "p2"
    (request,) = server.requests
    assert b"Host: provider.test:" in request
    assert request.startswith(b"GET /v1/costs?key=hidden HTTP/1.1")


def test_what_passes_by_itself_is_asked_again_and_what_does_not_is_not() -> None:
    found, server, slept = fetched(answer(503), answer())
    assert found.data == {"data": []}
    assert len(slept) == 1
    _, server, slept = fetched(answer(404), answer())
    assert (len(server.requests), slept) == (1, [])
    _, server, _ = fetched(answer(500))
    assert len(server.requests) == PATIENT.attempts


def test_being_told_to_wait_costs_no_attempt() -> None:
    busy = answer(429, Retry_After="2")
    found, server, slept = fetched(*[busy] * 20, answer())
    assert found.data == {"data": []}
    assert len(server.requests) == 21 > PATIENT.attempts
    assert all(2 <= seconds <= 2.2 for seconds in slept)


@pytest.mark.parametrize(
    ("said", "least"),
    [
        ("7", 7),
        ("Fri, 20 Nov 2026 12:00:09 GMT", 9),
        ("1000000000", 60),
        ("9" * 5000, 60),
        ("0", 1),
        ("-5", 1),
        ("soon", 1),
        ("1e3", 1),
        ("Fri, 20 Nov 2020 12:00:00 GMT", 1),
        ("Fri, 32 Nov 2026 12:00:00 GMT", 1),
        (None, 1),
    ],
)
def test_every_form_of_retry_after_is_waited_for_and_capped(said: str | None, least: float) -> None:
    busy = answer(429) if said is None else answer(429, Retry_After=said)
    found, _, slept = fetched(busy, answer())
    assert found.data == {"data": []}
    (seconds,) = slept
    assert least <= seconds <= least * 1.1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "2.5"}, 2.5),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, 360),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "20ms"}, 0.02),
        (
            {
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "1h2m3.5s",
            },
            3723.5,
        ),
        ({"x-ratelimit-remaining-requests": "4", "x-ratelimit-reset-requests": "6m0s"}, None),
        (
            {
                "anthropic-ratelimit-input-tokens-remaining": "0",
                "anthropic-ratelimit-input-tokens-reset": "2026-11-20T12:00:30Z",
                "anthropic-ratelimit-requests-remaining": "50",
                "anthropic-ratelimit-requests-reset": "2026-11-20T13:00:00Z",
            },
            30,
        ),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "12"}, 12),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1795176012"}, 12),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1795176012500"}, 12.5),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon"}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": ""}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1790000000"}, None),
        ({"x-ratelimit-remaining": "0"}, None),
        ({"retry-after-ms": "soon", "retry-after": "3"}, 3),
        ({}, None),
    ],
)
def test_every_way_of_saying_when_to_come_back_is_read(
    headers: dict[str, str], seconds: float | None
) -> None:
    found = asked_wait(headers, NOW)
    assert found == (None if seconds is None else pytest.approx(seconds))


def test_a_provider_that_never_has_time_is_given_up_and_says_when_to_come_back() -> None:
    limits = replace(PATIENT, all_waits_seconds=100)
    found, _, slept = fetched(answer(429, Retry_After="30"), limits=limits)
    assert isinstance(found, SourceBusyError)
    assert found.retry_after == 30
    assert 90 <= sum(slept) <= 100


def test_a_limit_that_comes_as_403_is_no_refused_credential() -> None:
    reset_at = str(int((NOW + timedelta(seconds=20)).timestamp()))
    limit = answer(403, X_RateLimit_Remaining="0", X_RateLimit_Reset=reset_at)
    found, _, slept = fetched(limit, answer())
    assert found.data == {"data": []}
    assert 20 <= slept[0] <= 22
    found, _, _ = fetched(answer(403, X_RateLimit_Remaining="7"))
    assert isinstance(found, CredentialRefusedError)


@given(st.text(max_size=40), st.integers(1, 200), st.floats(1, 1000))
def test_whatever_a_header_says_the_wait_is_a_sensible_number(
    said: str, turn: int, longest: float
) -> None:
    asked = asked_wait({"retry-after": said}, NOW)
    for name in ("retry-after-ms", "x-ratelimit-reset", "anthropic-ratelimit-requests-reset"):
        left = name.replace("reset", "remaining")
        other = asked_wait({name: said, left: "0"}, NOW)
        assert other is None or 0 < other <= 86_400
    chance = random.Random(1)  # noqa: S311  (spreads waits)
    assert 0 < next_wait(turn, asked, longest, chance) <= longest * 1.1


class TestSecrets:
    def test_a_credential_goes_to_the_provider_and_into_no_log_or_error(self) -> None:
        headers = {"Authorization": SecretStr(f"Bearer {SECRET}"), "Host": "evil.test"}
        echo = answer(401, f'{{"error": "invalid key {SECRET}"}}'.encode())
        with capture_logs() as logs:
            found, server, _ = fetched(echo, headers=headers)
        assert f"Authorization: Bearer {SECRET}".encode() in server.requests[0]
        assert b"evil.test" not in server.requests[0]
        assert SECRET not in f"{found} {found!r} {logs}"

    def test_a_client_does_not_show_what_it_holds(self) -> None:
        client = OutboundClient(
            ["https://api.example"], headers={"Authorization": SecretStr(SECRET)}
        )
        with client:
            assert SECRET not in repr(client)

    def test_a_header_that_would_break_the_request_is_refused_unsaid(self) -> None:
        found, server, _ = fetched(answer(), headers={"X-Key": f"{SECRET}\r\nX-Other: 1"})
        assert isinstance(found, ImportRefusedError)
        assert SECRET not in str(found)
        assert server.requests == []


class TestDownload:
    def test_a_body_is_written_whole_and_hashed(self) -> None:
        content = b"a,b\n" * 40_000
        packed = answer(200, gzip.compress(content), kind="text/csv", Content_Encoding="gzip")
        with FaultServer(scripts=[packed]) as server, server.client() as client:
            into = io.BytesIO()
            found = client.download(server.url(), into, max_bytes=200_000)
        assert into.getvalue() == content
        assert found.size == len(content)

    def test_a_second_attempt_leaves_nothing_of_the_first(self) -> None:
        half = answer(200, b"old old old", length=90, kind="text/csv")
        with FaultServer(scripts=[half, answer(200, b"new")]) as server, server.client() as client:
            into = io.BytesIO(b"kept")
            into.seek(4)
            client.download(server.url(), into, max_bytes=100)
        assert into.getvalue() == b"keptnew"

    def test_a_body_that_may_have_been_cut_is_not_taken(self) -> None:
        with (
            FaultServer(scripts=[raw(HEAD + b"\r\na,b\n1,")]) as server,
            server.client() as client,
            pytest.raises(AnswerRefusedError, match="does not say how long"),
        ):
            client.download(server.url(), io.BytesIO(), max_bytes=100)

    def test_its_own_limit_holds(self) -> None:
        with (
            FaultServer(scripts=[answer(200, b"x" * 101)]) as server,
            server.client() as client,
            pytest.raises(AnswerRefusedError, match="more than 100 bytes"),
        ):
            client.download(server.url(), io.BytesIO(), max_bytes=100)


def test_a_connection_is_used_again_while_the_provider_keeps_it() -> None:
    kept = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

    def twice(taken: Any) -> None:
        taken.sendall(kept)
        taken.recv(65536)
        taken.sendall(kept)

    with FaultServer(scripts=[twice]) as server, server.client() as client:
        assert client.fetch_json(server.url()).data == {}
        assert client.fetch_json(server.url()).data == {}
        assert server.connections == 1


def test_a_query_that_is_posted_carries_its_body() -> None:
    with FaultServer(scripts=[answer()]) as server, server.client() as client:
        client.fetch_json(server.url(), body=b'{"from": "2026-11-01"}')
        assert server.requests[0].startswith(b"POST /v1/costs HTTP/1.1")
        assert b"Content-Length: 22" in server.requests[0]
        assert f"User-Agent: Plumbline/{VERSION}\r\n".encode() in server.requests[0]


@given(st.binary(max_size=3000), st.integers(1, 400))
def test_a_packed_body_is_unpacked_however_it_is_cut_into_pieces(content: bytes, size: int) -> None:
    packed = gzip.compress(content) + gzip.compress(b"more")
    chunks = [packed[start : start + size] for start in range(0, len(packed), size)]
    whole = b"".join(unpacked(chunks, "gzip", max_bytes=10_000, place="p"))
    assert whole == content + b"more"


@pytest.mark.parametrize("size", [0, 256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, 1024 * 1024])
def test_a_body_that_fills_whole_pieces_is_not_taken_for_a_cut_one(size: int) -> None:
    packed = gzip.compress(bytes(size))
    assert len(b"".join(unpacked([packed], "gzip", max_bytes=2**21, place="p"))) == size


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_whatever_is_json_is_read_as_it_is(value: Any) -> None:
    import json

    assert read_json(json.dumps(value).encode(), place="p") == value
