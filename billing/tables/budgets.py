"""Budgets, their alerts and forecasts as tables. Records are made by the views."""

from __future__ import annotations

from billing.tables.figures import RowStatusColumn
from portal.shell.columns import (
    DateColumn,
    FigureColumn,
    LinkTo,
    MomentColumn,
    MoneyColumn,
    MonthColumn,
    ShellColumn,
    StatusColumn,
)
from portal.shell.tables import ShellTable


class PeriodColumn(ShellColumn):
    """A period and its months; short words that stay on their lines."""

    css = "w"


class BudgetTable(ShellTable):
    """One row a budget, in its current period."""

    caption = "Budgets"
    default_sort = "-used"
    unique_key = ("pk",)

    name = ShellColumn("Of", url=lambda r: r["url"], fields=("url",), sub="scope", row_header=True)
    state = StatusColumn("State", vocabulary="budget", orderable=False)
    amount_nano = MoneyColumn("Budget", orderable=False)
    used = FigureColumn(
        "Used", figure=lambda r: r["used"], fields=("used", "share"), sort_by=("share",),
        nullable=True,
    )  # fmt: skip
    ends_at = FigureColumn("Will end at", figure=lambda r: r["ends_at"], fields=("ends_at",))
    crosses_on = DateColumn(
        "Exceeded", sub="crossing", fields=("crossing",), reason="not expected",
        reason_key="not_crossing", orderable=False,
    )  # fmt: skip
    before = FigureColumn(
        "Period before", figure=lambda r: r["before"], fields=("before",),
    )  # fmt: skip
    period = PeriodColumn("Period", sub="window")
    owner = ShellColumn("Owner", orderable=False)


class PastBudgetTable(BudgetTable):
    """The same as of a moment."""

    ends_at = FigureColumn("Was to end at", figure=lambda r: r["ends_at"], fields=("ends_at",))


class CountedTable(ShellTable):
    """What the budget of a programme counts; it sums to what is used."""

    caption = "Use cases that it counts"

    name = ShellColumn("Use case", url=lambda record: record["url"], fields=("url",),
                       row_header=True)  # fmt: skip
    nano = MoneyColumn("Used")
    status = RowStatusColumn()


class BudgetAlertTable(ShellTable):
    """What was said about one budget."""

    caption = "Alerts"
    fired_at = MomentColumn("Told", row_header=True, orderable=False)
    threshold = StatusColumn("What", vocabulary="budget_threshold", orderable=False)
    period_start = DateColumn("Period from", orderable=False)
    spent_nano = MoneyColumn("Used then", orderable=False)
    amount_nano = MoneyColumn("Of", orderable=False)
    projected_nano = MoneyColumn("Was to end at", orderable=False, reason="not known then")
    crosses_on = DateColumn("Was to be exceeded on", orderable=False, reason="not expected then")


class ForecastTable(ShellTable):
    """Frozen forecasts beside what came."""

    caption = "Forecasts"
    default_sort = "-month"
    unique_key = ("pk",)

    name = ShellColumn("Use case", url=LinkTo("use-case", "slug"), row_header=True)
    month = MonthColumn("Month")
    forecast = FigureColumn("Forecast", figure=lambda r: r["forecast"], fields=("forecast",))
    lower_nano = MoneyColumn("Lower", orderable=False, reason="none")
    upper_nano = MoneyColumn("Upper", orderable=False, reason="none")
    actual = FigureColumn("Came", figure=lambda r: r["actual"], fields=("actual",))
    off = FigureColumn("Off by", figure=lambda r: r["off"], fields=("off",))
    frozen_at = MomentColumn("Frozen", orderable=False)
