"""Times, tiers, addresses and payloads as they come, and statements that meet in any order."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adoption.deploys.config import DeployConfig, PipelineConfig
from adoption.deploys.merging import current_event, later_fields, with_event
from adoption.deploys.moments import read_moment
from adoption.deploys.payload import BadPayloadError, Node, parse_json, repository_key
from adoption.deploys.tiers import tier_of

NOON = dt.datetime(2021, 4, 28, 19, 50, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2021-04-28T19:50:00Z",
        "2021-04-28 21:50:00 +0200",
        "2021-04-28 19:50:00 UTC",
        "2021-04-28T15:50:00.0000000-04:00",
        1619639400,
        1619639400000,
        1619639400000000,
        1619639400000000000,
    ],
)
def test_one_moment_in_every_way_of_writing_it(text: object) -> None:
    assert read_moment(text) == NOON


def test_seven_digits_of_a_second_are_cut_to_six() -> None:
    assert read_moment("2023-02-25T06:22:21.2237625Z").microsecond == 223762


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2021-04-28T19:50:00", "an offset from UTC"),
        ("2021-02-30T00:00:00Z", "that exist"),
        ("28.04.2021", "such as"),
        (True, "since 1970"),
        (-5, "since 1970"),
        (10**25, "nanoseconds"),
        (None, "since 1970"),
        ("1812-01-01T00:00:00Z", "between"),
    ],
)
def test_no_time_is_guessed(value: object, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        read_moment(value)


@pytest.mark.parametrize(
    ("name", "tier"),
    [
        ("prod", "production"),
        ("us-prod-east", "production"),
        ("Production", "production"),
        ("live", "production"),
        ("nonprod", "other"),
        ("non-prod", "other"),
        ("pre-prod", "other"),
        ("preprod", "staging"),
        ("product-docs", "other"),
        ("review/app-12", "preview"),
        ("github-pages", "other"),
        ("qa-eu", "testing"),
        ("uat-prod", "testing"),
        ("staging-prod", "other"),
        ("release", "other"),
    ],
)
def test_tiers_by_whole_words(name: str, tier: str) -> None:
    assert tier_of(name) == tier


def test_the_source_comes_first_then_the_table_then_words() -> None:
    assert tier_of("blue", explicit="production", mapping={"blue": "testing"}) == "production"
    assert tier_of("blue", mapping={"blue": "production"}) == "production"
    assert tier_of("production", is_production=False) == "other"
    assert tier_of("blue", is_production=True) == "production"
    assert tier_of("prod", explicit="preview") == "preview"


@given(st.text(max_size=30))
def test_production_is_only_what_has_a_word_for_it(name: str) -> None:
    if tier_of(name) == "production":
        assert {"prod", "production", "prd", "live"} & set(
            "".join(c if c.isascii() and c.isalnum() else " " for c in name.lower()).split()
        )


@pytest.mark.parametrize(
    "address",
    [
        "https://GitHub.com/acme/billing",
        "https://user:secret@github.com/acme/billing.git",
        "git@github.com:acme/billing.git",
        "ssh://git@github.com:22/acme/billing",
        "github.com/acme/billing/",
    ],
)
def test_one_repository_has_one_key_and_no_secret_in_it(address: str) -> None:
    assert repository_key(address) == "github.com/acme/billing"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff\xfe",
        b'{"a": NaN}',
        b'{"a":' * 5000,
        b'{"a": 1' + b"0" * 9000,
    ],
)
def test_garbage_is_named_and_never_a_crash(body: bytes) -> None:
    with pytest.raises(BadPayloadError):
        parse_json(body)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
)


@given(JSON_VALUES)
def test_a_value_of_the_wrong_kind_is_refused_with_its_place(value: Any) -> None:
    node = Node({"key": value}, "outer")
    places = set()
    for read in (node.text, node.number, node.flag, node.moment, node.sha, node.texts, node.at):
        try:
            read("key")
        except BadPayloadError as error:
            places.add(error.field)
    assert places <= {"outer.key"}
    if value is not None and value != "":
        assert places  # nothing is a text, a number, a moment and an object at once


def test_tables_of_the_configuration() -> None:
    config = DeployConfig(
        repositories="github.com/a/b = b", environments="blue = production; qa = testing",
        services="checkout = services/checkout/, libs/",
    )  # fmt: skip
    assert config.repository("github.com/a/b") == "b"
    assert config.repository("elsewhere") == "elsewhere"
    assert config.tiers == {"blue": "production", "qa": "testing"}
    assert config.paths == {"checkout": ("services/checkout/", "libs/")}
    for bad in ("blue", "blue = prod", "blue = production; blue = testing"):
        with pytest.raises(ValueError, match="blue"):
            DeployConfig(environments=bad)


def test_a_pattern_may_say_the_environment() -> None:
    config = PipelineConfig(deploy_pattern=r"^deploy(?:-(?P<environment>\w+))?$")
    assert config.environment_of("deploy-prod") == "prod"
    assert config.environment_of("deploy") == "unknown"
    assert config.environment_of("test", None) is None
    assert PipelineConfig().environment_of("deploy-prod") is None


MOMENTS = st.integers(0, 6).map(lambda day: NOON + dt.timedelta(days=day))
SAID = st.fixed_dictionaries(
    {"a": st.none() | st.integers(0, 3), "b": st.none() | st.text("xy", max_size=1)}
)
STATEMENTS = st.lists(st.tuples(MOMENTS, SAID), max_size=6)


@given(STATEMENTS, st.randoms(use_true_random=False))
def test_the_order_of_statements_means_nothing(
    statements: list[tuple[dt.datetime, dict[str, Any]]], dice: random.Random
) -> None:
    def end(order: list[tuple[dt.datetime, dict[str, Any]]]) -> tuple[Any, Any]:
        row: dict[str, Any] = {}
        stamps: dict[str, str] = {}
        for at, said in order:
            taken, stamps = later_fields(stamps, said, at)
            row |= taken
        return row, stamps

    shuffled = statements + dice.sample(statements, len(statements) // 2)
    dice.shuffle(shuffled)
    assert end(shuffled) == end(statements)


EVENTS = st.lists(
    st.tuples(
        MOMENTS,
        st.sampled_from(["queued", "running", "succeeded", "failed", "superseded", "unknown"]),
    ),
    min_size=1,
    max_size=6,
)


@given(EVENTS, st.randoms(use_true_random=False))
def test_a_status_is_monotone_in_any_order(
    events: list[tuple[dt.datetime, str]], dice: random.Random
) -> None:
    def end(order: list[tuple[dt.datetime, str]]) -> str:
        known: list[list[str]] = []
        for at, status in order:
            known = with_event(known, at, f"raw {status}", status)
        return current_event(known)[2]

    shuffled = [*events, *events[:2]]
    dice.shuffle(shuffled)
    result = end(shuffled)
    assert result == end(sorted(events))
    if any(status == "succeeded" for _, status in events):
        assert result != "superseded"
