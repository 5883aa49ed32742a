"""The organisation tree as a table, in the order of the tree."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict
from django.urls import reverse
from django.utils.html import escape, format_html

from adoption.tables.deliveries import ActionColumn
from portal.shell.columns import LinkTo, NumberColumn, Record, ShellColumn
from portal.shell.paging import Source
from portal.shell.tables import ShellTable

_DEEPEST_SHOWN = 5


class TeamNameColumn(ShellColumn):
    """A name, set in by its depth when the rows are in the order of the tree."""

    is_tree = True  # False: rows stand alone, so each says what it hangs below

    def cell_html(self, record: Record) -> str:
        depth = min(record["depth"], _DEEPEST_SHOWN) if self.is_tree else 0
        above = "" if self.is_tree else f'<span class="sub">{escape(record["above"])}</span>'
        url = escape(self.url(record)) if self.url is not None else ""
        return (
            f'<th scope="row" class="tree tree-{depth}"><a href="{url}">{escape(record["name"])}'
            f"</a>{above}</th>"
        )

    def export_headings(self, heading: str) -> list[str]:
        return [heading, "Below"]

    def export_values(self, record: Record) -> list[Any]:
        return [record["name"], record["above"] or None]


class TeamTable(ShellTable):
    """Rows of `team_records`."""

    caption = "Teams"
    default_sort = "path"
    page_size = 100

    path = TeamNameColumn("Team", url=LinkTo("team", "slug"), row_header=True)
    people = NumberColumn("People today", help_text="Memberships that hold today")
    use_cases = NumberColumn("Use cases")

    def __init__(self, source: Source, *, query: QueryDict, path: str) -> None:
        super().__init__(source, query=query, path=path)
        is_tree = self.sort_key == "path" and not self.is_descending and not query.get("q")
        for _, _, column in self.shown:
            if isinstance(column, TeamNameColumn):
                column.is_tree = is_tree


def _remove(record: Record) -> str:
    return format_html(
        '<a href="{}" aria-label="Remove the mapping of {}">Remove</a>',
        reverse("group-team-remove", args=[record["pk"]]),
        record["group"],
    )


class GroupTeamTable(ShellTable):
    """Rows of `groups_visible_to`."""

    caption = "Sign-in groups"
    default_sort = "group"

    group = ShellColumn("Group", row_header=True)
    team = ShellColumn("Team", accessor="team__name", url=LinkTo("team", "team__slug"))
    action = ActionColumn(html=_remove, fields=("pk", "group"))
