"""Rules: every charge ends where the rules say, to the last nano-unit, whatever the rules are."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adoption.models import UseCase
from billing.choices import UnallocatedReason
from billing.models import Allocation, AllocationRule, DailyCost
from billing.models.allocation import WHOLE
from billing.services import allocation_rules
from billing.services.allocation_rules import (
    RuleNotLiveError,
    RuleRefusedError,
    allocate_range,
    apply_pending_rules,
    check_draft,
)
from portal.choices import Role
from tests.adoption.factories import make_use_case, make_user
from tests.billing.factories import (
    create_rule,
    give_all,
    make_draft,
    make_rule,
    replace_rule,
    retire_rule,
)
from tests.billing.services.charges import assert_books_balance, assert_days_add_up
from tests.billing.sweeps import sweep_both_engines, swept
from tests.imports import START, line, make_connection, run_import
from tests.plugins.sweeping import examples, sampled

pytestmark = pytest.mark.django_db
LATER = START + dt.timedelta(hours=1)


def billed_by_use_case() -> dict[int | None, int]:
    found: dict[int | None, int] = {}
    for use_case, nano in DailyCost.objects.values_list("use_case_id", "billed_nano"):
        found[use_case] = found.get(use_case, 0) + nano
    return found


# --- exactness ------------------------------------------------------------------------------

amounts = st.decimals(min_value=-1000, max_value=1000, places=9).map(lambda d: format(d, "f"))
shares = st.lists(st.integers(1, WHOLE), min_size=1, max_size=3).filter(
    lambda parts: sum(parts) <= WHOLE
)


@pytest.mark.both_engines
@settings(
    max_examples=examples(3),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(costs=st.lists(amounts, min_size=1, max_size=6), parts=shares, other=shares)
def test_allocated_and_unallocated_sum_to_the_charges_of_each_day(
    costs: list[str], parts: list[int], other: list[int]
) -> None:
    """Over splits, signs and credits; and again after the rule has changed."""
    with transaction.atomic():
        cases = [make_use_case() for _ in range(3)]
        rows = [
            line(
                3 + number % 2,
                cost,
                ResourceId=f"r{number}",
                ChargeCategory="Credit" if cost.startswith("-") else "Usage",
            )
            for number, cost in enumerate(costs)
        ]
        rule = make_rule(*zip(cases, parts, strict=False))
        run_import(make_connection(), rows)
        assert_days_add_up()
        draft = make_draft(*zip(reversed(cases), other, strict=False))
        replace_rule(rule_id=rule.pk, draft=draft, reason="", actor=rule.created_by, at=LATER)
        assert_days_add_up()
        retired = AllocationRule.objects.get(retired_at__isnull=True)
        retire_rule(rule_id=retired.pk, reason="Over.", actor=rule.created_by, at=LATER)
        assert set(billed_by_use_case()) == {None}
        assert_days_add_up()
        transaction.set_rollback(True)


@pytest.mark.both_engines
def test_a_third_each_shares_the_last_unit_by_largest_remainder() -> None:
    cases = [make_use_case() for _ in range(3)]
    make_rule((cases[0], 333_334), (cases[1], 333_333), (cases[2], 333_333))
    run_import(make_connection(), [line(3, "0.00000001", EffectiveCost="-0.00000001")])
    parts = Allocation.objects.order_by("pk").values_list("billed_nano", "effective_nano")
    assert list(parts) == [(4, -4), (3, -3), (3, -3)]


def test_what_shares_leave_over_is_unallocated_with_its_reason() -> None:
    case = make_use_case()
    make_rule((case, 400_000))
    run_import(make_connection(), [line(3, "10"), line(3, "1", Tags="{}")])
    rest = DailyCost.objects.filter(use_case__isnull=True).order_by("unallocated_reason")
    assert list(rest.values_list("unallocated_reason", "billed_nano")) == [
        (UnallocatedReason.NO_RULE, 10**9),
        (UnallocatedReason.REMAINDER, 6 * 10**9),
    ]


def test_saving_a_rule_moves_what_is_already_imported_on_its_days_only() -> None:
    case = make_use_case()
    run_import(make_connection(), [line(day, "1") for day in range(1, 11)])
    rule = give_all(case, starts_on=dt.date(2026, 5, 3), ends_on=dt.date(2026, 5, 6))
    assert billed_by_use_case() == {None: 7 * 10**9, case.pk: 3 * 10**9}
    draft = make_draft((case, WHOLE), starts_on=dt.date(2026, 5, 9))
    saved = replace_rule(
        rule_id=rule.pk, draft=draft, reason="Later.", actor=rule.created_by, at=LATER
    )
    assert (saved.version, saved.pending_since) == (2, None)
    assert billed_by_use_case() == {None: 8 * 10**9, case.pk: 2 * 10**9}
    days = DailyCost.objects.filter(use_case=case).values_list("day", flat=True)
    assert sorted(days) == [dt.date(2026, 5, 9), dt.date(2026, 5, 10)]


@sweep_both_engines
def test_the_smallest_priority_takes_a_charge_and_then_the_oldest_rule() -> None:
    first, second, third = (make_use_case() for _ in range(3))
    run_import(make_connection(), [line(3, "1")])
    give_all(first, priority=50, at=START)
    give_all(second, priority=50, at=LATER)
    give_all(third, priority=40, at=LATER)
    assert billed_by_use_case() == {third.pk: 10**9}
    retire_rule(
        rule_id=AllocationRule.objects.get(priority=40).pk,
        reason="Over.",
        actor=make_user(Role.FINANCE),
        at=LATER,
    )
    assert billed_by_use_case() == {first.pk: 10**9}


@sweep_both_engines
def test_a_rule_for_one_source_leaves_the_others_alone() -> None:
    case, one = make_use_case(), make_connection("one")
    run_import(one, [line(3, "1", BillingAccountId="1")])
    run_import(make_connection("two"), [line(3, "2", BillingAccountId="2")])
    give_all(case, connection_id=one.pk)
    assert billed_by_use_case() == {None: 2 * 10**9, case.pk: 10**9}


# --- versions -------------------------------------------------------------------------------


@pytest.mark.both_engines
def test_a_version_is_never_changed_and_says_who_ended_it_and_why() -> None:
    case, finance = make_use_case(), make_user(Role.FINANCE)
    rule = give_all(case, name="Support chat")
    draft = make_draft((case, 500_000), name="Support chat, half")
    saved = replace_rule(
        rule_id=rule.pk, draft=draft, reason="Shared with sales.", actor=finance, at=LATER
    )
    old = AllocationRule.objects.get(pk=rule.pk)
    assert (old.key, old.version, old.name, old.retired_at) == (
        "support-chat", 1, "Support chat", LATER,
    )  # fmt: skip
    assert (old.retired_by, old.retired_reason) == (finance, "Shared with sales.")
    assert list(old.shares.values_list("share", flat=True)) == [WHOLE]
    assert (saved.key, saved.version) == ("support-chat", 2)


@sweep_both_engines
def test_two_rules_of_one_name_have_two_addresses() -> None:
    case = make_use_case()
    keys = [give_all(case, name="New").key for _ in range(3)]
    assert keys == ["new-rule", "new-rule-2", "new-rule-3"]


def test_who_comes_second_is_told() -> None:
    case = make_use_case()
    rule = give_all(case)
    retire_rule(rule_id=rule.pk, reason="Over.", actor=rule.created_by, at=LATER)
    with pytest.raises(RuleNotLiveError):
        retire_rule(rule_id=rule.pk, reason="Over.", actor=rule.created_by, at=LATER)
    with pytest.raises(RuleNotLiveError):
        replace_rule(
            rule_id=rule.pk,
            draft=make_draft((case, 1)),
            reason="",
            actor=rule.created_by,
            at=LATER,
        )
    assert AllocationRule.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("name", {"name": "  "}),
        *swept(
            ("ends_on", {"ends_on": dt.date(2026, 5, 1)}),
            ("value", {"value": ""}),
            ("tag_key", {"tag_key": ""}),
            ("tag_key", {"field": "service", "tag_key": "team"}),
        ),
    ],
)
def test_an_impossible_rule_is_refused_at_the_field(field: str, changes: dict[str, Any]) -> None:
    with pytest.raises(RuleRefusedError) as refused:
        check_draft(make_draft((make_use_case(), WHOLE), **changes))
    assert refused.value.field == field


@pytest.mark.parametrize("parts", sampled([[], [0], [WHOLE, 1], [WHOLE + 1]], [WHOLE, 1]))
def test_impossible_shares_are_refused(parts: list[int]) -> None:
    cases = [make_use_case() for _ in parts]
    with pytest.raises(RuleRefusedError) as refused:
        check_draft(make_draft(*zip(cases, parts, strict=True)))
    assert refused.value.field == "shares"


@sweep_both_engines
def test_a_use_case_has_one_share_and_retiring_needs_a_reason() -> None:
    case = make_use_case()
    with pytest.raises(RuleRefusedError, match="twice"):
        check_draft(make_draft((case, 1), (case, 2)))
    rule = give_all(case)
    with pytest.raises(RuleRefusedError, match="why"):
        retire_rule(rule_id=rule.pk, reason=" ", actor=rule.created_by, at=LATER)


# --- large ones -----------------------------------------------------------------------------


def make_pending(case: UseCase, monkeypatch: pytest.MonkeyPatch) -> AllocationRule:
    monkeypatch.setattr(allocation_rules, "SMALL", 2)
    saved = create_rule(draft=make_draft((case, WHOLE)), actor=make_user(Role.FINANCE), at=LATER)
    assert saved.pending_since is not None
    return saved


def waiting(rule: AllocationRule) -> bool:
    return AllocationRule.objects.filter(pk=rule.pk, pending_since__isnull=False).exists()


@pytest.mark.both_engines
def test_a_large_change_waits_and_is_then_worked_out(monkeypatch: pytest.MonkeyPatch) -> None:
    case = make_use_case()
    run_import(make_connection(), [line(day, "1") for day in range(1, 6)])
    rule = make_pending(case, monkeypatch)
    assert billed_by_use_case() == {None: 5 * 10**9}
    assert apply_pending_rules(at=LATER) == {"cloud": 5}
    assert billed_by_use_case() == {case.pk: 5 * 10**9}
    rule.refresh_from_db()
    assert rule.pending_since is None
    assert apply_pending_rules(at=LATER) == {}
    assert_books_balance()


@sweep_both_engines
def test_a_rule_retired_while_it_waits_is_worked_out_as_retired(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = make_use_case()
    run_import(make_connection(), [line(day, "1") for day in range(1, 6)])
    rule = make_pending(case, monkeypatch)
    retire_rule(rule_id=rule.pk, reason="Wrong.", actor=rule.created_by, at=LATER)
    apply_pending_rules(at=LATER)
    assert billed_by_use_case() == {None: 5 * 10**9}
    assert not AllocationRule.objects.filter(pending_since__isnull=False).exists()


@sweep_both_engines
def test_allocating_a_range_again_changes_nothing_but_what_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = make_use_case()
    run_import(make_connection(), [line(day, "1") for day in range(1, 6)])
    rule = make_pending(case, monkeypatch)
    bounds = {"start": dt.date(2026, 5, 2), "end": dt.date(2026, 5, 4)}
    assert allocate_range(**bounds, at=LATER) == {"cloud": 2}
    assert billed_by_use_case() == {None: 3 * 10**9, case.pk: 2 * 10**9}
    assert waiting(rule)
    for _ in range(2):
        assert allocate_range(start=None, end=None, at=LATER) == {"cloud": 5}
        assert billed_by_use_case() == {case.pk: 5 * 10**9}
    assert not waiting(rule)
    assert_books_balance()
