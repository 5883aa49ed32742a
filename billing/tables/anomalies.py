"""Anomalies as a table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from django.http import QueryDict

from billing.selectors.day_status import DayOf, statuses_of_days
from billing.tables.figures import SettledColumn
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


class AnomalyTable(ShellTable):
    """Rows of `anomalies_visible_to`."""

    caption = "Anomalies"
    default_sort = "-day"
    unique_key = ("-pk",)

    day = DateColumn("Day", accessor="day__day", url=LinkTo("anomaly", "pk"), row_header=True)
    use_case = ShellColumn(
        "Use case", accessor="day__use_case__title", url=LinkTo("use-case", "day__use_case__slug"),
        orderable=False,
    )  # fmt: skip
    actual = SettledColumn(
        "Cost", accessor="day__actual_nano", currency_key="day__currency", orderable=False,
        fields=("day__use_case_id", "day__day", "day__cost_basis"),
        help_text="Effective cost, without purchases, credits and tax",
    )  # fmt: skip
    expected = MoneyColumn(
        "Expected", accessor="day__expected_nano", currency_key="day__currency", orderable=False,
        reason="learning: too little history",
    )  # fmt: skip
    impact_nano = MoneyColumn("Too much", currency_key="day__currency")
    basis = ShellColumn("Basis", accessor="day__cost_basis", orderable=False)
    deliveries = NumberColumn(
        "Deliveries", orderable=False, help_text="Claimed in the two weeks up to that day"
    )
    standing = StatusColumn("State", vocabulary="anomaly", orderable=False)

    def __init__(self, source: Source, *, query: QueryDict, path: str, now: dt.datetime) -> None:
        self.now = now
        super().__init__(source, query=query, path=path)

    def enrich(self, records: Sequence[Record]) -> Sequence[Record]:
        days = [DayOf(*(record[name] for name in _DAY)) for record in records]
        statuses = statuses_of_days(days, now=self.now)
        return [
            {**record, "status": statuses[day]} for record, day in zip(records, days, strict=True)
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
