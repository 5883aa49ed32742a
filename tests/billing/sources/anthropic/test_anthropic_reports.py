"""Anthropic's reports: cents as text, null as a value, disjoint tokens, one basis a connection."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from billing.sources.anthropic.client import fetch, varies
from billing.sources.anthropic.config import AnthropicConfig
from billing.sources.pages import raw_text
from portal.imports.contracts import (
    FetchJob,
    ImportRefusedError,
    SourceUnavailableError,
    raw_digest,
)
from tests.billing.sources.anthropic.saved import beta, claude_code, cost, day_of, read, usage
from tests.billing.sources.anthropic.shape import AnthropicShape
from tests.billing.sources.fake_provider import DAY, FakeProvider, Spend, in_process
from tests.billing.sources.reading import Read

FIRST = dt.date(2026, 9, 1)


def test_an_amount_is_cents_as_text_with_every_digit(tmp_path: Path) -> None:
    (charge,) = read(tmp_path, day_of(cost())).charges
    assert charge.billed_exact == charge.effective_exact == Decimal("4.821375")
    assert (charge.currency, charge.billed_nano, charge.list_nano) == ("USD", 4_821_375_000, None)
    assert charge.charge_period_start == dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
    assert charge.charge_period_end == dt.datetime(2026, 9, 2, tzinfo=dt.UTC)
    names = charge.dimension
    assert (names.provider, names.service_name, names.model) == (
        "Anthropic",
        "Claude API",
        "model-1",
    )
    assert (names.sub_account_id, names.sku_meter, names.region_id) == (
        "wrkspc_01",
        "output_tokens",
        "global",
    )
    assert '"service_tier":"standard"' in names.extra


def test_the_default_workspace_is_one_and_an_answer_not_broken_out_names_none(
    tmp_path: Path,
) -> None:
    default, other = read(tmp_path, day_of(cost(workspace_id=None), cost())).charges
    assert (default.dimension.sub_account_id, default.dimension.sub_account_name) == (
        "default",
        "Default workspace",
    )
    assert other.dimension.sub_account_id == "wrkspc_01"
    (total,) = read(tmp_path, day_of(cost(workspace_id=None, description=None))).charges
    assert total.dimension.sub_account_id == ""


def test_workspaces_get_their_names_wherever_the_list_stands(tmp_path: Path) -> None:
    listed = {"data": [{"id": "wrkspc_01", "type": "workspace", "name": "Search"}]}
    (charge,) = read(tmp_path, day_of(cost()), listed | {"has_more": False}).charges
    assert charge.dimension.sub_account_name == "Search"


def test_code_execution_is_cost_alone_and_unknown_types_are_kept(tmp_path: Path) -> None:
    rows = [
        cost(cost_type=kind, description=f"{kind} usage", model=None, token_type=None)
        for kind in ("code_execution", "session_usage", "something_new")
    ]
    found = read(tmp_path, day_of(*rows))
    assert [each.dimension.sku_meter for each in found.charges] == [
        "code_execution",
        "session_usage",
        "something_new",
    ]
    assert not found.rejections


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"amount": None}, "amount", "missing_amount"),
        ({"amount": "12,5"}, "amount", "bad_amount"),
        ({"amount": True}, "amount", "bad_amount"),
        ({"amount": "9" * 30}, "amount", "amount_out_of_range"),
        ({"currency": "EUR"}, "currency", "bad_currency"),
        ({"currency": None}, "currency", "bad_currency"),
    ],
)
def test_money_that_cannot_be_read_stops_the_import(
    tmp_path: Path, changes: dict[str, Any], field: str, code: str
) -> None:
    (rejection,) = read(tmp_path, day_of(cost(), cost(**changes))).rejections
    assert (rejection.field, rejection.code, rejection.fatal) == (field, code, True)


def test_a_bad_name_is_put_aside_and_can_be_mended(tmp_path: Path) -> None:
    bad = cost(workspace_id=7)
    found = read(tmp_path, day_of(cost(), bad))
    (rejection,) = found.rejections
    assert (rejection.field, rejection.value, rejection.fatal) == ("workspace_id", "7", False)
    repairs = {raw_digest(raw_text(bad)): raw_text(cost(workspace_id="wrkspc_07"))}
    mended = read(tmp_path, day_of(cost(), bad), repairs=repairs)
    assert not mended.rejections
    assert mended.charges[1].dimension.sub_account_id == "wrkspc_07"


def test_tokens_are_disjoint_and_priority_tier_is_usage_without_cost(tmp_path: Path) -> None:
    found = read(tmp_path, day_of(usage()))
    assert found.quantities == {
        "tokens.input.uncached": 120400,
        "tokens.input.cache_read": 903112,
        "tokens.output": 33011,
        "tokens.input.cache_write_5m": 20110,
        "tool.web_search": 2,
    }
    assert not found.charges
    names = found.usage[0].dimension
    assert (names.service_tier, names.api_key_id, names.dataset) == (
        "priority",
        "",
        "anthropic.usage_report.messages",
    )


def test_a_bad_quantity_is_put_aside_with_its_whole_row(tmp_path: Path) -> None:
    found = read(tmp_path, day_of(usage(output_tokens=-1), usage(cache_creation="none")))
    assert [(each.field, each.fatal) for each in found.rejections] == [
        ("tokens.output", False),
        ("cache_creation", False),
    ]
    assert not found.usage


def test_the_beta_gives_cost_by_key_with_its_list_price(tmp_path: Path) -> None:
    numbers = {"amount": "250.5", "list_amount": "300", "currency": "USD", "requests": None}
    row = beta("cost", numbers, api_key_id="apikey_01", product="claude_code", workspace_id="w")
    (charge,) = read(tmp_path, {"data": [row], "has_more": False}, report="analytics").charges
    assert charge.billed_exact == Decimal("2.505")
    assert charge.list_nano == 3 * 10**9
    assert (charge.dimension.api_key_id, charge.dimension.service_name) == (
        "apikey_01",
        "Claude (claude code)",
    )
    tokens = {"output_tokens": 9, "requests": 4, "cache_creation": None}
    row = beta("usage", tokens, model="model-1")
    found = read(tmp_path, {"data": [row], "has_more": False}, report="analytics")
    assert found.quantities == {"tokens.output": 9, "requests": 4}


def test_a_report_without_days_must_come_to_its_last_page(tmp_path: Path) -> None:
    row = beta("cost", {"amount": "1", "currency": "USD"})
    first = {"data": [row], "has_more": True, "next_page": "p2"}
    last = {"data": [row | {"starting_at": "2026-09-01T01:00:00Z"}], "has_more": False}
    with pytest.raises(ImportRefusedError, match="last page"):
        read(tmp_path, first, report="analytics")
    assert len(read(tmp_path, last, first, report="analytics").charges) == 2
    assert len(read(tmp_path, first, last, first, last, report="analytics").charges) == 2


def test_enterprise_amounts_have_no_workspace(tmp_path: Path) -> None:
    row = {"currency": "USD", "amount": "5", "list_amount": "6", "product": "chat", "requests": 3}
    page = day_of(row, data_refreshed_at="2026-09-03T00:00:00Z", organization_id="o")
    (charge,) = read(tmp_path, page, report="enterprise").charges
    assert (charge.dimension.sub_account_id, charge.dimension.service_name) == ("", "Claude (chat)")
    assert charge.list_nano == 60_000_000


def estimates(folder: Path, *rows: Any) -> Read:
    return read(folder, {"data": list(rows), "has_more": False}, report="claude-code")


def test_claude_code_is_an_estimate_without_a_person(tmp_path: Path) -> None:
    person = {"type": "user_actor", "email_address": "jo@people.example"}
    found = estimates(tmp_path, claude_code(), claude_code(actor=person))
    assert [each.billed_exact for each in found.charges] == [Decimal("0.97")] * 2
    key, somebody = (each.dimension for each in found.charges)
    assert (key.resource_name, key.billing_account_id) == ("ci-refactor-bot", "org-uuid")
    assert "jo@people.example" not in str(found.charges) + str(found.usage)
    assert (somebody.resource_name, somebody.principal_id) == ("", "")
    assert found.quantities == {
        "tokens.input.uncached": 162,
        "tokens.output": 44,
        "tokens.input.cache_read": 1280,
        "tokens.input.cache_write": 62,
    }  # and no sessions, lines or commits: those would be a score


def test_rows_of_one_name_lose_nothing_of_the_day(tmp_path: Path) -> None:
    """Two alike are one, two with other figures are two; a day asked for twice is refused."""
    used = {
        **claude_code()["model_breakdown"][0],
        "estimated_cost": {"currency": "USD", "amount": 5},
    }
    other = claude_code(model_breakdown=[used])
    found = estimates(tmp_path, claude_code(), claude_code(), other, claude_code(terminal_type="x"))
    assert sum(each.billed_exact for each in found.charges) == Decimal("1.99")
    notes = {note.code: note.message[:5] for note in found.notes}
    assert notes == {"rows_repeated": "1 row", "rows_of_one_name": "1 row"}
    pages = [{"data": [each], "has_more": False} for each in (claude_code(), other)]
    with pytest.raises(ImportRefusedError, match="2026-09-01 comes twice"):
        read(tmp_path, *pages, report="claude-code")
    pages[0]["has_more"] = True
    assert len(read(tmp_path, *pages, report="claude-code").charges) == 2


@pytest.mark.parametrize(("pages", "is_whole"), [(1, True), (2, False)])
def test_a_row_of_claude_code_may_come_twice_on_one_page(pages: int, is_whole: bool) -> None:
    def ask(endpoint: str, path: str, params: Any = (), body: Any = None) -> Any:
        is_last = pages == 1 or ("page", "2") in params
        rows = [claude_code()] * (3 - pages)
        return {"data": rows, "has_more": not is_last, "next_page": None if is_last else "2"}

    config = AnthropicConfig(report="claude-code", cost_basis="estimated").model_dump()
    given = FetchJob(config, FIRST, FIRST + DAY, ask, FIRST)
    if is_whole:
        fetch(given)
        return
    with pytest.raises(SourceUnavailableError, match="a row twice"):
        fetch(given)


def test_a_connection_refuses_the_report_of_another(tmp_path: Path) -> None:
    """Estimates and metered amounts, or the same money through two reports, never meet."""
    with pytest.raises(ImportRefusedError, match="usage_report/claude_code") as refused:
        read(tmp_path, {"data": [claude_code()], "has_more": False})
    assert refused.value.code == "other_report"
    with pytest.raises(ImportRefusedError, match="cost_report"):
        read(tmp_path, day_of(cost()), report="claude-code")
    with pytest.raises(ImportRefusedError, match="cost_report"):
        read(tmp_path, day_of(cost()), report="analytics")


@pytest.mark.parametrize(
    ("config", "is_right"),
    [
        ({}, True),
        ({"report": "claude-code", "cost_basis": "estimated"}, True),
        ({"report": "claude-code"}, False),
        ({"report": "admin", "cost_basis": "estimated"}, False),
        ({"report": "enterprise", "cost_basis": "invoiced"}, True),
        ({"fetch_from": "2026-02-30"}, False),
        ({"fetch_from": "2026-02-28"}, True),
    ],
)
def test_the_basis_fits_the_report(config: dict[str, str], is_right: bool) -> None:
    if is_right:
        AnthropicConfig.model_validate(config)
    else:
        with pytest.raises(ValidationError):
            AnthropicConfig.model_validate(config)


def test_a_day_that_comes_twice_counts_once_and_contradictions_are_refused(tmp_path: Path) -> None:
    page = day_of(cost())
    assert len(read(tmp_path, page, page).charges) == 1
    with pytest.raises(ImportRefusedError, match="2026-09-01 of cost_report comes twice"):
        read(tmp_path, page, day_of(cost(amount="1")))


@pytest.mark.parametrize(
    "body",
    [
        {"data": {}},
        [],
        {"error": {"type": "not_found"}},
        {"data": [7]},
        {"data": [{"id": "x"}]},
        {"data": [{"results": 7}]},
        {"endpoint": "usage_report/claude_code", "body": []},
        {"endpoint": "workspaces", "body": {"data": [7]}},
        day_of(cost()) | {"data": [{"results": [cost()], "starting_at": "soon"}]},
        b"<html>",
        b"",
    ],
)
def test_what_is_no_report_is_refused(tmp_path: Path, body: Any) -> None:
    with pytest.raises(ImportRefusedError) as refused:
        read(tmp_path, body)
    assert refused.value.file


def test_a_report_without_rows_says_so(tmp_path: Path) -> None:
    assert [note.code for note in read(tmp_path, day_of()).notes] == ["nothing_there"]


# --- fetching ---------------------------------------------------------------------------------


def job(provider: FakeProvider, days: int = 5, **config: Any) -> tuple[FetchJob, list[bytes]]:
    ask, spool = in_process(provider)
    whole = AnthropicConfig.model_validate(config).model_dump()
    return FetchJob(whole, FIRST, FIRST + days * DAY, ask), spool


def shape() -> AnthropicShape:
    return AnthropicShape(
        [Spend(FIRST + n * DAY, "w", f"model-{n}, output", Decimal(n + 1)) for n in range(5)]
    )


def test_days_after_the_watermark_are_left_for_later() -> None:
    whole = shape()
    whole.refreshed = dt.datetime(2026, 9, 4, 17)  # noqa: DTZ001  (the shape writes Z)
    given, _ = job(FakeProvider(whole), report="enterprise")
    assert fetch(given) == dt.date(2026, 9, 4)
    given, _ = job(FakeProvider(shape()), report="enterprise")
    assert fetch(given) == given.end


def test_what_is_asked_for_is_as_documented() -> None:
    provider = FakeProvider(shape())
    given, _ = job(provider)
    fetch(given)
    asked = {path: params for path, params in provider.requests if ("page", "o1-1") not in params}
    assert ("group_by[]", "description") in dict.fromkeys(
        pair for _, params in provider.requests for pair in params
    )
    assert set(asked) == {
        "/v1/organizations/workspaces",
        "/v1/organizations/cost_report",
        "/v1/organizations/usage_report/messages",
    }
    first = next(params for path, params in provider.requests if path.endswith("cost_report"))
    assert first == [
        ("starting_at", "2026-09-01T00:00:00Z"),
        ("ending_at", "2026-09-06T00:00:00Z"),
        ("bucket_width", "1d"),
        ("limit", "31"),
        ("group_by[]", "workspace_id"),
        ("group_by[]", "description"),
    ]


@pytest.mark.parametrize("report", ["admin", "enterprise", "analytics"])
def test_rows_that_do_not_add_up_to_the_total_are_no_answer(report: str) -> None:
    class Short(AnthropicShape):
        def _rows(self, day: dt.date, make: Any, grouped: bool) -> list[Any]:
            rows = super()._rows(day, make, grouped)
            return rows[:-1] if grouped and day == FIRST else rows

    given, _ = job(FakeProvider(Short(shape().spent)), report=report)
    with pytest.raises(SourceUnavailableError, match="2026-09-01 add up to 0 and .* total is 1,"):
        fetch(given)
    given, _ = job(FakeProvider(Short(shape().spent)), report=report, check_totals=False)
    fetch(given)


def test_an_amount_that_cannot_be_read_is_left_to_the_reader_which_names_it(
    tmp_path: Path,
) -> None:
    class Garbled(AnthropicShape):
        def items(self, path: str, params: Any) -> Any:
            found = super().items(path, params)
            for bucket in found or []:
                for row in bucket.get("results", []):
                    row |= {"amount": "12,5"} if row.get("description") else {}
            return found

    given, spool = job(FakeProvider(Garbled(shape().spent)))
    fetch(given)
    found = read(tmp_path, b"".join(spool))
    assert {(each.field, each.value, each.fatal) for each in found.rejections} == {
        ("amount", "12,5", True)
    }


def test_the_beta_and_each_report_have_their_own_rhythm() -> None:
    assert varies({"report": "admin"}) == {}
    assert varies({"report": "enterprise"})["reread_days"] == 31
    beta_headers = varies({"report": "analytics"})["headers"]("key")
    assert beta_headers["anthropic-beta"] == "analytics-usage-cost-2026-08-24"
    assert varies({"report": "claude-code"})["weekly_days"] == 7
