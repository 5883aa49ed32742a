"""Months sum to their days, whatever happens to the days."""

from __future__ import annotations

import datetime as dt
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from billing.models import ChargeSlice, DailyCost, MonthlyCost, Restatement
from billing.selectors.costs import Group, cost_sums
from billing.selectors.sums import newest_write
from billing.selectors.use_case_costs import service_totals
from billing.services.monthly_rollups import MonthsInStep, refresh_monthly_costs
from billing.services.rollups import refresh_daily_costs
from portal.imports.staging import StagingTable
from portal.shell.periods import Month
from tests.imports import START, line, make_connection, run_import

pytestmark = [pytest.mark.django_db, pytest.mark.both_engines]

MAY = Month(2026, 5)
_NEVER = dt.datetime.min.replace(tzinfo=dt.UTC)
_KEY = ("connection_id", "use_case_id", "provider", "service_name", "model", "cost_center",
        "charge_category", "currency", "cost_basis", "unallocated_reason")  # fmt: skip
_COUNTS = ("effective_unknown", "charges", "uninvoiced", "restated", "closed")


def of_days() -> dict[tuple[Any, ...], list[Any]]:
    """What months should say: sums of the daily costs, made here in Python."""
    found: dict[tuple[Any, ...], list[Any]] = defaultdict(lambda: [0] * 7 + [dt.date.min, _NEVER])
    rows: Iterable[Mapping[str, Any]] = DailyCost.objects.values()
    for row in rows:
        sums = found[(row["day"].replace(day=1), *(row[name] for name in _KEY))]
        for place, name in enumerate(("billed_nano", "effective_nano", *_COUNTS)):
            sums[place] += row[name]
        sums[-2:] = max(sums[-2], row["day"]), max(sums[-1], row["changed_at"])
    return dict(found)


def of_months() -> dict[tuple[Any, ...], list[Any]]:
    """What months do say."""
    rows: Iterable[Mapping[str, Any]] = MonthlyCost.objects.values()
    return {
        (row["day"], *(row[name] for name in _KEY)): [
            row["billed_whole"] * 10**9 + row["billed_part"],
            row["effective_whole"] * 10**9 + row["effective_part"],
            *(row[name] for name in _COUNTS),
            row["newest_day"],
            row["changed_at"],
        ]
        for row in rows
    }


def june(cost: str) -> dict[str, str]:
    return line(3, cost) | {
        "ChargePeriodStart": "2026-06-02T00:00:00Z",
        "ChargePeriodEnd": "2026-06-02T23:59:59Z",
        "BillingPeriodStart": "2026-06-01T00:00:00Z",
        "BillingPeriodEnd": "2026-07-01T00:00:00Z",
    }


def test_months_sum_to_their_days_through_imports_restatements_and_withdrawals() -> None:
    bill = make_connection()
    run_import(bill, [line(3, "1.000000001"), line(4, "-0.5"), line(31, "2"), june("4")])
    assert len(of_months()) == 2
    assert of_months() == of_days()
    run_import(bill, [line(3, "7.1"), line(4, "-0.5"), line(31, "2"), june("4")])
    assert of_months() == of_days()
    assert sum(sums[0] for sums in of_months().values()) == 12_600_000_000
    other = make_connection("other")
    run_import(other, [line(5, "3", BillingAccountId="another")])
    assert len({key[1] for key in of_months()}) == 2
    assert of_months() == of_days()


def test_of_a_month_only_what_a_day_has_to_do_with_is_written() -> None:
    bill = make_connection()
    chat, search = {"ServiceName": "Chat"}, {"ServiceName": "Search"}
    run_import(bill, [line(3, "1", **chat), line(4, "2", **chat), line(4, "5", **search)])
    kept = MonthlyCost.objects.get(service_name="Search").pk
    run_import(bill, [line(3, "7", **chat), line(4, "2", **chat), line(4, "5", **search)])
    assert MonthlyCost.objects.get(service_name="Search").pk == kept
    assert MonthlyCost.objects.get(service_name="Chat").billed_whole == 9
    # What a day has lost is less in its month, and gone where nothing is left of it.
    run_import(bill, [line(3, "7", **chat), line(4, "5", **search), line(4, "1", **search)])
    chat_left = MonthlyCost.objects.get(service_name="Chat")
    assert (chat_left.billed_whole, chat_left.newest_day) == (7, dt.date(2026, 5, 3))
    run_import(bill, [line(3, "3", **search), line(4, "5", **search), line(4, "1", **search)])
    assert {row.service_name for row in MonthlyCost.objects.all()} == {"Search"}
    assert of_months() == of_days()


class Days:
    """Days of a few costs, written and taken away in the roll-up as an import would do it."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311  (no secret)
        self.connection = make_connection()
        run_import(self.connection, [line(3, "1")])
        (like,) = DailyCost.objects.all()
        self.like = {each.attname: getattr(like, each.attname) for each in like._meta.fields[1:]}
        DailyCost.objects.all().delete()
        refresh_monthly_costs(connection_id=self.connection.pk, months={MAY})

    def write(self, days: list[dt.date]) -> None:
        """Other costs, or none, for these days, and the months in step with them."""
        touched = StagingTable("touched_day", {"day": "date"}, primary_key=["day"])
        touched.create()
        touched.load((day,) for day in days)
        with connection.cursor() as cursor:
            months = MonthsInStep(cursor, connection_id=self.connection.pk, days=days)
            DailyCost.objects.filter(day__in=days).delete()
            DailyCost.objects.bulk_create(each for day in days for each in self.costs(day))
            months.follow()

    def costs(self, day: dt.date) -> list[DailyCost]:
        one = self.random
        return [
            DailyCost(**self.like | {
                "day": day,
                "service_name": service,
                "billed_nano": one.randint(-(10**19) // 2, 9 * 10**18),
                "effective_nano": one.randint(-(10**12), 10**12),
                "effective_unknown": one.randint(0, 3),
                "charges": one.randint(3, 9),
                "closed": one.randint(0, 2),
                "changed_at": START + dt.timedelta(seconds=one.randint(-9, 9)),
            })
            for service in one.sample(("Chat", "Search", "Speech"), one.randint(0, 3))
        ]  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_months_stay_in_step_with_whatever_happens_to_some_of_their_days(seed: int) -> None:
    days = Days(seed)
    all_days = [dt.date(2026, month, number) for month in (4, 5) for number in (1, 2, 3)]
    for _ in range(12):
        days.write(sorted(days.random.sample(all_days, days.random.randint(1, 4))))
        assert of_months() == of_days()
    refresh_monthly_costs(connection_id=days.connection.pk, months={MAY - 1, MAY})
    assert of_months() == of_days()


def test_a_month_whose_row_was_lost_is_summed_anew() -> None:
    bill = make_connection()
    run_import(bill, [line(3, "1"), line(4, "2")])
    MonthlyCost.objects.all().delete()
    run_import(bill, [line(3, "5"), line(4, "2")])
    assert of_months() == of_days()
    assert MonthlyCost.objects.get().billed_whole == 7


def test_a_month_without_days_is_gone() -> None:
    bill = make_connection()
    run_import(bill, [line(3, "1"), june("2")])
    DailyCost.objects.filter(day__month=5).delete()
    refresh_monthly_costs(connection_id=bill.pk, months={MAY})
    assert {row.day for row in MonthlyCost.objects.all()} == {dt.date(2026, 6, 1)}
    refresh_daily_costs(connection_id=bill.pk, days={dt.date(2026, 5, 3)})
    assert of_months() == of_days()


def test_what_was_worked_out_from_months_is_forgotten_with_each_write_of_one() -> None:
    bill, other = make_connection(), make_connection("other")
    first, last = MAY, Month(2026, 6)

    def billed() -> int:
        return sum(total.billed_nano for total in service_totals(first, last).values())

    seen = [newest_write()]
    for write, expected in (
        (lambda: run_import(bill, [line(3, "1"), june("2")]), 3),
        (lambda: run_import(bill, [line(3, "5"), june("2")]), 7),
        (lambda: run_import(other, [line(5, "3", BillingAccountId="another")]), 10),
    ):
        write()
        assert billed() == expected * 10**9
        seen.append(newest_write())
    # What only takes rows away is a write as well, and the largest number of a row stays.
    DailyCost.objects.filter(connection=bill, day__month=5).delete()
    refresh_monthly_costs(connection_id=bill.pk, months={MAY})
    assert billed() == 5 * 10**9
    seen.append(newest_write())
    assert len(set(seen)) == len(seen)
    run_import(bill, [line(3, "5"), june("2")])  # says nothing new, so nothing is written
    assert newest_write() == seen[-1]


def test_a_month_that_passes_64_bits_stays_exact() -> None:
    bill = make_connection()
    run_import(bill, [line(3, "1")])
    (day,) = DailyCost.objects.all()
    for number in range(1, 4):
        day.pk, day.day = None, dt.date(2026, 5, number)
        day.billed_nano = day.effective_nano = 9_000_000_000_000_000_001
        day.save(force_insert=True)
    DailyCost.objects.filter(billed_nano=1_000_000_000).delete()
    refresh_monthly_costs(connection_id=bill.pk, months={MAY})
    (month,) = cost_sums(MonthlyCost.objects.all(), by=(Group.MONTH,), now=START)
    assert month.billed_nano == month.effective_nano == 27_000_000_000_000_000_003
    (days,) = cost_sums(DailyCost.objects.all(), by=(Group.MONTH,), now=START)
    assert days == month


def plan_of_the_days(connection_id: int, day: dt.date) -> str:
    """How the database goes about the daily costs of one day."""
    found: list[Any] = []

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "INSERT INTO billing_dailycost" in sql:
            how = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
            execute(f"{how} {sql}", params, many, context)
            found.extend(context["cursor"].cursor.fetchall())
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        refresh_daily_costs(connection_id=connection_id, days={day})
    return str(found)


def copies(row: ChargeSlice | Restatement, changes: list[dict[str, Any]]) -> list[Any]:
    """Rows like one that is stored, but for what is changed in each."""
    model: Any = type(row)
    fields = {each.attname: getattr(row, each.attname) for each in model._meta.fields[1:]}
    return model._default_manager.bulk_create(model(**fields | each) for each in changes)


def test_a_day_does_not_read_what_was_restated_on_others(engine: str) -> None:
    """There is one restatement for every day that is read again, for ever."""
    bill = make_connection()
    run_import(bill, [line(3, "1"), line(4, "1")])
    run_import(bill, [line(3, "2"), line(4, "2")])
    once = Restatement.objects.get(day=dt.date(2026, 5, 4))
    days = copies(once.slice, [{"day": once.day - dt.timedelta(n)} for n in range(30, 530)])
    for _ in range(6):
        copies(once, [{"slice_id": each.pk, "day": each.day} for each in days])
    if engine == "postgres":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE billing_restatement, billing_chargeslice")
    plan = plan_of_the_days(bill.pk, dt.date(2026, 5, 3))
    assert "billing_restatement_slice_id" in plan
    assert not re.search(r"SCAN billing_restatement|Seq Scan on billing_restatement", plan)
    assert sorted(DailyCost.objects.values_list("billed_nano", "restated")) == [(2 * 10**9, 1)] * 2


def test_the_migration_sums_what_was_stored_before_it() -> None:
    bill = make_connection()
    run_import(bill, [line(3, "1.000000001"), line(31, "-2.5"), june("4")])
    MonthlyCost.objects.all().delete()
    migration: Any = import_module("billing.migrations.0004_monthly_costs")
    # Not a schema editor: SQLite refuses one inside a transaction, and only its connection is used.
    migration.fill_months(apps, SimpleNamespace(connection=connection))
    assert of_months() == of_days()
    assert Month.of(MonthlyCost.objects.earliest("day").day) == MAY
