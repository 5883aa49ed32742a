"""What watches over money: after an import, and as time passes. Repeating it changes nothing."""

from __future__ import annotations

import datetime as dt

from billing.services.anomalies import detect_anomalies
from billing.services.breakers import check_breakers
from billing.services.budget_alerts import check_budgets
from billing.services.forecasts import freeze_forecasts
from portal.models import ImportRun


def watch_costs(*, at: dt.datetime) -> None:
    """Forecasts first, because budgets look at them; then breakers, budgets and anomalies."""
    freeze_forecasts(at=at)
    check_breakers(at=at)
    check_budgets(at=at)
    detect_anomalies(at=at)


def after_import(_run: ImportRun, at: dt.datetime) -> None:
    """Follow-up of every applied import of costs.

    Breakers come first and forecasts are left to their hour: new costs change no frozen forecast.
    """
    check_breakers(at=at)
    check_budgets(at=at)
    detect_anomalies(at=at)
