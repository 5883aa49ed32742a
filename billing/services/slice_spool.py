"""Rows that wait in a file, slice by slice, until it is known which slices are needed."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence


class SliceSpool:
    """Packed rows by the number of their slice. For one run; close it."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  (closed by `close`)
        self._pieces: list[tuple[int, int]] = []  # slice number and length, in the file's order

    def add(self, numbers: Sequence[int], rows: Sequence[bytes]) -> None:
        """Keep rows, each of the slice with its number."""
        buckets: dict[int, list[bytes]] = defaultdict(list)
        for number, row in zip(numbers, rows, strict=True):
            buckets[number].append(row)
        for number, own in buckets.items():
            piece = b"".join(own)
            self._file.write(piece)
            self._pieces.append((number, len(piece)))

    def rows_of(self, wanted: Collection[int]) -> Iterator[bytes]:
        """The rows of some slices, many at once, in the order in which they came."""
        place = 0
        for number, length in self._pieces:
            if number in wanted:
                self._file.seek(place)
                yield self._file.read(length)
            place += length

    def close(self) -> None:
        """Forget everything."""
        self._file.close()
