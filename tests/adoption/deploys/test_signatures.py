"""Published and own test vectors pass; whatever differs in one byte, is late or reused does not."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adoption.deploys.providers import (
    PROVIDERS,
    Received,
    delivery_id_of,
    document_of,
    prove,
)
from adoption.deploys.signatures import (
    TOLERANCE,
    Refusal,
    UnprovenError,
    bearer_or_password,
    check_circleci,
    check_sha256_header,
    check_standard,
    check_token,
)

GITHUB_SECRET = "It's a Secret to Everybody"  # noqa: S105  (the published vector)
GITHUB_MAC = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
CIRCLE_MAC = "734cc62f32841568f45715aeb9f4d7891324e6d948e4c6c60c0621cdac48623a"
KEY = "0123456789abcdef0123456789abcdef"
BODY = b'{"object_kind":"deployment"}'
SIGNATURE = "v1,RwYIRZ7NgXOmQXvcklmABDwpFqn5jhZf0UndLPzcHgs="
SIGNED_AT = dt.datetime.fromtimestamp(1735689600, tz=dt.UTC)


def standard(**changes: str) -> dict[str, str]:
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": "1735689600",
        "webhook-signature": SIGNATURE,
    }
    return headers | {name.replace("_", "-"): value for name, value in changes.items()}


def refusal_of_standard(
    headers: Mapping[str, str], body: bytes = BODY, now: dt.datetime = SIGNED_AT
) -> Refusal:
    with pytest.raises(UnprovenError) as caught:
        check_standard(headers, body, [KEY], now=now)
    return caught.value.why


def test_the_vectors_of_github_and_circleci() -> None:
    check_sha256_header(f"sha256={GITHUB_MAC}", b"Hello, World!", ["old secret", GITHUB_SECRET])
    check_circleci(f"v1={CIRCLE_MAC},v2=whatever", b"hello world", ["secret"])


@pytest.mark.parametrize(
    "secret", [KEY, f"whsec_{base64.b64encode(KEY.encode()).decode()}"], ids=["plain", "prefixed"]
)
def test_the_vector_of_standard_webhooks_with_either_way_of_writing_the_key(secret: str) -> None:
    check_standard(standard(), BODY, [secret], now=SIGNED_AT)


@given(st.integers(0, 8 * len(b"Hello, World!") - 1))
def test_one_flipped_bit_of_the_body_is_refused(bit: int) -> None:
    body = bytearray(b"Hello, World!")
    body[bit // 8] ^= 1 << bit % 8
    with pytest.raises(UnprovenError, match="another secret or over other bytes"):
        check_sha256_header(f"sha256={GITHUB_MAC}", bytes(body), [GITHUB_SECRET])


@given(st.integers(0, len(GITHUB_MAC) - 1), st.sampled_from("0123456789abcdefABCDEF"))
def test_one_other_digit_of_the_signature_is_refused(place: int, digit: str) -> None:
    given_mac = GITHUB_MAC[:place] + digit + GITHUB_MAC[place + 1 :]
    if given_mac == GITHUB_MAC:
        return
    with pytest.raises(UnprovenError):
        check_sha256_header(f"sha256={given_mac}", b"Hello, World!", [GITHUB_SECRET])


@given(st.integers(0, 8 * len(BODY) - 1))
def test_one_flipped_bit_is_refused_by_standard_webhooks_too(bit: int) -> None:
    body = bytearray(BODY)
    body[bit // 8] ^= 1 << bit % 8
    assert refusal_of_standard(standard(), bytes(body)) == Refusal.WRONG


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (None, Refusal.MISSING),
        ("", Refusal.MISSING),
        (GITHUB_MAC, Refusal.MALFORMED),
        ("sha1=0123", Refusal.MALFORMED),
        ("sha256=", Refusal.MALFORMED),
        (f"sha256={GITHUB_MAC[:-1]}", Refusal.WRONG),
        (f"sha256={GITHUB_MAC.upper()}", Refusal.WRONG),
        ("sha256=é", Refusal.WRONG),
    ],
)
def test_headers_that_prove_nothing(header: str | None, why: Refusal) -> None:
    with pytest.raises(UnprovenError) as caught:
        check_sha256_header(header, b"Hello, World!", [GITHUB_SECRET])
    assert caught.value.why == why


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        (standard(webhook_id=""), Refusal.MISSING),
        (standard(webhook_timestamp=""), Refusal.MISSING),
        (standard(webhook_signature=""), Refusal.MISSING),
        (standard(webhook_timestamp="yesterday"), Refusal.MALFORMED),
        (standard(webhook_timestamp="-1"), Refusal.MALFORMED),
        (standard(webhook_timestamp="9" * 30), Refusal.MALFORMED),
        (standard(webhook_timestamp="1735689601"), Refusal.WRONG),
        (standard(webhook_id="msg_2"), Refusal.WRONG),
        (standard(webhook_signature="v1,"), Refusal.MALFORMED),
        (standard(webhook_signature="v1"), Refusal.MALFORMED),
        (standard(webhook_signature="v2" + SIGNATURE[2:]), Refusal.MALFORMED),
        (standard(webhook_signature=SIGNATURE[:20]), Refusal.WRONG),
        (standard(webhook_signature="v1,é"), Refusal.WRONG),
    ],
)
def test_cases_of_standard_webhooks(headers: dict[str, str], why: Refusal) -> None:
    assert refusal_of_standard(headers) == why


def test_several_signatures_stand_beside_each_other_while_a_secret_is_replaced() -> None:
    headers = standard(webhook_signature=f"v1,bm9wZQ== {SIGNATURE} v2,other")
    check_standard(headers, BODY, ["another", KEY], now=SIGNED_AT)


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_signature_ages_in_five_minutes_and_may_not_come_early(sign: int) -> None:
    check_standard(standard(), BODY, [KEY], now=SIGNED_AT + sign * TOLERANCE)
    late = SIGNED_AT + sign * (TOLERANCE + dt.timedelta(seconds=1))
    assert refusal_of_standard(standard(), now=late) == Refusal.STALE


def test_a_token_is_compared_whole_and_taken_from_the_usual_places() -> None:
    check_token("open sesame", ["shut", "open sesame"])
    for wrong in ("open sesam", "open sesame ", "OPEN SESAME"):
        with pytest.raises(UnprovenError):
            check_token(wrong, ["open sesame"])
    assert bearer_or_password("Bearer open sesame") == "open sesame"
    basic = base64.b64encode(b"plumbline:open:sesame").decode()
    assert bearer_or_password(f"Basic {basic}") == "open:sesame"
    assert bearer_or_password("Basic !!!") is None
    assert bearer_or_password("Digest x") is None


def received(headers: Mapping[str, str], *, takes_tokens: bool) -> Received:
    return Received(headers, BODY, SIGNED_AT, takes_tokens)


@pytest.mark.parametrize("key", sorted(PROVIDERS))
def test_no_provider_takes_anything_without_a_proof_or_without_a_secret(key: str) -> None:
    for takes_tokens in (False, True):
        got = received({"content-type": "application/json"}, takes_tokens=takes_tokens)
        with pytest.raises(UnprovenError):
            prove(PROVIDERS[key], got, [KEY])
        with pytest.raises(UnprovenError) as caught:
            prove(PROVIDERS[key], received(standard(), takes_tokens=takes_tokens), [])
        assert caught.value.why == Refusal.NO_SECRET


@pytest.mark.parametrize(
    ("key", "headers"),
    [
        ("gitlab", {"x-gitlab-token": KEY}),
        ("argocd", {"authorization": f"Bearer {KEY}"}),
        ("jenkins", {"x-plumbline-token": KEY}),
    ],
)
def test_a_token_counts_only_where_the_connection_says_so(
    key: str, headers: dict[str, str]
) -> None:
    prove(PROVIDERS[key], received(headers, takes_tokens=True), [KEY])
    with pytest.raises(UnprovenError) as caught:
        prove(PROVIDERS[key], received(headers, takes_tokens=False), [KEY])
    assert caught.value.why == Refusal.MISSING


def test_github_never_takes_a_token() -> None:
    with pytest.raises(UnprovenError):
        prove(PROVIDERS["github"], received({"x-plumbline-token": KEY}, takes_tokens=True), [KEY])


def test_ids_of_deliveries() -> None:
    event = {"context": {"id": "1", "source": "/a", "type": "dev.cdevents.x"}}
    other = {"context": {"id": "1", "source": "/b", "type": "dev.cdevents.x"}}
    cdevents = PROVIDERS["cdevents"]
    named = delivery_id_of(cdevents, {}, event, b"one")
    assert named == delivery_id_of(cdevents, {}, {"data": event}, b"two")
    assert named != delivery_id_of(cdevents, {}, other, b"one")
    github = PROVIDERS["github"]
    assert delivery_id_of(github, {"x-github-delivery": "guid"}, {}, b"") == "guid"
    unnamed = delivery_id_of(github, {"x-github-delivery": "two words"}, {}, b"body")
    assert unnamed.startswith("sha256:")


def test_a_form_carries_its_document_in_the_field_payload() -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert document_of(form, b"payload=%7B%22a%22%3A1%7D") == b'{"a":1}'
    assert document_of({}, b'{"a":1}') == b'{"a":1}'
