"""Cost lines as each database takes many at once: bytes for PostgreSQL's COPY, tuples for SQLite.

A row is made when its line is read, and lacks what is known only later: the fields in front, which
all lines of a slice share, and its dimension, of which it has a number (its place).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import Any, Protocol

from django.db import connection

from billing.services import charge_sql as sql
from billing.services.slice_spool import Piece
from billing.services.staged_slices import Places
from billing.sources.charge_columns import ChargeColumns
from portal.imports.binary_copy import BinaryRows, field_count
from portal.imports.staging import copy_packed, insert_adapted, sqlite_adapter

_KINDS = [kind for *_, kind in sql.LINE_COLUMNS]
Heads = Mapping[int, tuple[Any, ...]]  # number of a slice → the values in front of its lines


class LineRows(Protocol):
    """How one database takes lines."""

    def of_lines(self, columns: Sequence[Sequence[Any]]) -> list[Any]:
        """Rows of lines given by `charge_sql.LINE_COLUMNS`, a sequence of values for each."""
        ...

    def of_columns(self, columns: ChargeColumns, *, file_id: int, places: Places) -> list[Any]:
        """Rows of lines that came by column."""
        ...

    def write(
        self,
        table: str,
        columns: Mapping[str, str],
        pieces: Iterable[Piece],
        *,
        heads: Heads,
        dimensions: Sequence[int],
    ) -> None:
        """Append rows to a table.

        Args:
            columns: its columns and their kinds: those of a head, the dimension, the line's own.
            dimensions: what the table has for a dimension, by place.
        """
        ...


def line_rows() -> LineRows:
    """As the database in use wants them."""
    return _PackedRows() if connection.vendor == "postgresql" else _AdaptedRows()


class _PackedRows:
    def __init__(self) -> None:
        self._binary = BinaryRows(_KINDS, is_whole=False)

    def of_lines(self, columns: Sequence[Sequence[Any]]) -> list[bytes]:
        return self._binary.pack(columns)

    def of_columns(self, columns: ChargeColumns, *, file_id: int, places: Places) -> list[bytes]:
        # Only large files come by column, and numpy takes a while to load.
        from billing.services import column_staging

        return column_staging.packed_rows(columns, file_id=file_id, places=places)

    def write(
        self,
        table: str,
        columns: Mapping[str, str],
        pieces: Iterable[Piece],
        *,
        heads: Heads,
        dimensions: Sequence[int],
    ) -> None:
        before = list(columns.values())[: len(columns) - len(_KINDS) - 1]
        packed = BinaryRows(before, is_whole=False).pack(list(zip(*heads.values(), strict=True)))
        count = field_count(len(columns))
        head_of = {number: count + head for number, head in zip(heads, packed, strict=True)}
        fields = BinaryRows(["bigint"], is_whole=False).pack([dimensions])

        def joined(piece: Piece) -> bytes:
            of_rows = map(fields.__getitem__, piece.places)
            rows = zip(repeat(head_of[piece.number]), of_rows, piece.rows, strict=False)
            return b"".join(chain.from_iterable(rows))

        copy_packed(table, list(columns), map(joined, pieces))


class _AdaptedRows:
    def __init__(self) -> None:
        self._adapters = [sqlite_adapter(kind) for kind in _KINDS]

    def of_lines(self, columns: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
        adapted = (adapt(values) for adapt, values in zip(self._adapters, columns, strict=True))
        return list(zip(*adapted, strict=True))

    def of_columns(
        self, columns: ChargeColumns, *, file_id: int, places: Places
    ) -> list[tuple[Any, ...]]:
        from billing.services import column_staging

        adapted = column_staging.adapted_columns(columns, file_id=file_id, places=places)
        return list(zip(*adapted, strict=True))

    def write(
        self,
        table: str,
        columns: Mapping[str, str],
        pieces: Iterable[Piece],
        *,
        heads: Heads,
        dimensions: Sequence[int],
    ) -> None:
        adapted = (
            sqlite_adapter(kind)(values)
            for kind, values in zip(columns.values(), zip(*heads.values(), strict=True))  # noqa: B905  (a head is shorter than a row)
        )
        head_of = dict(zip(heads, zip(*adapted, strict=True), strict=True))

        def rows() -> Iterator[tuple[Any, ...]]:
            for piece in pieces:
                head = head_of[piece.number]
                for place, row in zip(piece.places, piece.rows, strict=True):
                    yield (*head, dimensions[place], *row)

        insert_adapted(table, list(columns), rows())
