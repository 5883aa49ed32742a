"""Splits of shared cost as they are written, and that a trial says the same to the nano-unit."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adoption.choices import Stage
from adoption.models import Identity, Membership, UseCase
from billing.allocation.match import Condition
from billing.choices import MatchField, MatchMode, SplitKind, UnallocatedReason
from billing.models import Allocation, AllocationRule, Charge, ChargeDimension, DailyCost, SplitBase
from billing.models.allocation import WHOLE
from billing.selectors.as_of import figure_as_of
from billing.selectors.dry_runs import dry_run
from billing.selectors.references import FigureReference, Scope
from billing.selectors.trials import allocator_for, rules_recorded_at, stream_charges
from billing.services.allocation_rules import RuleRefusedError, allocate_range, check_draft
from billing.services.base_refresh import refresh_split_bases
from billing.services.split_bases import REFRESH_BASES
from billing.views.rule_editor import trial_of
from portal.choices import Role
from portal.models import WorkItem
from portal.shell.periods import Month
from tests.adoption.factories import make_team, make_use_case, make_user, move_stage
from tests.billing.factories import create_rule, give_all, make_draft, make_rule
from tests.billing.services.charges import assert_days_add_up
from tests.billing.sweeps import sweep_both_engines, swept
from tests.imports import START, line, make_connection, run_import
from tests.plugins.sweeping import examples

pytestmark = pytest.mark.django_db
LATER = START + dt.timedelta(hours=1)
APRIL = dt.datetime(2026, 4, 1, 12, tzinfo=dt.UTC)
UNIT = 10**9
MAY = Month(2026, 5)


def balances() -> dict[tuple[int | None, str], int]:
    found: Counter[tuple[int | None, str]] = Counter()
    for case, reason, nano in DailyCost.objects.values_list(
        "use_case_id", "unallocated_reason", "billed_nano"
    ):
        found[case, reason] += nano
    return {place: nano for place, nano in found.items() if nano}


def shared(**fields: Any) -> AllocationRule:
    """A rule for the resource `gateway`."""
    cases: tuple[UseCase, ...] = fields.pop("cases", ())
    values = {"field": MatchField.RESOURCE, "value": "gateway"} | fields
    return make_rule(*((case, 1) for case in cases), **values)


def direct_bill(*amounts: str) -> list[dict[str, str]]:
    return [
        line(3 + place, amount, Tags=f'{{"use_case": "case-{place}"}}')
        for place, amount in enumerate(amounts)
    ]


def three_cases() -> list[UseCase]:
    cases = [make_use_case() for _ in range(3)]
    for place, case in enumerate(cases):
        give_all(case, value=f"case-{place}")
    return cases


GATEWAY = {"ResourceId": "gateway", "Tags": "{}"}


@pytest.mark.both_engines
def test_shared_cost_goes_in_proportion_to_direct_cost_of_the_month() -> None:
    cases = three_cases()
    shared(split=SplitKind.PROPORTIONAL)
    run_import(make_connection(), [*direct_bill("600", "300", "100"), line(9, "1000", **GATEWAY)])
    assert balances() == {
        (cases[0].pk, ""): 1200 * UNIT,
        (cases[1].pk, ""): 600 * UNIT,
        (cases[2].pk, ""): 200 * UNIT,
    }
    assert_days_add_up()


@sweep_both_engines
def test_an_even_split_gives_the_last_unit_to_who_stands_first() -> None:
    cases = [make_use_case() for _ in range(3)]
    shared(split=SplitKind.EVEN, cases=tuple(reversed(cases)))
    run_import(make_connection(), [line(9, "1000", **GATEWAY), line(10, "-0.000000001", **GATEWAY)])
    third = 1000 * UNIT // 3
    assert balances() == {
        (cases[2].pk, ""): third + 1,
        (cases[1].pk, ""): third,
        (cases[0].pk, ""): third - 1,
    }


@pytest.mark.both_engines
def test_without_direct_cost_it_waits_and_is_split_once_there_is_some() -> None:
    cases = three_cases()
    shared(split=SplitKind.PROPORTIONAL, cases=(cases[0], cases[1]))
    run_import(make_connection("gateway"), [line(9, "10", **GATEWAY)])
    before = balances()
    assert before == {(None, UnallocatedReason.NO_BASE): 10 * UNIT}
    run_import(make_connection("models"), direct_bill("3", "1", "500"))
    assert balances()[None, UnallocatedReason.NO_BASE] == 10 * UNIT
    assert WorkItem.objects.filter(kind=REFRESH_BASES).exists()
    assert refresh_split_bases(at=LATER) == 1
    assert balances() == {
        (cases[0].pk, ""): int(10.5 * UNIT),
        (cases[1].pk, ""): int(3.5 * UNIT),
        (cases[2].pk, ""): 500 * UNIT,
    }
    assert refresh_split_bases(at=LATER) == 0
    assert_days_add_up()
    scope = Scope(FigureReference(first=MAY, last=MAY, reason=UnallocatedReason.NO_BASE))
    (then,) = figure_as_of(scope, LATER - dt.timedelta(minutes=1)).sums
    assert then.billed_nano == 10 * UNIT
    assert figure_as_of(scope, LATER).sums == []


@sweep_both_engines
def test_a_base_is_kept_until_it_changes_so_allocating_again_moves_nothing() -> None:
    three_cases()
    shared(split=SplitKind.PROPORTIONAL)
    run_import(make_connection(), [*direct_bill("1", "1", "1"), line(9, "1", **GATEWAY)])
    before = list(Allocation.objects.order_by("charge_id", "use_case_id").values_list(
        "charge_id", "use_case_id", "billed_nano"))  # fmt: skip
    bases = SplitBase.objects.count()
    allocate_range(start=None, end=None, at=LATER)
    assert before == list(Allocation.objects.order_by("charge_id", "use_case_id").values_list(
        "charge_id", "use_case_id", "billed_nano"))  # fmt: skip
    assert SplitBase.objects.count() == bases


@sweep_both_engines
def test_bases_of_other_currencies_do_not_weigh() -> None:
    cases = three_cases()
    shared(split=SplitKind.PROPORTIONAL)
    run_import(make_connection(), direct_bill("600", "300"))
    euro = line(9, "8", BillingAccountId="2", BillingCurrency="EUR", **GATEWAY)
    run_import(make_connection("euros"), [euro])
    euros = DailyCost.objects.get(currency="EUR")
    assert (euros.use_case_id, euros.unallocated_reason) == (None, UnallocatedReason.NO_BASE)
    assert {case for case, _ in balances()} == {None, cases[0].pk, cases[1].pk}


@sweep_both_engines
def test_unused_commitment_stays_with_its_owner_unless_a_rule_names_it() -> None:
    user, owner = make_use_case(), make_use_case()
    make_rule((user, WHOLE), field=MatchField.SERVICE, value="Model Service", priority=1)
    unused = {"CommitmentDiscountId": "plan-1", "CommitmentDiscountStatus": "Unused"}
    used = unused | {"CommitmentDiscountStatus": "Used"}
    run_import(make_connection(), [line(3, "0", EffectiveCost="0.25", **unused),
                                   line(3, "0", EffectiveCost="0.75", **used)])  # fmt: skip
    found = DailyCost.objects.values_list("use_case_id", "unallocated_reason", "effective_nano")
    assert set(found) == {
        (None, UnallocatedReason.UNUSED_COMMITMENT, UNIT // 4),
        (user.pk, "", 3 * UNIT // 4),
    }
    make_rule((owner, WHOLE), field=MatchField.COMMITMENT, value="plan-1", priority=2)
    named = DailyCost.objects.values_list("use_case_id", "effective_nano")
    assert set(named) == {(owner.pk, UNIT // 4), (user.pk, 3 * UNIT // 4)}


def test_the_principals_team_on_the_day_of_the_charge_gets_it() -> None:
    anna, old, new = make_user(), make_team("Old"), make_team("New")
    Identity.objects.create(kind="git_email", value="Anna@Example.com", user=anna)
    day = dt.date(2026, 5, 10)
    Membership.objects.create(team=old, user=anna, starts_on=dt.date(2026, 1, 1), ends_on=day)
    Membership.objects.create(team=new, user=anna, starts_on=day)
    case = move_stage(make_use_case(team=new, at=APRIL), Stage.APPROVED, at=APRIL)
    for day_of_approval in (10, 11):  # of the day on: the first is stopped, the other too late
        since = dt.datetime(2026, 5, day_of_approval, 12, tzinfo=dt.UTC)
        late = move_stage(make_use_case(team=new, at=APRIL), Stage.APPROVED, at=since)
        if day_of_approval == 10:
            move_stage(late, Stage.STOPPED, reason="It was enough.", at=since)
    run_import(make_connection(), [line(9, "1"), line(10, "2"), line(10, "4", ResourceId="bert")])
    dimensions = ChargeDimension.objects.all()
    dimensions.filter(resource_id="bert").update(principal_id="bert@example.com")
    dimensions.exclude(resource_id="bert").update(principal_id="anna@example.com")
    make_rule(field=MatchField.PROVIDER, value="Cloud", split=SplitKind.TEAM)
    assert balances() == {
        (None, UnallocatedReason.NO_TEAM_USE_CASE): UNIT,
        (case.pk, ""): 2 * UNIT,
        (None, UnallocatedReason.UNKNOWN_TEAM): 4 * UNIT,
    }
    other = make_use_case()
    make_rule((other, WHOLE), field=MatchField.TEAM, value=new.slug, priority=1)
    assert balances()[other.pk, ""] == 2 * UNIT
    assert_trial_says_what_is_written()


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("shares", {"split": SplitKind.EVEN}),
        *swept(
            ("split", {"split": "by_lot"}),
            ("field", {"field": "mood"}),
            ("value", {"mode": MatchMode.ONE_OF, "value": " \n "}),
        ),
        ("tag_key", {"further": (Condition("model", "key", "equals", "x"),)}),
        *swept(
            ("value", {"further": (Condition("model", "", "equals", ""),)}),
            ("further", {"further": (Condition("model", "", "equals", "x"),) * 6}),
        ),
    ],
)
def test_an_impossible_split_or_condition_is_refused_at_the_field(
    field: str, changes: dict[str, Any]
) -> None:
    shares = [(make_use_case(), 2)] if changes.get("split") == SplitKind.EVEN else []
    if not changes.get("split"):
        shares = [(make_use_case(), WHOLE)]
    with pytest.raises(RuleRefusedError) as refused:
        check_draft(make_draft(*shares, **changes))
    assert refused.value.field == field


@pytest.mark.both_engines
def test_the_database_refuses_another_split_or_condition_afterwards() -> None:
    rule = give_all(make_use_case(), further=(Condition("model", "", "equals", "x"),))
    for change in ({"split": SplitKind.EVEN}, {"further": "[]"}):
        with pytest.raises(Exception, match="never edited"), transaction.atomic():
            AllocationRule.objects.filter(pk=rule.pk).update(**change)


# --- trial and SQL --------------------------------------------------------------------------


def assert_trial_says_what_is_written() -> None:
    charges = Charge.objects.filter(superseded_at__isnull=True)
    allocator = allocator_for(charges, rules_recorded_at())
    said = Counter(
        (charge.pk, *part) for charge in stream_charges(charges) for part in
        allocator.parts(charge.line)
    )  # fmt: skip
    written = Counter(
        Allocation.objects.filter(charge__in=charges).values_list(
            "charge_id", "rule_id", "use_case_id", "unallocated_reason", "billed_nano",
            "effective_nano",
        )
    )  # fmt: skip
    assert said == written


amounts = st.decimals(min_value=-50, max_value=1000, places=9).map(lambda d: format(d, "f"))
kinds = st.sampled_from([SplitKind.FIXED, SplitKind.EVEN, SplitKind.PROPORTIONAL])
conditions = st.sampled_from(
    [
        Condition(MatchField.SERVICE, "", MatchMode.STARTS_WITH, "Model"),
        Condition(MatchField.TAG, "use_case", MatchMode.ONE_OF, "case-1\ncase-2"),
        Condition(MatchField.RESOURCE, "", MatchMode.EQUALS, "gateway"),
        Condition(MatchField.CONNECTION, "", MatchMode.EQUALS, "cloud"),
    ]
)


@pytest.mark.both_engines
@settings(
    max_examples=examples(2),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    direct=st.lists(amounts, min_size=3, max_size=3),
    common=st.lists(amounts, min_size=1, max_size=3),
    rules=st.lists(st.tuples(kinds, conditions, st.integers(0, 3)), min_size=1, max_size=2),
    tried=st.tuples(kinds, conditions, st.integers(0, 3)),
)
def test_a_trial_says_what_is_written_and_every_charge_is_shared_out_whole(
    direct: list[str],
    common: list[str],
    rules: list[tuple[str, Condition, int]],
    tried: tuple[str, Condition, int],
) -> None:
    with transaction.atomic():
        cases = three_cases()

        def draft(kind: str, condition: Condition, named: int) -> Any:
            named = named or (0 if kind == SplitKind.PROPORTIONAL else 1)
            size = 300_000 if kind == SplitKind.FIXED else 1
            parts = [(case, size) for case in cases[:named]]
            return make_draft(*parts, split=kind, priority=50, **condition._asdict())

        actor = make_user(Role.FINANCE)
        for each in rules:
            create_rule(draft=draft(*each), actor=actor, at=START)
        run_import(make_connection(), [*direct_bill(*direct), *(
            line(9 + place, cost, **GATEWAY) for place, cost in enumerate(common)
        )])  # fmt: skip
        assert_trial_says_what_is_written()
        assert_days_add_up()
        refresh_split_bases(at=LATER)
        expected = Counter(balances())
        wanted = draft(*tried)
        found = dry_run(month=MAY, draft=trial_of(wanted), priority=wanted.priority)
        for move in found.moves:
            expected[move.source.use_case_id, move.source.reason] -= move.billed_nano
            expected[move.target.use_case_id, move.target.reason] += move.billed_nano
        create_rule(draft=wanted, actor=actor, at=LATER)
        refresh_split_bases(at=LATER)
        assert {place: nano for place, nano in expected.items() if nano} == balances()
        assert_trial_says_what_is_written()
        assert_days_add_up()
        transaction.set_rollback(True)
