"""A DuckDB in memory: bounded, and without anything from a network or a disk but the file it is
given."""

from __future__ import annotations

import duckdb


def memory_engine(*, memory: str, threads: int = 1) -> duckdb.DuckDBPyConnection:
    """A new one; close it. It writes nothing to disk: what does not fit into `memory` is an error.

    Raises:
        duckdb.Error: it cannot be started.
    """
    return duckdb.connect(
        ":memory:",
        config={
            "threads": threads,
            "memory_limit": memory,
            "temp_directory": "",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        },
    )
