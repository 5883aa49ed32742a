"""Cells that are figures."""

from __future__ import annotations

from collections.abc import Callable

from portal.shell.columns import Record
from portal.shell.figures import Figure


def figure_of(name: str) -> Callable[[Record], Figure]:
    """The figure that the record holds under `name`, or makes when it is shown.

    A long list holds functions, so that only the rows of its page are made.
    """

    def read(record: Record) -> Figure:
        found: Figure | Callable[[], Figure] = record[name]
        return found if isinstance(found, Figure) else found()

    return read
