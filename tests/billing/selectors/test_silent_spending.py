"""Spend without deliveries: what is noticed, what is not, and what the monitor makes of it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from adoption.choices import AiAssistance, DeliveryState
from adoption.metrics.monitor import telltales
from adoption.models import Delivery, GamingFinding, UseCase
from adoption.services.deliveries import log_delivery
from adoption.services.findings import last_whole_window, look_for_gaming
from billing.selectors.silent_spending import SilentSpend, spend_without_deliveries
from portal.shell.money import NANO_PER_UNIT
from tests.adoption.factories import make_use_case, make_user
from tests.billing.watching import every_day, paid_for, spend
from tests.plugins.sweeping import sampled

pytestmark = pytest.mark.django_db
AT = dt.datetime(2026, 6, 2, 6, 0, tzinfo=dt.UTC)
WINDOW = last_whole_window(AT)
DAY = dt.timedelta(days=1)
SECOND = dt.timedelta(seconds=1)
LAST_SECOND = WINDOW.ends_at - SECOND
EARLIER = WINDOW.starts_on - 7 * DAY


def costing(tag: str, costs: dict[dt.date, str], **changes: Any) -> UseCase:
    """A use case that cost so much; by default it had begun before the window."""
    use_case = make_use_case(title=tag.title())
    paid_for(use_case, tag, EARLIER)
    spend(costs, tag, **changes)
    return use_case


def found() -> list[SilentSpend]:
    return spend_without_deliveries(start=WINDOW.starts_on, end=WINDOW.ends_on, as_of=AT)


def all_along(cost: str = "10") -> dict[dt.date, str]:
    return every_day(EARLIER, WINDOW.ends_on - DAY, cost)


def claim(use_case: UseCase, at: dt.datetime) -> Delivery:
    return log_delivery(
        use_case=use_case, title="Templates", link="https://wiki.example/templates",
        assistance=AiAssistance.ASSISTED, actor=make_user(), at=at,
    )  # fmt: skip


def test_days_of_cost_without_a_delivery_are_noticed() -> None:
    use_case = costing("idle", all_along())
    (only,) = found()
    assert (only.use_case_id, only.title, only.days) == (use_case.pk, "Idle", 28)
    assert only.effective_nano == 280 * NANO_PER_UNIT


def test_what_states_no_effective_cost_counts_as_billed() -> None:
    costing("idle", all_along(), EffectiveCost="")
    (only,) = found()
    assert (only.days, only.effective_nano) == (28, 280 * NANO_PER_UNIT)


@pytest.mark.parametrize("moment", sampled([WINDOW.starts_at, LAST_SECOND], LAST_SECOND))
def test_one_delivery_of_the_window_is_enough(moment: dt.datetime) -> None:
    claim(costing("busy", all_along()), moment)
    assert found() == []


@pytest.mark.parametrize(
    "moment", sampled([WINDOW.starts_at - SECOND, WINDOW.ends_at], WINDOW.ends_at)
)
def test_a_delivery_before_or_after_is_none_of_it(moment: dt.datetime) -> None:
    claim(costing("idle", all_along()), moment)
    assert len(found()) == 1


@pytest.mark.sweep
def test_a_rejected_delivery_is_none() -> None:
    delivery = claim(costing("idle", all_along()), WINDOW.starts_at)
    assert found() == []
    Delivery.objects.filter(pk=delivery.pk).update(state=DeliveryState.REJECTED)
    assert len(found()) == 1


def test_small_rare_and_new_spending_is_left_alone() -> None:
    costing("small", all_along("3.5"))  # 98 in all
    rare = every_day(EARLIER, EARLIER) | every_day(WINDOW.starts_on, WINDOW.starts_on + 8 * DAY)
    costing("rare", dict.fromkeys(rare, "100"))
    costing("new", every_day(WINDOW.starts_on, WINDOW.ends_on - DAY))
    assert found() == []


@pytest.mark.sweep
def test_purchases_credits_and_tax_say_nothing() -> None:
    costing("bought", all_along(), ChargeCategory="Purchase")
    assert found() == []


def test_the_monitor_hears_of_it_once_and_names_no_person() -> None:
    assert telltales.get("spend_without_deliveries").attack == "A17"
    use_case = costing("idle", all_along())
    assert look_for_gaming(at=AT) == 1
    assert look_for_gaming(at=AT) == 0
    (finding,) = GamingFinding.objects.all()
    assert (finding.scope_kind, finding.scope_id) == ("use_case", use_case.pk)
    assert finding.said == (
        "It cost something on 28 of 28 days, 280.00\xa0USD (invoiced) in all, and no delivery was "
        "claimed for it."
    )
    assert finding.facts == {"days": 28, "effective_nano": 280 * NANO_PER_UNIT, "deliveries": 0}
