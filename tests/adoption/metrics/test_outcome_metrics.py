"""Metrics 12, 13 and 15: how far it got, what was validated, and what of it is worth its cost."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adoption.choices import DeliveryState
from adoption.metrics.attainment import calculate_attainment
from adoption.metrics.contracts import Computed, canonical
from adoption.metrics.impact_metrics import calculate_benefit, calculate_validated
from adoption.metrics.reach import UseSign, use_signs
from adoption.metrics.registry import NANO, computed_versions, metrics
from adoption.metrics.windows import Window
from adoption.models import Delivery, UseCase
from adoption.services.impact_decisions import set_unit_value
from adoption.services.impact_registrations import amend_registration
from adoption.services.impact_verdicts import evaluate_registration
from adoption.services.target_rules import TargetDraft
from adoption.services.targets import create_target, update_target, withdraw_target
from tests.adoption.factories import (
    NOW,
    FakeMetric,
    make_milestone,
    make_programme,
    make_use_case,
    make_user,
    registered_metric,
)
from tests.adoption.impact import CLOSED, piloted, register, weekly_metric

LAST_QUARTER = Window(dt.date(2026, 10, 1), dt.date(2027, 1, 1), "UTC")
THIRD_QUARTER = Window(dt.date(2026, 7, 1), dt.date(2026, 10, 1), "UTC")
LATER = dt.datetime(2027, 1, 5, tzinfo=dt.UTC)
COUNTS = st.integers(-(10**12), 10**12)


def facts_of(key: str, pk: int, window: Window, as_of: dt.datetime) -> Mapping[str, Any]:
    windowed = metrics.get(key).windowed
    assert windowed is not None
    facts = windowed.collect([pk], window, as_of)[pk]
    canonical(facts)
    return facts


def value(key: str, pk: int, window: Window, as_of: dt.datetime) -> Computed:
    windowed = metrics.get(key).windowed
    assert windowed is not None
    return windowed.calculate(facts_of(key, pk, window, as_of))


def aim(baseline: int | None, target: int, observed: int | None, *, kept: bool = True) -> Any:
    return {
        "baseline_nano": baseline,
        "target_nano": target,
        "observed_nano": observed,
        "is_kept": kept,
    }


def test_every_number_of_the_catalogue_is_there() -> None:
    numbers = {
        each.windowed.number
        for metric in metrics
        for each in computed_versions(metric)
        if each.windowed is not None
    }
    assert set(range(1, 21)) <= numbers
    for key, number in (
        ("outcome_attainment", 12), ("validated_impact", 13), ("conservative_net_benefit", 15),
    ):  # fmt: skip
        windowed = metrics.get(key).windowed
        assert windowed is not None
        assert windowed.number == number
        assert all(guard in metrics for guard in windowed.guardrails)


# --- 12 -------------------------------------------------------------------------------------------


@given(COUNTS, COUNTS, COUNTS)
def test_a14_the_target_that_got_least_far_is_the_value(one: int, two: int, three: int) -> None:
    targets = [aim(0, 4 * NANO, each) for each in (one, two, three)]
    together = calculate_attainment({"targets": targets})
    alone = [calculate_attainment({"targets": [each]}).nano for each in targets]
    assert together.nano == min(each for each in alone if each is not None)
    assert together.n == 3
    # One more of which nothing is known is not left out.
    unknown = calculate_attainment({"targets": [*targets, aim(None, NANO, NANO)]})
    assert (unknown.nano, unknown.reason) == (None, "not_evaluable")
    assert "1 of 4" in unknown.missing


def test_attainment_is_the_share_of_the_way() -> None:
    for baseline, target, observed, share in (
        (2, 10, 6, NANO // 2), (10, 2, 6, NANO // 2), (0, 3, 1, 333_333_333),
        (0, 4, 6, 3 * NANO // 2), (4, 8, 2, -NANO // 2),
    ):  # fmt: skip
        found = calculate_attainment({"targets": [aim(baseline, target, observed)]})
        assert found.nano == share
    assert calculate_attainment({"targets": [aim(5, 5, 5)]}).reason == "not_evaluable"
    assert calculate_attainment({"targets": [aim(0, 9, 9, kept=False)]}).nano == 0
    assert calculate_attainment({"targets": []}).reason == "no_data"


@pytest.fixture
def things() -> Iterator[FakeMetric]:
    """What the milestone counts; the target counts deliveries."""
    with registered_metric() as fake:
        yield fake


@pytest.mark.django_db
@pytest.mark.both_engines
@pytest.mark.usefixtures("things")
def test_a12_a_target_that_is_changed_late_attains_nothing() -> None:
    endless = make_programme(ends_on=None)
    milestone = make_milestone(
        make_use_case(owner=make_user(), programme=endless), due_on=dt.date(2027, 6, 30)
    )
    case, owner = milestone.use_case, milestone.use_case.owner
    draft = TargetDraft(
        title="Eight deliveries that hold", milestone_id=milestone.pk, scope_kind="use_case",
        scope_id=case.pk, metric_key="held_deliveries", comparator="gte",
        threshold_nano=8 * NANO, due_on=dt.date(2026, 12, 31),
    )  # fmt: skip
    target = create_target(draft=draft, actor=owner, at=NOW)
    for number in range(2):
        Delivery.objects.create(
            use_case=case, title=f"Work {number}", claimed_by=owner, claimed_at=NOW,
            state=DeliveryState.HELD, held_at=NOW + dt.timedelta(days=20),
        )  # fmt: skip
    assert value("outcome_attainment", case.pk, LAST_QUARTER, LATER).nano == NANO // 4
    lower = dataclasses.replace(draft, threshold_nano=4 * NANO)
    moved = dataclasses.replace(lower, due_on=dt.date(2027, 2, 1))
    for days, changed in ((5, lower), (6, moved)):
        target.refresh_from_db()
        update_target(
            target_id=target.pk, expected_version=target.version, draft=changed, actor=owner,
            at=NOW + dt.timedelta(days=days),
        )  # fmt: skip
        assert value("outcome_attainment", case.pk, LAST_QUARTER, LATER).nano == 0
    target.refresh_from_db()
    withdraw_target(
        target_id=target.pk, expected_version=target.version, reason="It was too hard.",
        actor=owner, at=NOW + dt.timedelta(days=7),
    )  # fmt: skip
    assert value("outcome_attainment", case.pk, LAST_QUARTER, LATER).nano == 0
    windowed = metrics.get("outcome_attainment").windowed
    assert windowed is not None
    assert case.pk not in windowed.collect([case.pk], THIRD_QUARTER, LATER)


# --- 13 and 15 ------------------------------------------------------------------------------------


def judged(**fields: Any) -> UseCase:
    """A use case with a verdict on an effect that doubled."""
    case = piloted()
    made = register(case, **fields)
    evaluate_registration(registration_id=made.pk, at=CLOSED)
    return case


@pytest.mark.django_db
@pytest.mark.both_engines
def test_a_supported_effect_has_its_interval_and_no_benefit_without_its_cost() -> None:
    with weekly_metric() as weekly:
        weekly.set([7, 9, 8], [14, 15, 16])
        case = judged()
        found = value("validated_impact", case.pk, THIRD_QUARTER, LATER)
        assert found.nano is not None
        assert found.interval is not None
        low, high = found.interval.low_nano, found.interval.high_nano
        assert low is not None
        assert high is not None
        assert NANO < low < found.nano < high
        assert (found.interval.method, found.interval.level_percent) == (
            "registered: supported",
            95,
        )
        facts = facts_of("conservative_net_benefit", case.pk, THIRD_QUARTER, LATER)
        assert calculate_benefit(facts).missing == "a value of a unit of its metric"
        set_unit_value(
            use_case_id=case.pk, metric_key="handled_cases", amount_nano=40 * NANO,
            grounds="The price of a case at the service desk.", owner=case.owner, actor=case.owner,
            at=CLOSED,
        )  # fmt: skip
        facts = facts_of("conservative_net_benefit", case.pk, THIRD_QUARTER, LATER)
        assert "people" in calculate_benefit(facts).missing
        with_cost = {**facts, "full_cost_nano": 10 * NANO, "cost_currency": facts["currency"]}
        benefit = calculate_benefit(with_cost)
        # By the near bound, not by the estimate: less than the doubling that was seen.
        assert benefit.nano is not None
        assert 0 < benefit.nano < 40 * NANO * facts["n"][1] // 2
        assert not metrics.get("validated_impact").windowed.collect(  # type: ignore[union-attr]
            [case.pk], LAST_QUARTER, LATER
        )


@pytest.mark.django_db
@pytest.mark.both_engines
def test_a12_a14_what_was_changed_after_the_launch_has_no_value() -> None:
    with weekly_metric() as weekly:
        weekly.set([7, 9, 8], [14, 15, 16])
        case = piloted()
        made = register(case)
        amend_registration(
            registration_id=made.pk, reason="It looks better.",
            changes={"after_ends_on": dt.date(2026, 8, 31)}, actor=case.owner,
            at=dt.datetime(2026, 7, 20, tzinfo=dt.UTC),
        )  # fmt: skip
        evaluate_registration(registration_id=made.pk, at=CLOSED)
        found = value("validated_impact", case.pk, THIRD_QUARTER, LATER)
        assert (found.nano, found.reason) == (None, "exploratory")
        found = value("conservative_net_benefit", case.pk, THIRD_QUARTER, LATER)
        assert (found.nano, found.reason) == (None, "nothing_proven")


def impact_facts(**fields: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "verdict": "supported",
        "n": [96, 180],
        "estimate": {
            "scale": "ratio",
            "effect": "1.875",
            "interval": {"low": "1.46", "high": "Infinity", "level": "0.95"},
        },
        "units": "44.5",
        "unit_nano": 3 * NANO,
        "currency": "USD",
        "full_cost_nano": 100 * NANO,
        "cost_currency": "USD",
    }
    return values | fields


@given(st.integers(0, 10**6), st.sampled_from(["reported_hours", "hours_saved", "survey"]))
def test_a15_hours_that_are_claimed_change_nothing(hours: int, name: str) -> None:
    honest = calculate_benefit(impact_facts())
    assert honest.nano == round(44.5 * 3 * NANO) - 100 * NANO
    assert calculate_benefit({**impact_facts(), name: hours}) == honest
    assert "survey" not in metrics.get("conservative_net_benefit").inputs


@given(st.sampled_from(["inconclusive", "adverse", "no_meaningful_change", "exploratory"]))
def test_nothing_but_a_supported_verdict_is_worth_something(word: str) -> None:
    found = calculate_benefit(impact_facts(verdict=word))
    assert (found.nano, found.reason) == (None, "nothing_proven")


@given(st.integers(0, 10**15))
def test_a16_without_the_whole_cost_there_is_no_benefit(cost: int) -> None:
    found = calculate_benefit(impact_facts(full_cost_nano=None))
    assert (found.nano, found.reason) == (None, "not_evaluable")
    dearer = calculate_benefit(impact_facts(full_cost_nano=100 * NANO + cost))
    assert dearer.nano == round(44.5 * 3 * NANO) - 100 * NANO - cost
    assert calculate_benefit(impact_facts(cost_currency="EUR")).reason == "mixed_currencies"


def test_an_effect_is_shown_with_an_open_end_or_not_at_all() -> None:
    found = calculate_validated(impact_facts())
    assert found.interval is not None
    assert (found.nano, found.n) == (1_875_000_000, 276)
    assert (found.interval.low_nano, found.interval.high_nano) == (1_460_000_000, None)
    difference = {**impact_facts()["estimate"], "scale": "difference"}
    for other in ({"estimate": difference}, {"estimate": None}, {"verdict": "not_evaluable"}):
        hidden = calculate_validated(impact_facts(**other))
        assert (hidden.nano, hidden.reason) == (None, "not_evaluable")
        assert hidden.missing


# --- 16 and 9 -------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_reach_without_a_sign_of_use_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    case = make_use_case()
    found = value("use_case_reach", case.programme_id, THIRD_QUARTER, LATER)
    assert (found.nano, found.reason) == (None, "not_evaluable")
    assert "none is connected" in found.missing
    asked: list[list[int]] = []

    def used(ids: Any, since: dt.datetime, until: dt.datetime) -> list[int]:
        asked.append(list(ids))
        return [case.pk]

    monkeypatch.setitem(use_signs._items, "test", UseSign("test", used))
    facts = facts_of("use_case_reach", case.programme_id, THIRD_QUARTER, LATER)
    assert asked == [[]]  # it is asked about validated use cases only, and this is none
    assert (facts["signs"], facts["reached"]) == (["test"], [])


def test_review_hours_need_a_source_and_units() -> None:
    windowed = metrics.get("review_hours_per_ndu").windowed
    assert windowed is not None
    assert "how long" in windowed.calculate({"reviews": None}).missing
    reviews = {"pulls": 40, "seconds": 90_000, "units": 10, "contributors": 6}
    assert windowed.calculate({"reviews": reviews}).nano == 2_500_000_000
    assert windowed.calculate({"reviews": {**reviews, "pulls": 29}}).reason == "below_minimum"
    assert windowed.calculate({"reviews": {**reviews, "units": 0}}).reason == "no_units"
