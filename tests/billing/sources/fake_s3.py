"""A small object store on the loopback interface that checks Signature Version 4 by itself.

It knows ListObjectsV2 and GetObject, addressed by path. The signature is worked out here from the
published algorithm, not by the library that the client signs with.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

KEY_ID, SECRET, REGION, BUCKET = "AKIAEXAMPLE", "example/secret+key", "eu-central-1", "bills"
MODIFIED = datetime(2026, 9, 14, 3, 0, tzinfo=UTC)


def etag_of(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


def signature_of(
    handler: BaseHTTPRequestHandler, secret: str, scope: list[str], signed: list[str]
) -> str:
    """The signature that this request should carry."""
    parts = urlsplit(handler.path)
    query = "&".join(
        f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}"
        for name, value in sorted(parse_qsl(parts.query, keep_blank_values=True))
    )
    headers = "".join(f"{name}:{handler.headers[name].strip()}\n" for name in signed)
    canonical = "\n".join(
        [
            handler.command,
            parts.path,
            query,
            headers,
            ";".join(signed),
            handler.headers["x-amz-content-sha256"],
        ]
    )
    to_sign = "\n".join(
        [
            "AWS4-HMAC-SHA256",
            handler.headers["x-amz-date"],
            "/".join(scope),
            hashlib.sha256(canonical.encode()).hexdigest(),
        ]
    )
    key = f"AWS4{secret}".encode()
    for part in scope:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class ListedPage:
    """What a page of a listing says.

    Attributes:
        count: how many keys it says that it has.
        following: where the next page starts; None when this is the last.
    """

    keys: list[str]
    count: int
    following: int | None
    is_silent: bool = False

    @property
    def names_next(self) -> bool:
        return self.following is not None and not self.is_silent


@dataclass
class FakeS3:
    """The store. `objects` may change while it runs.

    Attributes:
        page_size: keys in one page of a listing.
        token: the session token that requests must carry; empty for none.
        asked: method, path and query of each request that was answered.
        before: called with the path before each answer; a test changes the bucket there.
        modified: when an object was last written; `MODIFIED` for others.
    """

    objects: dict[str, bytes] = field(default_factory=dict)
    page_size: int = 1_000
    token: str = ""
    asked: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    before: Callable[[str], None] = lambda path: None
    modified: dict[str, datetime] = field(default_factory=dict)
    answers: dict[str, bytes] = field(default_factory=dict)

    def __enter__(self) -> Self:
        store = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # else 40 ms between head and body

            def do_GET(self) -> None:
                store.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        problem = self._problem(handler)
        if problem:
            self.refused.append(problem)
            self.send(handler, 403, f"<Error><Code>{problem}</Code></Error>".encode())
            return
        self.asked.append(handler.path)
        parts = urlsplit(handler.path)
        self.before(unquote(handler.path))
        bucket, _, key = unquote(parts.path).removeprefix("/").partition("/")
        if bucket != BUCKET:
            self.send(handler, 404, b"<Error><Code>NoSuchBucket</Code></Error>")
        elif not key:
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            self.send(handler, 200, self._listing(query), {"Content-Type": "application/xml"})
        elif key in self.objects:
            content, etag = self.found(key)
            self.send(handler, 200, content, {"ETag": etag})
        else:
            self.send(handler, 404, b"<Error><Code>NoSuchKey</Code></Error>")

    def found(self, key: str) -> tuple[bytes, str]:
        """The content that a request for an object gets, and its ETag."""
        return self.answers.get(key, self.objects[key]), etag_of(self.objects[key])

    def _problem(self, handler: BaseHTTPRequestHandler) -> str:
        """Why the request is not let in; empty when its signature is right."""
        kind, _, rest = handler.headers.get("Authorization", "").partition(" ")
        given = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
        if kind != "AWS4-HMAC-SHA256" or len(given) != 3:
            return "AccessDenied"
        key_id, *scope = given["Credential"].split("/")
        signed = given["SignedHeaders"].split(";")
        date = handler.headers["x-amz-date"]
        at = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if key_id != KEY_ID or scope != [date[:8], REGION, "s3", "aws4_request"]:
            return "InvalidAccessKeyId"
        if abs(datetime.now(UTC) - at) > timedelta(minutes=15):
            return "RequestTimeTooSkewed"
        if not {"host", "x-amz-content-sha256", "x-amz-date"} <= set(signed):
            return "AccessDenied"
        if handler.headers.get("x-amz-security-token", "") != self.token or (
            self.token and "x-amz-security-token" not in signed
        ):
            return "InvalidToken"
        right = signature_of(handler, SECRET, scope, signed)
        return "" if hmac.compare_digest(right, given["Signature"]) else "SignatureDoesNotMatch"

    def _listing(self, query: dict[str, str]) -> bytes:
        keys = sorted(key for key in self.objects if key.startswith(query.get("prefix", "")))
        page = self.page_of(keys, int(query.get("continuation-token", "0")))
        token = "" if page.following is None else str(page.following)
        entries = "".join(map(self._entry, page.keys))
        return (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{BUCKET}</Name><KeyCount>{page.count}</KeyCount>"
            f"<IsTruncated>{str(page.following is not None).lower()}</IsTruncated>"
            + (f"<NextContinuationToken>{token}</NextContinuationToken>" if page.names_next else "")
            + f"{entries}</ListBucketResult>"
        ).encode()

    def page_of(self, keys: list[str], start: int) -> ListedPage:
        """One page of a listing."""
        page = keys[start : start + self.page_size]
        following = start + self.page_size
        return ListedPage(page, len(page), following if following < len(keys) else None)

    def _entry(self, key: str) -> str:
        modified = self.modified.get(key, MODIFIED)
        return (
            f"<Contents><Key>{escape(key)}</Key>"
            f"<LastModified>{modified:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
            f"<ETag>{escape(etag_of(self.objects[key]))}</ETag>"
            f"<Size>{len(self.objects[key])}</Size></Contents>"
        )

    def send(
        self,
        handler: BaseHTTPRequestHandler,
        status: int,
        body: bytes,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer a request."""
        handler.send_response(status)
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
