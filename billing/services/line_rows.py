"""Cost lines as each database takes many at once: bytes for PostgreSQL's COPY, tuples for SQLite.

A row is made when its line is read, and lacks what is known only later: the fields in front, which
all lines of a slice share, and its dimension, of which it has a number (its place).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import Any, NamedTuple, Protocol

from django.db import connection

from billing.services import charge_sql as sql
from billing.services.slice_spool import Piece
from billing.services.staged_slices import Places
from billing.sources.charge_columns import ChargeColumns
from portal.imports.binary_copy import BinaryRows, field_count
from portal.imports.staging import copy_packed, insert_adapted, sqlite_adapter

_KINDS = [kind for *_, kind in sql.LINE_COLUMNS]


class Target(NamedTuple):
    """Where lines are written.

    Attributes:
        table: a name of our own.
        columns: its columns and their kinds: those of a head, the dimension, the line's own.
        heads: what stands in front of the lines of a slice, by its number.
        dimensions: what the table has for a dimension, by its place.
    """

    table: str
    columns: Mapping[str, str]
    heads: Mapping[int, tuple[Any, ...]]
    dimensions: Sequence[int]

    @property
    def head_kinds(self) -> list[str]:
        return list(self.columns.values())[: len(self.columns) - len(_KINDS) - 1]


class LineRows(Protocol):
    """How one database takes lines."""

    def of_lines(self, columns: Sequence[Sequence[Any]]) -> list[Any]:
        """Rows of lines given by `charge_sql.LINE_COLUMNS`, a sequence of values for each."""
        ...

    def of_columns(self, columns: ChargeColumns, *, file_id: int, places: Places) -> list[Any]:
        """Rows of lines that came by column."""
        ...

    def write(self, pieces: Iterable[Piece], target: Target) -> None:
        """Append rows."""
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

    def write(self, pieces: Iterable[Piece], target: Target) -> None:
        heads = list(zip(*target.heads.values(), strict=True))
        packed = BinaryRows(target.head_kinds, is_whole=False).pack(heads)
        count = field_count(len(target.columns))
        head_of = {number: count + head for number, head in zip(target.heads, packed, strict=True)}
        fields = BinaryRows(["bigint"], is_whole=False).pack([target.dimensions])

        def joined(piece: Piece) -> bytes:
            of_rows = map(fields.__getitem__, piece.places)
            rows = zip(repeat(head_of[piece.number]), of_rows, piece.rows, strict=False)
            return b"".join(chain.from_iterable(rows))

        copy_packed(target.table, list(target.columns), map(joined, pieces))


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

    def write(self, pieces: Iterable[Piece], target: Target) -> None:
        heads = zip(*target.heads.values(), strict=True)
        adapted = [
            sqlite_adapter(kind)(values)
            for kind, values in zip(target.head_kinds, heads, strict=True)
        ]
        head_of = dict(zip(target.heads, zip(*adapted, strict=True), strict=True))

        def rows() -> Iterator[tuple[Any, ...]]:
            for piece in pieces:
                head = head_of[piece.number]
                for place, row in zip(piece.places, piece.rows, strict=True):
                    yield (*head, target.dimensions[place], *row)

        insert_adapted(target.table, list(target.columns), rows())
