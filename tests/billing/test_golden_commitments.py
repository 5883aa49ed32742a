"""The golden rows of FOCUS about commitments: one year at one dollar an hour, bought and used.

Each scenario goes through the engine as a file; what is stored, and what pages sum, is exact.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal

import pytest

from billing.models import Charge, DailyCost
from billing.selectors.costs import Group, cost_sums
from portal.choices import RunStatus
from portal.shell.money import from_nano
from tests.adoption.factories import make_use_case
from tests.billing.factories import give_all
from tests.billing.sources.focus.focus_files import BASE_ROW
from tests.imports import START, make_connection, run_import

pytestmark = pytest.mark.django_db
HOURS = 24 * 365
YEAR = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
COMMITMENT = "commitment-1"
# Category, commitment status, billed, effective → lines
Told = Counter[tuple[str, str, Decimal, Decimal]]


def row(start: dt.datetime, billed: str, effective: str, **changes: str) -> dict[str, str]:
    """One FOCUS row of an hour."""
    month = start.replace(day=1, hour=0)
    return {
        **BASE_ROW,
        "BillingPeriodStart": f"{month:%Y-%m-%dT%H:%M:%SZ}",
        "BillingPeriodEnd": f"{(month + dt.timedelta(days=32)).replace(day=1):%Y-%m-%dT00:00:00Z}",
        "ChargePeriodStart": f"{start:%Y-%m-%dT%H:%M:%SZ}",
        "ChargePeriodEnd": f"{start + HOUR:%Y-%m-%dT%H:%M:%SZ}",
        "BilledCost": billed,
        "EffectiveCost": effective,
        "CommitmentDiscountId": COMMITMENT,
        "CommitmentDiscountStatus": "",
        **changes,
    }


def hours(number: int) -> Iterator[dt.datetime]:
    return (YEAR + hour * HOUR for hour in range(number))


def upfront(amount: str) -> list[dict[str, str]]:
    whole = {"ChargePeriodEnd": "2026-01-01T00:00:00Z"}
    kind = {"ChargeCategory": "Purchase", "ChargeFrequency": "One-Time"}
    return [row(YEAR, amount, "0", **kind, **whole)]


def hourly(amount: str, number: int) -> list[dict[str, str]]:
    kind = {"ChargeCategory": "Purchase", "ChargeFrequency": "Recurring"}
    return [row(hour, amount, "0", **kind) for hour in hours(number)]


def used(effective: str, **changes: str) -> dict[str, str]:
    return row(YEAR, "0", effective, CommitmentDiscountStatus="Used", **changes)


def unused(effective: str) -> dict[str, str]:
    return row(YEAR, "0", effective, CommitmentDiscountStatus="Unused", Tags="")


def on_demand(amount: str) -> dict[str, str]:
    return row(YEAR, amount, amount, CommitmentDiscountId="")


def imported(rows: Iterable[dict[str, str]]) -> Told:
    """What is stored after one import."""
    run = run_import(make_connection(), list(rows))
    assert run.status == RunStatus.APPLIED, run.problem or run.held_reason
    assert not Charge.objects.filter(effective_nano=None).exists()
    stored = Charge.objects.values_list(
        "dimension__charge_category",
        "dimension__commitment_discount_status",
        "billed_nano",
        "effective_nano",
    )
    return Counter(
        (category, status, from_nano(billed), from_nano(effective or 0))
        for category, status, billed, effective in stored
    )


def told(*lines: tuple[str, str, str, str]) -> Told:
    return Counter((a, b, Decimal(billed), Decimal(effective)) for a, b, billed, effective in lines)


@pytest.mark.both_engines
@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param(upfront("8760.00"), [("Purchase", "", "8760", "0")], id="all upfront"),
        pytest.param([used("1.00")], [("Usage", "Used", "0", "1")], id="hour all used"),
        pytest.param([unused("1.00")], [("Usage", "Unused", "0", "1")], id="hour not used"),
        pytest.param(
            [used("0.75"), unused("0.25")],
            [("Usage", "Used", "0", "0.75"), ("Usage", "Unused", "0", "0.25")],
            id="hour three quarters used",
        ),
        pytest.param(
            [used("1.00"), on_demand("0.50")],
            [("Usage", "Used", "0", "1"), ("Usage", "", "0.5", "0.5")],
            id="hour used beyond",
        ),
    ],
)
def test_the_golden_rows(
    rows: list[dict[str, str]], expected: list[tuple[str, str, str, str]]
) -> None:
    assert imported(rows) == told(*expected)
    (total,) = cost_sums(DailyCost.objects.all(), now=START)
    assert from_nano(total.billed_nano) == sum(Decimal(line[2]) for line in expected)
    assert total.effective_nano is not None
    assert from_nano(total.effective_nano) == sum(Decimal(line[3]) for line in expected)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param(
            hourly("1.00", HOURS),
            {("Purchase", "", Decimal(1), Decimal(0)): HOURS},
            id="nothing upfront",
        ),
        pytest.param(
            upfront("4380.00") + hourly("0.50", HOURS),
            {
                ("Purchase", "", Decimal(4380), Decimal(0)): 1,
                ("Purchase", "", Decimal("0.5"), Decimal(0)): HOURS,
            },
            id="half upfront",
            marks=pytest.mark.sweep,
        ),
    ],
)
def test_a_year_costs_the_same_however_it_is_paid(
    rows: list[dict[str, str]], expected: dict[tuple[str, str, Decimal, Decimal], int]
) -> None:
    assert imported(rows) == Counter(expected)
    (total,) = cost_sums(DailyCost.objects.all(), now=START)
    assert (from_nano(total.billed_nano), total.effective_nano) == (Decimal(8760), 0)


@pytest.mark.both_engines
def test_used_and_unused_are_together_what_was_bought() -> None:
    """A day of the commitment: the sum of effective usage is the sum of billed purchases."""
    day = 24
    usage = []
    for number, hour in enumerate(hours(day)):
        share = Decimal(number % 5) / 4  # 0, 25, 50, 75 and 100 per cent
        at = {"ChargePeriodStart": f"{hour:%Y-%m-%dT%H:%M:%SZ}"}
        at["ChargePeriodEnd"] = f"{hour + HOUR:%Y-%m-%dT%H:%M:%SZ}"
        usage += [used(str(share)) | at] * (share > 0) + [unused(str(1 - share)) | at] * (share < 1)
    stored = imported(hourly("1.00", day) + usage)
    bought = sum(key[2] * number for key, number in stored.items() if key[0] == "Purchase")
    spread = sum(key[3] * number for key, number in stored.items() if key[0] == "Usage")
    assert bought == spread == day


@pytest.mark.both_engines
def test_unused_commitment_is_not_smeared_over_use_cases() -> None:
    """Or unit cost would rise when somebody else stops: what no rule names stays unallocated."""
    case = make_use_case()
    give_all(case, starts_on=YEAR.date())
    imported([used("0.75"), unused("0.25")])
    sums = cost_sums(DailyCost.objects.all(), by=(Group.USE_CASE,), now=START)
    assert {each.key[0]: each.effective_nano for each in sums} == {
        case.pk: 750_000_000,
        None: 250_000_000,
    }
