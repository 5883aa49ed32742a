"""Incidents, and the metrics of delivery."""

from __future__ import annotations

from adoption.metrics import delivery_metrics  # noqa: F401  (importing it registers the metrics)
from adoption.metrics.baselines import window_providers
from portal.audit.registry import governed
from portal.checks import check_registry
from portal.scopes import Scope, api_scopes

check_registry(window_providers)
api_scopes.register(Scope("incidents:write", "Send incidents"))
# What incident systems say is kept as it comes, like deployments: its history is in the row. That a
# service came out of another is a person's statement and moves an index.
governed("adoption.ServiceSplit")
