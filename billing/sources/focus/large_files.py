"""Reading a large CSV file by column; what that takes is loaded when the first chunk comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from billing.sources.charge_columns import ChargeColumns
from billing.sources.focus.normaliser import Normaliser

if TYPE_CHECKING:
    from billing.sources.focus.column_reader import ColumnReader


class LargeFile:
    """Reads chunks of one file by column, as `ColumnReader` does.

    DuckDB and numpy take longer to load than a small file takes to read, and most files are small.
    """

    def __init__(self, normaliser: Normaliser) -> None:
        self._normaliser = normaliser
        self._reader: ColumnReader | None = None

    def close(self) -> None:
        """Forget everything."""
        if self._reader is not None:
            self._reader.close()

    def begin(self, data: bytes, first_line: int) -> Callable[[], ChargeColumns | None]:
        """See `ColumnReader.begin`."""
        if self._reader is None:
            from billing.sources.focus.column_reader import ColumnReader

            self._reader = ColumnReader(*self._normaliser.parts)
        return self._reader.begin(data, first_line)
