"""Programmes as a table."""

from __future__ import annotations

from portal.shell.columns import DateColumn, LinkTo, NumberColumn, ShellColumn
from portal.shell.tables import ShellTable


class ProgrammeTable(ShellTable):
    """Rows of `programmes_with_counts`."""

    caption = "Programmes"
    default_sort = "name"

    name = ShellColumn("Programme", url=LinkTo("programme", "slug"), row_header=True)
    owner = ShellColumn("Owner", accessor="owner__full_name")
    starts_on = DateColumn("Starts")
    ends_on = DateColumn("Ends before", reason="no end set", nullable=True)
    currency = ShellColumn("Currency", sub="time_zone")
    active_count = NumberColumn(
        "Active use cases", help_text="Use cases that are neither stopped nor retired"
    )
    use_case_count = NumberColumn("Use cases")
