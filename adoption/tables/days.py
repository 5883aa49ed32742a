"""A column of days that are cut in the programme's zone."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from portal.shell.columns import DateColumn, Record
from portal.shell.formats import date_text
from portal.shell.periods import day_of
from portal.shell.tables import ShellTable


class DayColumn(DateColumn):
    """The day on which a moment falls in `zone`; the export has the moment itself."""

    zone = ZoneInfo("UTC")

    def inner_html(self, value: dt.date, record: Record) -> str:
        if isinstance(value, dt.datetime):
            value = day_of(value, self.zone)
        return date_text(value)


def set_zone(table: ShellTable, zone: ZoneInfo) -> None:
    """Cut the days of this one table in `zone`."""
    for _, _, column in table.shown:
        if isinstance(column, DayColumn):
            column.zone = zone
