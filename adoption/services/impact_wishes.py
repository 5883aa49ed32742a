"""From what a person asks for to a complete plan: sensible defaults, and what is refused.

Few things must be said; the rest follows from the use case, the metric and the baseline.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from adoption.choices import EffectDirection, ScopeKind
from adoption.metrics.contracts import Windowed
from adoption.metrics.registry import MetricDefinition, metrics
from adoption.models import Service, Team, UseCase
from adoption.services.impact_plans import NANO, WEEK, GuardrailWish, Plan
from adoption.services.refusals import RefusedError
from adoption.validation.methods import OF_COUNTS, OF_MEASUREMENTS, Method
from portal.shell.periods import day_of

FEWEST_BEFORE, FEWEST_AFTER = 8, 4  # weeks
USUAL, USUAL_GAP = 12, 2  # weeks of each side, and of the wash-out
FEW_UNITS = 10  # in the smaller group: below it units are permuted
MINIMUM = {"counts": 20, "measurements": 20, "units": 4}
LARGEST_RATIO, SMALLEST_RATIO = 60 * NANO, NANO // 50


class RegistrationRefusedError(RefusedError):
    """This cannot be registered; `reason` says what would be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a person says; None leaves it to the portal.

    Attributes:
        interest_nano: smallest effect of interest: a ratio for counts (1.25), else a difference in
            the metric's unit, in nano-units, on the side of the direction.
        trigger_month: first day of the month that gave the idea.
        days: half-open, in the programme's zone.
    """

    hypothesis: str
    direction: str
    metric_key: str
    launch_on: dt.date
    interest_nano: int
    trigger_month: dt.date | None = None
    baseline_starts_on: dt.date | None = None
    baseline_ends_on: dt.date | None = None
    after_starts_on: dt.date | None = None
    after_ends_on: dt.date | None = None
    method: str = ""
    alpha_percent: int = 5
    guardrails: Sequence[GuardrailWish] = field(default=())
    minimum_n: int | None = None
    stop_rule: str = ""
    unit_ids: Sequence[int] = ()
    comparison_ids: Sequence[int] = ()


def _metric(key: str) -> tuple[MetricDefinition, Windowed]:
    found = metrics.get(key) if key in metrics else None
    if found is None or found.windowed is None or found.windowed.sample is None:
        raise RegistrationRefusedError(
            "No effect can be tested on that metric. Choose one of those that are offered.",
            field="metric_key",
        )
    return found, found.windowed


def _own_units(use_case: UseCase, scope: ScopeKind) -> tuple[int, ...]:
    if scope is ScopeKind.USE_CASE:
        return (use_case.pk,)
    if scope is ScopeKind.TEAM:
        return (use_case.team_id,)
    if scope is ScopeKind.PROGRAMME:
        return (use_case.programme_id,)
    services = _services_of(UseCase.objects.filter(pk=use_case.pk))
    return tuple(services.order_by("pk").values_list("pk", flat=True))


def units_offered(use_case: UseCase, scope: ScopeKind) -> list[tuple[int, str]]:
    """Units of the kind that can be treated or compared with: key and name, by name.

    Use cases and services are those of the programme, teams all of them.
    """
    if scope is ScopeKind.USE_CASE:
        rows = UseCase.objects.filter(programme_id=use_case.programme_id)
        return list(rows.order_by("title", "pk").values_list("pk", "title"))
    if scope is ScopeKind.TEAM:
        return list(Team.objects.order_by("name", "pk").values_list("pk", "name"))
    if scope is ScopeKind.SERVICE:
        services = _services_of(UseCase.objects.filter(programme_id=use_case.programme_id))
        return list(services.order_by("name", "pk").values_list("pk", "name"))
    return []


def pool_of(use_case: UseCase, scope: ScopeKind) -> tuple[int, ...]:
    """The units that the team of the use case could pool in one roll-out; empty for teams."""
    cases = UseCase.objects.filter(team_id=use_case.team_id)
    if scope is ScopeKind.USE_CASE:
        return tuple(cases.order_by("pk").values_list("pk", flat=True))
    if scope is ScopeKind.SERVICE:
        return tuple(_services_of(cases).order_by("pk").values_list("pk", flat=True))
    return ()


def _services_of(cases: QuerySet[UseCase]) -> QuerySet[Service]:
    linked = cases.values("repository_links__repository_id")
    return Service.objects.filter(repository_id__in=linked)


def unit_names(scope: str, ids: Sequence[int]) -> dict[int, str]:
    """Names of units that still exist."""
    if scope == ScopeKind.USE_CASE:
        return dict(UseCase.objects.filter(pk__in=ids).values_list("pk", "title"))
    if scope == ScopeKind.TEAM:
        return dict(Team.objects.filter(pk__in=ids).values_list("pk", "name"))
    if scope == ScopeKind.SERVICE:
        return dict(Service.objects.filter(pk__in=ids).values_list("pk", "name"))
    return {}


def month_start(day: dt.date) -> dt.date:
    return day.replace(day=1)


def complete(use_case: UseCase, wish: Wish, *, at: dt.datetime) -> Plan:
    """The plan that a wish comes to, with defaults for what was left open.

    The month that gave the idea is the last whole one unless an earlier one is named, the baseline
    the twelve weeks before it, the window after begins two weeks after the launch.

    Raises:
        RegistrationRefusedError: the metric cannot be tested on, or the method does not fit it.
    """
    metric, windowed = _metric(wish.metric_key)
    zone = use_case.programme.time_zone
    today = day_of(at, ZoneInfo(zone))
    trigger = wish.trigger_month or month_start(month_start(today) - dt.timedelta(days=1))
    baseline_ends = wish.baseline_ends_on or trigger
    baseline_starts = wish.baseline_starts_on or baseline_ends - USUAL * WEEK
    after_starts = wish.after_starts_on or wish.launch_on + USUAL_GAP * WEEK
    after_ends = wish.after_ends_on or after_starts + USUAL * WEEK
    comparison = tuple(wish.comparison_ids)
    units = tuple(wish.unit_ids) or _own_units(use_case, windowed.scope)
    method = Method(wish.method) if wish.method else _usual_method(metric, units, comparison)
    kind = "units" if method.compares_units else _kind_of(method)
    return Plan(
        hypothesis=wish.hypothesis.strip(),
        direction=wish.direction,
        metric_key=metric.key,
        metric_version=metric.version,
        unit_kind=windowed.scope.value,
        unit_ids=units,
        comparison_ids=comparison,
        zone=zone,
        trigger_month=trigger,
        baseline_starts_on=baseline_starts,
        baseline_ends_on=baseline_ends,
        launch_on=wish.launch_on,
        after_starts_on=after_starts,
        after_ends_on=after_ends,
        interest_nano=wish.interest_nano,
        method=method.value,
        alpha_percent=wish.alpha_percent,
        guardrails=tuple(wish.guardrails),
        minimum_n=MINIMUM[kind] if wish.minimum_n is None else wish.minimum_n,
        stop_rule=(wish.stop_rule or use_case.stop_rule).strip(),
    ).with_seed()


def _kind_of(method: Method) -> str:
    return "counts" if method in OF_COUNTS else "measurements"


def _usual_method(
    metric: MetricDefinition, units: Sequence[int], comparison: Sequence[int]
) -> Method:
    if comparison:
        few = min(len(units), len(comparison)) < FEW_UNITS
        return Method.PERMUTED_CHANGES if few else Method.PAIRED_CHANGES
    return Method.WEEKLY_RATIO if metric.unit == "count" else Method.RANK_SHIFT


def check(plan: Plan, use_case: UseCase, *, at: dt.datetime) -> None:
    """Refuse what would not be a test of anything.

    Raises:
        RegistrationRefusedError: with the field that is to be mended.
    """
    if not plan.hypothesis:
        _refuse("hypothesis", "Say in one sentence what should change, so that it can fail.")
    if not plan.stop_rule:
        _refuse("stop_rule", "Say which result would end it; a test without one only goes on.")
    if plan.direction not in EffectDirection.values:
        _refuse("direction", "An effect is an increase or a decrease.")
    if plan.alpha_percent not in (1, 5, 10):
        _refuse("alpha_percent", "Alpha is 1, 5 or 10 per cent.")
    if not 1 <= plan.minimum_n <= 1_000_000:
        _refuse("minimum_n", "The minimum is a whole number from 1 to 1,000,000.")
    _check_windows(plan, use_case, at)
    _check_units(plan)
    _check_interest(plan)
    _check_guardrails(plan)


def _refuse(name: str, reason: str) -> None:
    raise RegistrationRefusedError(reason, field=name)


def _check_windows(plan: Plan, use_case: UseCase, at: dt.datetime) -> None:
    today = day_of(at, ZoneInfo(plan.zone))
    if plan.trigger_month.day != 1 or plan.trigger_month > month_start(today):
        _refuse(
            "trigger_month",
            "The month that gave the idea is a month that has begun; give its first day.",
        )
    if plan.baseline_ends_on > plan.trigger_month:
        _refuse(
            "baseline_ends_on",
            f"The baseline ends before {plan.trigger_month:%B %Y}, the month that gave the idea. A "
            "month that was noticed because it was bad is followed by a better one anyhow.",
        )
    for name, starts, ends, fewest in (
        ("baseline", plan.baseline_starts_on, plan.baseline_ends_on, FEWEST_BEFORE),
        ("after", plan.after_starts_on, plan.after_ends_on, FEWEST_AFTER),
    ):
        if (ends - starts) % WEEK:
            _refuse(f"{name}_ends_on", "A window is a number of whole weeks long.")
        if ends - starts < fewest * WEEK:
            _refuse(f"{name}_ends_on", f"This window is at least {fewest} weeks long.")
        if ends - starts > 104 * WEEK:
            _refuse(f"{name}_ends_on", "A window is at most two years long.")
    if plan.launch_on < plan.baseline_ends_on:
        _refuse("launch_on", "The launch comes after the baseline has ended.")
    if plan.after_starts_on < plan.launch_on:
        _refuse("after_starts_on", "The window after begins on the day of the launch, or later.")


def _check_units(plan: Plan) -> None:
    method = Method(plan.method)
    if not plan.unit_ids:
        _refuse("metric_key", "There is no unit of this metric here yet, such as a service.")
    if set(plan.unit_ids) & set(plan.comparison_ids):
        _refuse("comparison_ids", "A unit is treated, or compared with; not both.")
    if method.compares_units and (len(plan.unit_ids) < 2 or len(plan.comparison_ids) < 2):
        _refuse(
            "method",
            "This method compares units: it needs two that are treated and two that are not.",
        )
    if not method.compares_units and plan.comparison_ids:
        _refuse("method", "This method looks at treated units only; leave the comparison out.")
    known = unit_names(plan.unit_kind, plan.all_ids)
    if plan.unit_kind != ScopeKind.PROGRAMME and set(known) != set(plan.all_ids):
        _refuse("comparison_ids", "One of these units does not exist.")


def _check_interest(plan: Plan) -> None:
    method, interest = Method(plan.method), plan.interest_nano
    rises = plan.direction == EffectDirection.INCREASE
    null = NANO if method in OF_COUNTS else 0
    if (interest > null) != rises or interest == null:
        _refuse(
            "interest",
            "The smallest effect of interest lies on the side of the hypothesis and is not nought.",
        )
    if method in OF_COUNTS and not SMALLEST_RATIO <= interest <= LARGEST_RATIO:
        _refuse("interest", "That change is larger than anything that can be tested.")
    is_count = metrics.get(plan.metric_key).unit == "count"
    if (method in OF_COUNTS and not is_count) or (method in OF_MEASUREMENTS and is_count):
        _refuse("method", "This method does not fit it: counts have rates, waits have ranks.")


def _check_guardrails(plan: Plan) -> None:
    seen = {plan.metric_key}
    for each in plan.guardrails:
        metric, windowed = _guardrail_metric(each)
        if each.metric_key in seen:
            _refuse("guardrails", "A guardrail is another metric, and each is named once.")
        seen.add(each.metric_key)
        if windowed.scope != plan.unit_kind:
            _refuse("guardrails", f"{metric.label} is not measured for the same units.")
        null = NANO if metric.unit == "count" else 0
        is_worse = (
            each.margin_nano >= null if each.worse == "increase" else each.margin_nano <= null
        )
        if each.worse not in EffectDirection.values or not is_worse:
            _refuse(
                "guardrails", f"The margin of {metric.label} lies on the side where it is worse."
            )
        if metric.unit == "count" and each.margin_nano <= 0:
            _refuse("guardrails", f"The margin of {metric.label} is a ratio above 0.")


def _guardrail_metric(wish: GuardrailWish) -> tuple[MetricDefinition, Windowed]:
    try:
        return _metric(wish.metric_key)
    except RegistrationRefusedError as error:
        raise RegistrationRefusedError(
            "No guardrail can be held on that metric.", field="guardrails"
        ) from error
