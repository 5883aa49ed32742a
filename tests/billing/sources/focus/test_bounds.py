"""Small files that unpack to gigabytes are refused at once and in little memory."""

from __future__ import annotations

import functools
import gzip
import json
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.billing.sources.focus.focus_files import BASE_ROW, csv_bytes
from tests.billing.sweeps import swept
from tests.plugins.sweeping import sampled

REPOSITORY = Path(__file__).resolve().parents[4]
MEGABYTE = 1024 * 1024
MOST_MEGABYTES = 500
MOST_SECONDS = 10
HEADER = csv_bytes([BASE_ROW]).split(b"\n")[0] + b"\n"
ROW = csv_bytes([BASE_ROW])[len(HEADER) :]

# Each file is read in a process of its own, so that its peak is that of the reading; memory and
# processor time are limited by the operating system as well, so that a failure of this test does
# not take the machine with it. They are forks of one that has imported everything.
PROBES = """
import json, os, resource, sys, time
from pathlib import Path
from billing.sources.focus.source import FocusSource
from portal.imports.contracts import ImportRefusedError, LandedFile, ReadOptions

def probe(path):
    resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
    started, records, code = time.process_time(), 0, ""
    try:
        for batch in FocusSource().read([LandedFile(0, path.name, path, "", 0)], ReadOptions()):
            records += len(batch.records)
    except ImportRefusedError as refusal:
        code = refusal.code
    # The peak that getrusage gives for a process includes that of the process that started it.
    status = Path("/proc/self/status").read_text()
    own = int(status.partition("VmHWM:")[2].split()[0]) // 1024
    child = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Processor time: the clock on the wall tells more about the other tests than about this one.
    seconds = time.process_time() - started + child.ru_utime + child.ru_stime
    megabytes = own + child.ru_maxrss // 1024
    return {"code": code, "records": records, "megabytes": megabytes, "seconds": seconds}

for line in sys.stdin:
    child = os.fork()
    if not child:
        print(json.dumps(probe(Path(line.rstrip("\\n")))), flush=True)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        print(json.dumps({"code": "the reading process failed", "path": line}), flush=True)
"""
Probe = Callable[[Path], dict[str, Any]]


@pytest.fixture(scope="module")
def probe() -> Iterator[Probe]:
    """Reads a file in a process of its own, and tells what came of it and what it took."""
    with subprocess.Popen(
        [sys.executable, "-c", PROBES],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def do(path: Path) -> dict[str, Any]:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{path}\n")
            process.stdin.flush()
            result: dict[str, Any] = json.loads(process.stdout.readline())
            return result

        yield do
        assert process.stdin is not None
        process.stdin.close()


def assert_refused_cheaply(probe: Probe, path: Path, *codes: str) -> None:
    result = probe(path)
    assert result["code"] in codes, result
    assert result["megabytes"] < MOST_MEGABYTES, result
    assert result["seconds"] < MOST_SECONDS, result


def packed(path: Path, *, start: bytes, unit: bytes) -> Path:
    """A gzip of a start and then two gigabytes of one text, in members behind one another."""
    path.write_bytes(gzip.compress(start) * bool(start) + gzip_member(unit) * 128)
    return path


@functools.cache
def gzip_member(unit: bytes) -> bytes:
    """A gzip member of 16 MB."""
    packer = zlib.compressobj(1, wbits=31)
    block = unit * (MEGABYTE // len(unit))
    return b"".join(packer.compress(block) for _ in range(16)) + packer.flush()


@pytest.mark.parametrize(
    ("start", "unit", "codes"),
    [
        *swept((b"", b"\0", ("nul_byte",))),
        (HEADER + ROW, b"\0", ("nul_byte",)),
        *swept(
            (b"", b"0", ("line_too_long",)),
            (HEADER, b"0", ("line_too_long",)),
            (HEADER, b",", ("line_too_long",)),
        ),
        (HEADER, b"\n", ("too_many_blank_rows",)),
        *swept((b"", b"\n", ("too_many_blank_rows",))),
        (HEADER, b"0\n", ("too_few_cells",)),
        *swept((HEADER + b'"', b"0\n", ("line_too_long",))),
        (HEADER + b'"', b'""', ("line_too_long",)),
        (b"", b"a,b,c\n", ("missing_columns",)),
    ],
)
def test_two_gigabytes_in_a_small_gzip(
    probe: Probe, tmp_path: Path, start: bytes, unit: bytes, codes: tuple[str, ...]
) -> None:
    path = packed(tmp_path / "bomb.csv.gz", start=start, unit=unit)
    assert path.stat().st_size < 20 * MEGABYTE
    assert_refused_cheaply(probe, path, *codes)


def bombs() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    columns = ", ".join(f"'{cell}' AS \"{name}\"" for name, cell in BASE_ROW.items())
    row = f"SELECT {columns}"
    yield "rows", "SELECT 1 AS c FROM range(21_000_000)", ("too_many_rows",)
    wide = "SELECT * REPLACE (repeat('a', {}) AS \"ResourceId\") FROM ({}), range({})"
    yield "one-string-of-300-MB", wide.format(300_000_000, row, 1), ("too_costly",)
    yield "strings-of-1-MB", wide.format(10**6, row, 3_000), ("too_costly", "cell_too_long")
    yield "strings-of-200-kB", wide.format(200_000, row, 15_000), ("too_costly",)
    many = ", ".join(f"1 AS c{n}" for n in range(3_000))
    yield "columns", f"SELECT {many}", ("too_many_columns",)


QUICK = ("rows", "columns")  # the others take seconds to write


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        pytest.param(q, codes, id=name, marks=() if name in QUICK else pytest.mark.sweep)
        for name, q, codes in bombs()
    ],
)
def test_a_small_parquet_file_that_holds_gigabytes(
    probe: Probe, tmp_path: Path, query: str, codes: tuple[str, ...]
) -> None:
    path = tmp_path / "bomb.parquet"
    with duckdb.connect(config={"threads": 1}) as engine:
        engine.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
    assert path.stat().st_size < 20 * MEGABYTE
    assert_refused_cheaply(probe, path, *codes)


def test_a_footer_that_declares_petabytes(probe: Probe, tmp_path: Path) -> None:
    path = tmp_path / "bomb.parquet"
    with duckdb.connect() as engine:
        columns = ", ".join(f"'{cell}' AS \"{name}\"" for name, cell in BASE_ROW.items())
        query = f"SELECT {columns} FROM range(777)"  # noqa: S608 - our own cells
        engine.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    content = path.read_bytes()
    footer = int.from_bytes(content[-8:-4], "little")
    start = len(content) - 8 - footer
    # 777 in Thrift's variable-length form, and 10¹⁵ in as many more bytes as it needs.
    declared = content[start:-8].replace(varint(777), varint(10**15))
    assert declared != content[start:-8]
    path.write_bytes(content[:start] + declared + len(declared).to_bytes(4, "little") + b"PAR1")
    assert_refused_cheaply(probe, path, "too_many_rows", "damaged_parquet", "too_costly")


def varint(number: int) -> bytes:
    """A positive number in Thrift's compact protocol."""
    zigzag = number * 2
    out = bytearray()
    while zigzag > 0x7F:
        out.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    out.append(zigzag)
    return bytes(out)


@pytest.mark.parametrize("rows", sampled([8_000, 60_000], 8_000))
@pytest.mark.parametrize("name", ["large.csv", "large.parquet"])
def test_a_large_file_that_is_right_is_read_in_little_memory(
    probe: Probe, tmp_path: Path, name: str, rows: int
) -> None:
    path = tmp_path / name
    if name.endswith("csv"):
        with path.open("wb") as stream:
            stream.write(HEADER)
            stream.writelines(ROW.replace(b",1.50,", b",%d.5," % n) for n in range(rows))
    else:
        columns = ", ".join(f"'{cell}' AS \"{name}\"" for name, cell in BASE_ROW.items())
        with duckdb.connect() as engine:
            query = f"FROM (SELECT {columns}), range({rows}) AS t(n)"
            engine.execute(
                f"COPY ({query} SELECT * EXCLUDE (n) REPLACE (n || '.5' AS \"BilledCost\")) "
                f"TO '{path}' (FORMAT parquet)"
            )
    result = probe(path)
    assert (result["code"], result["records"]) == ("", rows)
    assert result["megabytes"] < 300, result
