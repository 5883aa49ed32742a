"""Recorded answers of providers come to what was worked out by hand, through the real fetch."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from billing.models import Charge
from portal.imports.contracts import ImportRefusedError
from portal.imports.files import landed_files
from tests.billing.sources.anthropic.saved import read as read_anthropic
from tests.billing.sources.fetched import allow_loopback
from tests.billing.sources.recording import (
    RECORDED,
    amounts,
    days,
    fetch_recorded,
    lines,
    money,
    named,
    notes,
    quantities,
    recorded,
    usage_rows,
)

pytestmark = [pytest.mark.django_db, pytest.mark.both_engines]
FIRST, LAST = dt.date(2026, 9, 1), dt.date(2026, 9, 3)


@pytest.fixture(autouse=True)
def _reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    allow_loopback(monkeypatch)


# --- Anthropic ------------------------------------------------------------------------------------


def test_anthropic_cents_of_two_pages_are_dollars_and_null_is_the_default_workspace() -> None:
    connection, run, given = fetch_recorded("anthropic-admin", FIRST, LAST)
    assert money(connection) == amounts("USD metered", "26.907495004")
    assert lines(connection) == [
        "2026-09-01 0.200000000",
        "2026-09-01 12.500000004",  # half a nano-unit goes to the even one
        "2026-09-01 4.821375000",
        "2026-09-02 0.355000000",
        "2026-09-02 9.031120000",
    ]
    assert named(connection, "sub_account_id", "sub_account_name") == {
        ("default", "Default workspace"),
        ("wrkspc_01EXAMPLEAAA", "Claims assistant"),
        ("wrkspc_01EXAMPLECCC", "Müller & Söhne pilot"),
    }
    assert named(connection, "provider", "model") == {
        ("Anthropic", "claude-example-1"),
        ("Anthropic", "claude-example-2"),
        ("Anthropic", ""),
    }
    assert quantities(connection) == {
        "tokens.input.uncached": "5121000",
        "tokens.input.cache_read": "903200",
        "tokens.input.cache_write_5m": "20110",
        "tokens.input.cache_write_1h": "7",
        "tokens.output": "33100",
        "tool.web_search": "2",
    }
    assert (usage_rows(connection), days(connection)) == (11, ("2026-09-01", "2026-09-02"))
    assert run.totals_residue == {"USD": {"billed": "0.0000000005", "effective": "0.0000000005"}}
    assert {"cost_report.page-1.json", "cost_report.page-2.json"} <= set(given)


def test_claude_code_estimates_are_cents_as_numbers_and_name_nobody() -> None:
    connection, _, given = fetch_recorded("anthropic-claude-code", FIRST, LAST)
    assert money(connection) == amounts("USD estimated", "2.223500000", listed="2.223500000")
    assert lines(connection) == [
        "2026-09-01 0.003500000",
        "2026-09-01 0.970000000",
        "2026-09-01 1.250000000",
    ]
    assert named(connection, "resource_name", "principal_id") == {
        ("ci-refactor-bot", ""),
        ("", ""),
    }
    assert quantities(connection) == {
        "tokens.input.uncached": "81107",
        "tokens.input.cache_read": "640001",
        "tokens.input.cache_write": "31000",
        "tokens.output": "22023",
    }
    assert len(given) == 2  # a day each, the second one without anybody


def test_anthropic_analytics_tells_the_key_and_the_list_price() -> None:
    connection, _, _ = fetch_recorded("anthropic-analytics", FIRST, LAST)
    assert money(connection) == amounts("USD metered", "13.000000100", listed="15.000000200")
    assert named(connection, "sub_account_id", "api_key_id") == {
        ("wrkspc_01EXAMPLEAAA", "apikey_01EXAMPLEBBB"),
        ("default", ""),
    }
    assert len(lines(connection)) == 3
    assert quantities(connection) == {
        "tokens.input.uncached": "10",
        "tokens.input.cache_read": "20",
        "tokens.output": "30",
        "tokens.input.cache_write_5m": "40",
        "tokens.input.cache_write_1h": "50",
        "requests": "41",
        "tool.web_search": "1",
    }


def test_anthropic_enterprise_is_taken_up_to_its_watermark() -> None:
    connection, _, _ = fetch_recorded("anthropic-enterprise", FIRST, LAST)
    # The answer has 7 cents of the 2nd as well, and was refreshed in the middle of that day.
    assert money(connection) == amounts("USD metered", "20.004900000", listed="22.227222000")
    assert days(connection) == ("2026-09-01", "2026-09-01")
    assert named(connection, "service_name") == {"Claude (chat)", "Claude (claude code)"}


def test_the_list_of_anthropic_keys_is_no_report(tmp_path: Path) -> None:
    with pytest.raises(ImportRefusedError) as caught:
        read_anthropic(tmp_path, recorded("anthropic/api_keys.json"))
    assert caught.value.code == "unknown_report"


# --- OpenAI ---------------------------------------------------------------------------------------


def test_openai_numbers_are_read_digit_by_digit_with_exponents_and_a_credit() -> None:
    connection, run, given = fetch_recorded("openai", FIRST, LAST)
    assert money(connection) == amounts("USD metered", "21.087506000")
    assert lines(connection) == [
        "2026-09-01 0.000006000",
        "2026-09-01 1.237500000",
        "2026-09-02 -0.250000000",
        "2026-09-02 0.100000000",
        "2026-09-02 20.000000000",
    ]
    assert named(connection, "sub_account_id", "sub_account_name") == {
        ("proj_demo", "Claims assistant"),
        ("proj_archived", "Old pilot"),
        ("", ""),
    }
    assert named(connection, "api_key_id", "resource_name") == {
        ("key_EXAMPLE1", "claims-prod"),
        ("", ""),
    }
    assert named(connection, "provider", "model") == {
        ("OpenAI", "model-example"),
        ("OpenAI", "model-example-large-2026-05-01"),
        ("OpenAI", ""),
    }
    assert quantities(connection) == {
        "tokens.input.uncached": "8052048",
        "tokens.input.cache_read": "40000",
        "tokens.input.cache_write": "10000",
        "tokens.input.total": "9",  # of an older row, whose split is not known
        "tokens.output": "82501",
        "requests": "141",
    }
    assert (usage_rows(connection), days(connection)) == (12, ("2026-09-01", "2026-09-02"))
    assert notes(run) == set()
    assert {"costs.page-1.json", "costs.page-2.json", "costs.total.json"} <= set(given)


# --- GitHub, Cursor -------------------------------------------------------------------------------


def test_copilot_bills_requests_before_june_and_credits_after_and_adds_neither_to_the_other() -> (
    None
):
    connection, run, given = fetch_recorded(
        "github-copilot",
        dt.date(2026, 5, 31),
        dt.date(2026, 6, 2),
        link_host="copilot-reports-example.b01.azurefd.net",
        fetch_metrics=True,
        report_hosts="127.0.0.1",
    )
    assert money(connection) == amounts("USD metered", "4.156010000", listed="20.156010000")
    assert lines(connection) == [
        "2026-05-31 0.000000000",
        "2026-05-31 0.120000000",
        "2026-06-01 0.000010000",
        "2026-06-01 0.036000000",
        "2026-06-01 4.000000000",
    ]
    assert named(connection, "sku_id", "model") == {
        ("copilot_premium_request", "Claude Example 5"),
        ("coding_agent_premium_request", "Coding Agent model"),
        ("copilot_ai_credit", "Claude Example 5"),
        ("coding_agent_ai_credit", "GPT Example"),
        ("copilot_ai_credit", "GPT Example"),
    }
    assert named(connection, "principal_id", "cost_center", "repository") == {
        ("", "", ""),
        ("octo-ada", "CC-7 Claims", "octo-org/portal"),
        ("octo-bo", "", ""),
    }
    assert quantities(connection, dataset="github_copilot.requests") == {"requests": "28"}
    assert quantities(connection, dataset="github_copilot.ai_credits") == {"credits": "1903.601"}
    assert quantities(connection, dataset="github_copilot.seats.snapshot") == {"seats": "3"}
    assert quantities(connection, dataset="github_copilot.metrics") == {
        "interactions": "42",
        "edits.suggested": "30",
        "edits.accepted": "12",
        "lines.suggested": "400",
        "lines.added": "120",
        "lines.removed": "8",
        "users.active": "3",
        "credits": "12.5",
        "cli.sessions": "2",
        "cli.requests": "11",
        "cli.tokens.input.total": "9000",
        "cli.tokens.output": "700",
    }
    assert notes(run) == {"seats_without_price"}
    assert "metrics_report.2026-05-31.json" in given  # and none of June 1st, which is not there yet


def test_cursor_events_alike_in_everything_are_two_and_come_to_the_spend_of_the_cycle() -> None:
    connection, run, given = fetch_recorded("cursor", FIRST, LAST)
    assert money(connection) == amounts("USD metered", "0.203800150", "0.283800150")
    assert lines(connection) == [
        "2026-09-01 0.000000000",  # included in the plan: not billed, 8 cents effective
        "2026-09-01 0.000000150",
        "2026-09-01 0.040200000",
        "2026-09-01 0.040200000",
        "2026-09-02 0.123400000",
    ]
    starts = Charge.objects.values_list("slice__billing_period_start", flat=True)
    assert {str(day) for day in starts} == {"2026-08-01", "2026-09-01"}  # the cycle turns at 08:30
    assert named(connection, "principal_id") == {"dev@example.com", "ana@example.com"}
    assert quantities(connection) == {
        "tokens.input.uncached": "2801",
        "tokens.input.cache_read": "30000",
        "tokens.input.cache_write": "400",
        "tokens.output": "650",
        "requests": "5",
    }
    assert usage_rows(connection) == 9
    assert [(each["expected"], each["difference"]) for each in run.facts["controls"]] == [
        ("0.2038", "0"),
        ("0.2838", "0"),
    ]
    assert "usage_events.page-2.json" in given


# --- gateways -------------------------------------------------------------------------------------


def test_litellm_calls_are_estimates_and_nothing_that_was_said_is_kept() -> None:
    connection, run, _ = fetch_recorded("litellm", FIRST, LAST)
    assert money(connection) == amounts("USD estimated", "0.312500150", listed="0.312500150")
    assert len(lines(connection)) == 4
    assert named(connection, "sub_account_id", "sub_account_name") == {
        ("team-claims", "Claims"),
        ("", ""),
    }
    assert named(connection, "model", "principal_id") == {
        ("claude-example-1", "owner-1"),
        ("embedding-example", ""),
    }
    # Of the fourth call, which says more cached tokens than tokens, the cost alone is taken.
    assert quantities(connection) == {
        "tokens.input.uncached": "610",
        "tokens.input.cache_read": "300",
        "tokens.input.cache_write": "100",
        "tokens.output": "200",
        "requests": "3",
    }
    assert notes(run) == {"quantities_left_out"}
    said = b"secret words"
    assert said in recorded("litellm/spend_logs.2026-09-01.page-1.json")
    assert not any(said in file.path.read_bytes() for file in landed_files(list(run.files.all())))


def test_openrouter_usage_is_drawn_from_credits_and_what_a_key_of_ones_own_pays_is_in_no_sum() -> (
    None
):
    connection, run, _ = fetch_recorded("openrouter", FIRST, LAST, payment="prepaid")
    assert money(connection) == amounts("USD metered", "0.000000000", "12.515000001")
    assert (len(lines(connection)), days(connection)) == (4, ("2026-09-01", "2026-09-02"))
    assert named(connection, "sub_account_id", "sub_account_name") == {
        ("ws-0001", "Production"),
        ("", ""),
    }
    assert named(connection, "publisher", "model") == {
        ("OpenAI", "openai/gpt-example-2026-01-01"),
        ("Azure", "openai/gpt-example-2026-01-01"),
        ("Anthropic", "anthropic/claude-example-20260501"),
        ("Amazon Bedrock", "anthropic/claude-example-20260501"),
    }
    assert quantities(connection) == {
        "tokens.input.total": "7093",
        "tokens.output": "1029",
        "tokens.output.reasoning": "325",
        "requests": "18",
    }
    assert "3.65 USD" in dict(run.notes)["paid_elsewhere"]
    assert [each["difference"] for each in run.facts["controls"]] == ["0"]


def test_every_record_of_an_answer_is_one_that_somebody_asks_for() -> None:
    left = {"anthropic/api_keys.json", "github_copilot/billing_report.csv"}
    for index in RECORDED.glob("*/requests.json"):
        text = index.read_text(encoding="utf-8")
        for path in index.parent.glob("*.json"):
            name = f"{index.parent.name}/{path.name}"
            assert path == index or name in left or f'"{path.name}"' in text, name
