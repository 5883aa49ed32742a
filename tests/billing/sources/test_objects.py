"""The object store's client: signed as the store works it out, complete, and bounded."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from billing.sources.objects import (
    AccessKey,
    ObjectStore,
    _read_page,
    read_access_key,
)
from portal.imports.contracts import ImportRefusedError, SourceUnavailableError
from portal.imports.http import OutboundClient
from portal.imports.outbound.errors import AnswerRefusedError, CredentialRefusedError
from tests.billing.sources.fake_s3 import BUCKET, KEY_ID, REGION, SECRET, FakeS3
from tests.portal.imports.outbound.faults import LOOPBACK

ODD_KEYS = ("a/plain.csv", "a/with blank+plus.csv", "a/BILLING_PERIOD=2026-09/ä~(1).csv")


@contextmanager
def store_of(fake: FakeS3, **changes: Any) -> Iterator[ObjectStore]:
    values = {"region": REGION, "key": AccessKey(KEY_ID, SECRET), "bucket": BUCKET, **changes}
    with OutboundClient(origins=[fake.origin], policy=LOOPBACK, sleep=lambda _: None) as client:
        yield ObjectStore(client, origin=fake.origin, **values)


@pytest.mark.parametrize("page_size", [1, 2, 1_000])
def test_every_object_is_listed_and_read_whatever_its_key(page_size: int) -> None:
    objects = {key: key.encode() * 3 for key in ODD_KEYS}
    with FakeS3({**objects, "b/other": b"x"}, page_size=page_size) as fake, store_of(fake) as store:
        found = list(store.list("a/"))
        assert sorted(each.key for each in found) == sorted(ODD_KEYS)
        for each in found:
            body = io.BytesIO()
            store.get(each, body, max_bytes=1_000)
            assert body.getvalue() == objects[each.key]
    assert not fake.refused


def test_a_temporary_key_sends_its_token_signed() -> None:
    key = read_access_key(SecretStr(f"{KEY_ID}:{SECRET}:session/token=="))
    with FakeS3({"a": b"1"}, token="session/token==") as fake, store_of(fake, key=key) as store:
        assert [each.size for each in store.list("a")] == [1]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"key": AccessKey(KEY_ID, "another secret")}, "SignatureDoesNotMatch"),
        ({"key": AccessKey("AKIAOTHER", SECRET)}, "InvalidAccessKeyId"),
        ({"region": "us-east-1"}, "InvalidAccessKeyId"),
        ({"key": AccessKey(KEY_ID, SECRET, "token")}, "InvalidToken"),
    ],
)
def test_another_signature_is_not_let_in(changes: dict[str, Any], code: str) -> None:
    with (
        FakeS3({"a": b"1"}) as fake,
        store_of(fake, **changes) as store,
        pytest.raises(CredentialRefusedError),
    ):
        list(store.list(""))
    assert fake.refused == [code]


def test_an_object_that_changed_since_it_was_listed_is_not_taken() -> None:
    with FakeS3({"a": b"1234"}) as fake, store_of(fake) as store:
        (listed,) = store.list("a")
        fake.objects["a"] = b"4321"
        with pytest.raises(SourceUnavailableError, match="changed while it was fetched"):
            store.get(listed, io.BytesIO(), max_bytes=100)
        fake.objects["a"] = b"1234"
        fake.answers["a"] = b"123"  # whole to the client, short of what the listing says
        with pytest.raises(SourceUnavailableError, match="3 bytes, listed with 4"):
            store.get(listed, io.BytesIO(), max_bytes=100)


def test_an_object_larger_than_allowed_is_refused() -> None:
    with FakeS3({"a": b"1" * 50}) as fake, store_of(fake) as store:
        (listed,) = store.list("a")
        with pytest.raises(AnswerRefusedError):
            store.get(listed, io.BytesIO(), max_bytes=49)


@pytest.mark.parametrize("text", ["", "AKIA1", "AKIA1:", ":wJalr", "a:wJalr:c:d"])
def test_an_access_key_of_another_form_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ImportRefusedError) as caught:
        read_access_key(SecretStr(text))
    assert caught.value.code == "bad_credential"
    assert not any(part in str(caught.value) for part in ("AKIA1", "wJalr"))


ENTITY = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><ListBucketResult>&a;'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not xml",
        b"<html/>",
        ENTITY + b"</ListBucketResult>",
        b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        b"<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
    ],
)
def test_what_is_no_listing_is_refused(body: bytes) -> None:
    with pytest.raises(AnswerRefusedError):
        _read_page(body)
