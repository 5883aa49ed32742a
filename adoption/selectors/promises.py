"""What milestones and targets say about themselves beside their value: forecast and risk."""

from __future__ import annotations

from dataclasses import dataclass

from adoption.choices import MilestoneRisk, MilestoneState
from adoption.models.promises import MeasuredPromise
from portal.shell.formats import date_text

AT_RISK = "at_risk"
FORECAST_METHOD = (
    "Pace of the last 8 weeks, carried on evenly; the range holds in 4 of 5 cases when things go "
    "on at that pace one by one."
)
_NO_FORECAST = {
    "too_little_happened": "fewer than 3 happened in the last 8 weeks, which is no pace",
    "years_away_at_this_pace": "at this pace it is years away",
    "value_not_known": "its value is not known",
    "forecast_only_for_counts": "costs, shares and levels have no pace",
}


@dataclass(frozen=True, slots=True)
class ForecastWords:
    """A forecast as a page shows it.

    Attributes:
        text: the day with its range, or why there is none; empty once reached.
        is_known: whether there is a day.
    """

    text: str = ""
    is_known: bool = False


def forecast_words(row: MeasuredPromise) -> ForecastWords:
    """The stored forecast in words."""
    if row.state == MilestoneState.REACHED:
        return ForecastWords()
    if row.forecast_on is None:
        reason = _NO_FORECAST.get(row.forecast_reason, "")
        return ForecastWords(f"No forecast: {reason}." if reason else "")
    early = date_text(row.forecast_low_on) if row.forecast_low_on else "?"
    late = date_text(row.forecast_high_on) if row.forecast_high_on else "more than three years"
    return ForecastWords(
        f"Forecast: {date_text(row.forecast_on)} ({early} to {late}).", is_known=True
    )


def risk_words(row: MeasuredPromise) -> str:
    """Why it may be missed; empty when it is not at risk."""
    if row.risk == MilestoneRisk.FORECAST_LATE:
        return "At its pace it comes after its day."
    if row.risk == MilestoneRisk.DUE_SOON:
        return "It is due within 14 days and its measure does not say so yet."
    return ""


def shown_state(row: MeasuredPromise) -> str:
    """The state as pages show it: an open one at risk says so."""
    return AT_RISK if row.state == MilestoneState.OPEN and row.risk else row.state
