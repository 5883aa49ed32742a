"""Rows that wait in a file, slice by slice, until it is known which are needed, and for what."""

from __future__ import annotations

import os
import pickle
import tempfile
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple


class Piece(NamedTuple):
    """Rows of one slice that came together, with the place of the dimension of each."""

    number: int
    places: list[int]
    rows: list[Any]


class SliceSpool:
    """Rows by the number of their slice: bytes or tuples, as the database wants them. For one run;
    close it.

    The file has no name and ends with the process. It lies where imported files lie: the temporary
    directory of a container is often in memory.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  (closed by `close`)
        self._places: dict[int, list[tuple[int, int]]] = {}  # start and length in the file

    def add(self, numbers: Sequence[int], places: Sequence[int], rows: Sequence[Any]) -> None:
        """Keep rows, each of the slice with its number and the dimension with its place."""
        self._file.seek(0, os.SEEK_END)  # behind what may have been read
        order = sorted(range(len(numbers)), key=numbers.__getitem__)
        for number, indexes in groupby(order, numbers.__getitem__):
            chosen = list(indexes)
            piece = pickle.dumps(
                ([places[index] for index in chosen], [rows[index] for index in chosen])
            )
            self._places.setdefault(number, []).append((self._file.tell(), len(piece)))
            self._file.write(piece)

    def pieces(self, numbers: Collection[int]) -> Iterator[Piece]:
        """What some slices have, slice by slice and in the order in which it came."""
        for number in numbers:
            for start, length in self._places.get(number, ()):
                self._file.seek(start)
                yield Piece(number, *pickle.loads(self._file.read(length)))  # noqa: S301  (we have written it)

    def close(self) -> None:
        """Forget everything."""
        self._file.close()
