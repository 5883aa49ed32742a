"""An S3-compatible object store: list and get, signed with AWS Signature Version 4."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import BinaryIO
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

from pydantic import SecretStr

from billing.sources.config import BucketConfig
from portal.imports.contracts import ImportRefusedError, SourceUnavailableError
from portal.imports.file_fetching import FileJob
from portal.imports.http import OutboundClient
from portal.imports.outbound.errors import AnswerRefusedError

MAX_LIST_BYTES = 8 * 1024 * 1024  # a page has a thousand keys of at most 1,024 characters
MAX_PAGES = 1_000
_SAFE = "-_.~"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as a listing shows it; `etag` changes when its content does."""

    key: str
    size: int
    etag: str
    modified: datetime


@dataclass(frozen=True, slots=True)
class AccessKey:
    """An access key, perhaps a temporary one."""

    key_id: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)


def read_access_key(secret: SecretStr | None) -> AccessKey:
    """`id:secret`, or `id:secret:session token`.

    Raises:
        ImportRefusedError: there is none, or it has another form.
    """
    parts = (secret.get_secret_value().strip() if secret else "").split(":")
    if len(parts) not in (2, 3) or not all(parts):
        raise ImportRefusedError(
            "bad_credential",
            "the access key cannot be read",
            expected="access key id and secret access key with a colon between them",
        )
    return AccessKey(*parts)


class ObjectStore:
    """One bucket, addressed by path (`origin/bucket/key`), which every S3-compatible store knows.

    The client is this store's alone: each request is signed, so its headers change.
    """

    def __init__(
        self, client: OutboundClient, *, origin: str, bucket: str, region: str, key: AccessKey
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._base = f"{origin}/{quote(bucket, safe=_SAFE)}"
        self._region = region
        self._key = key

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Every object whose key starts with `prefix`.

        Raises:
            SourceUnavailableError and its kin: also when a key comes twice, because then pages
                were repeated, and nobody knows what is missing in their place;
            ImportRefusedError: a person must act: the credential is refused, or there is no such
                bucket.
        """
        seen: set[str] = set()
        keys: set[str] = set()
        token = ""
        for _ in range(MAX_PAGES):
            page = self._page(prefix, token)
            for stored in page.objects:
                if stored.key in keys:
                    raise SourceUnavailableError(
                        f"the object store lists {stored.key} twice: the listing is not whole"
                    )
                keys.add(stored.key)
                yield stored
            if not page.next_token:
                return
            if page.next_token in seen:
                break
            seen.add(page.next_token)
            token = page.next_token
        raise SourceUnavailableError("the object store's listing does not end")

    def _page(self, prefix: str, token: str) -> _Page:
        params = {"list-type": "2", "prefix": prefix}
        if token:
            params["continuation-token"] = token
        query = urlencode(sorted(params.items()), quote_via=quote, safe=_SAFE)
        body = io.BytesIO()
        try:
            self._get(f"{self._base}?{query}", body, MAX_LIST_BYTES)
        except AnswerRefusedError as error:
            if error.code not in ("bad_status", "redirected"):
                raise
            # What is refused of a listing is the bucket: it is not there, or in another region.
            raise AnswerRefusedError(
                "no_such_bucket",
                f"the bucket cannot be listed: {error.problem}",
                value=self._bucket,
                expected=f"a bucket of this name in the region {self._region}",
            ) from None
        return _read_page(body.getvalue())

    def get(self, stored: StoredObject, into: BinaryIO, *, max_bytes: int) -> None:
        """Write an object as it was listed.

        Raises:
            SourceUnavailableError: it is another one by now, or not as long as listed.
        """
        url = f"{self._base}/{quote(stored.key, safe=_SAFE + '/')}"
        headers = self._get(url, into, max_bytes)
        # A transfer that was packed says how long the object is in its length.
        size = headers.get("content-length", "") if "content-encoding" in headers else ""
        found = int(size) if size.isdigit() else into.tell()
        etag = headers.get("etag", stored.etag)
        if found != stored.size or etag != stored.etag:
            raise SourceUnavailableError(
                f"{stored.key} changed while it was fetched ({found} bytes, listed with "
                f"{stored.size}): it is being delivered anew"
            )

    def _get(self, url: str, into: BinaryIO, max_bytes: int) -> Mapping[str, str]:
        self._client.headers = signed_headers(url, key=self._key, region=self._region)
        return self._client.download(url, into, max_bytes=max_bytes).headers


def store_of(job: FileJob, place: BucketConfig) -> ObjectStore:
    """The bucket that a connection names, opened with its access key.

    Raises:
        ImportRefusedError: the access key cannot be read.
    """
    return ObjectStore(
        job.client,
        origin=place.origin,
        bucket=place.bucket,
        region=place.region,
        key=read_access_key(job.secret),
    )


def settled_listing(store: ObjectStore, prefix: str) -> list[StoredObject]:
    """Every object below a prefix, by key; asked for twice.

    Where no manifest says which objects belong together, a listing that lost one would let the
    others stand for the whole.

    Raises:
        SourceUnavailableError: the two differ; and as `ObjectStore.list`.
    """
    first, second = (sorted(store.list(prefix), key=lambda each: each.key) for _ in range(2))
    if first != second:
        raise SourceUnavailableError(
            "two listings of the bucket differ: objects are being written, or one of the listings "
            "is not whole"
        )
    return first


def signed_headers(url: str, *, key: AccessKey, region: str) -> dict[str, str]:
    """The headers that sign a GET of this URL; good for a quarter of an hour."""
    # Only who fetches needs it, and it takes long to load.
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    request = AWSRequest(method="GET", url=url)
    credentials = Credentials(key.key_id, key.secret, key.token or None)
    S3SigV4Auth(credentials, "s3", region).add_auth(request)
    return dict(request.headers.items())


@dataclass(frozen=True, slots=True)
class _Page:
    objects: tuple[StoredObject, ...]
    next_token: str


def _read_page(body: bytes) -> _Page:
    """One page of a listing (ListObjectsV2)."""
    problem = AnswerRefusedError(
        "bad_listing", "the object store's answer is no listing of a bucket"
    )
    if b"<!" in body:  # entities could make much of little; a listing declares none
        raise problem
    try:
        root = ElementTree.fromstring(body)  # noqa: S314  (bounded, and without declarations)
    except ElementTree.ParseError:
        raise problem from None
    if root.tag.rpartition("}")[2] != "ListBucketResult":
        raise problem
    space = root.tag.rpartition("}")[0] + "}" if "}" in root.tag else ""
    try:
        objects = tuple(
            StoredObject(
                key=_text(item, f"{space}Key"),
                size=int(_text(item, f"{space}Size")),
                etag=_text(item, f"{space}ETag"),
                modified=datetime.fromisoformat(_text(item, f"{space}LastModified")).astimezone(
                    UTC
                ),
            )
            for item in root.iter(f"{space}Contents")
        )
    except ValueError:
        raise problem from None
    count = root.findtext(f"{space}KeyCount")  # not every store says it
    if count is not None and count != str(len(objects)):
        raise SourceUnavailableError(
            f"a page of the object store's listing speaks of {count} keys and has {len(objects)}"
        )
    is_cut = (root.findtext(f"{space}IsTruncated") or "").lower() == "true"
    token = root.findtext(f"{space}NextContinuationToken") or ""
    if is_cut and not token:
        raise problem
    return _Page(objects, token if is_cut else "")


def _text(item: ElementTree.Element, tag: str) -> str:
    text = item.findtext(tag)
    if not text:
        raise ValueError(tag)
    return text
