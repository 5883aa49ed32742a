"""Dimensions that the portal does not ask for: lines stay apart, or nothing is taken."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from billing.sources.anthropic.client import COST_GROUPS, USAGE_GROUPS
from portal.imports.contracts import ImportRefusedError
from tests.billing.sources.anthropic.fetched_rows import fetched_pages, spooled_page
from tests.billing.sources.anthropic.saved import beta, day_of, read, usage
from tests.billing.sources.reading import Read

# As they were before further dimensions were kept. A fetched line whose identity changes is
# restated in every connection, with all that hangs on it.
IDENTITIES = {
    "cost_report": [
        "23b8e6f9-d96f-5bcf-455d-15d0a7491054",
        "6d22b6e0-0370-3c74-70db-92dacff79658",
    ],
    "usage_report/messages": [
        "b1c58256-b352-4836-2083-2aa92b29a1b2",
        "2e9dba8c-1678-77c1-9f42-0c7f1781d04f",
        "9ecd6d49-4dca-3e0d-7375-310a0016b429",
        "baf52795-558c-db9f-392a-d70ea4adf424",
        "5266d593-2c58-e5cd-8d4a-a8215cd752c5",
    ],
    "analytics/cost_report": ["9acf2535-f248-f0cb-4519-29267a254193"],
    "analytics/usage_report": [
        "310877b7-15b8-299d-c80a-5403ba7b322f",
        "a35513e2-f141-22b0-9458-dd9705e47b67",
        "9fbaade5-5993-92ae-926a-176efa80f1f0",
    ],
    "analytics/cost": ["918a723e-633b-6261-0485-d743f2e98c0d"],
    "analytics/usage": [
        "4fc1e40c-305b-4123-a209-358cdfd591bc",
        "32b13933-fa45-2c92-77b3-ba6fc3b28a1d",
        "47b8b232-d453-fde3-fea5-eafb4f06095b",
    ],
}
CENTS = {"amount": "100", "list_amount": "100", "currency": "USD", "requests": None}
TOKENS = {"output_tokens": 9, "requests": 4, "cache_creation": None}


def analytics(folder: Path, *rows: dict[str, Any]) -> Read:
    """A saved answer of the beta."""
    return read(folder, {"data": list(rows), "has_more": False}, report="analytics")


def enterprise(folder: Path, *rows: dict[str, Any]) -> Read:
    """A saved answer of the analytics of Claude Enterprise."""
    page = day_of(*rows, data_refreshed_at="2026-09-03T00:00:00Z", organization_id="o")
    return read(folder, page, report="enterprise")


def seat(**changes: Any) -> dict[str, Any]:
    """A row of `analytics/cost_report`."""
    return {**CENTS, "product": "chat", "model": None, **changes}


@pytest.mark.parametrize("report", IDENTITIES)
def test_what_is_fetched_is_the_line_that_it_has_always_been(tmp_path: Path, report: str) -> None:
    config, body = fetched_pages()[report]
    found = read(tmp_path, spooled_page(report, body), report=config)
    charges = [str(each.identity) for each in found.charges]
    assert charges + [str(each.identity) for each in found.usage] == IDENTITIES[report]
    assert not found.notes


def test_neither_people_nor_overlaps_are_asked_for() -> None:
    asked = {name for groups in (*COST_GROUPS.values(), *USAGE_GROUPS.values()) for name in groups}
    assert not asked & {"actor", "account_id", "rbac_group_id", "claude_tag_user_id"}


def test_groups_that_overlap_are_refused_whole(tmp_path: Path) -> None:
    """Whoever is in two groups would be paid for twice; who is in none is a row without one."""
    rows = [beta("cost", CENTS, rbac_group_id=f"rbac_group_0{number}") for number in (1, 2)]
    with pytest.raises(ImportRefusedError, match="counts in both") as refused:
        analytics(tmp_path, *rows)
    assert refused.value.code == "overlapping_groups"
    assert refused.value.column == "rbac_group_id"
    assert refused.value.expected == "the same report without that grouping"
    with pytest.raises(ImportRefusedError, match="overlapping_groups"):
        analytics(tmp_path, beta("usage", TOKENS, rbac_group_id="rbac_group_01"))
    with pytest.raises(ImportRefusedError, match="overlapping_groups"):
        enterprise(tmp_path, seat(), seat(rbac_group_id="rbac_group_01"))
    counts = {"uncached_input_tokens": 1, "rbac_group_id": "rbac_group_01"}
    with pytest.raises(ImportRefusedError, match="overlapping_groups"):
        enterprise(tmp_path, counts)
    assert len(enterprise(tmp_path, seat(rbac_group_id=None)).charges) == 1


@pytest.mark.parametrize(
    "key",
    [
        *("actor_type", "agent_id", "claude_tag_category", "deployment_id", "environment_id"),
        *("session_id", "slack_channel_id", "user_profile_id", "something_new"),
    ],
)
def test_lines_that_are_split_finer_stay_apart(tmp_path: Path, key: str) -> None:
    rows = [beta("cost", CENTS, **{key: value}) for value in ("one", "two", None)]
    found = analytics(tmp_path, *rows)
    assert [json.loads(each.dimension.extra) for each in found.charges] == [
        {key: "one"},
        {key: "two"},
        {},
    ]
    assert len({each.identity for each in found.charges}) == 3
    assert sum(each.billed_exact for each in found.charges) == Decimal(3)


def test_rows_without_a_group_are_split_finer_alike(tmp_path: Path) -> None:
    first, second = enterprise(
        tmp_path, seat(slack_channel_id="C01", speed="fast"), seat(slack_channel_id="C02")
    ).charges
    assert json.loads(first.dimension.extra) == {
        "product": "chat",
        "slack_channel_id": "C01",
        "speed": "fast",
    }
    assert first.identity != second.identity


def test_a_dimension_in_a_form_that_is_not_known_is_refused(tmp_path: Path) -> None:
    for value in (7, True, ["x"], {"id": "x"}):
        with pytest.raises(ImportRefusedError, match="broken out by team") as refused:
            analytics(tmp_path, beta("cost", CENTS, team=value))
        assert (refused.value.code, refused.value.column) == ("unknown_dimension", "team")
    with pytest.raises(ImportRefusedError, match="unknown_dimension"):
        enterprise(tmp_path, seat(team=["x"]))


def test_further_numbers_beside_an_amount_are_no_dimensions(tmp_path: Path) -> None:
    more = {"credits": 5, "tax_amount": "3.5", "thinking": {"output_tokens": 2, "more": None}}
    (charge,) = enterprise(tmp_path, seat(**more)).charges
    assert charge.dimension.extra == '{"product":"chat"}'
    found = read(tmp_path, day_of(usage(total_tokens=9, **more)))
    assert {each.dimension.tags for each in found.usage} == {"{}"}


@pytest.mark.parametrize(
    ("actor", "principal"),
    [
        ("user_01", "user_01"),
        ({"type": "user_actor", "user_id": "user_01", "email": "jo@x.example"}, "jo@x.example"),
        (
            {
                "type": "user_actor",
                "user_id": "user_01",
                "email_address": "jo@x.example",
                "name": "Jo",
                "deleted": False,
            },
            "jo@x.example",
        ),
        ({"type": "user_actor", "user_id": "user_01", "email": None, "deleted": True}, "user_01"),
        ({"type": "service_account", "id": "svac_01", "name": "Nightly"}, "svac_01"),
        ({"type": "service_account_actor", "service_account_id": "svac_01"}, "svac_01"),
        ({"type": "api_actor", "api_key_name": "ci-bot"}, "ci-bot"),
        (None, ""),
    ],
)
def test_who_was_behind_a_line_of_the_beta_is_its_principal(
    tmp_path: Path, actor: Any, principal: str
) -> None:
    (charge,) = analytics(tmp_path, beta("cost", CENTS, actor=actor)).charges
    assert charge.dimension.principal_id == principal
    assert charge.dimension.extra == "{}"
    assert "Jo" not in str(charge)


def test_the_strongest_of_several_names_is_the_principal(tmp_path: Path) -> None:
    names = {"claude_tag_user_id": "U01", "service_account_id": "svac_01"}
    (charge,) = analytics(tmp_path, beta("cost", CENTS, **names)).charges
    assert charge.dimension.principal_id == "svac_01"
    assert json.loads(charge.dimension.extra) == {"claude_tag_user_id": "U01"}


def test_an_actor_that_cannot_be_told_is_refused(tmp_path: Path) -> None:
    for actor in ({"type": "federated"}, ["user_01"], 7, {"user_id": 7}):
        with pytest.raises(ImportRefusedError, match="actor") as refused:
            analytics(tmp_path, beta("cost", CENTS, actor=actor))
        assert refused.value.code == "unknown_actor"


def test_quantities_keep_what_they_are_split_by_but_for_people(tmp_path: Path) -> None:
    rows = [
        beta("usage", TOKENS, actor="jo@x.example", session_id=value, agent_id=value, new=value)
        for value in ("one", "two")
    ]
    found = analytics(tmp_path, *rows)
    assert {each.dimension.tags for each in found.usage} == {
        '{"agent_id":"one"}',
        '{"agent_id":"two"}',
    }
    assert found.quantities == {"tokens.output": 18, "requests": 8}
    split = read(
        tmp_path,
        day_of(
            usage(account_id="user_01", context_window="0-200k"),
            usage(service_account_id="svac_01", context_window="200k-1M"),
        ),
    )
    assert {each.dimension.tags for each in split.usage} == {
        '{"context_window":"0-200k"}',
        '{"context_window":"200k-1M","service_account_id":"svac_01"}',
    }
