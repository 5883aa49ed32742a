"""Anomalies as a table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from billing.selectors.day_status import DayOf, statuses_of_days
from billing.selectors.past_anomalies import past_statuses_of_days
from billing.tables.figures import SettledColumn
from billing.tables.moments import LinkThen, PastTable
from portal.shell.columns import (
    DateColumn,
    LinkTo,
    MoneyColumn,
    NumberColumn,
    Record,
    ShellColumn,
    StatusColumn,
)
from portal.shell.paging import Source
from portal.shell.tables import ShellTable

_DAY = ("day__use_case_id", "day__day", "day__currency", "day__cost_basis")


class AnomalyTable(PastTable):
    """Rows of `anomalies_visible_to`, or of `anomalies_recorded_at`."""

    caption = "Anomalies"
    default_sort = "-day"
    unique_key = ("-pk",)

    day = DateColumn("Day", accessor="day__day", url=LinkThen("anomaly", "pk"), row_header=True)
    use_case = ShellColumn(
        "Use case", accessor="day__use_case__title", url=LinkTo("use-case", "day__use_case__slug"),
        orderable=False,
    )  # fmt: skip
    actual = SettledColumn(
        "Cost", accessor="actual_nano", currency_key="day__currency", orderable=False,
        fields=("day__use_case_id", "day__day", "day__cost_basis"), reason_key="unknown_because",
        help_text="Effective cost, billed where none is stated, "
        "without purchases, credits, tax and adjustments",
    )  # fmt: skip
    expected = MoneyColumn(
        "Expected", accessor="expected_nano", currency_key="day__currency", orderable=False,
        reason_key="unknown_because",
    )  # fmt: skip
    impact_nano = MoneyColumn(
        "Too much", currency_key="day__currency", nullable=True, reason_key="unknown_because"
    )
    basis = ShellColumn("Basis", accessor="day__cost_basis", orderable=False)
    deliveries = NumberColumn(
        "Deliveries", orderable=False, help_text="Claimed in the two weeks up to that day"
    )
    standing = StatusColumn("State", vocabulary="anomaly", orderable=False)

    def __init__(
        self, source: Source, *, now: dt.datetime, at: dt.datetime | None = None, **kwargs: Any
    ) -> None:
        self.now = now
        super().__init__(source, at=at, **kwargs)

    def enrich(self, records: Sequence[Record]) -> Sequence[Record]:
        days = [DayOf(*(record[name] for name in _DAY)) for record in records]
        if self.at is None:
            statuses = statuses_of_days(days, now=self.now)
        else:
            statuses = past_statuses_of_days(days, self.at)
        return [
            {**record, "status": statuses[day], "as_of": self.moment}
            for record, day in zip(records, days, strict=True)
        ]


class AnomalyDayTable(ShellTable):
    """Judged days, as the chart draws them."""

    caption = "Judged days"
    day = DateColumn("Day", row_header=True, orderable=False)
    actual_nano = SettledColumn("Actual", orderable=False)
    expected_nano = MoneyColumn("Expected", orderable=False, reason="learning")
    lower_nano = MoneyColumn("Lower", orderable=False, reason="learning")
    upper_nano = MoneyColumn("Upper", orderable=False)
    state = StatusColumn("Judged", vocabulary="anomaly_day", orderable=False)
