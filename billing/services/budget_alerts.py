"""Saying once that a budget is half used, nearly used, used, or forecast to be exceeded."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from django.db import IntegrityError, transaction

from billing.addresses import budget_address
from billing.choices import BudgetThreshold
from billing.models import Budget, BudgetAlert
from billing.selectors.budget_spending import PresentSpending
from billing.selectors.budgets import Standing, live_budgets, standings, window_text
from billing.selectors.finished_budgets import finished_standings
from billing.selectors.spenders import people
from portal.models import User
from portal.services.notices import notify
from portal.shell.formats import date_text, nano_money_text

_Key = tuple[int, dt.date, str, int]
_SHARES = {BudgetThreshold.HALF: 50, BudgetThreshold.MOST: 80, BudgetThreshold.ALL: 100}


def check_budgets(*, at: dt.datetime, budgets: Iterable[Budget] | None = None) -> list[BudgetAlert]:
    """Alert about every threshold that is passed and was not yet, of live budgets or of these.

    In the current period and in the finished one before it: the bill of its last days comes later.

    An alert, its notices and the letters that they ask for are one transaction. What makes it
    happen once is the key over budget, period, threshold and amount: of several workers that notice
    the same at the same time one inserts the row, the others say nothing.

    Returns:
        the alerts that this call made.
    """
    given = list(live_budgets() if budgets is None else budgets)
    spending = PresentSpending(at)
    found = [
        *finished_standings(given, spending).values(),
        *standings(given, spending).values(),
    ]
    said = fired_thresholds(found)
    made: list[BudgetAlert] = []
    for standing in found:
        for threshold in passed(standing):
            if _key(standing, threshold) not in said:
                alert = _fire(standing, threshold, at)
                made += [] if alert is None else [alert]
    return made


def passed(standing: Standing) -> list[BudgetThreshold]:
    """The thresholds that a standing passes: reached counts, lowest first, the forecast last.

    A forecast is no news once the amount is used.
    """
    if standing.spent is None:
        return []
    amount = standing.budget.amount_nano
    found = [each for each, share in _SHARES.items() if 100 * standing.spent >= share * amount]
    if BudgetThreshold.ALL not in found and standing.crosses_on is not None:
        found.append(BudgetThreshold.FORECAST)
    return found


def _key(standing: Standing, threshold: str) -> _Key:
    budget = standing.budget
    return budget.pk, standing.period.start, threshold, budget.amount_nano


def fired_thresholds(found: Iterable[Standing]) -> set[_Key]:
    """Budget, start, threshold and amount of what was said in the periods of these standings. One
    query."""
    periods = {(each.budget.pk, each.period.start) for each in found}
    rows = BudgetAlert.objects.filter(
        budget__in={pk for pk, _ in periods}, period_start__in={start for _, start in periods}
    )
    return set(rows.values_list("budget_id", "period_start", "threshold", "amount_nano"))


def _fire(standing: Standing, threshold: BudgetThreshold, at: dt.datetime) -> BudgetAlert | None:
    try:
        with transaction.atomic():
            alert = BudgetAlert.objects.create(
                budget=standing.budget,
                period_start=standing.period.start,
                threshold=threshold,
                amount_nano=standing.budget.amount_nano,
                spent_nano=standing.spent or 0,
                projected_nano=standing.projected,
                crosses_on=standing.crosses_on,
                fired_at=at,
            )
            _tell(standing, threshold, at)
            return alert
    except IntegrityError:
        if BudgetAlert.objects.filter(
            budget=standing.budget, period_start=standing.period.start, threshold=threshold,
            amount_nano=standing.budget.amount_nano,
        ).exists():  # fmt: skip
            return None  # another worker was faster, and has told everybody
        raise


def _tell(standing: Standing, threshold: BudgetThreshold, at: dt.datetime) -> None:
    told = people({standing.budget.owner_id, standing.scope_owner_id})
    notify(
        users=told,
        key=":".join(map(str, ("billing.budget", *_key(standing, threshold)))),
        title=_title(standing, threshold),
        text=_text(standing, told),
        link=budget_address(standing.budget.pk),
        at=at,
    )


def _title(standing: Standing, threshold: BudgetThreshold) -> str:
    if threshold == BudgetThreshold.FORECAST:
        day = standing.crosses_on
        when = f" on {date_text(day)}" if day else ""
        return f"{standing.name}: forecast to exceed its budget{when}"
    if standing.is_over:
        months = window_text(standing.period)
        return f"{standing.name}: {_SHARES[threshold]} % of its budget of {months} was used"
    return f"{standing.name}: {_SHARES[threshold]} % of its budget is used"


def _text(standing: Standing, told: Iterable[User]) -> str:
    """What, how much of what, until when, and who is responsible."""
    budget = standing.budget
    used = nano_money_text(standing.spent or 0, budget.currency)
    amount = nano_money_text(budget.amount_nano, budget.currency)
    period = f"{date_text(standing.period.start)} to {date_text(_last_day(standing))}"
    if standing.is_over:
        period += ", a period that is over"
    owner = next((str(each) for each in told if each.pk == budget.owner_id), "nobody (has left)")
    projected = standing.projected
    outlook = (
        f" At this pace it ends at {nano_money_text(projected, budget.currency)}."
        if projected is not None
        else ""
    )
    return (
        f"{used} of {amount} ({budget.get_measure_display().lower()}, "
        f"{budget.get_cost_basis_display().lower()}), {period}.{outlook} Owner: {owner}."
    )


def _last_day(standing: Standing) -> dt.date:
    return standing.period.end - dt.timedelta(days=1)
