"""A piece of a FOCUS CSV file in DuckDB: parsed and read as numbers in one pass, by column.

DuckDB and not polars: it is a dependency already, and amounts pass through it as text and whole
numbers, never as floats.
Nothing of the file gets into SQL: columns have numbers for names.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from billing.sources.focus.engines import memory_engine

ENGINE_MEMORY = "192MB"
_OTHERS = "others"
# Stands between the cells of a group while DuckDB hands them on as one text.
_UNIT_SEPARATOR = "\x1f"
# What nearly every number looks like. Whatever else there is (signs, E-notation, more digits) is
# read cell by cell in Python, which takes longer and says the same. The digits of an amount are 18
# at most, so that they are a 64-bit number.
_MONEY = r"(0(\.[0-9]{1,18})?|[1-9][0-9]{0,8}(\.[0-9]{1,9})?|[1-9][0-9]{0,3}\.[0-9]{10,14})"
_QUANTITY = r"(0|[1-9][0-9]{0,18})(\.[0-9]{1,18})?"
# In plain numbers with a bar behind each: one that `decimal_text` writes otherwise.
_NOT_CANONICAL = r"\.[0-9]*0\||-0\|"


class OddChunkError(Exception):
    """A cell holds the character that is put between cells."""


class Numbers(NamedTuple):
    """The columns of the four amounts and two quantities; None for one that the file has not."""

    money: tuple[int | None, ...]
    quantities: tuple[int | None, ...]


class Group(NamedTuple):
    """The different cells of some columns, in the order in which they first come, and the place
    among them of each row's."""

    cells: list[tuple[str, ...]]
    codes: Any


class Parts(NamedTuple):
    """What a chunk holds, by column.

    Attributes:
        records: how many there are.
        groups: by name.
        texts: the different cells of each of the other columns.
        rows: see `_read_statement`.
        odd_rows: number from 0 and the six number cells of the rows in which one is not plain.
    """

    records: int
    groups: dict[str, Group]
    texts: tuple[list[str], ...]
    rows: dict[str, Any]
    odd_rows: list[tuple[Any, ...]]


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
        self._keys = {name: tuple(columns) for name, columns in keys.items() if columns}
        grouped = {index for columns in self._keys.values() for index in columns}
        if alone := tuple(dict.fromkeys(index for index in others if index not in grouped)):
            self._keys[_OTHERS] = alone
        self._database = memory_engine(memory=ENGINE_MEMORY)
        self._file = tempfile.NamedTemporaryFile(suffix=".csv")  # noqa: SIM115  (see `close`)
        names = [f"'c{index}'" for index in range(width)]
        types = ", ".join(f"{name}: 'VARCHAR'" for name in names)
        source = (
            f"read_csv('{self._file.name}', auto_detect = false, "
            f"header = false, delim = ',', quote = '\"', escape = '\"', strict_mode = true, "
            f"columns = {{{types}}}, "
            f"force_not_null = [{', '.join(names)}])"
        )
        self._read = _read_statement(source, self._keys, numbers)
        self._read_odd = _odd_statement(source, numbers)
        cells = ", ".join(f"c{index}" for index in range(width))
        self._measure = f"SELECT sum(strlen(replace(concat({cells}), '\"', ''))) FROM {source}"  # noqa: S608  (names of our own)

    def close(self) -> None:
        """Forget everything."""
        self._database.close()
        self._file.close()

    def take_apart(self, data: bytes) -> Parts:
        """Read whole lines, each of which should be one record.

        Raises:
            duckdb.Error: some line is not right.
            OddChunkError: a cell cannot be told from its neighbour.
        """
        self._file.seek(0)
        self._file.truncate()
        self._file.write(data)
        self._file.flush()
        rows = dict(self._database.execute(self._read).fetchnumpy())
        groups = {
            name: _group(np.ma.getdata(rows.pop(name)).tolist(), len(columns))
            for name, columns in self._keys.items()
        }
        prefixes = rows["prefix"]
        is_odd = bool(np.ma.getmaskarray(prefixes).any())
        return Parts(
            records=len(prefixes),
            texts=tuple(self._texts_of(column, groups) for column in self._others),
            groups=groups,
            rows=rows,
            odd_rows=self._database.execute(self._read_odd).fetchall() if is_odd else [],
        )

    def cell_bytes(self) -> int:
        """The bytes of all cells of the chunk that was taken apart last, quotes left out."""
        return int(self._database.execute(self._measure).fetchall()[0][0])

    def _texts_of(self, column: int, groups: dict[str, Group]) -> list[str]:
        name, place = next(
            (name, columns.index(column))
            for name, columns in self._keys.items()
            if column in columns
        )
        return list({cells[place] for cells in groups[name].cells})


def _group(texts: list[str], width: int) -> Group:
    known: dict[str, int] = {}
    codes = np.fromiter(
        (known.setdefault(text, len(known)) for text in texts), np.int64, len(texts)
    )
    cells = [tuple(text.split(_UNIT_SEPARATOR)) for text in known]
    if any(len(each) != width for each in cells):
        raise OddChunkError
    return Group(cells, codes)


def _joined(separator: str, texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else f"concat_ws({separator}, {', '.join(texts)})"


def _cells(numbers: Numbers) -> list[str]:
    return [
        "''" if column is None else f"c{column}" for column in (*numbers.money, *numbers.quantities)
    ]


def _is_plain(numbers: Numbers) -> str:
    """Whether all six numbers of a row are: of their texts as `raw` joins them."""
    money, quantities = len(numbers.money), len(numbers.quantities)
    pattern = rf"((-?{_MONEY})?\|){{{money}}}((-?{_QUANTITY})?\|){{{quantities}}}"
    return f"regexp_full_match(raw, '{pattern}')"


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


def _with_raw(source: str, keys: Mapping[str, Sequence[int]], numbers: Numbers) -> str:
    """The rows with their groups, their numbers as they came, and whether these are plain."""
    groups = "".join(
        f", {_joined('chr(31)', [f'c{index}' for index in columns])} AS {name}"
        for name, columns in keys.items()
    )
    raw = _joined("'|'", [*_cells(numbers), "''"])
    return (
        f"SELECT *, {_is_plain(numbers)} AS plain FROM "  # noqa: S608  (names of our own)
        f"(SELECT *{groups}, {raw} AS raw FROM {source})"
    )


def _odd_statement(source: str, numbers: Numbers) -> str:
    rows = f"SELECT *, row_number() OVER () - 1 AS place FROM ({_with_raw(source, {}, numbers)})"  # noqa: S608  (names of our own)
    cells = ", ".join(_cells(numbers))
    return f"SELECT place, {cells} FROM ({rows}) WHERE NOT plain ORDER BY place"  # noqa: S608  (names of our own)


def _read_statement(source: str, keys: Mapping[str, Sequence[int]], numbers: Numbers) -> str:
    """The rows in the file's order, for numpy.

    The cells of each group as one text; the digits `amount_<n>` of each amount as a whole number,
    null when it is empty, of which `places_<n>` are decimal places; `quantity_<n>`; and `prefix`,
    the canonical texts of all six joined by bars. Where some number is not plain, `prefix` is null
    and the other numbers say nothing.
    """
    columns = list(keys)
    for place, column in enumerate(numbers.money):
        if column is None:
            continue
        cell = f"c{column}"
        columns.append(
            f"CASE WHEN plain AND {cell} <> '' "
            f"THEN CAST(replace({cell}, '.', '') AS BIGINT) END AS amount_{place}"
        )
        columns.append(f"{_places(cell)} AS places_{place}")
    columns += [
        f"{_canonical(f'c{column}')} AS quantity_{place}"
        for place, column in enumerate(numbers.quantities)
        if column is not None
    ]
    canonical = _joined("'|'", [*map(_canonical, _cells(numbers)), "''"])
    columns.append(
        f"CASE WHEN NOT plain THEN NULL "
        f"WHEN regexp_matches(raw, '{_NOT_CANONICAL}') THEN {canonical} ELSE raw END AS prefix"
    )
    return f"SELECT {', '.join(columns)} FROM ({_with_raw(source, keys, numbers)})"  # noqa: S608  (names of our own)
