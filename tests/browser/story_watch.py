"""What watches over money in the story: budgets, forecasts, a burst of cost, an open breaker."""

from __future__ import annotations

import datetime as dt
from typing import Any

from billing.models import Anomaly
from billing.services.anomalies import acknowledge, detect_anomalies
from billing.services.breakers import BreakerDraft, check_breakers, create_breaker
from billing.services.budget_alerts import check_budgets
from billing.services.budgets import BudgetDraft, create_budget
from billing.services.forecasts import freeze_forecasts
from portal.models import User
from portal.services.connections import create_connection
from portal.services.webhooks import create_subscription, send_test
from portal.shell.money import NANO_PER_UNIT
from portal.shell.periods import Month
from tests.billing.sources.focus.focus_files import csv_bytes
from tests.billing.watching import charge_line
from tests.browser.story_bills import LONG, import_files


def make_watch(*, now: dt.datetime, viewer: User, use_case: Any, programme: Any, **_: Any) -> Any:
    """A budget that is used up, one of the programme, forecasts, anomalies, a tripped breaker."""
    month = Month.of(now.date())
    webhook, _secret = create_subscription(
        name=f"Gateway {LONG[:60]}", url="https://gateway.example/hooks/plumbline",
        events=["cost.breaker_tripped", "webhook.test"], actor=viewer, at=now,
    )  # fmt: skip

    def budget(period: str, **scope: int) -> Any:
        return create_budget(
            draft=BudgetDraft(
                period=period, first=month - 12, last=None, currency="USD",
                cost_basis="invoiced", measure="billed", amount_nano=90 * NANO_PER_UNIT,
                owner=viewer, **scope,
            ),
            actor=viewer, at=now,
        )  # fmt: skip

    budgets = {
        "month": budget("month", use_case_id=use_case.pk),
        "quarter": budget("quarter", programme_id=programme.pk),
    }
    freeze_forecasts(at=dt.datetime.combine(month.start, dt.time(1), tzinfo=dt.UTC))
    breaker = create_breaker(
        draft=BreakerDraft(
            name=f"Batch {LONG[:80]}", use_case_id=use_case.pk, field="tag", tag_key="use_case",
            value="triage", window="day", currency="USD", cost_basis="invoiced",
            limit_nano=NANO_PER_UNIT,
        ),
        actor=viewer, at=now - dt.timedelta(days=9),
    )  # fmt: skip
    check_breakers(at=now)
    check_budgets(at=now)
    return {
        "budgets": budgets,
        "breaker": breaker,
        "webhook": webhook,
        "webhook_event": send_test(pk=webhook.pk, actor=viewer, at=now),
        "anomalies": _anomalies(now, viewer, use_case),
    }


def _anomalies(now: dt.datetime, viewer: User, use_case: Any) -> dict[str, Anomaly]:
    """A burst that waits for an answer, and one that was answered."""
    bill = create_connection(
        slug="burst", source="focus", name="Burst of cost", at=now, actor=viewer
    )
    days = [(now - dt.timedelta(days=back)).date() for back in (2, 9)]
    rows = [charge_line(day, "900", "triage", BillingAccountId="burst") for day in days]
    import_files(bill, now, viewer, {"burst": csv_bytes(rows)})
    detect_anomalies(at=now)
    waiting, answered = Anomaly.objects.order_by("-day__day", "pk")[:2]
    acknowledge(pk=answered.pk, reason="one_off", note=LONG, actor=viewer, at=now)
    return {"waiting": waiting, "answered": answered}
