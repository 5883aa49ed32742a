"""Values as CSV and Parquet: one row a value, with version, status and expiry in each."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from rest_framework.renderers import BaseRenderer, JSONRenderer

from portal.shell.exports import CSV_TYPE, csv_lines

PARQUET_TYPE = "application/vnd.apache.parquet"
# Name and type of each column; DECIMAL holds nano-units of any 64-bit amount exactly.
_AMOUNT = "DECIMAL(28, 9)"
COLUMNS: tuple[tuple[str, str], ...] = (
    ("metric", "VARCHAR"), ("version", "VARCHAR"), ("definition_sha256", "VARCHAR"),
    ("status", "VARCHAR"), ("certified_by", "VARCHAR"), ("certified_until", "TIMESTAMPTZ"),
    ("owner", "VARCHAR"), ("scope", "VARCHAR"), ("scope_name", "VARCHAR"), ("from", "DATE"),
    ("to", "DATE"), ("zone", "VARCHAR"), ("value", _AMOUNT), ("reason", "VARCHAR"),
    ("unit", "VARCHAR"), ("currency", "VARCHAR"), ("basis", "VARCHAR"), ("low", _AMOUNT),
    ("high", _AMOUNT), ("level", _AMOUNT), ("method", "VARCHAR"), ("n", "BIGINT"),
    ("completeness", _AMOUNT), ("unknown_share", _AMOUNT), ("suppressed", "BOOLEAN"),
    ("data_status", "VARCHAR"), ("data_version", "BIGINT"), ("data_as_of", "TIMESTAMPTZ"),
    ("stale", "BOOLEAN"), ("seen_by_approver", "BOOLEAN"), ("warnings", "VARCHAR"),
    ("id", "BIGINT"),
)  # fmt: skip


class _FileRenderer(BaseRenderer):
    """The view makes the bytes; this only names their type."""

    charset = None
    render_style = "binary"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return data if isinstance(data, bytes) else b""


class CsvRenderer(_FileRenderer):
    media_type = CSV_TYPE
    format = "csv"


class ParquetRenderer(_FileRenderer):
    media_type = PARQUET_TYPE
    format = "parquet"


RENDERERS = (JSONRenderer, CsvRenderer, ParquetRenderer)
FILES = (CSV_TYPE, PARQUET_TYPE)


def rows_of(values: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    """Presented values as rows in the order of `COLUMNS`."""
    return [[_cell(value, name, kind) for name, kind in COLUMNS] for value in values]


def _cell(value: Mapping[str, Any], name: str, kind: str) -> Any:
    flat: dict[str, Any] = {
        **value,
        **value["window"],
        **(value["interval"] or dict.fromkeys(("low", "high", "level", "method"))),
        **value["freshness"],
        "warnings": " ".join(value["warnings"]),
    }
    found = flat[name]
    return Decimal(found) if kind == _AMOUNT and found is not None else found


def as_csv(values: Sequence[Mapping[str, Any]]) -> bytes:
    """CSV as the shell writes it: texts safe to open in a spreadsheet, numbers exact."""
    return "".join(csv_lines([name for name, _ in COLUMNS], rows_of(values))).encode()


def as_parquet(values: Sequence[Mapping[str, Any]]) -> bytes:
    """Parquet with exact decimals and moments in UTC."""
    import duckdb

    columns = ", ".join(f'"{name}" {kind}' for name, kind in COLUMNS)
    with (
        tempfile.TemporaryDirectory(prefix="metric-values-") as folder,
        duckdb.connect(config={"memory_limit": "256MB", "threads": 1}) as engine,
    ):
        path = Path(folder) / "values.parquet"
        engine.execute("SET TimeZone = 'UTC'")
        engine.execute(f"CREATE TABLE metric_values ({columns})")
        rows = rows_of(values)
        if rows:
            marks = ", ".join("?" * len(COLUMNS))
            engine.executemany(
                f"INSERT INTO metric_values VALUES ({marks})",  # noqa: S608  (question marks only)
                rows,
            )
        engine.execute("COPY metric_values TO ? (FORMAT PARQUET)", [str(path)])
        return path.read_bytes()
