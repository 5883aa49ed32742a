"""Addresses of budgets, forecasts, anomalies, circuit breakers and usage, below `/costs/`."""

from __future__ import annotations

from django.urls import path

from billing.views import anomalies, breakers, budgets, forecasts, usage
from billing.views.moments import now_only

_PAGES = [
    path("budgets/", budgets.BudgetListPage.as_view(), name="budgets"),
    path("budgets/new/", budgets.budget_new_page, name="budget-new"),
    path("budgets/<int:pk>/", budgets.budget_page, name="budget"),
    path("budgets/<int:pk>/edit/", budgets.budget_edit_page, name="budget-edit"),
    path("budgets/<int:pk>/end/", budgets.budget_end_page, name="budget-end"),
    path("forecasts/", forecasts.ForecastListPage.as_view(), name="forecasts"),
    path("anomalies/", anomalies.AnomalyListPage.as_view(), name="anomalies"),
    path("anomalies/told/", anomalies.policies_page, name="anomaly-policies"),
    path("anomalies/told/<str:currency>/", anomalies.policy_edit_page, name="anomaly-policy-edit"),
    path("anomalies/<int:pk>/", anomalies.anomaly_page, name="anomaly"),
    path("anomalies/<int:pk>/answer/", anomalies.anomaly_answer, name="anomaly-answer"),
    path("breakers/", breakers.BreakerListPage.as_view(), name="breakers"),
    path("breakers/new/", breakers.breaker_new_page, name="breaker-new"),
    path("breakers/<int:pk>/", breakers.breaker_page, name="breaker"),
    path("breakers/<int:pk>/reset/", breakers.breaker_reset, name="breaker-reset"),
    path("breakers/<int:pk>/end/", breakers.breaker_end_page, name="breaker-end"),
    path("usage/", usage.usage_page, name="usage"),
]

# Every other page refuses `as_of`: it would answer with the figures of now.
urlpatterns = now_only(_PAGES, but=("budgets", "budget", "anomalies", "anomaly", "forecasts"))
