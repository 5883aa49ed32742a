"""The same money through two sources is found, shown with both sums, and counted once."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from billing.models import Allocation, Charge, DailyCost, MonthlyCost, SpendOverlap
from billing.selectors.as_of import figure_as_of
from billing.selectors.lineage import lines_of
from billing.selectors.overlaps import sums_of_overlaps
from billing.selectors.references import FigureReference, Scope
from billing.selectors.suspicions import suspected_overlaps
from billing.selectors.trials import allocator_for, rules_recorded_at, stream_charges
from billing.services import overlaps as service
from billing.services.overlaps import (
    OverlapDraft,
    OverlapRefusedError,
    apply_pending_overlaps,
    declare_overlap,
    end_overlap,
)
from portal.choices import Role
from portal.models import Connection, User
from portal.shell.periods import Month
from tests.adoption.factories import make_use_case, make_user
from tests.billing.factories import give_all
from tests.billing.sweeps import sweep_both_engines, swept
from tests.imports import START, line, make_connection, run_import
from tests.plugins.sweeping import sampled

pytestmark = pytest.mark.django_db
UNIT = 10**9
MAY = Month(2026, 5)
LATER = START + dt.timedelta(hours=1)
WHOLE_MAY = Scope(FigureReference(first=MAY, last=MAY))


def bill(
    slug: str, *amounts: str, account: str, provider: str = "Cloud", **config: Any
) -> Connection:
    connected = make_connection(slug, **config)
    rows = [
        line(3 + place, cost, BillingAccountId=account, ProviderName=provider)
        for place, cost in enumerate(amounts)
    ]
    run_import(connected, rows)
    return connected


def total() -> int:
    months = MonthlyCost.objects.values_list("billed_whole", "billed_part")
    found = sum(whole * UNIT + part for whole, part in months)
    assert found == sum(DailyCost.objects.values_list("billed_nano", flat=True))
    return found


AMOUNTS = ("5", "7.5", "3", "11", "2", "8")


def two_channels() -> tuple[Connection, Connection]:
    first = bill("invoice", *AMOUNTS, account="org-1", provider="Anthropic")
    second = bill("gateway", *AMOUNTS, "1.25", account="litellm", provider="anthropic")
    return first, second


def declare(counted: Connection, other: Connection, **fields: Any) -> SpendOverlap:
    actor = fields.pop("actor", None) or make_user(Role.FINANCE)
    values: dict[str, Any] = {"first": MAY, "reason": "The gateway calls with the same key."}
    values |= fields
    draft = OverlapDraft(counted=counted, other=other, **values)
    return declare_overlap(draft=draft, actor=actor, at=LATER)


def test_days_that_agree_are_found_whatever_the_provider_is_called() -> None:
    first, second = two_channels()
    bill("other", *reversed(AMOUNTS), account="elsewhere", provider="OpenAI")
    (found,) = suspected_overlaps(first=MAY, last=MAY)
    assert (found.first, found.second) == (first.pk, second.pk)
    assert (found.days, found.alike, found.is_in_one_basis) == (6, 6, True)
    assert found.first_nano == found.second_nano == 36_500_000_000
    assert found.why == "the same sum on 6 of 6 days"
    declare(first, second)
    assert suspected_overlaps(first=MAY, last=MAY) == []


@sweep_both_engines
def test_a_list_price_beside_a_discounted_bill_keeps_to_one_ratio() -> None:
    bill("invoice", *AMOUNTS, account="1")
    dearer = [str(float(amount) * 1.25) for amount in AMOUNTS]
    bill("estimate", *dearer, account="2", cost_basis="estimated")
    (found,) = suspected_overlaps(first=MAY, last=MAY)
    assert (found.why, found.is_in_one_basis) == ("one to 1.25 on 6 of 6 days", False)


@pytest.mark.parametrize(
    "amounts", sampled([("1", "2", "30", "4", "55", "6"), ("9",) * 6, ("50", "75")], ("9",) * 6)
)
def test_what_does_not_keep_step_is_no_overlap(amounts: tuple[str, ...]) -> None:
    bill("invoice", *AMOUNTS, account="1")
    bill("estimate", *amounts, account="2")
    assert suspected_overlaps(first=MAY, last=MAY) == []


@sweep_both_engines
def test_a_common_billing_account_is_enough() -> None:
    bill("cur", "5", account="0042")
    bill("focus", "6", account="0042", provider="Cloud")
    (found,) = suspected_overlaps(first=MAY, last=MAY)
    assert found.why == "the same billing account 0042"


@pytest.mark.both_engines
def test_what_another_source_counts_is_in_no_sum_and_comes_back_when_taken_back() -> None:
    case = make_use_case()
    first, second = two_channels()
    give_all(case)
    assert total() == 74_250_000_000
    overlap = declare(first, second)
    assert overlap.is_excluded
    assert total() == 36_500_000_000
    assert len(lines_of(WHOLE_MAY).lines) == len(AMOUNTS)
    (both,) = sums_of_overlaps([overlap], now=LATER)[overlap.pk]
    assert (both.counted_nano, both.other_nano) == (36_500_000_000, 37_750_000_000)
    (before,) = figure_as_of(WHOLE_MAY, LATER - dt.timedelta(minutes=1)).sums
    (now,) = figure_as_of(WHOLE_MAY, LATER).sums
    assert (before.billed_nano, now.billed_nano) == (74_250_000_000, 36_500_000_000)
    assert_trial_agrees()
    run_import(second, [line(20, "4", BillingAccountId="litellm", ProviderName="anthropic")])
    assert total() == 36_500_000_000
    end_overlap(overlap_id=overlap.pk, reason="Another key.", actor=overlap.created_by, at=LATER)
    assert total() == 78_250_000_000


def assert_trial_agrees() -> None:
    charges = Charge.objects.all()
    allocator = allocator_for(charges, rules_recorded_at())
    said = {
        (each.pk, part.use_case_id, part.reason)
        for each in stream_charges(charges)
        for part in allocator.parts(each.line)
    }
    columns = ("charge_id", "use_case_id", "unallocated_reason")
    assert said == set(Allocation.objects.values_list(*columns))


@sweep_both_engines
def test_only_the_months_and_the_provider_that_were_named_are_left_out() -> None:
    first = bill("invoice", "5", account="1")
    second = bill("gateway", "5", account="2")
    run_import(second, [
        line(3, "5", BillingAccountId="2"), line(4, "9", BillingAccountId="2", ProviderName="X"),
    ])  # fmt: skip
    overlap = declare(first, second, provider="Cloud", last=MAY)
    assert overlap.ends_on == dt.date(2026, 6, 1)
    assert total() == 14 * UNIT


@sweep_both_engines
def test_sources_of_two_bases_are_kept_apart_by_that_alone() -> None:
    first = bill("invoice", "5", account="1")
    second = bill("estimate", "5", account="2", cost_basis="estimated")
    overlap = declare(first, second)
    assert not overlap.is_excluded
    assert total() == 10 * UNIT
    bases = {both.kind.basis for both in sums_of_overlaps([overlap], now=LATER)[overlap.pk]}
    assert bases == {"invoiced", "estimated"}


@sweep_both_engines
def test_a_large_one_waits_and_is_then_worked_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "SMALL", 2)
    first, second = two_channels()
    overlap = declare(first, second)
    assert overlap.pending_since == LATER
    assert total() == 74_250_000_000
    assert apply_pending_overlaps(at=LATER) == {"gateway": 7}
    assert total() == 36_500_000_000
    assert apply_pending_overlaps(at=LATER) == {}


@pytest.mark.both_engines
def test_money_is_never_left_out_twice_nor_in_a_chain() -> None:
    first, second = two_channels()
    third = bill("third", "5", account="3")
    declare(first, second)
    for counted, other, field in ((third, second, "other"), (second, third, "counted"),
                                  (third, first, "other")):  # fmt: skip
        with pytest.raises(OverlapRefusedError) as refused:
            declare(counted, other)
        assert refused.value.field == field


@pytest.mark.parametrize(
    ("field", "changes"),
    [("reason", {"reason": " "}),
     *swept(("last", {"last": MAY - 1}), ("other", {"provider": "Nobody"}))],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_at_the_field(field: str, changes: dict[str, Any]) -> None:
    first, second = two_channels()
    with pytest.raises(OverlapRefusedError) as refused:
        declare(first, second, **changes)
    assert refused.value.field == field
    with pytest.raises(OverlapRefusedError, match="two different"):
        declare(first, first)


@pytest.mark.both_engines
def test_the_database_lets_nobody_edit_what_was_said() -> None:
    first, second = two_channels()
    said = declare(first, second)
    other = make_connection("another")
    changes = {
        "counted": other,
        "other": other,
        "provider": "Cloud",
        "starts_on": dt.date(2026, 4, 1),
        "ends_on": dt.date(2027, 1, 1),
        "reason": "Another one.",
        "created_at": LATER + dt.timedelta(hours=1),
    }
    for field, value in changes.items():
        with pytest.raises(DatabaseError, match="never edited"), transaction.atomic():
            SpendOverlap.objects.filter(pk=said.pk).update(**{field: value})
    third = bill("calls", *AMOUNTS, account="org-3", provider="Anthropic")
    alike = declare(first, third, is_distinct=True)
    with pytest.raises(DatabaseError, match="never edited"), transaction.atomic():
        SpendOverlap.objects.filter(pk=alike.pk).update(is_distinct=False)


def test_only_finance_says_which_counts() -> None:
    first, second = two_channels()
    employee: User = make_user()
    with pytest.raises(OverlapRefusedError, match="finance"):
        declare(first, second, actor=employee)
    overlap = declare(first, second)
    with pytest.raises(OverlapRefusedError, match="finance"):
        end_overlap(overlap_id=overlap.pk, reason="x", actor=employee, at=LATER)
