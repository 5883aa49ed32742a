"""Price plans: one price a day, never edited, ended once, refused by the database as well."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from hypothesis import given
from hypothesis import strategies as st

from billing.models import PricePlan
from billing.selectors.plans import plan_facts, plan_state
from billing.services.plans import PlanDraft, PlanRefusedError, create_plan, end_plan
from billing.sources.price_plans import PriceList
from portal.choices import Role
from portal.models import AuditEvent, User
from tests.imports import START, make_person

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db]
JANUARY, MAY, JUNE = date(2026, 1, 1), date(2026, 5, 1), date(2026, 6, 1)


@pytest.fixture
def finance() -> User:
    return make_person("controller", Role.FINANCE)


def draft(**changes: Any) -> PlanDraft:
    values: dict[str, Any] = {
        "provider": "Acme AI", "key": "Team", "name": "Team", "valid_from": JANUARY,
        "valid_until": None, "currency": "usd", "seat_price": Decimal("19.999999999"),
        "seat_period": "month", "included_credits": Decimal("1000.5"), "overage_price": None,
        "source": "Order form 7",
    }  # fmt: skip
    return PlanDraft(**values | changes)


def test_a_plan_is_kept_exactly_recorded_and_handed_to_sources(finance: User) -> None:
    plan = create_plan(draft=draft(), actor=finance, at=START)
    assert (plan.seat_price_nano, plan.currency) == (19_999_999_999, "USD")
    assert AuditEvent.objects.filter(table="billing_priceplan").count() == 1
    (fact,) = plan_facts(["ACME ai "])
    assert (fact["seat_price"], fact["included_credits"]) == ("19.999999999", "1000.5")
    assert fact["overage_price"] is None
    found = PriceList.of({"price_plans": [fact]}).find("acme AI", "TEAM", MAY)
    assert found is not None
    assert found.seat == Decimal("19.999999999")
    assert plan_facts(["Other"]) == []


def test_a_new_price_needs_the_end_of_the_old_one(finance: User) -> None:
    old = create_plan(draft=draft(), actor=finance, at=START)
    for start, end in ((MAY, None), (date(2025, 1, 1), None), (date(2025, 1, 1), MAY)):
        again = draft(valid_from=start, valid_until=end, key="TEAM")
        with pytest.raises(PlanRefusedError, match="End that one first"):
            create_plan(draft=again, actor=finance, at=START)
    create_plan(
        draft=draft(valid_from=date(2025, 1, 1), valid_until=JANUARY), actor=finance, at=START
    )
    end_plan(plan_id=old.pk, valid_until=MAY, reason="dearer", actor=finance, at=START)
    create_plan(draft=draft(valid_from=MAY, seat_price=Decimal(25)), actor=finance, at=START)
    prices = PriceList.of({"price_plans": plan_facts()})
    seats = [prices.find("Acme AI", "team", day) for day in (date(2026, 4, 30), MAY)]
    assert [plan.seat for plan in seats if plan] == [Decimal("19.999999999"), Decimal(25)]


def test_a_plan_ended_on_its_first_day_prices_nothing_and_makes_room(finance: User) -> None:
    wrong = create_plan(draft=draft(), actor=finance, at=START)
    end_plan(plan_id=wrong.pk, valid_until=JANUARY, reason="typed wrong", actor=finance, at=START)
    assert plan_facts() == []
    create_plan(draft=draft(seat_price=Decimal(20)), actor=finance, at=START)
    assert [fact["seat_price"] for fact in plan_facts()] == ["20"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"key": " "}, "key"),
        ({"source": ""}, "source"),
        ({"currency": "dollar"}, "currency"),
        ({"seat_price": None}, "seat_price"),
        ({"seat_price": Decimal(-1)}, "seat_price"),
        ({"seat_price": Decimal("0.0000000001")}, "seat_price"),
        ({"seat_price": Decimal(10**11)}, "seat_price"),
        ({"included_credits": Decimal("0.0000001")}, "included_credits"),
        ({"valid_until": JANUARY}, "valid_until"),
    ],
)
def test_what_cannot_be_kept_names_its_field(
    changes: dict[str, Any], field: str, finance: User
) -> None:
    with pytest.raises(PlanRefusedError) as refused:
        create_plan(draft=draft(**changes), actor=finance, at=START)
    assert refused.value.field == field
    assert not PricePlan.objects.exists()


def test_an_end_is_given_once_and_never_later_than_it_was(finance: User) -> None:
    plan = create_plan(draft=draft(valid_until=JUNE), actor=finance, at=START)
    for day in (date(2025, 1, 1), JUNE):
        with pytest.raises(PlanRefusedError):
            end_plan(plan_id=plan.pk, valid_until=day, reason="x", actor=finance, at=START)
    end_plan(plan_id=plan.pk, valid_until=MAY, reason="x", actor=finance, at=START)
    with pytest.raises(PlanRefusedError, match="already"):
        end_plan(plan_id=plan.pk, valid_until=MAY, reason="x", actor=finance, at=START)


@pytest.mark.parametrize(
    "change",
    [{"seat_price_nano": 1}, {"overage_price_nano": 1}, {"valid_from": MAY}, {"source": "?"}],
)
def test_the_database_refuses_another_price(change: dict[str, Any], finance: User) -> None:
    plan = create_plan(draft=draft(), actor=finance, at=START)
    with pytest.raises(DatabaseError, match="never edited"), transaction.atomic():
        PricePlan.objects.filter(pk=plan.pk).update(**change)
    with pytest.raises(DatabaseError, match="never deleted"), transaction.atomic():
        PricePlan.objects.filter(pk=plan.pk).delete()
    plan.refresh_from_db()
    assert plan.seat_price_nano == 19_999_999_999


@given(st.dates(JANUARY, JUNE), st.none() | st.dates(JANUARY, JUNE), st.dates(JANUARY, JUNE))
def test_every_day_has_one_state(start: date, end: date | None, today: date) -> None:
    if end is not None and end < start:
        start, end = end, start
    state = plan_state(valid_from=start, valid_until=end, today=today)
    holds = start <= today and (end is None or today < end)
    assert (state == "holds") == holds
