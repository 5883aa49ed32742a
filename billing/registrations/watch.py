"""Budgets, forecasts, anomalies, circuit breakers and usage."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from celery.schedules import crontab

from adoption.choices import ScopeKind
from adoption.metrics.monitor import Noticed, Telltale, telltales
from adoption.metrics.telltales import Found
from adoption.metrics.windows import Window
from adoption.selectors.portfolio import PortfolioColumn, portfolio_columns
from billing.demo import budgets as demo
from billing.policies import may_see_costs
from billing.selectors.silent_spending import spend_without_deliveries
from billing.services.breakers import RESET, TRIPPED
from billing.services.watch import after_import
from billing.views.budget_panel import budget_panel, budget_used_column, waiting_anomalies
from billing.views.impact_panel import impact_net_panel
from billing.vocabularies import (
    ANOMALY_DAYS,
    ANOMALY_STANDINGS,
    BREAKER_STATES,
    BUDGET_STATES,
    BUDGET_THRESHOLDS,
)
from billing.watch_guards import register_guards
from portal.audit.registry import governed
from portal.choices import ImportKind, Role
from portal.demo import DemoStep, demo_steps
from portal.imports.registry import FollowUp, follow_ups
from portal.schedule import ScheduledJob, scheduled_jobs
from portal.shell.formats import nano_money_text
from portal.shell.navigation import NavigationEntry, Visitor, navigation
from portal.shell.panels import HomePanel, ObjectPanel, home_panels, object_panels
from portal.shell.statuses import vocabularies
from portal.shell.urls_registry import register_urls
from portal.webhooks.registry import WebhookEvent, webhook_events

_FINANCE = frozenset({Role.FINANCE})

register_urls("costs/", "billing.watch_urls")
register_guards()
for _vocabulary in (BUDGET_STATES, BUDGET_THRESHOLDS, ANOMALY_STANDINGS, ANOMALY_DAYS,
                    BREAKER_STATES):  # fmt: skip
    vocabularies.register(_vocabulary)


def _sees_costs(user: Visitor) -> bool:
    return may_see_costs(user)  # type: ignore[arg-type]


for _order, _key, _label, _icon in (
    (50, "budgets", "Budgets", "target"),
    (55, "anomalies", "Anomalies", "warn"),
    (60, "breakers", "Circuit breakers", "stop"),
    (90, "usage", "Usage (cost driver)", "gauge"),
):
    navigation.register(
        NavigationEntry(f"billing.{_key}", _label, _key, "Costs", _order, _icon, _sees_costs)
    )


def _silent_spending(window: Window, as_of: dt.datetime) -> Iterator[Noticed]:
    """A use case is nobody's, so the number of people does not matter."""
    whole = (window.ends_on - window.starts_on).days
    for each in spend_without_deliveries(start=window.starts_on, end=window.ends_on, as_of=as_of):
        amount = nano_money_text(each.effective_nano, each.kind.currency)
        yield Noticed(
            ScopeKind.USE_CASE,
            each.use_case_id,
            each.title,
            Found(
                f"It cost something on {each.days} of {whole} days, {amount} "
                f"({each.kind.basis_label.lower()}) in all, and no delivery was claimed for it.",
                {"days": each.days, "effective_nano": each.effective_nano, "deliveries": 0},
            ),
        )


telltales.register(
    Telltale("spend_without_deliveries", "Spend without deliveries", "A17", _silent_spending)
)

object_panels.register(
    ObjectPanel(
        "billing.budget",
        slot="use_case",
        order=21,
        template="billing/_use_case_budget.html",
        context=budget_panel,
        title="Budget",
    )
)
object_panels.register(
    ObjectPanel(
        "billing.impact_net",
        slot="impact_verdict",
        order=10,
        template="billing/_impact_net.html",
        context=impact_net_panel,
        title="After cost",
    )
)
home_panels.register(
    HomePanel("billing.anomalies", 22, "billing/_home_anomalies.html", waiting_anomalies)
)
portfolio_columns.register(
    PortfolioColumn(
        key="billing.budget_used",
        label="Budget used",
        order=20,
        values=budget_used_column,
        missing="no budget",
        help_text="Used share of the budget in its current period; of several the fullest",
    )
)
follow_ups.register(
    FollowUp(
        "billing.watch",
        frozenset({ImportKind.COSTS}),
        after_import,
        label="Look at circuit breakers, budgets and anomalies after an import",
        roles=_FINANCE,
        is_per_run=False,
    )
)
scheduled_jobs.register(
    ScheduledJob(
        key="freeze-forecasts",
        task="billing.tasks.freeze_forecasts",
        when=crontab(hour="2", minute="20"),
        reason="A forecast counts only when it is made as the month begins: daily, so that a "
        "missed first of the month is caught up on the second or third; later ones are not made.",
        roles=_FINANCE,
    )
)
scheduled_jobs.register(
    ScheduledJob(
        key="watch-costs",
        task="billing.tasks.watch_costs",
        when=3600.0,
        reason="Imports set it off too; by the clock because days end, periods begin and rules "
        "move money without an import.",
        roles=_FINANCE,
    )
)
scheduled_jobs.register(
    ScheduledJob(
        key="check-breakers",
        task="billing.tasks.check_breakers",
        when=300.0,
        reason="A job that runs away costs most in its first minutes: as soon as its charges are "
        "here, and five minutes at most after a reset.",
        roles=_FINANCE,
    )
)
for _event in (
    WebhookEvent(
        TRIPPED,
        "Circuit breaker tripped",
        "The charges of a job exceeded its limit. data: trip, breaker, use_case, field, tag_key, "
        "value, window, window_start, spent, limit, currency, cost_basis; amounts are decimal "
        "strings.",
    ),
    WebhookEvent(
        RESET,
        "Circuit breaker reset",
        "Somebody closed it again. data: as when it tripped, with the same trip.",
    ),
):
    webhook_events.register(_event)

demo_steps.register(DemoStep("billing.budgets", 85, demo.build_budgets))

governed("billing.Budget")
governed("billing.AnomalyPolicy")
governed("billing.Anomaly")
governed("billing.CircuitBreaker")
governed("billing.BreakerTrip")
