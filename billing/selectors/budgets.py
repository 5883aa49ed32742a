"""How budgets stand, or stood: what of the current period is used, and where it will end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from django.db.models import QuerySet

from billing.choices import BudgetPeriod
from billing.forecast.projection import Pace, Projection, project, together
from billing.models import Budget, BudgetAlert, Forecast
from billing.policies import may_see_costs
from billing.selectors.booked_ahead import BookedAhead, booked_ahead
from billing.selectors.budget_spending import Frozen, Spending, SpentMonths
from billing.selectors.costs import CostSum, Kind, merge_sums
from billing.selectors.figures import status_of
from billing.selectors.spenders import Spender, SpendingProgramme, spenders, spending_programmes
from portal.policies import AnyUser
from portal.shell.figures import share_of
from portal.shell.periods import DateRange, FiscalCalendar, Month
from portal.shell.statuses import FigureStatus

Months = Mapping[Month, CostSum]
ChoosePeriod = Callable[[Budget, dt.date, FiscalCalendar], DateRange | None]
NO_EFFECTIVE = "some costs state no effective cost"
NOT_PROJECTED = "no forecast, and fewer than seven days of this month have a cost"


def budgets_visible_to(user: AnyUser) -> QuerySet[Budget]:
    """Budgets are sums, and open like sums to everybody inside."""
    if not may_see_costs(user):
        return Budget.objects.none()
    return Budget.objects.select_related("use_case", "programme", "owner")


def budget_for_page(user: AnyUser, pk: int) -> Budget | None:
    """One budget, or None."""
    found: Budget | None = budgets_visible_to(user).filter(pk=pk).first()
    return found


def alerts_of(budget: Budget, *, at: dt.datetime | None = None) -> QuerySet[BudgetAlert]:
    """What was said about it (by a moment), newest first."""
    alerts = BudgetAlert.objects.filter(budget=budget)
    if at is not None:
        alerts = alerts.filter(fired_at__lte=at)
    return alerts.order_by("-fired_at", "-pk")


def period_of(budget: Budget, day: dt.date, calendar: FiscalCalendar) -> DateRange | None:
    """The period around `day` (UTC): whole months; None before the budget starts and after it."""
    if day < budget.starts_on or (budget.ends_on is not None and day >= budget.ends_on):
        return None
    if budget.period == BudgetPeriod.MONTH:
        return Month.of(day).range
    if budget.period == BudgetPeriod.WHOLE:
        return DateRange(budget.starts_on, budget.ends_on or day)
    is_quarter = budget.period == BudgetPeriod.QUARTER
    whole = calendar.quarter_of(day) if is_quarter else calendar.year_of(day)
    # What lies before it starts, or after it ends, is none of its money.
    ends_on = whole.end if budget.ends_on is None else min(whole.end, budget.ends_on)
    return DateRange(max(whole.start, budget.starts_on), ends_on)


def finished_period_of(budget: Budget, day: dt.date, calendar: FiscalCalendar) -> DateRange | None:
    """The period before the one around `day`, or the last of a budget whose months are over then.

    None before the first has finished, and when the last one lies further back than one period.
    """
    if budget.period == BudgetPeriod.WHOLE:
        is_over = budget.ends_on is not None and day >= budget.ends_on
        return DateRange(budget.starts_on, budget.ends_on) if is_over else None  # type: ignore[arg-type]
    if budget.period == BudgetPeriod.MONTH:
        current = Month.of(day).range
    elif budget.period == BudgetPeriod.QUARTER:
        current = calendar.quarter_of(day)
    else:
        current = calendar.year_of(day)
    return period_of(budget, current.start - dt.timedelta(days=1), calendar)


def window_text(period: DateRange) -> str:
    """A period in words, its last month included."""
    months = period.months()
    if len(months) == 1:
        return months[0].label
    return f"{months[0].label} to {months[-1].label}"


@dataclass(frozen=True, slots=True)
class Standing:
    """How one budget stands in the period around a moment. Nano-units of its currency.

    Attributes:
        spending: where its costs and forecasts come from; it knows the moment.
        name, slug: of the use case or programme.
        spenders: ids of the use cases whose cost counts.
        cost: all money of the period, with what decides about its status; None when there is none.
        spent: None when it is not known, and `unknown_because` says why.
        projection: where the period will end; None when nothing can be said.
        band: how far either way the rest of the period may end, as a share of it; None without
            frozen forecasts.
        unprojected: use cases that spend and for which nothing can be said.
        covered_until: the newest day with a cost, None when the period has none.
        elsewhere: what there is of other currencies and bases, where there is nothing of its own.
        is_over: it is the finished period before the moment; nothing of it is projected.
    """

    budget: Budget
    name: str
    slug: str
    scope_owner_id: int
    spenders: tuple[int, ...]
    period: DateRange
    spending: Spending
    cost: CostSum | None
    spent: int | None
    projection: Projection | None
    band: Fraction | None
    unprojected: int
    covered_until: dt.date | None
    unknown_because: str = ""
    is_over: bool = False
    elsewhere: tuple[CostSum, ...] = ()

    @property
    def status(self) -> FigureStatus:
        """How settled the used amount is."""
        if self.cost is None:
            return FigureStatus.PROVISIONAL  # nothing yet, of a period that goes on
        return status_of(self.cost, now=self.spending.now)

    @property
    def share(self) -> Decimal | None:
        """Of the amount that is used."""
        return None if self.spent is None else share_of(self.spent, self.budget.amount_nano)

    @property
    def projected(self) -> int | None:
        return None if self.projection is None else self.projection.total

    @property
    def crosses_on(self) -> dt.date | None:
        """The day on which the amount will be exceeded, if it will and was not before."""
        if self.projection is None or self.spent is None:
            return None
        return self.projection.crosses_on(spent=self.spent, amount=self.budget.amount_nano)

    @property
    def is_exceeded(self) -> bool:
        """Whether more than the amount is used; the whole of it is not yet more."""
        return self.spent is not None and self.spent > self.budget.amount_nano

    @property
    def kind(self) -> Kind:
        return Kind(self.budget.currency, self.budget.cost_basis)


def standings(
    budgets: Iterable[Budget], spending: Spending, *, choose: ChoosePeriod = period_of
) -> dict[int, Standing]:
    """By id, how budgets stand in the period around the moment (UTC) of `spending`; those outside
    are left out.

    Six queries at most, however many budgets there are, up to three more where costs are booked for
    days to come; as of a moment about a dozen more.

    Args:
        choose: which period, by budget, day and fiscal calendar (`finished_budgets` wants another).

    Raises:
        TooManyChargesError: as of a moment, there are more than are worked out.
    """
    found, today = list(budgets), spending.now.astimezone(dt.UTC).date()
    cases = (
        spenders(None)
        if any(each.programme_id for each in found)
        else spenders(each.use_case_id for each in found if each.use_case_id)
    )
    programmes = spending_programmes(each.programme_id for each in found if each.programme_id)
    scopes: dict[int, tuple[Spender | SpendingProgramme, tuple[int, ...], DateRange]] = {}
    for budget in found:
        scope = _scope(budget, cases, programmes)
        period = choose(budget, today, scope[0].calendar)
        if period is not None:
            scopes[budget.pk] = (*scope, period)
    most = spending.most_months
    told = {
        pk: scope for pk, scope in scopes.items() if most is None or len(scope[2].months()) <= most
    }
    ids = {pk for _, members, _ in told.values() for pk in members}
    spend: SpentMonths = {}
    frozen: Frozen = {}
    ahead = BookedAhead()
    if told:
        window = DateRange(
            min(period.start for _, _, period in told.values()),
            max(period.end for _, _, period in told.values()),
        )
        spend, frozen = spending.months(ids, window), spending.forecasts(ids, Month.of(today))
        ahead = booked_ahead(spend, spending, {budget.measure for budget in found})
    return {
        budget.pk: _standing(budget, *scopes[budget.pk], spend, frozen, ahead, spending)
        if budget.pk in told
        else _untold(budget, *scopes[budget.pk], spending)
        for budget in found
        if budget.pk in scopes
    }


def _untold(
    budget: Budget,
    scope: Spender | SpendingProgramme,
    members: tuple[int, ...],
    period: DateRange,
    spending: Spending,
) -> Standing:
    """Of a period that is longer than is worked out as of a moment."""
    return Standing(
        budget, scope.title, scope.slug, scope.owner_id, members, period, spending,
        cost=None, spent=None, projection=None, band=None, unprojected=0, covered_until=None,
        unknown_because=f"as of a moment, at most {spending.most_months} months are worked out",
    )  # fmt: skip


def spent_by_use_case(standing: Standing) -> list[tuple[Spender, int, FigureStatus]]:
    """What a budget of a programme counts and how settled it is, the largest first; it sums to
    what is used."""
    budget = standing.budget
    spend = standing.spending.months(standing.spenders, standing.period)
    names = spenders(standing.spenders)
    found = []
    for pk in standing.spenders:
        months = spend.get((pk, standing.kind), {})
        nano = sum(each.nano(budget.measure) or 0 for each in months.values())
        for cost in merge_sums(months.values(), keep=()):
            found.append((names[pk], nano, status_of(cost, now=standing.spending.now)))
    return sorted(found, key=lambda pair: (-pair[1], pair[0].title))


def _scope(
    budget: Budget, cases: Mapping[int, Spender], programmes: Mapping[int, SpendingProgramme]
) -> tuple[Spender | SpendingProgramme, tuple[int, ...]]:
    if budget.use_case_id is not None:
        return cases[budget.use_case_id], (budget.use_case_id,)
    programme = programmes[budget.programme_id or 0]
    members = tuple(sorted(pk for pk, each in cases.items() if each.programme_id == programme.pk))
    return programme, members


def _standing(
    budget: Budget,
    scope: Spender | SpendingProgramme,
    members: tuple[int, ...],
    period: DateRange,
    spend: SpentMonths,
    frozen: Frozen,
    ahead: BookedAhead,
    spending: Spending,
) -> Standing:
    kind, today = Kind(budget.currency, budget.cost_basis), spending.now.astimezone(dt.UTC).date()
    spent: int | None = 0
    projections, silent, newest = [], 0, None
    sums: list[CostSum] = []
    for pk in members:
        months = {m: s for m, s in spend.get((pk, kind), {}).items() if m.start in period}
        amounts = {m: s.nano(budget.measure) for m, s in months.items()}
        if None in amounts.values():
            spent = None
            break
        sums += months.values()
        known = {month: nano or 0 for month, nano in amounts.items()}
        spent = (spent or 0) + sum(known.values())
        reached = [ahead.last_day(pk, kind, s.newest_day, today) for s in months.values()]
        newest = max(filter(None, (newest, *reached)), default=None)
        forecast = frozen.get((pk, kind, budget.measure))
        if not known and forecast is None:
            continue  # it spends nothing, so nothing is expected of it
        pace = _pace(known, months, forecast, today)
        one = project(ahead.seen(pace, pk, budget), period=period, today=today)
        if one is None:
            silent += 1
        else:
            projections.append(one)
    elsewhere = () if sums else _of_other_kinds(kind, members, period, spend)
    can_say = spent is not None and not silent and not elsewhere
    return Standing(
        budget, scope.title, scope.slug, scope.owner_id, members, period, spending,
        next(iter(merge_sums(sums, keep=())), None), spent,
        together(projections) if can_say else None,
        _band(frozen, members, kind, budget.measure), silent, newest,
        NO_EFFECTIVE if spent is None else "", elsewhere=elsewhere,
    )  # fmt: skip


def _of_other_kinds(
    kind: Kind, members: Collection[int], period: DateRange, spend: SpentMonths
) -> tuple[CostSum, ...]:
    """What these use cases cost in the months of a period, a sum a currency and basis."""
    found = [
        cost
        for (pk, other), months in spend.items()
        if pk in members and other != kind
        for month, cost in months.items()
        if month.start in period
    ]
    return tuple(merge_sums(found, keep=()))


def _band(frozen: Frozen, members: tuple[int, ...], kind: Kind, measure: str) -> Fraction | None:
    """Half the width of the frozen band, as a share of the forecast, over all who have one.

    Widths are added as if all errors went one way: the honest side.
    """
    found = [frozen[key] for pk in members if (key := (pk, kind, measure)) in frozen]
    total = sum(each.forecast_nano or 0 for each in found)
    half = sum((each.upper_nano or 0) - (each.forecast_nano or 0) for each in found)
    return Fraction(half, total) if total else None


def _pace(
    known: Mapping[Month, int], months: Months, forecast: Forecast | None, today: dt.date
) -> Pace:
    current = months.get(Month.of(today))
    until = None if current is None else current.newest_day + dt.timedelta(days=1)
    if forecast is None:
        return Pace(known, until)
    return Pace(known, until, forecast.daily, forecast.ahead)


def live_budgets() -> QuerySet[Budget]:
    """Budgets that have not been ended."""
    return Budget.objects.filter(ended_at__isnull=True).order_by("pk")


def budgets_of_use_case(use_case_id: int) -> list[Budget]:
    """The live budgets of one use case."""
    return list(live_budgets().filter(use_case_id=use_case_id).select_related("owner"))


def month_budgets(use_case_ids: Collection[int], day: dt.date) -> dict[tuple[int, str], int]:
    """By use case and currency, what its budgets allow in the month of `day`; the smallest counts.

    Longer periods count in proportion to the days of the month.
    """
    rows = list(live_budgets().filter(use_case_id__in=use_case_ids))
    cases = spenders(each.use_case_id for each in rows if each.use_case_id)
    found: dict[tuple[int, str], int] = {}
    for each in rows:
        if each.use_case_id is None:
            continue
        period = period_of(each, day, cases[each.use_case_id].calendar)
        if period is None:
            continue
        nano = each.amount_nano * len(Month.of(day).range) // len(period)
        key = (each.use_case_id, each.currency)
        found[key] = min(nano, found.get(key, nano))
    return found


def ordered(found: Mapping[int, Standing]) -> Sequence[Standing]:
    """Nearest to its amount first; those of which nothing is known last."""
    return sorted(
        found.values(),
        key=lambda each: (each.share is None, -(each.share or Decimal(0)), each.name),
    )
