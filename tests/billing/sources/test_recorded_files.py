"""Recorded files of providers come to what was worked out by hand, through the real command."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pytest

from billing.models import Charge, Invoice
from tests.billing.services.charges import assert_books_balance, to_parquet
from tests.billing.sources.kiro.kiro_files import price
from tests.billing.sources.recording import (
    RECORDED,
    amounts,
    days,
    import_recorded,
    lines,
    money,
    named,
    notes,
    quantities,
    recorded,
    usage_rows,
)

pytestmark = [pytest.mark.django_db, pytest.mark.both_engines]


def delivered(name: str, folder: Path) -> Path:
    """A recorded export of AWS as it lies in the bucket, where data files are packed."""
    bucket = shutil.copytree(RECORDED / "aws" / name, folder / name)
    for path in list(bucket.rglob("*.csv")):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
        path.unlink()
    return bucket


# --- AWS ------------------------------------------------------------------------------------------


def test_bedrock_in_cur_2_is_taken_in_both_of_its_billing_shapes(tmp_path: Path) -> None:
    connection, run = import_recorded("aws", delivered("cur2", tmp_path))
    assert money(connection) == amounts(
        "USD invoiced", "11.271500450", listed="12.721500000 and 3 not stated"
    )
    assert lines(connection) == [
        "2026-09-01 0.361500000",
        "2026-09-01 1.050000000",
        "2026-09-01 6.180000000",
        "2026-09-01 6.180000000",  # alike in everything, and two
        "2026-09-02 -2.500000000",
        "2026-09-02 0.000000450",
    ]
    assert named(connection, "model", "charge_category") == {
        ("NovaExample", "Usage"),
        ("Claude Example", "Usage"),
        ("", "Tax"),
        ("", "Credit"),
    }
    assert named(connection, "principal_id") == {
        "alice@example.com",
        "arn:aws:sts::123456789012:assumed-role/Claims-Bot",
        "",
    }
    assert named(connection, "billing_account_id", "sub_account_id") == {
        ("123456789012", "012345678901")  # the zero in front stays
    }
    tokens = Charge.objects.filter(dimension__consumed_unit="Tokens").order_by("pk")
    assert sorted(tokens.values_list("consumed_quantity", flat=True)) == [
        "1.5",
        "120500",
        "412000",
        "412000",
    ]
    assert (run.read, run.rejected) == (6, 0)


def test_the_focus_export_of_aws_has_a_credit_a_tax_and_nulls_where_focus_wants_none(
    tmp_path: Path,
) -> None:
    connection, run = import_recorded("aws", delivered("focus12", tmp_path))
    assert money(connection) == amounts("USD invoiced", "11.165432110", listed="12.665432110")
    assert lines(connection) == [
        "2026-09-01 1.900000000",
        "2026-09-01 10.500000000",
        "2026-09-02 -1.234567890",
    ]
    assert named(connection, "provider", "sub_account_id") == {("AWS", "000000000042")}
    assert run.totals_residue["USD"]["billed"] == "-0.000000000123"


# --- FOCUS ----------------------------------------------------------------------------------------


def test_azure_is_in_its_billing_currency_and_the_dollars_beside_it_are_in_no_sum() -> None:
    connection, run = import_recorded("focus", RECORDED / "focus" / "azure.csv")
    assert money(connection) == amounts("EUR invoiced", "11.845679321", listed="13.500000000")
    assert lines(connection) == [
        "2026-09-01 12.345678901",
        "2026-09-02 -0.500000000",
        "2026-09-02 0.000000420",
    ]
    assert named(connection, "cost_center") == {"CC-7"}
    assert named(connection, "tags") == {'{"env":"prod","team":"core"}', "{}"}
    assert named(connection, "charge_class") == {"", "Correction"}
    assert notes(run) == {"unnamed_services"}


def test_google_has_tags_as_a_list_and_a_label_and_a_tag_of_one_key_are_two() -> None:
    connection, run = import_recorded("focus", RECORDED / "focus" / "google.csv")
    assert run.rejected == 0
    assert money(connection) == amounts("USD invoiced", "2.000003520", listed="2.000003520")
    assert named(connection, "tags") == {'{"tag/team":"platform","team":"core"}', "{}"}
    # When a line was written is another for every line, so it is no part of the dimension.
    assert not any("x_ExportTime" in text for text in named(connection, "extra"))


def test_oracle_writes_null_as_a_word_times_without_a_zone_and_a_column_of_its_own() -> None:
    connection, run = import_recorded("focus", RECORDED / "focus" / "oracle.csv")
    assert money(connection) == amounts("USD invoiced", "3.250086400", listed="4.000086400")
    assert named(connection, "billing_account_id", "billing_account_name") == {("0099887766", "")}
    assert notes(run) == {"unknown_columns", "utc_assumed"}


def test_litellm_by_focus_is_an_estimate_of_each_key_and_day(tmp_path: Path) -> None:
    path = tmp_path / "litellm.parquet"
    path.write_bytes(to_parquet(recorded("focus/litellm.csv"), tmp_path))
    connection, _ = import_recorded("focus", path, cost_basis="estimated")
    assert money(connection) == amounts("USD estimated", "0.012501000", listed="0.012501000")
    assert named(connection, "model", "api_key_id") == {
        ("claude-example-1", "88dc28d0f030c55ed4ab77ed8faf0981"),
        ("embedding-example", "3f79bb7b435b05321651daefd374cdc6"),
    }
    assert days(connection) == ("2026-09-01", "2026-09-02")


def test_credits_are_paid_when_they_are_bought_and_cost_when_they_are_used() -> None:
    connection, run = import_recorded("focus", RECORDED / "focus" / "virtual_currency.csv")
    assert money(connection) == amounts(
        "USD invoiced", "200000.000000000", "493.000000000", listed="200493.000000000"
    )
    assert named(connection, "charge_category", "pricing_currency") == {
        ("Purchase", "USD"),
        ("Usage", "Token"),
    }
    assert days(connection) == ("2026-09-01", "2026-09-02")  # 9/2/26 is September 2nd
    assert notes(run) == {"us_dates", "utc_assumed"}


def test_focus_1_3_and_1_4_say_who_provides_where_older_ones_have_another_column() -> None:
    third, _ = import_recorded("focus", RECORDED / "focus" / "focus_1_3.csv")
    assert money(third) == amounts("USD invoiced", "39.900000000", listed="49.900000000")
    assert days(third) == ("2026-08-30", "2026-09-01")  # a correction of the month before
    fourth, _ = import_recorded("focus", RECORDED / "focus" / "focus_1_4.csv")
    assert money(fourth) == amounts("GBP invoiced", "1234.000000001", listed="1300.000000000")
    assert named(third, "provider") == named(fourth, "provider") == {"Example Lab"}
    assert named(fourth, "tags", "invoice_id") == {('{"core":true}', "INV-9")}


# --- reports of developer tools -------------------------------------------------------------------


def test_the_billing_report_of_copilot_has_a_mark_and_float_noise() -> None:
    connection, _ = import_recorded(
        "github_copilot",
        RECORDED / "github_copilot" / "billing_report.csv",
        cost_basis="metered",
        organization="octo-org",
    )
    assert money(connection) == amounts("USD metered", "4.076000000", listed="20.076000000")
    assert lines(connection) == [
        "2026-05-31 0.000000000",
        "2026-05-31 0.040000000",
        "2026-06-01 0.036000000",
        "2026-06-01 4.000000000",
    ]
    # The 260 credits that the requests would have been are in no sum.
    assert quantities(connection) == {"requests": "26", "credits": "1903.6"}


def test_the_newest_report_of_kiro_wins_and_credits_without_a_price_cost_nothing_known() -> None:
    price("pro")  # 0.04 a credit
    connection, run = import_recorded("kiro", RECORDED / "kiro" / "reports", cost_basis="derived")
    assert money(connection) == amounts("USD derived", "0.140000000")
    found = quantities(connection)
    assert {name: found[name] for name in found if not name.startswith("activity.")} == {
        "credits": "53.76",
        "credits.overage": "4.5",
        "messages": "15",
        "messages.by_model": "15",
        "conversations": "5",
    }
    assert found["activity.Chat_AICodeLines"] == "12"  # the other person's cell is empty
    assert found["activity.Inline_SuggestionsCount"] == "21"
    assert usage_rows(connection) == 36
    assert notes(run) == {"no_price"}


def test_openclaw_counts_each_answer_once_and_takes_the_model_from_the_line_before() -> None:
    connection, run = import_recorded("openclaw", RECORDED / "openclaw", cost_basis="estimated")
    assert money(connection) == amounts("USD estimated", "2.003301500", listed="2.003301500")
    assert lines(connection) == [
        "2026-09-01 0.003300000",
        "2026-09-01 2.000000000",
        "2026-09-02 0.000001500",
    ]
    assert named(connection, "provider", "model") == {
        ("anthropic", "claude-example-1"),
        ("openai", "gpt-example"),
    }
    assert quantities(connection) == {
        "tokens.input.uncached": "148",
        "tokens.output": "34",
        "tokens.input.cache_read": "5000",
        "tokens.input.cache_write": "300",
    }
    assert notes(run) == {"no_cost"}


def test_telemetry_that_is_delivered_again_counts_once_and_midnight_belongs_to_the_day_before() -> (
    None
):
    connection, _ = import_recorded(
        "otel", RECORDED / "otel" / "claude_code_metrics.jsonl", cost_basis="estimated"
    )
    assert money(connection) == amounts("USD estimated", "2.298312650", listed="2.298312650")
    assert lines(connection) == [
        "2026-09-01 0.000000150",
        "2026-09-01 0.298312500",
        "2026-09-02 2.000000000",
    ]
    assert named(connection, "billing_account_id", "repository", "principal_id") == {
        ("org-example", "acme/claims", "")
    }
    assert quantities(connection) == {
        "tokens.input.uncached": "1200",
        "tokens.output": "340",
        "tokens.input.cache_read": "90000",
        "tokens.input.cache_write": "2500",
        "lines.added": "12",
        "lines.removed": "3",
        "sessions": "1",
    }


# --- ours: seats, purchases, invoices -------------------------------------------------------------


def test_seats_are_billed_on_their_invoice_and_effective_on_their_days() -> None:
    connection, _ = import_recorded("seats", RECORDED / "seats" / "seats.csv", cost_basis="derived")
    assert money(connection) == amounts("EUR derived", "30.000000007")
    assert len(lines(connection)) == 10
    used = Charge.objects.filter(dimension__billing_account_id="cursor, business")
    effective = used.order_by("day", "pk").values_list("effective_nano", flat=True)
    assert sorted(map(str, effective)) == ["0", "3", "4"]  # seven nano-units on two days
    assert_books_balance()


def test_two_equal_purchases_of_credits_are_two() -> None:
    connection, _ = import_recorded(
        "openrouter",
        RECORDED / "openrouter" / "purchases.csv",
        cost_basis="metered",
        dataset="purchases",
    )
    assert money(connection) == amounts("USD metered", "263.750000000", "0.000000000")
    assert named(connection, "charge_description") == {"Top-up", "Top-up, by card"}
    assert days(connection) == ("2026-09-02", "2026-09-03")


def test_invoices_are_taken_as_they_state_it_with_semicolons_and_a_credit_note() -> None:
    _, run = import_recorded("invoices", RECORDED / "invoices" / "invoices.csv")
    assert run.totals_in == {"USD": {"total": "1162.9"}, "EUR": {"total": "119.000000001"}}
    rows = Invoice.objects.order_by("number").values_list(
        *("issuer", "number", "total_nano", "tax_nano", "credits_nano", "rounding_nano"),
        *("tax_in_lines", "stated_lines", "effective_nano"),
    )
    billion = 10**9
    assert list(rows) == [
        ("Nimbus Ltd", "A-17", 1_213_400_000_000, 210 * billion, -15 * billion, -4_000_000,
         True, 1204, 1_180_250_000_000),
        ("Nimbus Ltd", "CN-3", -50_500_000_000, None, None, None, True, None, None),
        ("Beispiel; Söhne GmbH", "RE-2026-009", 119_000_000_001, 19 * billion, None, None,
         False, None, None),
    ]  # fmt: skip
