"""Files that unpack to far more than they weigh: refused soon, in bounded memory, nothing kept.

Each goes through the command in a process of its own, whose memory (with that of its children) is
watched from outside. By default a bomb unpacks to twice of what it may take, in a sweep to eight
times. What is refused before anything is written is refused alike on both engines.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from billing.models import Charge
from portal.choices import RunStatus
from portal.models import ImportRun
from tests.imports import make_connection
from tests.plugins.sweeping import sampled
from tests.reliability.conftest import Importer

pytestmark = pytest.mark.django_db(transaction=True)
SECONDS = 30  # alone it takes 2; other tests share the two cores
MEGABYTES = 500
_PARQUET_BOMB = """
import sys, duckdb
duckdb.sql(f"COPY (SELECT repeat('x', 1000000) AS BilledCost, repeat('y', 1000000) AS "
           f"BillingAccountId FROM range({sys.argv[2]})) TO '{sys.argv[1]}' (FORMAT PARQUET)")
"""


def zeros(path: Path, gigabytes: int) -> None:
    """Gigabytes of zeros in some megabytes: many small members, as gzip allows."""
    member = gzip.compress(bytes(64 * 1024**2), compresslevel=1)
    path.write_bytes(member * (gigabytes * 16))


def header_and_zeros(path: Path, gigabytes: int) -> None:
    """Begins like a cost file, so that it is not refused for its first bytes."""
    zeros(path, gigabytes)
    rest = path.read_bytes()
    path.write_bytes(gzip.compress(b"BilledCost,BillingAccountId\n") + rest)


def parquet(path: Path, gigabytes: int) -> None:
    """Two columns of a megabyte each in so many rows."""
    rows = str(gigabytes * 750)
    subprocess.run([sys.executable, "-c", _PARQUET_BOMB, str(path), rows], check=True)


def megabytes_of(pid: int) -> float:
    """Resident memory of a process and its descendants."""
    found = 0.0
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += megabytes_of(int(child))
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return found + pages * os.sysconf("SC_PAGE_SIZE") / 1024**2


@pytest.mark.parametrize("gigabytes", sampled((1, 4), 1))
@pytest.mark.parametrize("make", [zeros, header_and_zeros, parquet])
def test_a_bomb_is_refused_soon_and_in_bounded_memory(
    make: Callable[[Path, int], None], gigabytes: int, tmp_path: Path, importer: Importer
) -> None:
    make_connection()
    path = tmp_path / "bomb"
    make(path, gigabytes)
    assert path.stat().st_size < 40 * 1024**2
    importing = importer.start(path)
    peak, began = 0.0, None
    while not importing.has_ended:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, IndexError):
            peak = max(peak, megabytes_of(importing.pid))
        if began is None and ImportRun.objects.exists():
            began = time.monotonic()
        assert began is None or time.monotonic() - began < SECONDS
        time.sleep(0.02)
    told = importing.result()
    assert told["code"] == 2, told
    assert "bomb" in told["error"]
    assert 0 < peak < MEGABYTES, f"{peak:.0f} MB"
    assert ImportRun.objects.get().status == RunStatus.REFUSED
    assert not Charge.objects.exists()
