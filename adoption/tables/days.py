"""A column of days that are cut in the programme's zone."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from portal.shell.columns import DateColumn, ExportValue, Record
from portal.shell.formats import date_text
from portal.shell.periods import day_of
from portal.shell.tables import ShellTable


class DayColumn(DateColumn):
    """The day on which a moment falls in `zone`, on the page and in the export alike.

    Never the time of day: with it, deliveries that one person logged in a row could be told.
    """

    zone = ZoneInfo("UTC")

    def inner_html(self, value: dt.date, record: Record) -> str:
        return date_text(self._day(value))

    def export_values(self, record: Record) -> list[ExportValue]:
        value = self.value(record)
        return [None if value is None else self._day(value)]

    def _day(self, value: dt.date) -> dt.date:
        return day_of(value, self.zone) if isinstance(value, dt.datetime) else value


def set_zone(table: ShellTable, zone: ZoneInfo) -> None:
    """Cut the days of this one table in `zone`."""
    for _, _, column in table.shown:
        if isinstance(column, DayColumn):
            column.zone = zone
