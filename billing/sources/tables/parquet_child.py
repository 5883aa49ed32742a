"""Reads one Parquet file as text, in a process of its own with hard limits on memory and time.

A Parquet file of a few kilobytes can declare petabytes, or one string of gigabytes; no setting of
a reader bounds all of that, the operating system does. This file is run by its path with an
otherwise empty environment, so it imports nothing of the project. The file is its standard input
(so that no path can be mistaken for a pattern), and it writes frames to standard output: four
bytes of length, then JSON.

1. `{"columns": [[name, type], …], "rows": n}`
2. `{"cells": [[text, …], …]}`, as often as needed; a null is an empty text. All rows, or with
   `only_row` among the limits that one (from 1), or none when there is none
3. `{"end": rows}`; or, at any time, `{"refused": {…}}` with the parts of the message
"""

from __future__ import annotations

import json
import resource
import struct
import sys
from typing import Any

import duckdb

MEGABYTE = 1024 * 1024
FILE = "/dev/fd/0"
_SOURCE = f"FROM read_parquet('{FILE}', binary_as_string = true, hive_partitioning = false)"
ENGINE_MEMORY = "160MB"
FETCHED_ROWS = 128
ROWS_PER_SECOND = 5_000  # processor time allowed; a tenth of what a slow machine reads
FRAME_CHARS = 1 * MEGABYTE
_TOO_LONG = "cell_too_long "
_NESTED = ("MAP(", "STRUCT(", "UNION(", "VARIANT", "JSON")


class Refused(Exception):  # noqa: N818 - a message for the parent, not a fault
    """The file must not be taken; carries the parts of the message."""

    def __init__(self, code: str, problem: str, **parts: Any) -> None:
        super().__init__(code)
        self.parts = {"code": code, "problem": problem, **parts}


def write_frame(document: dict[str, Any]) -> None:
    """One frame to the parent."""
    data = json.dumps(document, ensure_ascii=True).encode()
    sys.stdout.buffer.write(struct.pack(">I", len(data)) + data)
    sys.stdout.buffer.flush()


def open_engine() -> duckdb.DuckDBPyConnection:
    """A DuckDB that can read this one file and nothing else."""
    engine = duckdb.connect(
        ":memory:",
        config={
            "threads": 1,
            "memory_limit": ENGINE_MEMORY,
            "temp_directory": "",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        },
    )
    engine.execute("SET TimeZone = 'UTC'")
    engine.execute(f"SET allowed_paths = [{_literal(FILE)}]")
    engine.execute("SET enable_external_access = false")
    engine.execute("SET lock_configuration = true")
    return engine


def read_head(engine: duckdb.DuckDBPyConnection, limits: dict[str, int]) -> list[tuple[str, str]]:
    """Names and types of the columns; their true names and the rows declared go to the parent."""
    rows, groups = engine.execute(
        "SELECT num_rows, num_row_groups FROM parquet_file_metadata(?)", [FILE]
    ).fetchall()[0]
    if rows > limits["max_rows"] or groups > limits["max_rows"]:
        raise Refused(
            "too_many_rows",
            "the file declares too many rows",
            value=str(rows),
            expected=f"at most {limits['max_rows']} rows in all files together",
        )
    tree = engine.execute("SELECT name, num_children FROM parquet_schema(?)", [FILE]).fetchall()
    nodes = len(tree) - 1  # the first is the root
    if nodes > limits["max_columns"]:
        raise Refused(
            "too_many_columns",
            "the file has too many columns",
            value=str(nodes),
            expected=f"at most {limits['max_columns']} columns",
        )
    wide = engine.execute(
        "SELECT name, precision FROM parquet_schema(?) WHERE precision > 38", [FILE]
    ).fetchall()
    if wide:
        raise Refused(
            "decimal_too_wide",
            "a column's decimals have more digits than can be read exactly",
            column=wide[0][0],
            value=f"DECIMAL of {wide[0][1]} digits",
            expected="at most 38 digits",
        )
    tighten(resource.RLIMIT_CPU, seconds_for(rows, limits))
    described = engine.execute(f"DESCRIBE {_SOURCE}").fetchall()
    columns = [(str(row[0]), str(row[1])) for row in described]
    # The engine renames doubled columns; the parent must see that they are doubled.
    names = top_names(tree) if len(top_names(tree)) == len(columns) else [n for n, _ in columns]
    kinds = [kind for _, kind in columns]
    write_frame({"columns": list(zip(names, kinds, strict=True)), "rows": rows})
    return columns


def top_names(tree: list[tuple[str, int | None]]) -> list[str]:
    """Names of the columns of a schema, which lists every node before its children."""
    names = []
    inside = 0
    for name, children in tree[1:]:
        if inside:
            inside += (children or 0) - 1
        else:
            names.append(name)
            inside = children or 0
    return names


def read_rows(
    engine: duckdb.DuckDBPyConnection,
    columns: list[tuple[str, str]],
    limits: dict[str, int],
) -> int:
    """Write the rows as text; returns their number."""
    most = limits["max_cell_chars"]
    cells = []
    for name, kind in columns:
        text = _as_text(name, kind)
        # The engine never hands a giant string on: a dictionary can repeat it for every row.
        # A character has at most four bytes.
        cells.append(
            f"CASE WHEN strlen({text}) > {most * 4} THEN error('{_TOO_LONG}' || {_literal(name)}) "
            f"ELSE coalesce({text}, '') END"
        )
    only = limits["only_row"]
    piece = f"LIMIT 1 OFFSET {only - 1}" if only else ""
    engine.execute(f"SELECT {', '.join(cells)} {_SOURCE} {piece}")  # noqa: S608 - quoted
    sent = 0
    while rows := engine.fetchmany(FETCHED_ROWS):
        start = size = 0
        for index, row in enumerate(rows):
            chars = sum(map(len, row))
            if chars > most:
                _check_row(row, chars, sent + index + 1, columns, limits)
            size += chars
            if size > FRAME_CHARS:
                write_frame({"cells": rows[start : index + 1]})
                start, size = index + 1, 0
        write_frame({"cells": rows[start:]})
        sent += len(rows)
    return sent


def _check_row(
    row: tuple[str, ...],
    chars: int,
    line: int,
    columns: list[tuple[str, str]],
    limits: dict[str, int],
) -> None:
    for (name, _), cell in zip(columns, row, strict=True):
        if len(cell) > limits["max_cell_chars"]:
            raise Refused(
                "cell_too_long",
                "a cell is too long",
                line=line,
                column=name,
                value=f"{cell[:60]}… ({len(cell)} characters)",
                expected=f"at most {limits['max_cell_chars']} characters",
            )
    if chars > limits["max_line_chars"]:
        raise Refused(
            "line_too_long",
            "a row is too long",
            line=line,
            value=f"{chars} characters",
            expected=f"at most {limits['max_line_chars']} characters",
        )


def _as_text(name: str, kind: str) -> str:
    column = '"' + name.replace('"', '""') + '"'
    if kind.startswith(_NESTED) or kind.endswith("]"):
        return f"CAST(to_json({column}) AS VARCHAR)"
    return f"CAST({column} AS VARCHAR)"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def bound_process(limits: dict[str, int]) -> None:
    """Hard limits by the operating system: what they stop, the parent reports."""
    tighten(resource.RLIMIT_DATA, limits["data_bytes"])
    tighten(resource.RLIMIT_AS, limits["address_bytes"])
    tighten(resource.RLIMIT_CPU, seconds_for(limits["max_rows"], limits))
    tighten(resource.RLIMIT_CORE, 0)
    tighten(resource.RLIMIT_FSIZE, 0)


def seconds_for(rows: int, limits: dict[str, int]) -> int:
    """Processor time allowed: more for more rows, but somebody waits for a single one."""
    return limits["cpu_seconds"] + (0 if limits["only_row"] else rows // ROWS_PER_SECOND)


def tighten(kind: int, most: int) -> None:
    """Lower a limit; one that is lower already stays."""
    outer = resource.getrlimit(kind)[1]
    bound = most if outer == resource.RLIM_INFINITY else min(most, outer)
    resource.setrlimit(kind, (bound, bound))


def main(limits: dict[str, int]) -> None:
    """Read the file within `limits` and write the frames."""
    bound_process(limits)
    try:
        engine = open_engine()
        columns = read_head(engine, limits)
        write_frame({"end": read_rows(engine, columns, limits)})
    except Refused as refused:
        write_frame({"refused": refused.parts})
    except MemoryError:
        write_frame({"refused": {"code": "too_much_memory", "problem": ""}})
    except Exception as error:
        # Whatever a hostile file brings about here, it is the file that is not taken.
        write_frame({"refused": describe_error(error, limits)})


def describe_error(error: Exception, limits: dict[str, int]) -> dict[str, Any]:
    """The parts of a message about what went wrong while reading."""
    text = str(error)
    if isinstance(error, duckdb.OutOfMemoryException) or "bad_alloc" in text:
        return {"code": "too_much_memory", "problem": ""}
    if _TOO_LONG in text:
        return {
            "code": "cell_too_long",
            "problem": "a cell is too long",
            "column": text.rpartition(_TOO_LONG)[2].split("\n")[0],
            "expected": f"at most {limits['max_cell_chars']} characters",
        }
    return {
        "code": "damaged_parquet",
        "problem": "the Parquet file cannot be read",
        "value": f"{type(error).__name__}: {text}".splitlines()[0][:200],
        "expected": "a complete Parquet file",
    }


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
