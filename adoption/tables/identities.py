"""Names of people elsewhere as a table. It counts nothing that anybody did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.http import QueryDict

from adoption.selectors.identities import kind_label
from portal.shell.columns import HtmlColumn, LinkTo, Record, ShellColumn, StatusColumn
from portal.shell.paging import Source
from portal.shell.tables import ShellTable

Guesses = Callable[[Sequence[int]], dict[int, str]]


def _kind(record: Record) -> str:
    return kind_label(record["kind"])


def _guess(record: Record) -> str:
    return str(record.get("guess") or "–")


class IdentityTable(ShellTable):
    """Rows of `identities_visible_to`; `guesses` says in words whose a page of them might be."""

    caption = "Identities"
    default_sort = "value"

    value = ShellColumn("Known as", url=LinkTo("identity", "pk"), row_header=True)
    display_name = ShellColumn("Name", reason="not said")
    kind = HtmlColumn("Kind", html=_kind, text=_kind, fields=("kind",))
    state = StatusColumn("State", vocabulary="identity", orderable=False)
    person = ShellColumn("Person", accessor="user__full_name", orderable=False, reason="not known")
    guess = HtmlColumn("Might be", html=_guess, text=_guess, fields=("pk",))

    def __init__(
        self, source: Source, *, query: QueryDict, path: str, guesses: Guesses, **more: Any
    ) -> None:
        self._guesses = guesses
        super().__init__(source, query=query, path=path, **more)

    def enrich(self, records: Sequence[Record]) -> Sequence[Record]:
        open_ones = [record["pk"] for record in records if record["state"] == "unresolved"]
        found = self._guesses(open_ones) if open_ones else {}
        return [{**record, "guess": found.get(record["pk"], "")} for record in records]
