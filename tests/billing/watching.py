"""Bills of many days for tests of budgets, forecasts and anomalies, through the real import."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from adoption.models import UseCase
from billing.models import Anomaly, AnomalyDay, Budget
from billing.services.budgets import BudgetDraft, create_budget
from portal.models import Connection, User
from portal.shell.money import NANO_PER_UNIT
from portal.shell.periods import Month
from tests.adoption.factories import make_user
from tests.billing.factories import give_all
from tests.imports import line, make_connection, run_import


def charge_line(day: dt.date, cost: str, tag: str, **changes: str) -> dict[str, str]:
    """One FOCUS row of any day, tagged for a use case."""
    month = Month.of(day)
    return {
        **line(3, cost),
        "BillingPeriodStart": f"{month.start}T00:00:00Z",
        "BillingPeriodEnd": f"{month.end}T00:00:00Z",
        "ChargePeriodStart": f"{day}T00:00:00Z",
        "ChargePeriodEnd": f"{day + dt.timedelta(days=1)}T00:00:00Z",
        "Tags": f'{{"use_case": "{tag}"}}',
        **changes,
    }


def spend(
    costs: Mapping[dt.date, str], tag: str, connection: Connection | None = None, **changes: str
) -> Connection:
    """Import one line a day for what carries `tag`."""
    bill = connection or make_connection(f"bill-{tag}")
    run_import(bill, [charge_line(day, cost, tag, **changes) for day, cost in costs.items()])
    return bill


def every_day(first: dt.date, last: dt.date, cost: str = "10") -> dict[dt.date, str]:
    """The same cost on each day from `first` to `last`, both included."""
    count = (last - first).days + 1
    return {first + dt.timedelta(days=place): cost for place in range(count)}


def paid_for(use_case: UseCase, tag: str, first: dt.date) -> None:
    """A rule that gives what carries `tag` to the use case, from that day on."""
    give_all(use_case, value=tag, starts_on=first)


def make_budget(use_case: UseCase | None = None, amount: int = 100, **fields: object) -> Budget:
    """A monthly budget in USD, billed, invoiced, from January 2026."""
    owner: User = fields.pop("owner", None) or make_user()  # type: ignore[assignment]
    values: dict[str, object] = {
        "use_case_id": use_case.pk if use_case else None,
        "period": "month",
        "first": Month(2026, 1),
        "last": None,
        "currency": "USD",
        "cost_basis": "invoiced",
        "measure": "billed",
        "amount_nano": amount * NANO_PER_UNIT,
        "owner": owner,
    }
    return create_budget(
        draft=BudgetDraft(**(values | fields)),  # type: ignore[arg-type]
        actor=owner,
        at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    )


def make_anomaly(use_case_id: int) -> Anomaly:
    """One of 10 June 2026, 200 too much, found and not told."""
    nano = 100 * NANO_PER_UNIT
    at = dt.datetime(2026, 6, 11, 6, tzinfo=dt.UTC)
    day = AnomalyDay.objects.create(
        use_case_id=use_case_id, day=dt.date(2026, 6, 10), currency="USD", cost_basis="invoiced",
        state="anomaly", is_anomaly=True, actual_nano=3 * nano, expected_nano=nano, lower_nano=0,
        upper_nano=nano, history_days=40, method="test", judged_at=at,
    )  # fmt: skip
    return Anomaly.objects.create(day=day, detected_at=at, deliveries=1)
