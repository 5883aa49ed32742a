"""Fetching from providers: allowed hosts, checked addresses, bounded time and size, clear errors.

`httpcore2` carries the requests. A larger client would bring redirects, cookies and proxies from
the environment, each of which would lead past the checks; what is needed beyond it is written here.
"""

from __future__ import annotations

import hashlib
import random
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar

import httpcore2
import structlog
from pydantic import SecretStr

from portal.imports.contracts import MAX_ANSWER_BYTES, SourceUnavailableError
from portal.imports.outbound.addresses import (
    OutboundPolicy,
    Resolver,
    Target,
    read_origins,
    read_url,
    system_resolver,
)
from portal.imports.outbound.bodies import unpacked
from portal.imports.outbound.errors import (
    AddressRefusedError,
    AnswerRefusedError,
    CredentialRefusedError,
    SourceBusyError,
)
from portal.imports.outbound.sockets import CheckedBackend, Deadline
from portal.imports.outbound.strict_json import read_json
from portal.imports.outbound.waiting import asked_wait, next_wait
from portal.version import VERSION

log = structlog.get_logger(__name__)
AnswerT = TypeVar("AnswerT")
_TOO_MANY = frozenset({429})
_NOT_MODIFIED = 304
_TRY_AGAIN = frozenset({408, 425, 500, 502, 503, 504})
_OUR_HEADERS = frozenset({"host", "accept-encoding", "content-length", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """How long and how much. Seconds and bytes; one request unless said otherwise."""

    connect_seconds: float = 10
    idle_seconds: float = 30
    total_seconds: float = 120
    max_bytes: int = MAX_ANSWER_BYTES
    attempts: int = 4
    longest_wait_seconds: float = 60
    all_waits_seconds: float = 180


@dataclass(frozen=True, slots=True)
class JsonAnswer:
    """A parsed answer. Numbers are int or Decimal; headers have lower-case names; `content` is
    the body as it came, unpacked. `is_unchanged`: it is what the ETag that was sent stands for, and
    there is neither data nor content."""

    data: Any
    headers: Mapping[str, str]
    content: bytes = b""
    is_unchanged: bool = False


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What was written: bytes after unpacking, and their SHA-256."""

    size: int
    sha256: str
    headers: Mapping[str, str]


@dataclass(slots=True)
class _Answer:
    target: Target
    status: int
    headers: dict[str, str]
    chunks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class _Sent:
    """What is special about a request: the body of a POST (None: a GET), headers of its own, and
    which other statuses answer it beside 200."""

    body: bytes | None
    headers: Mapping[str, str] = field(default_factory=dict)
    is_any_success: bool = False
    is_conditional: bool = False

    def is_answered_by(self, status: int) -> bool:
        if self.is_conditional and status == _NOT_MODIFIED:
            return True
        return 200 <= status < 300 if self.is_any_success else status == 200


_PLAIN = _Sent(None)


@dataclass
class OutboundClient:
    """Fetches from the given origins and from nowhere else. For one thread; close it.

    Attributes:
        origins: URLs or hosts that may be asked: those of the source and the configured one.
        policy: what the deployment allows.
        headers: sent with each request; a `SecretStr` is revealed only then.
        limits: time, size, attempts.
        user_agent: who asks.
        sleep, clock, resolver, chance, tls: replaced by tests.
    """

    origins: Sequence[str]
    policy: OutboundPolicy = OutboundPolicy()
    headers: Mapping[str, str | SecretStr] = field(default_factory=dict, repr=False)
    limits: FetchLimits = FetchLimits()
    user_agent: str = f"Plumbline/{VERSION}"
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    resolver: Resolver = system_resolver
    chance: random.Random = field(default_factory=random.Random, repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self._allowed = read_origins(self.origins, self.policy)
        self._deadline = Deadline()
        self._pool = httpcore2.ConnectionPool(
            ssl_context=self.tls or ssl.create_default_context(),
            max_connections=1,
            network_backend=CheckedBackend(self.policy, self.resolver, self._deadline),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def fetch_json(
        self, url: str, *, body: bytes | None = None, etag: str | None = None
    ) -> JsonAnswer:
        """Ask for JSON: GET, or POST of `body` (JSON too) where a provider asks so to be read.

        Args:
            etag: of an answer that the caller still has; the provider may say that it holds.

        Raises:
            AddressRefusedError, CredentialRefusedError, AnswerRefusedError: a person must act.
            SourceUnavailableError: it may go well later; `SourceBusyError` says when.
        """

        def take(answer: _Answer) -> JsonAnswer:
            if answer.status == _NOT_MODIFIED:
                return JsonAnswer(None, answer.headers, is_unchanged=True)
            kind = answer.headers.get("content-type", "")
            if "html" in kind.lower():
                raise AnswerRefusedError(
                    "not_json",
                    f"{answer.target.place} answered with a page where JSON was expected",
                )
            content = b"".join(answer.chunks)
            data = read_json(content, place=answer.target.place)
            return JsonAnswer(data, answer.headers, content)

        asked = {} if etag is None else {"If-None-Match": etag}
        sent = _Sent(body, asked, is_conditional=etag is not None)
        return self._fetch(url, take, max_bytes=self.limits.max_bytes, sent=sent)

    def post(self, url: str, body: bytes, *, headers: Mapping[str, str] | None = None) -> int:
        """Send `body` as it is and return the status, which is one of 200 to 299.

        For telling another system something: what it answers beyond the status is not read, and
        may be empty. With `FetchLimits(attempts=1)` it is sent once; the caller tries again.

        Args:
            headers: of this request alone; they may not replace ours.

        Raises:
            as `fetch_json`.
        """
        return self._fetch(
            url,
            lambda answer: answer.status,
            max_bytes=self.limits.max_bytes,
            sent=_Sent(body, dict(headers or {}), is_any_success=True),
        )

    def download(self, url: str, into: BinaryIO, *, max_bytes: int) -> Downloaded:
        """Write a body to a file that can be written over from its present place.

        Raises:
            as `fetch_json`; AnswerRefusedError also when the answer does not say how long it is,
            for then a cut one could not be told from a whole one.
        """
        start = into.tell()

        def take(answer: _Answer) -> Downloaded:
            if not {"content-length", "transfer-encoding"} & answer.headers.keys():
                raise AnswerRefusedError(
                    "no_length", f"{answer.target.place} does not say how long its answer is"
                )
            into.seek(start)
            into.truncate()
            digest, size = hashlib.sha256(), 0
            for chunk in answer.chunks:
                digest.update(chunk)
                size += len(chunk)
                into.write(chunk)
            return Downloaded(size, digest.hexdigest(), answer.headers)

        return self._fetch(url, take, max_bytes=max_bytes)

    def _fetch(
        self,
        url: str,
        take: Callable[[_Answer], AnswerT],
        *,
        max_bytes: int,
        sent: _Sent = _PLAIN,
    ) -> AnswerT:
        """Ask until it goes well or should be given up. Being told to wait costs no attempt."""
        target = self._allowed_target(url)
        failures, turns, waited = 0, 0, 0.0
        problem: SourceUnavailableError
        while True:
            try:
                with self._asked(target, max_bytes, sent) as answer:
                    return take(answer)
            except SourceBusyError as error:
                asked, problem = error.retry_after or None, error
            except _AgainError as error:
                asked, problem = error.asked, SourceUnavailableError(str(error))
                failures += 1
            turns += 1
            wait = next_wait(turns, asked, self.limits.longest_wait_seconds, self.chance)
            if failures >= self.limits.attempts or waited + wait > self.limits.all_waits_seconds:
                if isinstance(problem, SourceBusyError):
                    raise SourceBusyError(str(problem), retry_after=asked or wait) from None
                raise problem from None
            waited += wait
            log.info("fetch_waits", place=target.place, seconds=round(wait, 1), why=str(problem))
            self.sleep(wait)

    def _allowed_target(self, url: str) -> Target:
        target = read_url(url, self.policy)
        if target.origin not in self._allowed:
            raise AddressRefusedError(
                "the source may not be fetched from there",
                value=target.host,
                expected=", ".join(sorted(host for _, host, _ in self._allowed)),
            )
        return target

    @contextmanager
    def _asked(self, target: Target, max_bytes: int, sent: _Sent) -> Iterator[_Answer]:
        """One request; what goes wrong on the way becomes one of our errors.

        Raises:
            _AgainError: it may go well at once.
            SourceBusyError: the provider asks to wait.
        """
        self._deadline.start(self.limits.total_seconds)
        timeouts = {
            "connect": self.limits.connect_seconds,
            "read": self.limits.idle_seconds,
            "write": self.limits.idle_seconds,
            "pool": self.limits.connect_seconds,
        }
        url = httpcore2.URL(
            scheme=target.scheme, host=target.host, port=target.port, target=target.path
        )
        try:
            with self._pool.stream(
                "GET" if sent.body is None else "POST",
                url,
                headers=self._sent_headers(target, sent),
                content=sent.body,
                extensions={"timeout": timeouts},
            ) as response:
                yield self._looked_at(target, response, max_bytes, sent)
        except httpcore2.LocalProtocolError:
            raise AddressRefusedError("a header or the URL cannot be sent as it is") from None
        except httpcore2.TimeoutException:
            raise _AgainError(f"{target.place} took too long to answer") from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            _refuse_bad_certificate(error, target)
            raise _AgainError(
                f"the connection to {target.place} failed ({type(error).__name__})"
            ) from None

    def _sent_headers(self, target: Target, sent: _Sent) -> list[tuple[str, str]]:
        found = [("Host", target.host_header), ("Accept-Encoding", "gzip")]
        found.append(("User-Agent", self.user_agent))
        if sent.body is not None:
            length = str(len(sent.body))
            found += [("Content-Type", "application/json"), ("Content-Length", length)]
        for name, value in (*self.headers.items(), *sent.headers.items()):
            if name.lower() not in _OUR_HEADERS:
                plain = value.get_secret_value() if isinstance(value, SecretStr) else value
                found.append((name, plain))
        return found

    def _looked_at(
        self, target: Target, response: httpcore2.Response, max_bytes: int, sent: _Sent
    ) -> _Answer:
        """The answer when its status is one that answers; the error it means otherwise."""
        headers = {
            name.decode("ascii", "replace").lower(): value.decode("latin-1")
            for name, value in response.headers
        }
        status = response.status
        log.info("fetched", place=target.place, status=status)
        if not sent.is_answered_by(status):
            self._refuse_status(target, status, headers)
        chunks = unpacked(
            response.iter_stream(),
            headers.get("content-encoding", ""),
            max_bytes=max_bytes,
            place=target.place,
        )
        return _Answer(target, status, headers, chunks)

    def _refuse_status(self, target: Target, status: int, headers: Mapping[str, str]) -> None:
        # The body is not read: an error page repeats what was sent, a credential among it.
        asked = asked_wait(headers, self.clock())
        if status in _TOO_MANY or (status == 403 and asked is not None):
            raise SourceBusyError(f"{target.place} answered {status}", retry_after=asked or 0)
        if status in (401, 403):
            raise CredentialRefusedError(status, target.place)
        if status in _TRY_AGAIN:
            raise _AgainError(f"{target.place} answered {status}", asked)
        if 300 <= status < 400:
            raise AnswerRefusedError(
                "redirected", f"{target.place} leads elsewhere, and redirects are not followed"
            )
        raise AnswerRefusedError("bad_status", f"{target.place} answered {status}")


class _AgainError(Exception):
    """The request failed in a way that may pass by itself."""

    def __init__(self, problem: str, asked: float | None = None) -> None:
        super().__init__(problem)
        self.asked = asked


def _refuse_bad_certificate(error: BaseException, target: Target) -> None:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise AddressRefusedError(
                f"the certificate of {target.host} is not valid for it ({cause.verify_message})"
            ) from None
        cause = cause.__cause__ or cause.__context__
