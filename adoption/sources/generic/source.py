"""Files of own systems: CSV, or stored hooks as JSON Lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from adoption.sources.generic.rows import is_csv, read_rows
from portal.imports.contracts import Batch, LandedFile, ReadOptions, Source


class GenericFiles:
    """Reads each file by what it is.

    Args:
        lines: the reader of JSON Lines.
    """

    def __init__(self, lines: Source) -> None:
        self.key = lines.key
        self.parser_version = lines.parser_version
        self._lines = lines

    def read(self, files: Iterable[LandedFile], options: ReadOptions) -> Iterator[Batch]:
        """Yield a batch for each row or line.

        Raises:
            ImportRefusedError: there is nothing in a file, or it cannot be read as a whole.
        """
        for file in files:
            if is_csv(file):
                yield from read_rows(file, options)
            else:
                yield from self._lines.read([file], options)
