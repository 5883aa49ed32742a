"""What a figure was: the answer of any earlier moment comes back, whatever has happened since."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adoption.choices import Stage
from adoption.models import Membership, UseCase
from billing.choices import SplitKind
from billing.models import Allocation, ChargeDimension
from billing.models.allocation import WHOLE
from billing.selectors.as_of import TooManyChargesError, figure_as_of, past_lines
from billing.selectors.lineage import figure_sums, stream_lines
from billing.selectors.moments import BadMomentError, parse_moment
from billing.selectors.references import UNALLOCATED, FigureReference, Scope, scope_of
from billing.services.allocation_rules import allocate_range
from tests.adoption.factories import make_use_case, make_user, move_stage
from tests.billing.factories import give_all, make_draft, make_rule, replace_rule, retire_rule
from tests.billing.sweeps import sweep_both_engines
from tests.imports import Clock, line, make_connection, run_import
from tests.plugins.sweeping import examples

pytestmark = pytest.mark.django_db
NOW = dt.datetime(2026, 12, 1, 9, 30, tzinfo=dt.UTC)
# Before any clock of the database, which dates what is written about people.
LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
EVERYTHING = Scope(FigureReference())


def of(case: UseCase) -> Scope:
    return scope_of(FigureReference(use_case=case.slug), None)


def was(scope: Scope, at: dt.datetime) -> list[tuple[int, int | None, int]]:
    """Billed, effective and lines of each sum as recorded at `at`."""
    sums = figure_as_of(scope, at).sums
    return [(each.billed_nano, each.effective_nano, each.lines) for each in sums]


@pytest.mark.both_engines
def test_before_and_after_a_restatement() -> None:
    case, cloud, clock = make_use_case(), make_connection(), Clock()
    give_all(case, at=clock.now)
    start = clock.now
    run_import(cloud, [line(3, "1"), line(4, "2")], clock=clock)
    first = clock.now
    run_import(cloud, [line(3, "5"), line(4, "2")], clock=clock)
    second = clock.now
    run_import(cloud, [line(3, "5"), line(4, "2", EffectiveCost="0")], clock=clock)
    assert was(of(case), start) == []
    assert was(of(case), first) == [(3 * 10**9, 3 * 10**9, 2)]
    assert was(of(case), second) == [(7 * 10**9, 7 * 10**9, 2)]
    assert was(of(case), clock.now) == [(7 * 10**9, 5 * 10**9, 2)]
    (now,) = figure_sums(of(case), now=clock.now)
    assert (now.billed_nano, now.effective_nano) == (7 * 10**9, 5 * 10**9)


@sweep_both_engines
def test_before_and_after_a_rule_changed() -> None:
    one, other, clock = make_use_case(), make_use_case(), Clock()
    rule = give_all(one, at=clock())
    run_import(make_connection(), [line(3, "10")], clock=clock)
    before = clock()
    changed = clock()
    saved = replace_rule(
        rule_id=rule.pk,
        draft=make_draft((one, 300_000), (other, 300_000)),
        reason="",
        actor=rule.created_by,
        at=changed,
    )
    between = clock()
    retire_rule(rule_id=saved.pk, reason="Over.", actor=rule.created_by, at=clock())
    nowhere = scope_of(FigureReference(use_case=UNALLOCATED), None)
    assert [each[0] for each in was(of(one), before)] == [10 * 10**9]
    assert was(nowhere, before) == []
    assert [each[0] for each in was(of(one), between)] == [3 * 10**9]
    assert [each[0] for each in was(of(other), between)] == [3 * 10**9]
    assert [each[0] for each in was(nowhere, between)] == [4 * 10**9]
    assert [each[0] for each in was(nowhere, clock())] == [10 * 10**9]


conditions = st.sampled_from(
    [
        {"value": "a"},
        {"value": "b"},
        {"mode": "starts_with", "value": ""},
        {"field": "service", "value": "Service 1"},
        {"field": "resource", "value": "r", "mode": "starts_with"},
        {"field": "sub_account", "value": "s2"},
    ]
)
rules = st.lists(
    st.tuples(
        conditions,
        st.lists(st.integers(1, 333_333), min_size=1, max_size=3),
        st.integers(0, 2),
        st.integers(1, 5),
        st.integers(1, 5) | st.none(),
    ),
    max_size=4,
)


@pytest.mark.both_engines
@settings(max_examples=examples(3), suppress_health_check=list(HealthCheck))
@given(rules)
def test_allocating_on_paper_agrees_with_allocating_in_the_database(
    wanted: list[tuple[dict[str, str], list[int], int, int, int | None]],
) -> None:
    with transaction.atomic():
        clock = Clock()
        run_import(
            make_connection(),
            [
                line(
                    day,
                    f"{sign}{day}.00000000{number}",
                    ResourceId=f"r{number}",
                    SubAccountId=f"s{number}",
                    ServiceName=f"Service {number}",
                    Tags=f'{{"use_case": "{tag}"}}',
                    ChargeCategory="Credit" if sign else "Usage",
                )
                for day in (1, 3, 6)
                for number, tag, sign in ((1, "a", ""), (2, "b", ""), (3, "a", "-"))
            ],
            clock=clock,
        )
        cases = [make_use_case() for _ in range(3)]
        for condition, parts, priority, start, length in wanted:
            values: dict[str, Any] = {"mode": "equals"} | condition
            if not values["value"]:
                continue
            make_rule(
                *zip(cases, parts, strict=False),
                **values,
                priority=priority,
                starts_on=dt.date(2026, 5, start),
                ends_on=dt.date(2026, 5, start + length) if length else None,
                at=clock(),
            )
        stored = sorted(
            Allocation.objects.values_list(
                "charge_id", "use_case_id", "rule_id", "unallocated_reason", "billed_nano",
                "effective_nano",
            ),
            key=str,
        )  # fmt: skip
        found = figure_as_of(EVERYTHING, clock()).parts
        told = [
            (p.charge.pk, p.part.use_case_id, p.part.rule_id, p.part.reason, p.part.billed,
             p.part.effective)
            for p in found
        ]  # fmt: skip
        assert sorted(told, key=str) == stored
        transaction.set_rollback(True)


@pytest.mark.both_engines
def test_a_team_rule_goes_by_the_people_of_then() -> None:
    case = move_stage(make_use_case(at=LONG_AGO), Stage.APPROVED, at=LONG_AGO)
    anna = make_user()
    run_import(make_connection(), [line(3, "2")], clock=Clock(LONG_AGO))
    ChargeDimension.objects.update(principal_id=anna.username)
    make_rule(field="provider", value="Cloud", split=SplitKind.TEAM, at=LONG_AGO)
    then = timezone.now()
    assert was(of(case), then) == []
    Membership.objects.create(team=case.team, user=anna, starts_on=LONG_AGO.date())
    allocate_range(start=None, end=None, at=timezone.now())
    assert was(of(case), timezone.now()) == [(2 * 10**9, 2 * 10**9, 1)]
    assert was(of(case), then) == []


@sweep_both_engines
def test_lines_of_then_look_like_lines_of_now() -> None:
    case, clock = make_use_case(), Clock()
    make_rule((case, WHOLE // 2), at=clock())
    run_import(make_connection(), [line(3, "1"), line(4, "2")], clock=clock)
    now = list(stream_lines(of(case)))
    then = past_lines(figure_as_of(of(case), clock()))
    for line_now, line_then in zip(now, then, strict=True):
        assert line_then == {key: line_now[key] for key in line_then}


def test_a_page_does_not_go_through_a_million_lines() -> None:
    run_import(make_connection(), [line(3, "1"), line(4, "2")])
    with pytest.raises(TooManyChargesError, match="choose a month"):
        figure_as_of(EVERYTHING, Clock().now + dt.timedelta(days=1), most=1)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20T14:05", dt.datetime(2026, 11, 20, 14, 5, tzinfo=dt.UTC)),
        ("2026-11-20T14:05Z", dt.datetime(2026, 11, 20, 14, 5, tzinfo=dt.UTC)),
        ("2026-11-20 14:05", dt.datetime(2026, 11, 20, 14, 5, tzinfo=dt.UTC)),
        ("2026-11-20T14:05:00+02:00", dt.datetime(2026, 11, 20, 12, 5, tzinfo=dt.UTC)),
        ("2026-11-20T14:05:00 02:00", dt.datetime(2026, 11, 20, 12, 5, tzinfo=dt.UTC)),
        ("2026-11-20", dt.datetime.combine(dt.date(2026, 11, 20), dt.time.max, dt.UTC)),
        ("", None),
    ],
)
def test_moments_as_people_write_them(text: str, moment: dt.datetime | None) -> None:
    assert parse_moment(text, now=NOW) == moment


@pytest.mark.parametrize("text", ["soon", "2026-13-01", "2026-11-20T25:00"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(BadMomentError, match="expected"):
        parse_moment(text, now=NOW)
