"""What the database refuses about forecasts, alerts and trips: what was said then, stays said."""

from __future__ import annotations

from portal.approvals.triggers import Dialect, Guard, always, guards


def _trip_changes(dialect: Dialect) -> str:
    """Only the reset is written later, and only once."""
    fixed = ("breaker_id", "window_start", "limit_nano", "spent_nano", "tripped_at", "event_id")
    differs = " OR ".join(dialect.differs(column) for column in fixed)
    return f"OLD.reset_at IS NOT NULL OR {differs}"


def register_guards() -> None:
    """Add these to the portal's."""
    for guard in (
        Guard("forecast_is_frozen", "billing.Forecast", "UPDATE", always,
              "a forecast is frozen when it is made"),
        Guard("forecast_stays", "billing.Forecast", "DELETE", always,
              "forecasts are never deleted"),
        Guard("budgetalert_is_fixed", "billing.BudgetAlert", "UPDATE", always,
              "an alert is never edited"),
        Guard("budgetalert_stays", "billing.BudgetAlert", "DELETE", always,
              "alerts are never deleted"),
        Guard("breakertrip_is_fixed", "billing.BreakerTrip", "UPDATE", _trip_changes,
              "a trip is only reset, once"),
        Guard("breakertrip_stays", "billing.BreakerTrip", "DELETE", always,
              "trips are never deleted"),
    ):  # fmt: skip
        guards.register(guard)
