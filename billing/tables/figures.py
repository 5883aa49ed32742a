"""Cells that are figures, and amounts that say how settled they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from portal.shell.columns import ExportValue, MoneyColumn, Record, StatusColumn
from portal.shell.figures import Figure
from portal.shell.statuses import StatusVocabulary, vocabularies


def figure_of(name: str) -> Callable[[Record], Figure]:
    """The figure that the record holds under `name`, or makes when it is shown.

    A long list holds functions, so that only the rows of its page are made.
    """

    def read(record: Record) -> Figure:
        found: Figure | Callable[[], Figure] = record[name]
        return found if isinstance(found, Figure) else found()

    return read


class SettledColumn(MoneyColumn):
    """Money with its status: on a smaller line, and in a column of its own in the export.

    Mixed into another column of money, it gives that one's amount a status.

    Args:
        status_key: key of the record that holds the status. No column of the database does:
            `enrich` adds it, or the row comes with it.
        vocabulary: what the words mean there.
    """

    def __init__(
        self,
        verbose_name: str | None = None,
        *,
        status_key: str = "status",
        vocabulary: str = "cost_status",
        **kwargs: Any,
    ) -> None:
        super().__init__(verbose_name, **kwargs)
        self.status_key = status_key
        self.vocabulary_key = vocabulary

    @property
    def statuses(self) -> StatusVocabulary:
        """The words and what they mean."""
        return vocabularies.get(self.vocabulary_key)

    def inner_html(self, value: Any, record: Record) -> str:
        badge = self.badge_html(record[self.status_key])
        return f'{super().inner_html(value, record)}<span class="sub">{badge}</span>'

    def badge_html(self, word: str) -> str:
        """How a status looks here."""
        return self.statuses.html(word)

    def export_headings(self, heading: str) -> list[str]:
        return [*super().export_headings(heading), f"{heading} (status)"]

    def export_values(self, record: Record) -> list[ExportValue]:
        status = None if self.value(record) is None else str(record[self.status_key])
        return [*super().export_values(record), status]


class RowStatusColumn(StatusColumn):
    """How settled every amount of a row is; the export has the word that the API says."""

    def __init__(self, verbose_name: str = "Status", **kwargs: Any) -> None:
        super().__init__(verbose_name, vocabulary="cost_status", orderable=False, **kwargs)

    def export_values(self, record: Record) -> list[ExportValue]:
        return [str(self.value(record))]
