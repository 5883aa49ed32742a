"""What sources are told of price plans before they read: they are pure and look nothing up."""

from __future__ import annotations

from typing import Any

from billing.selectors.plans import plan_facts
from billing.sources.kiro.config import KiroConfig
from portal.models import ImportRun


def all_plans(run: ImportRun) -> dict[str, Any]:
    """Every plan, as it stands when the run begins."""
    return {"price_plans": plan_facts()}


def plans_of_kiro(run: ImportRun) -> dict[str, Any]:
    """The plans under the provider that the connection names."""
    config = KiroConfig.model_validate(run.connection.config)
    return {"price_plans": plan_facts([config.plan_provider])}
