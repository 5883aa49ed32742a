"""Circuit breakers and their trips as tables."""

from __future__ import annotations

from billing.tables.figures import SettledColumn
from portal.shell.columns import (
    LinkTo,
    MomentColumn,
    MoneyColumn,
    ShellColumn,
    StatusColumn,
)
from portal.shell.tables import ShellTable


class BreakerTable(ShellTable):
    """One row a breaker."""

    caption = "Circuit breakers"
    default_sort = "name"
    unique_key = ("pk",)

    name = ShellColumn("Name", url=LinkTo("breaker", "pk"), sub="guards", row_header=True)
    use_case = ShellColumn("Use case", url=LinkTo("use-case", "slug"))
    limit_nano = MoneyColumn("Limit", orderable=False)
    window = ShellColumn("In", orderable=False)
    newest_nano = SettledColumn("Newest window", orderable=False, reason="no charge in two days")
    state = StatusColumn("State", vocabulary="breaker", orderable=False)
    last_trip = MomentColumn("Last tripped", nullable=True, reason="never")


class TripTable(ShellTable):
    """When one breaker tripped and who reset it."""

    caption = "Trips"
    tripped_at = MomentColumn("Tripped", row_header=True, orderable=False)
    window_start = MomentColumn("Window from", orderable=False)
    spent_nano = MoneyColumn("Billed", orderable=False, help_text="As it was known then")
    limit_nano = MoneyColumn("Limit", orderable=False)
    reset_at = MomentColumn("Reset", orderable=False, reason="it is open")
    reset_by = ShellColumn("By", sub="reset_reason", orderable=False, reason="nobody yet")
