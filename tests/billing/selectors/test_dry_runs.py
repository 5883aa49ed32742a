"""A dry run says exactly what saving would do, and writes nothing."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adoption.choices import Stage
from adoption.models import Membership
from billing.allocation.match import Condition
from billing.allocation.split import split_by_weight
from billing.choices import MatchField, MatchMode, SplitKind, UnallocatedReason
from billing.models import AllocationRule, ChargeDimension, CloseCorrection, DailyCost
from billing.models.allocation import WHOLE
from billing.selectors.closed_lines import ClosedMonth
from billing.selectors.dry_runs import Receiver, _transfers, dry_run, dry_runs
from billing.services.allocation_rules import allocate_range
from billing.views.rule_editor import trial_of
from portal.choices import Role
from portal.models import User
from portal.shell.periods import Month
from tests.adoption.factories import make_team, make_use_case, make_user, move_stage
from tests.billing.closing import bill_line, close, make_invoice
from tests.billing.factories import (
    create_rule,
    make_draft,
    make_rule,
    replace_rule,
    retire_rule,
)
from tests.billing.services.charges import fingerprint
from tests.billing.sweeps import sweep_both_engines
from tests.imports import START, line, make_connection, run_import

pytestmark = pytest.mark.django_db
MAY = Month(2026, 5)
LONG_AGO = dt.datetime(2026, 4, 1, tzinfo=dt.UTC)
OTHER = "Other Ltd"
NO_RULE = Receiver(None, UnallocatedReason.NO_RULE)
REMAINDER = Receiver(None, UnallocatedReason.REMAINDER)


def balances() -> dict[Receiver, int]:
    found: dict[Receiver, int] = {}
    for case, reason, nano in DailyCost.objects.values_list(
        "use_case_id", "unallocated_reason", "billed_nano"
    ):
        place = Receiver(case, reason)
        found[place] = found.get(place, 0) + nano
    return found


@pytest.mark.both_engines
def test_what_it_says_is_what_saving_does(django_assert_num_queries: Any) -> None:
    old, one, two = (make_use_case() for _ in range(3))
    make_rule((old, 600_000), priority=100)
    run_import(
        make_connection(),
        [line(3, "10"), line(4, "-1", ChargeCategory="Credit"), line(5, "0.7", Tags="{}")],
    )
    draft = make_draft((one, 333_333), (two, 333_333), field="service", value="Model Service",
                       priority=10)  # fmt: skip
    before, unmoved = balances(), fingerprint()
    with django_assert_num_queries(8):
        found = dry_run(month=MAY, draft=trial_of(draft), priority=draft.priority)
    assert fingerprint() == unmoved
    assert [(each.lines, each.billed_nano) for each in found.taken] == [(3, 9_700_000_000)]
    expected = dict(before)
    for move in found.moves:
        expected[move.source] = expected.get(move.source, 0) - move.billed_nano
        expected[move.target] = expected.get(move.target, 0) + move.billed_nano
    create_rule(draft=draft, actor=make_user(Role.FINANCE), at=START)
    assert {place: nano for place, nano in expected.items() if nano} == balances()
    assert {move.source for move in found.moves} == {Receiver(old.pk, ""), REMAINDER, NO_RULE}


def test_a_rule_behind_another_takes_nothing() -> None:
    case, late = make_use_case(), make_use_case()
    make_rule((case, WHOLE))
    run_import(make_connection(), [line(3, "10")])
    found = dry_run(month=MAY, draft=trial_of(make_draft((late, WHOLE))), priority=100)
    assert (found.moves, found.taken) == ([], [])
    first = dry_run(month=MAY, draft=trial_of(make_draft((late, WHOLE))), priority=99)
    (move,) = first.moves
    assert (move.source, move.target) == (Receiver(case.pk, ""), Receiver(late.pk, ""))


@sweep_both_engines
def test_ending_a_rule_is_tried_the_same_way() -> None:
    case = make_use_case()
    rule = make_rule((case, WHOLE))
    run_import(make_connection(), [line(3, "10")])
    found = dry_run(month=MAY, draft=None, replaces=rule.pk)
    (move,) = found.moves
    assert (move.source, move.target, move.billed_nano) == (
        Receiver(case.pk, ""), NO_RULE, 10 * 10**9,
    )  # fmt: skip
    retire_rule(rule_id=rule.pk, reason="Over.", actor=rule.created_by, at=START)
    assert balances() == {NO_RULE: 10 * 10**9}


@sweep_both_engines
def test_only_the_chosen_month_is_looked_at() -> None:
    case = make_use_case()
    run_import(make_connection(), [line(3, "10")])
    draft = trial_of(make_draft((case, WHOLE), starts_on=dt.date(2026, 1, 1)))
    assert dry_run(month=Month(2026, 4), draft=draft, priority=100).taken == []


@pytest.mark.both_engines
def test_it_names_the_closes_that_saving_corrects_and_no_other() -> None:
    case, late = make_use_case(), make_use_case()
    rule = make_rule((case, WHOLE))
    elsewhere = {
        "BillingAccountId": "0099", "InvoiceId": "INV-2", "InvoiceIssuerName": OTHER, "Tags": "{}",
    }  # fmt: skip
    run_import(make_connection(), [bill_line(3, "3"), bill_line(4, "5", **elsewhere)])
    for invoice in (
        make_invoice("3.00"),
        make_invoice("5.00", number="INV-2", billing_account_id="0099", issuer=OTHER),
    ):
        close(invoice)
    found = dry_run(month=MAY, draft=None, replaces=rule.pk)
    assert found.corrected == [ClosedMonth(MAY, "Cloud Ltd", "USD")]
    assert found.untouched == [ClosedMonth(MAY, OTHER, "USD")]
    draft = make_draft((late, WHOLE), priority=200)
    nothing = dry_run(month=MAY, draft=trial_of(draft), priority=draft.priority)
    assert (nothing.corrected, len(nothing.untouched)) == ([], 2)
    retire_rule(rule_id=rule.pk, reason="Over.", actor=rule.created_by, at=START)
    assert [each.close.issuer for each in CloseCorrection.objects.all()] == ["Cloud Ltd"]


def closed_team_split(*conditions: Condition) -> tuple[AllocationRule, User]:
    """A closed month whose money waits for a team, and the person who has joined one since."""
    team = make_team("Alpha")
    move_stage(make_use_case(team=team, at=LONG_AGO), Stage.APPROVED, at=LONG_AGO)
    anna = make_user()
    run_import(make_connection(), [bill_line(3, "50")])
    ChargeDimension.objects.update(principal_id=anna.username)
    rule = make_rule(field=MatchField.PROVIDER, value="Cloud", split=SplitKind.TEAM, priority=50,
                     further=conditions)  # fmt: skip
    close(make_invoice("50.00"))
    Membership.objects.create(team=team, user=anna, starts_on=dt.date(2026, 1, 1))
    return rule, anna


@pytest.mark.both_engines
def test_an_unrelated_rule_does_not_bring_what_has_changed_about_people() -> None:
    rule, _ = closed_team_split()
    stored = balances()
    assert stored == {Receiver(None, UnallocatedReason.UNKNOWN_TEAM): 50 * 10**9}
    draft = make_draft((make_use_case(), WHOLE), field="service", value="None such", priority=1)
    found = dry_run(month=MAY, draft=trial_of(draft), priority=draft.priority)
    assert (found.moves, found.corrected) == ([], [])
    create_rule(draft=draft, actor=rule.created_by, at=START)
    assert (balances(), CloseCorrection.objects.count()) == (stored, 0)


@pytest.mark.both_engines
@pytest.mark.parametrize("has_left", [False, True])
def test_a_rule_shows_what_it_takes_move_from_where_it_is_stored(has_left: bool) -> None:
    of_alpha = Condition(MatchField.TEAM, "", MatchMode.EQUALS, "alpha")
    rule, anna = closed_team_split(of_alpha)
    if has_left:  # the rule would take it no more, but has
        allocate_range(start=None, end=None, at=START)
        anna.memberships.all().delete()
    draft = make_draft(name="Anew", field="provider", value="Cloud", split=SplitKind.TEAM,
                       priority=50, further=(of_alpha,))  # fmt: skip
    stored, corrections = balances(), CloseCorrection.objects.count()
    found = dry_run(month=MAY, draft=trial_of(draft), priority=50, replaces=rule.pk)
    (move,) = found.moves
    assert {move.source: move.billed_nano} == stored == {move.source: 50 * 10**9}
    assert move.source != move.target
    assert found.corrected == [ClosedMonth(MAY, "Cloud Ltd", "USD")]
    replace_rule(rule_id=rule.pk, draft=draft, reason="As agreed.", actor=rule.created_by, at=START)
    assert balances() == {move.target: 50 * 10**9}
    assert CloseCorrection.objects.count() == corrections + 1


def test_several_months_are_tried_as_each_would_be_alone() -> None:
    rule = make_rule((make_use_case(), WHOLE))
    run_import(make_connection(), [line(3, "10")])
    april = Month(2026, 4)
    both = dry_runs(months=[MAY, april], draft=None, replaces=rule.pk)
    assert both == [dry_run(month=month, draft=None, replaces=rule.pk) for month in (MAY, april)]


weights = st.lists(st.integers(0, 100), min_size=4, max_size=4).filter(any)


@given(st.integers(-(10**12), 10**12), weights, weights)
def test_transfers_turn_one_split_into_the_other(
    amount: int, first: list[int], second: list[int]
) -> None:
    places = [NO_RULE, Receiver(1, ""), Receiver(2, ""), Receiver(3, "")]
    before = dict(zip(places, split_by_weight(amount, first), strict=True))
    after = dict(zip(places, split_by_weight(amount, second), strict=True))
    moved = list(_transfers(before, after))
    assert len(moved) <= len(places) - 1
    for source, target, nano in moved:
        before[source] -= nano
        before[target] += nano
    assert before == after
