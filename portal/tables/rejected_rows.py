"""The quarantine as a table."""

from __future__ import annotations

from typing import Any

from django.utils.html import escape
from django.utils.text import Truncator

from portal.shell.columns import LinkTo, NumberColumn, Record, ShellColumn, StatusColumn
from portal.shell.tables import ShellTable
from portal.wording import rejection_words

_SHOWN_CHARACTERS = 48


class ValueColumn(ShellColumn):
    """The beginning of a value that may be as long as a row; the export has all of it."""

    def inner_html(self, value: Any, record: Record) -> str:
        shown: str = escape(Truncator(value).chars(_SHOWN_CHARACTERS))
        return shown


class CodeColumn(ShellColumn):
    """A code as words; the export has the code."""

    def inner_html(self, value: Any, record: Record) -> str:
        return str(escape(rejection_words(value)))


class RejectedRowTable(ShellTable):
    """Rows of `rejected_rows_visible_to`. The raw text is on the page of the row alone."""

    caption = "Rejected rows"
    default_sort = "-number"
    unique_key = ("-pk",)

    number = ShellColumn(
        "Row", accessor="pk", url=LinkTo("rejected-row", "pk"), row_header=True, sort_by=("pk",)
    )
    state = StatusColumn("State", vocabulary="rejected_row", orderable=False)
    file_name = ShellColumn("File", sub="connection__name", orderable=False)
    line = NumberColumn("Line", orderable=False)
    field = ShellColumn("Field", reason="the record as a whole", orderable=False)
    value = ValueColumn("Value", reason="empty", orderable=False)
    code = CodeColumn("Reason", sub="expected", orderable=False)
    run = ShellColumn("Run", accessor="run_id", url=LinkTo("import-run", "run_id"), orderable=False)
