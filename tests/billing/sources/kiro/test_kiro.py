"""Kiro and Amazon Q: sums over people, newest object, credits beyond the plan by its price."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import pytest

from billing.models import Charge, Usage
from billing.services.plans import end_plan
from portal.choices import RunStatus
from portal.models import Connection, ImportRun, RejectedRow
from portal.shell.money import from_nano
from tests.billing.engine import bring, connect, gzipped, stored
from tests.billing.services.charges import assert_books_balance
from tests.billing.sources.kiro.kiro_files import (
    legacy,
    money,
    price,
    quantities,
    report,
    row,
)
from tests.imports import START, counts
from tests.plugins.sweeping import sampled

pytestmark = pytest.mark.django_db


def notes(run: ImportRun) -> dict[str, str]:
    return dict(run.notes)


def kiro() -> Connection:
    return connect("kiro")


def test_quantities_are_summed_over_people_and_credits_beyond_the_plan_are_priced() -> None:
    price()
    run = bring(kiro(), report(row("u1"), row("u2", overage="0"), row("u3", overage="1.00")))
    assert run.status == RunStatus.APPLIED
    assert quantities() == {
        ("credits", ""): Decimal("37.5"),
        ("credits.overage", ""): Decimal("3.25"),
        ("messages", ""): 27,
        ("conversations", ""): 9,
        ("messages.by_model", "claude.sonnet"): 21,
        ("messages.by_model", "auto"): 6,
    }
    assert money() == {"pro": Decimal("0.13")}
    (charge,) = Charge.objects.all()
    assert (charge.cost_basis, charge.currency) == ("derived", "USD")
    assert charge.dimension.billing_account_id == "123456789012/KIRO_IDE"
    assert "the column Mood is not read" in notes(run)["unknown_column"]
    assert_books_balance()


def test_nothing_that_names_a_person_is_stored() -> None:
    price()
    run = bring(kiro(), report(row("u1"), row("u2")))
    texts = [
        str(value)
        for model in (Charge, Usage)
        for each in model.objects.select_related("dimension")
        for value in vars(each.dimension).values()
    ]
    assert not [text for text in texts if "u1" in text or "acme.example" in text]
    assert not any("u1" in message for _, message in run.notes)


def test_the_newest_object_of_a_day_wins_in_any_order() -> None:
    price()
    old = report(row("u1"), row("gone"))
    new = report(row("u1", credits="20", overage="5"), written="202605060200")
    run = bring(kiro(), {**new, **old})
    assert run.status == RunStatus.APPLIED
    assert quantities()["credits", ""] == 20
    assert money() == {"pro": Decimal("0.2")}


def test_objects_without_age_that_contradict_are_refused() -> None:
    first, second = report(row("u1")), report(row("u1", credits="13"))
    run = bring(kiro(), {"a.csv": first.popitem()[1], "b.csv": second.popitem()[1]})
    assert run.status == RunStatus.REFUSED
    assert "[conflicting_rows]" in run.problem


def test_without_a_price_the_cost_is_unknown_and_said_never_0() -> None:
    connection, files = kiro(), report(row("u1"), row("u2", tier="POWER"))
    price()
    run = bring(connection, files)
    assert money() == {"pro": Decimal("0.09")}
    assert "2.25 credits beyond the plan POWER have no cost" in notes(run)["no_price"]
    # A price that becomes known later prices the same file.
    price("POWER", "0.02")
    assert bring(connection, files).inserted == 1
    assert money() == {"pro": Decimal("0.09"), "POWER": Decimal("0.045")}


@pytest.mark.sweep
def test_a_price_holds_on_its_days_only() -> None:
    plan = price()
    end_plan(plan_id=plan.pk, valid_until=date(2026, 5, 5), reason="new", actor=plan.created_by,
             at=START)  # fmt: skip
    price(overage="0.10", start=date(2026, 5, 5))
    bring(kiro(), report(row(day="2026-05-04"), row(day="2026-05-05")))
    billed = Charge.objects.order_by("day").values_list("billed_nano", flat=True)
    assert [from_nano(nano) for nano in billed] == [Decimal("0.09"), Decimal("0.225")]


@pytest.mark.sweep
def test_one_plan_can_price_every_tier() -> None:
    price("contract", "0.03")
    bring(connect("kiro", plan_key="contract"), report(row(), row("u2", tier="POWER")))
    assert sum(from_nano(c.billed_nano) for c in Charge.objects.all()) == Decimal("0.135")


@pytest.mark.sweep
def test_clients_do_not_replace_each_other() -> None:
    price()
    connection = kiro()
    bring(connection, report(row()))
    command_line = report(row(client="KIRO_CLI"))
    run = bring(connection, {"KIRO_CLI_123456789012_user_report_202605050200.csv": (
        command_line.popitem()[1])})  # fmt: skip
    assert (run.status, run.superseded) == (RunStatus.APPLIED, 0)
    assert sum(from_nano(c.billed_nano) for c in Charge.objects.all()) == Decimal("0.18")


@pytest.mark.parametrize("others", [{}, report(row(client="KIRO_CLI"))], ids=["alone", "beside"])
def test_a_report_with_a_header_only_is_an_empty_day(others: Mapping[str, bytes]) -> None:
    price()
    connection = kiro()
    bring(connection, report(row(day="2026-05-03"), written="202605040200"))
    before = stored()
    empty = report(written="202605060200").popitem()[1]
    run = bring(connection, {"KIRO_CLI_123456789012_user_report_202605060200.csv": empty, **others})
    assert (run.status, run.rejected, run.superseded) == (RunStatus.APPLIED, 0, 0)
    assert ("nothing_there" in notes(run)) == (not others)
    assert (stored() == before) == (not others)
    assert_books_balance()


def test_a_user_is_one_with_and_without_the_directory() -> None:
    price()
    connection, twice = kiro(), row("u1").replace("d-1234567890.", "")
    run = bring(connection, report(row("u1"), twice, row("u2")))
    assert run.status == RunStatus.APPLIED
    assert (quantities()["credits", ""], money()) == (25, {"pro": Decimal("0.18")})
    run = bring(connection, report(row("u1"), twice.replace("12.50", "13")))
    assert (run.status, "[conflicting_rows]" in run.problem) == (RunStatus.REFUSED, True)
    run = bring(connection, report(row("u3"), row("")))  # a directory without anybody in it
    assert (run.status, run.rejected) == (RunStatus.APPLIED, 1)


# --- the same again --------------------------------------------------------------------------

ROWS = [row(f"u{n}", day=f"2026-05-{4 + n % 3:02}", credits=f"{n}.25") for n in range(9)]


@pytest.mark.parametrize("how", sampled(["twice", "shuffled", "split", "gzip", "bom"], "split"))
def test_the_same_rows_again_change_nothing(how: str) -> None:
    price()
    connection, files = kiro(), report(*ROWS)
    first = bring(connection, files)
    before, mixed = stored(), list(ROWS)
    random.Random(3).shuffle(mixed)  # noqa: S311  (an order, not a secret)
    (name, content), parts = *files.items(), (report(*ROWS[:4]), report(*ROWS[4:]))
    again: Mapping[str, bytes] = {
        "twice": files,
        "shuffled": report(*mixed),
        "split": {f"{n}_{name}": part.popitem()[1] for n, part in enumerate(parts)},
        "gzip": gzipped(files),
        "bom": {name: b"\xef\xbb\xbf" + content},
    }[how]
    run = bring(connection, again)
    assert counts(run) == {"read": first.read, "unchanged": first.read}
    assert stored() == before
    assert_books_balance()


# --- Amazon Q --------------------------------------------------------------------------------


def test_legacy_reports_in_parts_with_the_month_first_are_activity_only() -> None:
    parts = {
        f"123456789012_by_user_analytic_202605050000_part_{n}.csv": legacy(
            f"u{n},05-04-2026,10,2,0,1,,5,21"
        )
        for n in (1, 2)
    }
    run = bring(kiro(), parts)
    assert run.status == RunStatus.APPLIED
    assert not Charge.objects.exists()
    assert quantities()["activity.Chat_MessagesSent", ""] == 4
    assert ("activity.InlineChat_TotalEventCount", "") not in quantities()  # unknown, so not 0
    assert {each.day for each in Usage.objects.all()} == {date(2026, 5, 4)}
    assert "Weather_Degrees" in notes(run)["unknown_column"]


def test_a_missing_part_is_refused() -> None:
    name = "123456789012_by_user_analytic_202605050000_part_2.csv"
    run = bring(kiro(), {name: legacy("u1,05-04-2026,10,2,0,1,0,5,21")})
    assert (run.status, "[parts_missing]" in run.problem) == (RunStatus.REFUSED, True)


# --- what is wrong has a name ----------------------------------------------------------------


def test_wrong_rows_are_named_and_an_unread_number_of_credits_refuses_all() -> None:
    wrong = {
        row("u2", day="4 May"): "bad_date",
        row("u3", credits="many"): "bad_amount",
        row("u4", credits="-1"): "bad_quantity",
        row("u5", credits="0.0000001"): "bad_quantity",
        row("").replace("d-1234567890.", ""): "missing_value",
    }
    connection = kiro()
    run = bring(connection, report(row(), *wrong))
    rejected = RejectedRow.objects.order_by("line")
    assert (run.status, run.rejected) == (RunStatus.APPLIED, 5)
    assert [each.code for each in rejected] == list(wrong.values())
    assert [each.line for each in rejected] == [3, 4, 5, 6, 7]
    run = bring(connection, report(row(), row("u2", overage="?")))
    assert (run.status, "Overage_Credits_Used" in run.problem) == (RunStatus.REFUSED, True)


def test_what_is_no_report_is_refused() -> None:
    connection = kiro()
    run = bring(connection, {"a.csv": b"Date,Name\n2026-05-04,x\n"})
    assert "[missing_columns]" in run.problem
    run = bring(connection, {"a.csv": b""})
    assert "[no_rows]" in run.problem
