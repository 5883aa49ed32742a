"""Billing's addresses below /api/v1/. The costs of a use case stand among adoption's use cases."""

from __future__ import annotations

from django.urls import path

from billing.api.costs import DailyCostsView, UseCaseCostsView
from billing.api.explanations import ExplanationView
from billing.api.plans import PricePlanEndView, PricePlansView

urlpatterns = [
    path("costs/daily/", DailyCostsView.as_view(), name="api-costs-daily"),
    path("price-plans/", PricePlansView.as_view(), name="api-price-plans"),
    path("price-plans/<int:pk>/end/", PricePlanEndView.as_view(), name="api-price-plan-end"),
    path("costs/explain/", ExplanationView.as_view(), name="api-costs-explain"),
    path("use-cases/<slug:slug>/costs/", UseCaseCostsView.as_view(), name="api-use-case-costs"),
]
