"""Control totals: compared with the lines, said, held beyond a bound, and never added."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from billing.models import Charge
from billing.services.control_totals import ControlledStore
from billing.sources.lines import CostLine, charge_record
from billing.sources.records import ControlTotal
from portal.choices import RunStatus, RunTrigger
from portal.imports.registry import Plan
from portal.models import Connection, ImportFile, ImportRun
from tests.billing.sweeps import sweep_both_engines
from tests.imports import START, make_connection

pytestmark = pytest.mark.django_db
CYCLE = dt.datetime(2026, 9, 2, tzinfo=dt.UTC)
END = dt.datetime(2026, 10, 2, tzinfo=dt.UTC)


def cost(day: int, amount: str) -> Any:
    start = dt.datetime(2026, 9, day, tzinfo=dt.UTC)
    return charge_record(
        CostLine(
            file_index=0,
            line=1,
            currency="USD",
            billed=Decimal(amount),
            effective=None,
            period=(start, start + dt.timedelta(days=1)),
            billing_period=(CYCLE, END),
            billing_account_id="team",
            provider="Acme",
            service_name="Acme",
        )
    )


def total(expected: str, *, bound: str = "1", **changes: Any) -> ControlTotal:
    values = ControlTotal(
        "Acme's total", "team", CYCLE, "billed", "USD", Decimal(expected), Decimal(bound)
    )
    return values._replace(**changes)


def bring(connection: Connection, *records: Any, first: int | None, last: int | None) -> Plan:
    """Import over the days from `first` to before `last`; applied unless it would be held."""
    window = [None if day is None else dt.date(2026, 9, day) for day in (first, last)]
    run = ImportRun.objects.create(
        connection=connection,
        trigger=RunTrigger.COMMAND,
        requested_at=START,
        window_start=window[0],
        window_end=window[1],
    )
    ImportFile.objects.create(run=run, index=0, name="a.jsonl", sha256="0" * 64, size=1)
    store = ControlledStore(run)
    store.open()
    store.stage(records)
    plan = store.plan()
    if not plan.hold_reasons:
        store.apply(plan, at=START)
        ImportRun.objects.filter(pk=run.pk).update(status=RunStatus.APPLIED, finished_at=START)
    store.close()
    return plan


def difference(plan: Plan) -> str:
    (control,) = plan.facts["controls"]
    return str(control["difference"])


@pytest.mark.both_engines
def test_days_of_other_runs_count_and_a_day_that_comes_again_counts_once() -> None:
    connection = make_connection()
    bring(connection, cost(2, "1"), cost(3, "2"), first=2, last=4)
    plan = bring(connection, cost(3, "4"), cost(4, "8"), total("13"), first=3, last=5)
    assert (difference(plan), plan.notes, plan.hold_reasons) == ("0", [], [])
    assert Charge.objects.filter(superseded_at__isnull=True).count() == 3


@pytest.mark.parametrize(
    ("expected", "changes", "said", "held"),
    [
        ("8.01", {}, False, False),
        ("8.5", {}, True, False),
        ("10", {}, False, True),
        ("6", {}, False, True),
        ("6", {"may_fall_short": True}, True, False),
        ("10", {"may_fall_short": True}, False, True),
        ("10", {"bound": Decimal(2)}, True, False),
        ("8", {"billing_account_id": "other"}, False, True),
        ("8", {"currency": "EUR"}, False, True),
    ],
)
def test_how_far_a_total_may_be_off(
    expected: str, changes: dict[str, Any], said: bool, held: bool
) -> None:
    plan = bring(make_connection(), cost(2, "8"), total(expected, **changes), first=2, last=3)
    assert (bool(plan.notes), bool(plan.hold_reasons)) == (said, held)


@pytest.mark.parametrize(("first", "last"), [(3, 5), (None, None)])
def test_days_that_were_not_fetched_make_it_only_a_remark(
    first: int | None, last: int | None
) -> None:
    plan = bring(make_connection(), cost(3, "8"), total("100"), first=first, last=last)
    assert plan.hold_reasons == []
    assert "have not been imported" in plan.notes[0].message


@sweep_both_engines
def test_a_gap_between_two_fetches_is_no_whole_period() -> None:
    connection = make_connection()
    bring(connection, cost(2, "1"), first=2, last=3)
    plan = bring(connection, cost(5, "1"), total("100"), first=5, last=6)
    assert plan.hold_reasons == []
    assert bring(connection, cost(3, "1"), first=3, last=5).hold_reasons == []
    assert bring(connection, cost(5, "2"), total("100"), first=5, last=6).hold_reasons
