"""Budgets, forecasts, anomalies, circuit breakers and usage."""

from __future__ import annotations

import datetime as dt
from typing import Any

from billing.choices import AnomalyState
from billing.models import Anomaly, AnomalyDay, BreakerTrip, Forecast
from billing.services.breakers import BreakerDraft, create_breaker
from portal.shell.money import NANO_PER_UNIT
from portal.shell.periods import Month
from tests.access.matrix import (
    EVERYBODY,
    Column,
    Door,
    Row,
    form_function,
    listing,
    only,
    page,
)
from tests.access.readers import Panel, Reader
from tests.adoption.factories import NOW
from tests.billing.watching import make_budget

MAY_CHANGE = only(Column.OWNER, Column.PROGRAMME_LEAD, Column.FINANCE)
MAY_CHANGE_OTHER = only(Column.OTHER_OWNER, Column.PROGRAMME_LEAD, Column.FINANCE)
MAY_MAKE = MAY_CHANGE | MAY_CHANGE_OTHER
OF_PROGRAMME = only(Column.PROGRAMME_LEAD, Column.FINANCE)
FINANCE = only(Column.FINANCE)


def _pk(where: str) -> dict[str, str]:
    return {"pk": f"{where}.pk"}


ROWS = [
    listing("budgets", EVERYBODY),
    form_function("budget-new", MAY_MAKE),
    page("budget", EVERYBODY, values=_pk("budget")),
    *(
        form_function(name, who, values=_pk(where), label=label)
        for name in ("budget-edit", "budget-end")
        for where, who, label in (
            ("budget", MAY_CHANGE, ""),
            ("other_budget", MAY_CHANGE_OTHER, "of the neighbour"),
            ("programme_budget", OF_PROGRAMME, "of the programme"),
        )
    ),
    listing("forecasts", EVERYBODY),
    listing("anomalies", EVERYBODY),
    page("anomaly", EVERYBODY, values=_pk("anomaly")),
    # Nothing is sent, and an answer needs a reason: the page comes back with 400.
    Row("anomaly-answer", {"POST": Door(MAY_CHANGE, 400)}, values=_pk("anomaly")),
    page("anomaly-policies", EVERYBODY),
    form_function("anomaly-policy-edit", FINANCE, values={"currency": "=USD"}),
    listing("breakers", EVERYBODY),
    form_function("breaker-new", MAY_MAKE),
    page("breaker", EVERYBODY, values=_pk("breaker")),
    Row("breaker-reset", {"POST": Door(MAY_CHANGE, 400)}, values=_pk("breaker")),
    form_function("breaker-end", MAY_CHANGE, values=_pk("breaker")),
    page("usage", EVERYBODY),
]
_SELECTORS = "billing.selectors"
READERS = [
    Reader(f"{_SELECTORS}.budgets:budgets_visible_to", EVERYBODY),
    Reader(f"{_SELECTORS}.budgets:budget_for_page", EVERYBODY, arguments={"pk": "@budget.pk"}),
    Reader(f"{_SELECTORS}.forecasts:forecasts_visible_to", EVERYBODY),
    Reader(f"{_SELECTORS}.anomalies:anomalies_visible_to", EVERYBODY),
    Reader(f"{_SELECTORS}.anomalies:anomaly_for_page", EVERYBODY, arguments={"pk": "@anomaly.pk"}),
    Reader(f"{_SELECTORS}.anomalies:unanswered", EVERYBODY),
    Reader(f"{_SELECTORS}.past_anomalies:anomalies_recorded_at", EVERYBODY, arguments={"at": NOW}),
    Reader(f"{_SELECTORS}.spenders:owns_any_use_case", only(Column.OWNER, Column.OTHER_OWNER)),
    Reader(f"{_SELECTORS}.breakers:breakers_visible_to", EVERYBODY),
    Reader(f"{_SELECTORS}.breakers:breaker_for_page", EVERYBODY, arguments={"pk": "@breaker.pk"}),
    Reader(f"{_SELECTORS}.usage:usage_lines", EVERYBODY, arguments={"month": Month(2026, 5)}),
    Reader(f"{_SELECTORS}.usage:months_with_usage", EVERYBODY),
]
PANELS = [
    Panel("billing.budget", EVERYBODY, thing="case"),
    Panel("billing.anomalies", MAY_CHANGE),
]


def prepare(world: Any) -> None:
    """Budgets of the use case, its neighbour and the programme; an anomaly; an open breaker."""
    case = world.case
    world.add(
        budget=make_budget(case, 100, owner=case.owner),
        other_budget=make_budget(world.neighbour, 100, owner=world.neighbour.owner),
        programme_budget=make_budget(None, 900, programme_id=case.programme_id, owner=world.maker),
        anomaly=_anomaly(case.pk),
        breaker=_breaker(case.pk, world.maker),
    )
    Forecast.objects.create(
        use_case=case, month=dt.date(2026, 5, 1), currency="USD", cost_basis="invoiced",
        measure="effective", reason="too_short_history", history_months=1, method="median-trend-1",
        frozen_at=NOW,
    )  # fmt: skip
    _usage(world)


def _anomaly(use_case_id: int) -> Anomaly:
    day = AnomalyDay.objects.create(
        use_case_id=use_case_id, day=NOW.date(), currency="USD", cost_basis="invoiced",
        state=AnomalyState.ANOMALY, is_anomaly=True, actual_nano=900 * NANO_PER_UNIT,
        expected_nano=100 * NANO_PER_UNIT, lower_nano=0, upper_nano=120 * NANO_PER_UNIT,
        history_days=84, method="weekday-median-1", judged_at=NOW,
    )  # fmt: skip
    return Anomaly.objects.create(day=day, detected_at=NOW, notified_at=NOW, deliveries=0)


def _breaker(use_case_id: int, actor: Any) -> Any:
    breaker = create_breaker(
        draft=BreakerDraft(
            name="Nightly batch", use_case_id=use_case_id, field="api_key", value="key-1",
            window="day", currency="USD", cost_basis="invoiced", limit_nano=NANO_PER_UNIT,
        ),
        actor=actor, at=NOW,
    )  # fmt: skip
    BreakerTrip.objects.create(
        breaker=breaker, window_start=NOW, limit_nano=NANO_PER_UNIT, spent_nano=2 * NANO_PER_UNIT,
        tripped_at=NOW,
    )  # fmt: skip
    return breaker


def _usage(world: Any) -> None:
    """One quantity, so that those who may look find something."""
    from billing.models import ChargeSlice, Usage, UsageDimension, UsageSlice

    run = world.charge.run
    dimension = UsageDimension.objects.create(
        digest="1" * 32, dataset="usage", provider="Cloud", service_name="Models",
        model="atlas-large", metric="input_tokens", unit="tokens",
    )  # fmt: skip
    connection = ChargeSlice.objects.get(pk=world.charge.slice_id).connection
    part = UsageSlice.objects.create(
        connection=connection, dataset="usage", day=dt.date(2026, 5, 3), rows=1, digest=1,
        last_run=run, changed_at=NOW,
    )  # fmt: skip
    start = dt.datetime(2026, 5, 3, tzinfo=dt.UTC)
    Usage.objects.create(
        slice=part, dimension=dimension, run=run, file=world.charge.file, line=2,
        identity="2" * 32, day=dt.date(2026, 5, 3), period_start=start,
        period_end=start + dt.timedelta(days=1), quantity_micro=5_000_000, recorded_at=NOW,
    )  # fmt: skip
