"""A piece of a FOCUS CSV file in DuckDB: parsed, told apart and read as numbers, by column.

DuckDB and not polars: it is a dependency already, and amounts pass through it as text and whole
numbers, never as floats.
Nothing of the file gets into SQL: columns have numbers for names.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import duckdb

ENGINE_MEMORY = "192MB"
SUMMED = 2  # billed and effective
_LOOKED_AT = 1_000  # different texts of a column
# What nearly every amount looks like. Whatever else there is (signs, E-notation, more digits) is
# read cell by cell in Python, which takes longer and says the same.
_MONEY = r"-?(0|[1-9][0-9]{0,8})(\.[0-9]{1,18})?"
_QUANTITY = r"-?(0|[1-9][0-9]{0,18})(\.[0-9]{1,18})?"


class Numbers(NamedTuple):
    """The columns of the four amounts and two quantities; None for one that the file has not."""

    money: tuple[int | None, ...]
    quantities: tuple[int | None, ...]


class Parts(NamedTuple):
    """What a chunk holds, by column; `None` for texts of which there are too many to look at.

    Attributes:
        records: how many there are.
        groups: the different cells of each group of columns, in the order in which they first come.
        texts: the different cells of each of the other columns.
        rows: see `_read_statement`.
        odd_rows: number from 0 and the six number cells of the rows in which one is not plain.
        sums: of the billed and the effective amounts in all other rows: how many there are, their
            exact sum, and the most decimal places.
    """

    records: int
    groups: dict[str, list[tuple[str, ...]]]
    texts: tuple[list[str] | None, ...]
    rows: dict[str, Any]
    odd_rows: list[tuple[Any, ...]]
    sums: list[tuple[int, Decimal, int]]


class ChunkEngine:
    """One DuckDB in memory that reads one chunk after the other. For one thread at a time."""

    def __init__(
        self,
        width: int,
        *,
        keys: dict[str, Sequence[int]],
        numbers: Numbers,
        others: Sequence[int],
    ) -> None:
        """`keys` are groups of columns that repeat, by a name of our own; `others` are columns
        of which only the different texts matter."""
        self._others = tuple(others)
        self._keys = {name: columns for name, columns in keys.items() if columns}
        self._numbers = numbers
        needed = {index for columns in keys.values() for index in columns}
        needed |= {index for index in (*numbers.money, *numbers.quantities) if index is not None}
        needed |= set(others)
        self._database = duckdb.connect(
            ":memory:",
            config={
                "threads": 1,
                "memory_limit": ENGINE_MEMORY,
                "temp_directory": "",
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
            },
        )
        self._file = tempfile.NamedTemporaryFile(suffix=".csv")  # noqa: SIM115  (see `close`)
        types = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(width))
        picked = ", ".join(f"coalesce(c{index}, '') AS c{index}" for index in sorted(needed))
        self._load = (
            f"CREATE OR REPLACE TABLE chunk AS SELECT *, {_is_plain(numbers)} AS plain "  # noqa: S608  (names of our own)
            f"FROM (SELECT {picked} FROM read_csv('{self._file.name}', auto_detect = false, "
            f"header = false, delim = ',', quote = '\"', escape = '\"', strict_mode = true, "
            f"columns = {{{types}}}))"
        )
        self._read = _read_statement(self._keys, numbers)

    def close(self) -> None:
        """Forget everything."""
        self._database.close()
        self._file.close()

    def take_apart(self, data: bytes) -> Parts:
        """Read whole lines, each of which should be one record.

        Raises:
            duckdb.Error: some line is not right.
        """
        self._file.seek(0)
        self._file.truncate()
        self._file.write(data)
        self._file.flush()
        self._database.execute(self._load)
        groups = {name: self._distinct(name) for name in self._keys}
        return Parts(
            records=int(self._all("SELECT count(*) FROM chunk")[0][0]),
            groups=groups,
            texts=tuple(map(self._texts_of, self._others)),
            rows=dict(self._database.execute(self._read).fetchnumpy()),
            odd_rows=self._odd_rows(),
            sums=[self._sum_of(column) for column in self._numbers.money[:SUMMED]],
        )

    def _distinct(self, name: str) -> list[tuple[str, ...]]:
        columns = ", ".join(f"c{index}" for index in self._keys[name])
        self._database.execute(
            f"CREATE OR REPLACE TABLE {name} AS "  # noqa: S608  (names of our own)
            f"SELECT row_number() OVER (ORDER BY first) - 1 AS id, {columns} FROM "
            f"(SELECT min(rowid) AS first, {columns} FROM chunk GROUP BY {columns})"
        )
        return self._all(f"SELECT {columns} FROM {name} ORDER BY id")  # noqa: S608  (names of our own)

    def _texts_of(self, column: int) -> list[str] | None:
        found = self._all(f"SELECT DISTINCT c{column} FROM chunk LIMIT {_LOOKED_AT + 1}")  # noqa: S608  (names of our own)
        return None if len(found) > _LOOKED_AT else [cell for (cell,) in found]

    def _odd_rows(self) -> list[tuple[Any, ...]]:
        cells = [
            "''" if column is None else f"c{column}"
            for column in (*self._numbers.money, *self._numbers.quantities)
        ]
        return self._all(
            f"SELECT rowid, {', '.join(cells)} FROM chunk WHERE NOT plain ORDER BY rowid"  # noqa: S608  (names of our own)
        )

    def _sum_of(self, column: int | None) -> tuple[int, Decimal, int]:
        if column is None:
            return 0, Decimal(0), 0
        cell = f"c{column}"
        count, total, places = self._all(
            f"SELECT count(*), sum(CAST({cell} AS DECIMAL(38, 18))), "  # noqa: S608  (names of our own)
            f"max({_places(cell)}) FROM chunk WHERE plain AND {cell} <> ''"
        )[0]
        return (int(count), total, int(places)) if count else (0, Decimal(0), 0)

    def _all(self, statement: str) -> list[Any]:
        return self._database.execute(statement).fetchall()


def _cells(columns: Sequence[int | None]) -> list[str]:
    return [f"c{column}" for column in columns if column is not None]


def _is_plain(numbers: Numbers) -> str:
    tests = []
    for cell in _cells(numbers.money):
        # Its digits are 18 at most, so that they are a 64-bit number. An empty cell has none.
        tests.append(
            f"({cell} = '' OR (strlen(ltrim({cell}, '-0')) <= 19 "
            f"AND regexp_full_match({cell}, '{_MONEY}')))"
        )
    for cell in _cells(numbers.quantities):
        tests.append(f"({cell} = '' OR regexp_full_match({cell}, '{_QUANTITY}'))")
    return " AND ".join(tests)


def _canonical(cell: str) -> str:
    """As `decimal_text` writes a plain number."""
    short = f"rtrim(rtrim({cell}, '0'), '.')"
    return (
        f"CASE WHEN contains({cell}, '.') AND suffix({cell}, '0') "
        f"THEN CASE {short} WHEN '-0' THEN '0' ELSE {short} END "
        f"WHEN {cell} = '-0' THEN '0' ELSE {cell} END"
    )


def _places(cell: str) -> str:
    """How many decimal places a plain number is written with."""
    return f"CASE instr({cell}, '.') WHEN 0 THEN 0 ELSE strlen({cell}) - instr({cell}, '.') END"


def _read_statement(keys: dict[str, Sequence[int]], numbers: Numbers) -> str:
    """The rows in the file's order, for numpy.

    `<group>_id` for each group; the digits `amount_<n>` of each amount as a whole number, null when
    it is empty, of which `places_<n>` are decimal places; `quantity_<n>`; and `prefix`, the
    canonical texts of all six joined by bars. Where some number is not plain, `prefix` is null and
    the other numbers say nothing.
    """
    columns = [f"{name}.id AS {name}_id" for name in keys]
    texts = []
    for place, column in enumerate((*numbers.money, *numbers.quantities)):
        cell = f"k.c{column}"
        text = "''" if column is None else _canonical(cell)
        texts.append(text)
        if column is None:
            continue
        if place < len(numbers.money):
            columns.append(
                f"CASE WHEN plain AND {cell} <> '' "
                f"THEN CAST(replace({cell}, '.', '') AS BIGINT) END AS amount_{place}"
            )
            columns.append(f"{_places(cell)} AS places_{place}")
        else:
            columns.append(f"{text} AS quantity_{place - len(numbers.money)}")
    columns.append(f"CASE WHEN plain THEN concat_ws('|', {', '.join(texts)}, '') END AS prefix")
    joins = " ".join(
        f"JOIN {name} ON {' AND '.join(f'k.c{i} = {name}.c{i}' for i in group)}"
        for name, group in keys.items()
    )
    return f"SELECT {', '.join(columns)} FROM chunk k {joins} ORDER BY k.rowid"  # noqa: S608  (names of our own)
