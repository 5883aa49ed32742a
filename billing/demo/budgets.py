"""Billing's demo of watching: forecasts of past months, budgets, a burst of cost, a breaker."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from billing.choices import BreakerField, BudgetPeriod, CostBasis, Measure
from billing.demo.bills import Spender, bursts
from billing.models import Anomaly, Budget, CircuitBreaker
from billing.selectors.spenders import spenders, spending_programmes
from billing.selectors.use_cases import use_case_by_slug
from billing.services.anomalies import acknowledge, detect_anomalies
from billing.services.breakers import BreakerDraft, check_breakers, create_breaker
from billing.services.budget_alerts import check_budgets
from billing.services.budgets import BudgetDraft, create_budget
from billing.services.forecasts import freeze_forecasts
from portal.demo import DemoContext
from portal.models import User
from portal.shell.money import NANO_PER_UNIT
from portal.shell.periods import Month, month_range

_ALLOWANCE = {0: 110, 1: 70, 2: 150}  # per cent of what was planned, in turn
_SHOWN = 6
_BREAKS_AT = 25  # part of a month in a day: above a busy day, below a burst on a quiet one


def build_budgets(context: DemoContext) -> None:
    """Everything that watches over money, in its several states."""
    if Budget.objects.exists():
        return
    context.say("Budgets, forecasts and anomalies")
    today = context.now.date()
    for month in month_range(Month.of(context.first_month), Month.of(today) + 1):
        freeze_forecasts(at=datetime.combine(month.start, time(1), tzinfo=UTC))
    paying = [Spender(*item) for item in context.shared["spenders"] if item[2]]
    for number, spender in enumerate(paying[:_SHOWN]):
        _budget(context, spender, _ALLOWANCE[number % len(_ALLOWANCE)])
    _programme_budget(context, sum(each.monthly for each in paying))
    check_budgets(at=context.now)
    detect_anomalies(at=context.now)
    _answer_one(context)
    _guard_a_key(context)


def _budget(context: DemoContext, spender: Spender, percent: int) -> None:
    case = use_case_by_slug(spender.slug, None)
    if case is None:
        return
    owner = User.objects.get(pk=spenders([case.pk])[case.pk].owner_id)
    _make(
        context, owner, use_case_id=case.pk, period=BudgetPeriod.MONTH,
        amount_nano=spender.monthly * percent * NANO_PER_UNIT // 100,
    )  # fmt: skip


def _programme_budget(context: DemoContext, monthly: int) -> None:
    for pk in list(spending_programmes())[:1]:
        _make(
            context, context.people["lead"], programme_id=pk, period=BudgetPeriod.QUARTER,
            amount_nano=3 * monthly * NANO_PER_UNIT,
        )  # fmt: skip


def _make(context: DemoContext, owner: User, **fields: object) -> None:
    draft = BudgetDraft(
        first=Month.of(context.first_month), last=None, currency="USD",
        cost_basis=CostBasis.INVOICED, measure=Measure.BILLED, owner=owner,
        **fields,  # type: ignore[arg-type]
    )  # fmt: skip
    # Long enough ago that the period before, also a quarter, ended under it.
    create_budget(draft=draft, actor=context.people["lead"], at=context.now - timedelta(days=100))


def _answer_one(context: DemoContext) -> None:
    """The older of two bursts was answered; the newer one waits."""
    found = Anomaly.objects.filter(acknowledged_at__isnull=True).select_related("day__use_case")
    anomaly = found.order_by("-day__day").filter(day__day__in=_burst(context)).last()
    if anomaly is not None:
        acknowledge(
            pk=anomaly.pk, reason="one_off", note="A backfill of last year's tickets, planned.",
            actor=anomaly.day.use_case.owner, at=context.now,
        )  # fmt: skip


def _burst(context: DemoContext) -> dict[date, str]:
    """The days on which a batch ran away, with the use case."""
    spending = [Spender(*item) for item in context.shared["spenders"]]
    return {day: slug for slug, day in bursts(spending, context.now.date())}


def _guard_a_key(context: DemoContext) -> None:
    """The key of the batch is guarded, and yesterday's burst opens its breaker."""
    slug = next(iter(_burst(context).values()))
    monthly = next((item[2] for item in context.shared["spenders"] if item[0] == slug), 0)
    case = use_case_by_slug(slug, None)
    if case is None or CircuitBreaker.objects.exists():
        return
    create_breaker(
        draft=BreakerDraft(
            name="Nightly batch of the busiest workspace", use_case_id=case.pk,
            field=BreakerField.SUB_ACCOUNT, value=f"ws-{slug}", window="day",
            currency="USD", cost_basis=CostBasis.INVOICED,
            limit_nano=monthly * NANO_PER_UNIT // _BREAKS_AT,
        ),
        actor=context.people["lead"], at=context.now - timedelta(days=5),
    )  # fmt: skip
    check_breakers(at=context.now)
