"""One's own notices as a table."""

from __future__ import annotations

from portal.shell.columns import MomentColumn, Record, ShellColumn
from portal.shell.tables import ShellTable


def _link(record: Record) -> str:
    return str(record["link"])


class NoticeTable(ShellTable):
    """Rows of `own_notices`."""

    caption = "Notices"
    default_sort = "-created_at"
    unique_key = ("-pk",)

    title = ShellColumn("Notice", url=_link, fields=("link",), sub="text", row_header=True,
                        orderable=False)  # fmt: skip
    created_at = MomentColumn("Told")
    read_at = MomentColumn("Read", orderable=False, reason="not yet")
    emailed_at = MomentColumn("By e-mail", orderable=False, reason="not sent")
