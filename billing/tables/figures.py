"""Cells that are figures."""

from __future__ import annotations

from collections.abc import Callable

from portal.shell.columns import Record
from portal.shell.figures import Figure


def figure_of(name: str) -> Callable[[Record], Figure]:
    """The figure that the record holds under `name`."""

    def read(record: Record) -> Figure:
        found: Figure = record[name]
        return found

    return read
