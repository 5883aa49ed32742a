"""Changes of a use case as a table. Authors are not in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from adoption.selectors.changes import agents_of, logged_among
from adoption.tables.days import DayColumn
from portal.shell.columns import HtmlColumn, Record, ShellColumn, StatusColumn
from portal.shell.tables import ShellTable


def _agents(record: Record) -> str:
    return ", ".join(record["agents"])


def _logged(record: Record) -> str:
    return "yes" if record["is_logged"] else "no"


class ChangeTable(ShellTable):
    """Rows of `change_rows`."""

    caption = "Changes"
    default_sort = "-merged_at"
    count_by = "merged_at"  # never null, and in the index `adoption_change_counted`

    title = ShellColumn(
        "Change",
        url=lambda record: str(record["url"]),
        fields=("url",),
        sub="repository__name",
        row_header=True,
        orderable=False,
    )
    merged_at = DayColumn("Merged on")
    involvement = StatusColumn("AI had a part", vocabulary="involvement", orderable=False)
    evidence_strength = StatusColumn("Evidence", vocabulary="strength", orderable=False)
    agents = HtmlColumn("Seen", html=_agents, text=_agents, fields=("pk",), reason="nothing")
    version = ShellColumn(
        "First deployed as",
        accessor="delivered_by__version",
        orderable=False,
        reason="not in production",
    )
    delivered_at = DayColumn("In production since", nullable=True, reason="not in production")
    reverted_at = DayColumn("Undone on", nullable=True, orderable=False, reason="no")
    logged = HtmlColumn("Logged", html=_logged, text=_logged, fields=("pk",))

    def enrich(self, records: Sequence[Record]) -> Sequence[Record]:
        """Which agents were seen on each change, and whether it was logged, in two queries."""
        ids = [record["pk"] for record in records]
        seen: dict[int, list[str]] = defaultdict(list)
        for change_id, agent in agents_of(ids):
            seen[change_id].append(agent)
        logged = logged_among(ids)
        return [
            {**record, "agents": seen[record["pk"]], "is_logged": record["pk"] in logged}
            for record in records
        ]
