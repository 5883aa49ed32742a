"""Fetching, between the services and the sources: what is allowed, which days, and the spool."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, BinaryIO
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from pydantic import SecretStr

from portal.imports.contracts import (
    Ask,
    FetchSpec,
    Follow,
    PageMemory,
    SourceUnavailableError,
)
from portal.imports.http import FetchLimits, JsonAnswer, OutboundClient
from portal.imports.outbound.addresses import OutboundPolicy
from portal.imports.outbound.errors import (
    AddressRefusedError,
    AnswerRefusedError,
    CredentialRefusedError,
)
from portal.imports.outbound.strict_json import read_json
from portal.version import VERSION

FETCH_LIMITS = FetchLimits()
# A person waits for the page: one attempt, and the answer within seconds.
PROBE_LIMITS = FetchLimits(
    connect_seconds=5, idle_seconds=10, total_seconds=15, attempts=1, all_waits_seconds=0
)
POLLED = "polled"  # the endpoint of the line that counts pages, and those that did not change
_MAKES_UP = 31  # days without a fetch; before them everything is read again anyway
MOST_DAYS = 31  # of one fetch and one run: work stays short, and providers allow no more


def outbound_policy() -> OutboundPolicy:
    """From `PLUMBLINE_PRIVATE_NETWORKS` and `PLUMBLINE_ALLOW_HTTP`."""
    environment = settings.ENVIRONMENT
    return OutboundPolicy(environment.private_networks, environment.plumbline_allow_http)


def user_agent() -> str:
    """What providers are told of who asks, in the form that they ask for: product, version and, in
    production, the portal's address, where they find whom to write to."""
    environment = settings.ENVIRONMENT
    address = f" ({environment.site_origin})" if environment.is_production else ""
    return f"Plumbline/{VERSION}{address}"


@contextmanager
def asking(
    spec: FetchSpec,
    config: Mapping[str, Any],
    secret: SecretStr | None,
    spool: BinaryIO,
    *,
    limits: FetchLimits = FETCH_LIMITS,
    memory: PageMemory | None = None,
) -> Iterator[Ask]:
    """An `ask` that sends to the source's origin and spools each answer as it came.

    With a memory, an answer that did not change is taken from there and spooled all the same: what
    was remembered may never have been imported. A last line counts both, for the run's notes.

    Raises:
        AddressRefusedError: the configured address may not be asked.
    """
    origin = spec.origin(config).rstrip("/")
    with OutboundClient(
        origins=[origin],
        policy=outbound_policy(),
        headers=spec.headers(secret),
        limits=limits,
        user_agent=user_agent(),
    ) as client:
        pages = unchanged = 0

        def ask(
            endpoint: str,
            path: str,
            params: Sequence[tuple[str, str]] = (),
            *,
            body: Mapping[str, Any] | None = None,
        ) -> Any:
            nonlocal pages, unchanged
            query = f"?{urlencode(list(params))}" if params else ""
            sent = None if body is None else json.dumps(body).encode()
            url = f"{origin}{path}{query}"
            known = memory.recall(url) if memory is not None and sent is None else None
            answer = client.fetch_json(url, body=sent, etag=known[0] if known else None)
            pages += 1
            if known and answer.is_unchanged:
                unchanged += 1
                content = known[1]
                answer = JsonAnswer(read_json(content, place=path), answer.headers, content)
            elif memory is not None and sent is None and (etag := answer.headers.get("etag")):
                memory.keep(url, etag, answer.content)
            kept = answer.content
            cleaned = answer.data if spec.redact is None else spec.redact(answer.data)
            if cleaned is not answer.data:
                kept = json.dumps(cleaned, default=str).encode()
            spool.write(spool_line(endpoint, kept))
            return answer.data

        yield ask
        if memory is not None:
            spool.write(spool_line(POLLED, json.dumps([pages, unchanged]).encode()))


def following(
    spec: FetchSpec,
    config: Mapping[str, Any],
    spool: BinaryIO,
    *,
    limits: FetchLimits = FETCH_LIMITS,
) -> Follow | None:
    """A `follow` for a source that allows links; None for all others.

    The link is the permission: neither credential nor any header of the connection goes there. Its
    address is checked like any other, so that an answer cannot lead into a network of ours.
    """
    links = spec.links
    if links is None:
        return None

    def follow(endpoint: str, url: str) -> int:
        parts = urlsplit(url)
        if not links(config, parts.hostname or ""):
            raise AddressRefusedError(
                "the provider's link leads where its reports do not lie",
                value=(parts.hostname or "")[:100],
            )
        with (
            OutboundClient(
                origins=[f"{parts.scheme}://{parts.netloc}"],
                policy=outbound_policy(),
                limits=limits,
            ) as client,
            tempfile.TemporaryFile() as body,
        ):
            try:
                client.download(url, body, max_bytes=limits.max_bytes)
            except CredentialRefusedError as error:
                raise SourceUnavailableError(
                    f"the link to {parts.hostname} holds no longer; the next attempt asks for a "
                    "new one"
                ) from error
            body.seek(0)
            documents = json_documents(body.read(), place=f"{parts.hostname}{parts.path}")
        for document in documents:
            spool.write(spool_line(endpoint, document))
        return len(documents)

    return follow


def json_documents(content: bytes, *, place: str) -> list[bytes]:
    """The JSON values of a body: one a line, or one over all lines.

    Raises:
        AnswerRefusedError: it is neither, or has a key twice.
    """
    lines = [line for line in content.splitlines() if line.strip()]
    try:
        read_json(lines[0] if lines else b"", place=place)
    except AnswerRefusedError:
        lines = [content]
    for line in lines:
        read_json(line, place=place)
    return lines


def spool_line(endpoint: str, body: bytes) -> bytes:
    """One answer as a line of the spool. `body` is JSON that has been read without fault.

    Line breaks stand only between the tokens of JSON, so blanks may take their place.
    """
    flat = body.decode("utf-8-sig").replace("\r", " ").replace("\n", " ")
    return f'{{"endpoint": {json.dumps(endpoint)}, "body": {flat}}}\n'.encode()


@dataclass(frozen=True, slots=True)
class FetchWindow:
    """Whole UTC days, half-open."""

    start: date
    end: date


def due_windows(
    spec: FetchSpec, *, first: date | None, fetched_to: date | None, today: date
) -> list[FetchWindow]:
    """What a daily fetch reads: the days not read yet, and those that may still be restated.

    Args:
        first: the first day that the connection wants; by default 90 days ago.
        fetched_to: the end of what has been read without a gap; None before the first time.
        today: in UTC. The running day is left out: half a day would be taken for a fall.
    """
    end = today - timedelta(days=spec.settles_days)
    if fetched_to is None:
        start = first or end - timedelta(days=90)
    else:
        start = min(_reread_from(spec, fetched_to, today), fetched_to)
        start = max(start, first) if first else start
    if spec.history_days:  # what the provider no longer knows would come back empty
        start = max(start, today - timedelta(days=spec.history_days))
    return split_days(start, end)


def _reread_from(spec: FetchSpec, fetched_to: date, today: date) -> date:
    """More is read on some days; when one of them has gone by without a fetch, on the next."""
    last = fetched_to + timedelta(days=spec.settles_days)
    days = [today - timedelta(days=ago) for ago in range(min((today - last).days, _MAKES_UP))]
    is_weekly = spec.weekly_days > spec.reread_days and any(day.weekday() == 0 for day in days)
    start = today - timedelta(
        days=spec.settles_days + (spec.weekly_days if is_weekly else spec.reread_days)
    )
    for day in days:
        if day.day in spec.month_days:
            start = min(start, (day.replace(day=1) - timedelta(days=1)).replace(day=1))
    return start


def split_days(start: date, end: date) -> list[FetchWindow]:
    """Days as windows of a length that one fetch takes; none when there is no day."""
    windows = []
    while start < end:
        stop = min(end, start + timedelta(days=MOST_DAYS))
        windows.append(FetchWindow(start, stop))
        start = stop
    return windows
