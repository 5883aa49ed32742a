"""Answers that a person saved: which report they are of, and what a null workspace means."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from portal.choices import RunStatus
from portal.imports.contracts import ImportRefusedError
from tests.billing.services.charges import assert_books_balance
from tests.billing.sources.anthropic.fetched_rows import spooled_page
from tests.billing.sources.anthropic.saved import beta, claude_code, cost, day_of, read, usage
from tests.billing.sources.fetched import connect, import_pages, stored
from tests.billing.sources.providers import PROVIDERS
from tests.billing.sources.reading import Read

ACTOR = {
    "type": "user_actor",
    "user_id": "user_01",
    "email": "jo@people.example",
    "name": "Jo",
    "deleted": False,
}
CENTS = {"amount": "100", "currency": "USD"}


def user_rows(*numbers: dict[str, Any], **page: Any) -> dict[str, Any]:
    """A report of users: a row for each, without days unless they were asked for."""
    nulls = {"starting_at": None, "ending_at": None, "product": None, "model": None}
    rows = [{"actor": ACTOR, **nulls, **each} for each in numbers]
    return {"data": rows, "has_more": False, "next_page": None, **page}


REFRESHED: dict[str, Any] = {"data_refreshed_at": "2026-09-03T00:00:00Z", "organization_id": "o"}
USER_COST = {"amount": "60", "list_amount": "60", "currency": "USD", "requests": 3}
USER_USAGE = {"uncached_input_tokens": 5, "output_tokens": 2, "total_tokens": 7}


@pytest.mark.parametrize("report", ["admin", "enterprise"])
@pytest.mark.parametrize(
    ("body", "says"),
    [
        (user_rows(USER_COST, **REFRESHED), "organisation's cost_report"),
        (user_rows(USER_COST), "organisation's cost_report"),
        (day_of({"actor": ACTOR, **USER_COST}, **REFRESHED), "organisation's cost_report"),
        (user_rows(USER_USAGE, **REFRESHED), "organisation's usage_report"),
        (day_of({"actor": ACTOR, **USER_USAGE}), "organisation's usage_report"),
    ],
)
def test_a_report_of_users_is_never_taken_for_the_whole(
    tmp_path: Path, report: str, body: dict[str, Any], says: str
) -> None:
    with pytest.raises(ImportRefusedError, match="what can be put down to a seat") as refused:
        read(tmp_path, body, report=report)
    assert refused.value.code == "user_report"
    assert says in refused.value.expected
    assert "jo@people.example" not in str(refused.value)


def test_a_row_of_a_user_among_others_is_refused_too(tmp_path: Path) -> None:
    with pytest.raises(ImportRefusedError, match="user_cost_report"):
        read(tmp_path, day_of(cost(), cost(actor=ACTOR)))


@pytest.mark.both_engines
@pytest.mark.django_db
def test_a_report_of_users_leaves_the_whole_as_it_was() -> None:
    (provided,) = (each for each in PROVIDERS if each.name == "anthropic-enterprise")
    connection = connect(provided)
    whole = day_of({**CENTS, "product": "chat"}, **REFRESHED)
    run = import_pages(connection, [json.dumps(whole).encode()])
    assert run.status == RunStatus.APPLIED, run.problem
    before = stored(connection)
    part = day_of({"actor": ACTOR, **USER_COST}, **REFRESHED)
    run = import_pages(connection, [json.dumps(part).encode()])
    assert (run.status, "[user_report]" in run.problem) == (RunStatus.REFUSED, True)
    assert stored(connection) == before == {(dt.date(2026, 9, 1), 10**9): 1}
    assert_books_balance()


# --- the default workspace --------------------------------------------------------------------


def workspaces_of(found: Read) -> list[str]:
    charges = [each.dimension.sub_account_id for each in found.charges]
    return charges + [each.dimension.sub_account_id for each in found.usage]


def two_days(first: dict[str, Any], *second: dict[str, Any]) -> dict[str, Any]:
    """One page of two days."""
    page = day_of(first)
    return page | {"data": [*page["data"], *day_of(*second, day=2)["data"]]}


def test_all_days_of_a_saved_report_mean_the_same_by_null(tmp_path: Path) -> None:
    default = cost(workspace_id=None)
    page = two_days(default, default, cost())
    found = read(tmp_path, page)
    assert workspaces_of(found) == ["default", "default", "wrkspc_01"]
    assert not found.notes
    # The row that tells may stand in another page and another file, also in one that comes last.
    found = read(tmp_path, day_of(default), day_of(default, day=2), day_of(cost(), day=3))
    assert workspaces_of(found) == ["default", "default", "wrkspc_01"]


def test_a_saved_report_of_flat_rows_means_the_same_by_null(tmp_path: Path) -> None:
    rows = [beta("cost", CENTS), beta("cost", CENTS, workspace_id="wrkspc_01")]
    found = read(tmp_path, {"data": rows, "has_more": False}, report="analytics")
    assert workspaces_of(found) == ["default", "wrkspc_01"]
    for kind, numbers in (("cost", CENTS), ("usage", {"output_tokens": 9})):
        page = {"data": [beta(kind, numbers)], "has_more": False}
        found = read(tmp_path, page, report="analytics")
        assert (workspaces_of(found), len(found.notes)) == ([""], 1)


def test_each_report_tells_for_itself(tmp_path: Path) -> None:
    """They are asked for one by one, and so grouped one by one."""
    found = read(tmp_path, day_of(cost(workspace_id=None)), day_of(usage()))
    assert [each.dimension.sub_account_id for each in found.charges] == [""]
    assert {each.dimension.sub_account_id for each in found.usage} == {"wrkspc_01"}
    (note,) = found.notes
    assert note.message.startswith("No row of cost_report names a workspace")


def test_that_it_cannot_be_known_is_said_once(tmp_path: Path) -> None:
    nameless = cost(workspace_id=None)
    pages = [two_days(nameless, nameless), day_of(nameless, day=3)]
    found = read(tmp_path, *pages, day_of(usage(workspace_id=None)))
    assert set(workspaces_of(found)) == {""}
    (note,) = found.notes
    assert note.code == "no_workspace"
    assert "cost_report and usage_report/messages names" in note.message


@pytest.mark.parametrize(
    ("body", "report"),
    [
        (day_of(CENTS | {"product": "chat"}, **REFRESHED), "enterprise"),
        ({"data": [claude_code()], "has_more": False}, "claude-code"),
        (spooled_page("cost_report", day_of(cost(workspace_id=None))), "admin"),
    ],
)
def test_reports_in_which_null_is_clear_have_no_note(
    tmp_path: Path, body: Any, report: str
) -> None:
    assert not read(tmp_path, body, report=report).notes


def test_a_group_that_is_no_object_is_put_aside_as_a_row(tmp_path: Path) -> None:
    row = beta("cost", CENTS) | {"group": "chat"}
    found = read(tmp_path, {"data": [row], "has_more": False}, report="analytics")
    assert [(each.field, each.code) for each in found.rejections] == [("group", "bad_object")]
