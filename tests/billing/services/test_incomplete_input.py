"""A row that could not be read takes nothing away that was there."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import timezone

from billing.models import Charge
from portal.choices import RunStatus, RunTrigger
from portal.imports.runner import execute_run
from portal.models import Connection, ImportRun
from portal.services.connections import create_connection
from portal.services.imports import request_import

pytestmark = pytest.mark.django_db
HEADER = (
    "BilledCost,EffectiveCost,BillingAccountId,BillingCurrency,BillingPeriodStart,"
    "BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ServiceName,ProviderName\n"
)
PERIOD = "acc,USD,2026-05-01T00:00:00Z,2026-06-01T00:00:00Z,{start},2026-05-03T00:00:00Z"


def line(amount: str, service: str, *, start: str = "2026-05-02T00:00:00Z") -> str:
    return f"{amount},{amount},{PERIOD.format(start=start)},Usage,{service},Acme\n"


def run_over(connection: Connection, path: Path, text: str) -> ImportRun:
    path.write_text(text, encoding="utf-8")
    run = request_import(
        connection=connection, inputs=[path], trigger=RunTrigger.COMMAND, at=timezone.now()
    )
    return execute_run(run.pk, clock=timezone.now)


@pytest.mark.both_engines
def test_a_row_that_became_unreadable_is_not_withdrawn_but_the_run_is_held(tmp_path: Path) -> None:
    connection = create_connection(slug="cloud", source="focus", at=timezone.now())
    path = tmp_path / "bill.csv"
    good = HEADER + line("1.5", "hosting") + line("2.5", "search")
    assert run_over(connection, path, good).status == RunStatus.APPLIED

    damaged = HEADER + line("1.5", "hosting") + line("2.5", "search", start="2026-05-99")
    run = run_over(connection, path, damaged)

    assert run.status == RunStatus.HELD
    assert "1 row imported before is not in this input" in run.held_reason
    live = Charge.objects.filter(superseded_at__isnull=True)
    assert sorted(live.values_list("billed_nano", flat=True)) == [1_500_000_000, 2_500_000_000]
    row = run.rejected_rows.get()
    assert (row.line, row.field, row.value) == (3, "ChargePeriodStart", "2026-05-99")


def test_a_row_that_the_source_no_longer_sends_is_withdrawn(tmp_path: Path) -> None:
    connection = create_connection(slug="cloud", source="focus", at=timezone.now())
    path = tmp_path / "bill.csv"
    run_over(connection, path, HEADER + line("1.5", "hosting") + line("2.5", "search"))

    run = run_over(connection, path, HEADER + line("1.5", "hosting"))

    assert (run.status, run.superseded, run.unchanged) == (RunStatus.APPLIED, 1, 1)
    assert Charge.objects.get(superseded_at__isnull=True).billed_nano == 1_500_000_000
