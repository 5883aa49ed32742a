"""Files of own systems: CSV, or stored hooks as JSON Lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from adoption.deploys.config import DeployConfig
from adoption.deploys.reader import PayloadLines
from adoption.sources.generic.hook import read_hook
from adoption.sources.generic.rows import is_csv, read_rows
from portal.imports.contracts import Batch, LandedFile, ReadOptions


class GenericFiles:
    """Reads each file by what it is."""

    key = "generic"
    parser_version = "2"

    def __init__(self) -> None:
        self._lines = PayloadLines(self.key, self.parser_version, DeployConfig, read_hook)

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
