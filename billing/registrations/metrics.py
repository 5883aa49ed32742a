"""Metrics of the catalogue that money goes into. Importing them registers them."""

from __future__ import annotations

from billing.metrics import (  # noqa: F401
    allocation_coverage,
    anomaly_response,
    cost_per_outcome,
    cost_to_serve,
    forecast_error,
)
